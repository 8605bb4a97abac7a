import type { ChainDefinition, StepDefinition } from '../../chain/definition.ts';
import { successors } from '../../chain/graph.ts';
import { interrupted, isDone, isReady, notBefore, recordOf } from '../decision.ts';
import { type Asking, askingOf, isInVain, lookupOf, sideOf } from '../lookup/words.ts';
import { recordsOf, type StepRecord, type WorkflowMeta, type WorkflowState } from '../state.ts';
import { isInDoubt, lateUntil } from './doubt.ts';
import { pivotIs, standingPivot } from './pivot.ts';

/*
 * The words of compensation (docs/architecture.md, "Undo"). Pure: each says of one step of a workflow, as it was loaded, what the tables
 * ask. Times are milliseconds since 1970.
 */

/** The undo of a step as it was loaded; undefined where it was never claimed, or its claim was put back. */
export function undoOf(state: WorkflowState, step: string): StepRecord | undefined {
  const record = recordsOf(state, 'undo').get(step);
  return record?.status === 'pending' ? undefined : record;
}

/** A worker may be at work on the record. */
export const isLive = (record: StepRecord | undefined, now: number): boolean =>
  record?.status === 'running' && notBefore(record, now) !== undefined;

/** Nobody can claim the step any more. */
export function isClosed(state: WorkflowState, step: string): boolean {
  const record = state.steps.get(step);
  return (
    isDone(record) ||
    record?.status === 'cancelled' ||
    (record?.status === 'failed' && record.epoch === state.meta.epoch) ||
    undoOf(state, step) !== undefined
  );
}

/** Reached, not closed, nobody at work on it, and nobody can have acted: it surely did nothing. */
export const isUntouched = (state: WorkflowState, step: StepDefinition, now: number): boolean =>
  isReady(state, step) &&
  !isClosed(state, step.name) &&
  !isLive(state.steps.get(step.name), now) &&
  (state.steps.get(step.name)?.open ?? 0) === 0;

/** What the step did, or may have done, is to be taken back. */
export const needsUndo = (state: WorkflowState, { name, undo }: StepDefinition): boolean =>
  undo !== undefined && (state.steps.get(name)?.status === 'completed' || isInDoubt(state, name));

/**
 * Whether the target of a step in doubt is to be asked before the step is undone. Not once its undo was claimed, or a person has ordered that it be
 * made as it is.
 */
export function askingBeforeUndo(state: WorkflowState, step: StepDefinition, now: number): Asking {
  const { name, lookup, pivot } = step;
  if (lookup === undefined || undoOf(state, name) !== undefined || isOrdered(state.meta, name)) return 'no';
  if (!pivot && !needsUndo(state, step)) return 'no';
  const asking = askingOf(state, step, 'undo', now);
  return asking !== 'no' && lateUntil(state, step, now) !== undefined ? 'waits' : asking;
}

/** Whether nobody could find out if a step is to be undone, and a person has to say it. */
export const isUndoUnsure = (state: WorkflowState, step: StepDefinition): boolean =>
  step.lookup !== undefined &&
  undoOf(state, step.name) === undefined &&
  isInDoubt(state, step.name) &&
  needsUndo(state, step) &&
  !isOrdered(state.meta, step.name) &&
  isInVain(state, step.name, 'undo');

/** By the last resume, and of the undo: an order of before it was taken back was for the step. */
function isOrdered({ epoch, undoEpoch = -1, newKey, newKeys }: WorkflowMeta, step: string): boolean {
  const ordered = newKeys?.[step] ?? (newKey?.step === step ? newKey.epoch : -1);
  return ordered === epoch && ordered > undoEpoch;
}

/** The steps of which nothing is left to be taken back, and of which nothing will come any more. */
export function overSteps(chain: ChainDefinition, state: WorkflowState, now: number): ReadonlySet<string> {
  const over = new Set<string>();
  if (standingPivot(chain, state, now) !== undefined) return over;
  // Steps stand in an order in which each follows all it names: from the end, what is after a step is known before it.
  for (const step of chain.steps.toReversed()) {
    const { name } = step;
    const isOver =
      !isReady(state, step) ||
      (isClosed(state, name) &&
        successors(chain, name).every((after) => over.has(after.name)) &&
        (undoOf(state, name)?.status === 'completed' || !needsUndo(state, step)) &&
        lateUntil(state, step, now) === undefined);
    if (isOver) over.add(name);
  }
  return over;
}

/** Whether every step is over: then the workflow is compensated. */
export const isAllOver = (chain: ChainDefinition, state: WorkflowState, now: number): boolean =>
  overSteps(chain, state, now).size === chain.steps.length;

/**
 * What is next to be closed or undone: a step that is not over, behind which all is over or untouched. An untouched step is closed by
 * those who undo what stands before it, so that a function that takes nothing holds up nobody; a root has nobody before it. Where the pivot is
 * past or unsettled, those directly before it come to see that; where its target is asked, it is the pivot itself.
 */
export function nextSteps(
  chain: ChainDefinition,
  state: WorkflowState,
  now: number,
): readonly StepDefinition[] {
  const pivot = standingPivot(chain, state, now);
  if (pivot !== undefined) {
    const before = chain.steps.filter(({ name }) => pivot.after.includes(name));
    const isAsked = pivotIs('asked', chain, state, now) !== undefined;
    return isAsked || before.length === 0 ? [pivot] : before;
  }
  const over = overSteps(chain, state, now);
  return chain.steps.filter(
    (step) =>
      !over.has(step.name) &&
      successors(chain, step.name).every((after) => over.has(after.name) || isUntouched(state, after, now)) &&
      (step.after.length === 0 || !isUntouched(state, step, now)),
  );
}

/**
 * Whether a step that is next needs a message: nobody is at work on it, and nobody was since the last resume. Whoever is at work since before the
 * resume has a message of an older epoch, which is worth nothing if that worker dies.
 */
export const needsMessage = (state: WorkflowState, { name }: StepDefinition, now: number): boolean => {
  const { epoch } = state.meta;
  const record = state.steps.get(name);
  const isAtWork = isLive(record, now) && record?.epoch === epoch;
  const lookup = lookupOf(state, name);
  const isAsked = lookup !== undefined && sideOf(lookup) === 'undo' && isInDoubt(state, name);
  return !isAtWork && !isAsked && (undoOf(state, name)?.epoch ?? -1) < epoch;
};

/**
 * A step's record as it is closed: by a new token, so that nobody's claim that was decided before fits any more. What its calls may have done
 * stays as it was.
 */
export function closed(state: WorkflowState, step: string, now: number, token: string): StepRecord {
  const record = recordOf(state, step, now, token);
  const { leaseUntil: _, nextAttemptAt: __, ...kept } = record;
  return { ...kept, status: 'cancelled', token, updatedAt: now, attempts: interrupted(record, now) };
}
