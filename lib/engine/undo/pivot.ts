import type { ChainDefinition, StepDefinition } from '../../chain/definition.ts';
import { attemptsInEpoch, interrupted, isDone, notBefore } from '../decision.ts';
import { askingOf } from '../lookup/words.ts';
import type { StepRecord, WorkflowState } from '../state.ts';

/** What a pivot can be that has acted, or may have. */
type Standing =
  /** It has, or was not needed, or nobody will ever know: there is only forward. */
  | 'past'
  /** A worker may yet say that it surely did not. */
  | 'unsettled'
  /** Its target is asked whether it has. */
  | 'asked';

/** The pivot, if it is that. */
export const pivotIs = (
  what: Standing,
  { steps }: ChainDefinition,
  state: WorkflowState,
  now: number,
): StepDefinition | undefined => steps.find((step) => step.pivot && standingOf(state, step, now) === what);

function standingOf(state: WorkflowState, step: StepDefinition, now: number): Standing | undefined {
  const record = state.steps.get(step.name);
  if (isDone(record)) return 'past';
  if (record === undefined || record.open === 0) return undefined;
  if (record.status === 'failed' && record.epoch === state.meta.epoch)
    return askingOf(state, step, 'undo', now) === 'no' ? 'past' : 'asked';
  return record.status === 'running' && notBefore(record, now) !== undefined ? undefined : 'unsettled';
}

/** The pivot, if it is past, unsettled or asked for: while it is, nothing of its workflow is undone. */
export const standingPivot = (
  chain: ChainDefinition,
  state: WorkflowState,
  now: number,
): StepDefinition | undefined =>
  pivotIs('past', chain, state, now) ??
  pivotIs('unsettled', chain, state, now) ??
  pivotIs('asked', chain, state, now);

/** The pivot, if it has acted, may have, or is being called: then nothing of its workflow is taken back. */
export const pivotInTheWay = ({ steps }: ChainDefinition, state: WorkflowState): string | undefined =>
  steps.find(({ name, pivot }) => {
    const record = pivot ? state.steps.get(name) : undefined;
    return isDone(record) || (record?.open ?? 0) > 0;
  })?.name;

/**
 * The record of an unsettled pivot as it is settled: it failed, and nobody knows whether it acted. By a new token, so that no worker that has
 * outlived its lease can still say that it did not.
 */
export function settledPivot(
  state: WorkflowState,
  record: StepRecord,
  now: number,
  token: string,
): StepRecord {
  const { leaseUntil: _, nextAttemptAt: __, error, ...kept } = record;
  return {
    ...kept,
    status: 'failed',
    epoch: state.meta.epoch,
    attempt: attemptsInEpoch(state, record),
    token,
    updatedAt: now,
    attempts: interrupted(record, now),
    error: {
      code: 'WORKER_DIED',
      message: `the call of step "${record.step}" may have acted`,
      ...error,
      effect: 'unknown',
    },
  };
}
