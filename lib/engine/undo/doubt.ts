import type { StepDefinition } from '../../chain/definition.ts';
import { isDone } from '../decision.ts';
import type { StepRecord, WorkflowState } from '../state.ts';

/** Nobody knows whether the step acted. */
export function isInDoubt({ steps }: Pick<WorkflowState, 'steps'>, step: string): boolean {
  const record = steps.get(step);
  return record !== undefined && !isDone(record) && record.open > 0;
}

/** Until when a call of a step in doubt may still act: its undo waits for that. Undefined once that is over, or where there is no doubt. */
export function lateUntil(
  state: WorkflowState,
  { name, lateBy, timeout }: StepDefinition,
  now: number,
): number | undefined {
  const record = state.steps.get(name);
  if (record === undefined || !isInDoubt(state, name)) return undefined;
  const until = lastDeadline(record, timeout * 1_000) + lateBy * 1_000;
  return until > now ? until : undefined;
}

/**
 * The deadline of the last call that may have been made. A connection may break, or the one process end, long before it. When a call began is known to
 * nobody but its worker, as the claim is written before it: at the latest when it ended.
 */
const lastDeadline = (
  { attempts, updatedAt, leaseUntil = updatedAt }: StepRecord,
  timeoutMs: number,
): number =>
  Math.max(
    leaseUntil,
    ...attempts.map(({ error, startedAt, endedAt = startedAt }) =>
      error?.code === 'DEADLINE_EXCEEDED' ? endedAt : endedAt + timeoutMs,
    ),
  );
