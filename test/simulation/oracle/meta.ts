import { isTerminal, type WorkflowStatus } from '../../../lib/contract/names.ts';
import type { WorkflowError } from '../../../lib/contract/wire.ts';
import type { WorkflowMeta } from '../../../lib/engine/state.ts';
import { constantProblems, isAlike } from './constants.ts';
import { pivotProblems, unaskedProblems, unknownProblems } from './lookup/end.ts';
import { against, deedOf, harmful, isCompleted, type Problem, type Shadow } from './shadow.ts';
import { compensatedProblems } from './undo.ts';

/**
 * What is wrong with a write of META that has just happened.
 * @param shadow the workflow as it was before; undefined if it is being created
 * @param loadedAt number of the load from which it was decided; undefined if that is not known
 * @param now the latest that any clock says, in milliseconds since 1970
 */
export function metaProblems(
  shadow: Shadow | undefined,
  meta: WorkflowMeta,
  loadedAt: number | undefined,
  now: number,
): Problem[] {
  if (shadow === undefined) {
    return meta.status === 'processing' && meta.epoch === 0
      ? []
      : [against('a workflow was created in the middle')];
  }
  const { meta: before, chain } = shadow;
  const changed = constantProblems(before, meta, chain.sensitive);
  if (changed.length > 0) return changed;
  const write = `META went from ${before.status} to ${meta.status}`;
  const resumed =
    (before.status === 'failed' && meta.status === 'processing') ||
    (before.status === 'compensation_failed' && meta.status === 'compensating');
  if (meta.epoch !== before.epoch + (resumed ? 1 : 0)) {
    return [against(`${write}, and its epoch from ${before.epoch} to ${meta.epoch}`)];
  }
  if (meta.epoch > shadow.resumesSent)
    return [harmful(`${write} for the ${meta.epoch}. time, and ${shadow.resumesSent} resumes were sent`)];
  if (!isAlike(before.newKey, meta.newKey) && !(resumed && isOrdered(shadow, meta)))
    return [harmful(`${write} with a new key for ${meta.newKey?.step}, and nobody asked for that`)];
  if (before.status === meta.status) return repeatProblems(before, meta, write);
  if (!FOLLOWING[before.status].includes(meta.status))
    return [
      harmful(
        `${write}: ${isTerminal(before.status) ? 'a terminal status was changed' : 'there is no such way'}`,
      ),
    ];
  switch (meta.status) {
    case 'completed':
      return completionProblems(shadow, write);
    case 'failed':
      return before.status === 'compensating'
        ? pastPivotProblems(shadow, meta, write)
        : failureProblems(shadow, meta, write, loadedAt);
    case 'compensating':
      return resumed ? saidProblems(shadow, meta, write) : turnProblems(shadow, meta, write, loadedAt);
    case 'compensated':
      return compensatedProblems(shadow, now);
    case 'compensation_failed':
      return undoFailureProblems(shadow, meta, write, loadedAt);
    case 'cancelled':
    case 'processing':
      return [];
  }
}

/** What may follow each status. Of those that only an operator changes, how often is held to what operators sent. */
const FOLLOWING: Readonly<Record<WorkflowStatus, readonly WorkflowStatus[]>> = {
  processing: ['completed', 'failed', 'cancelled', 'compensating'],
  completed: [],
  failed: ['processing', 'cancelled', 'compensating'],
  cancelled: [],
  compensating: ['compensated', 'compensation_failed', 'failed'],
  compensated: [],
  compensation_failed: ['compensating', 'cancelled'],
};

/** A workflow is taken back because an operator wants it, or by itself where its chain says so and a step failed. */
function turnProblems(
  shadow: Shadow,
  meta: WorkflowMeta,
  write: string,
  loadedAt: number | undefined,
): Problem[] {
  const { meta: before, chain, undosSent, turned, effects } = shadow;
  const pivot = chain.steps.find((step) => step.pivot);
  const record = pivot && shadow.steps.get(pivot.name);
  // It may have been claimed, and done, since the load from which it was decided.
  const wasKnown = (loadedAt ?? Infinity) > (shadow.writtenAt.get(pivot?.name ?? '') ?? 0);
  if (record?.status === 'completed' && wasKnown)
    return [harmful(`${write}, and the pivot ${pivot?.name} is completed`)];
  if (before.status === 'processing' && !isAlike(before.error, meta.error)) {
    if (chain.onFailure === 'undo') return failureProblems(shadow, meta, write, loadedAt);
    return [harmful(`${write} by itself, and its chain says that it stops`)];
  }
  if (!isAlike(before.error, meta.error)) return [harmful(`${write} with another error`)];
  if (undosSent <= turned) return [harmful(`${write}, and no operator asked for it`)];
  return [...effects.keys()].some((name) => name.startsWith('the undo of'))
    ? [harmful(`${write}, and undos were made before`)]
    : [];
}

/** What an operator undid by hand is undone; of a step that surely did nothing it is enough that it is closed. */
const saidProblems = (
  { steps, undos }: Shadow,
  { operations = [] }: WorkflowMeta,
  write: string,
): Problem[] =>
  Object.entries(operations.at(-1)?.steps ?? {})
    .filter(([step, said]) => said === 'undone' && undos.get(step)?.status !== 'completed')
    .filter(([step]) => steps.get(step)?.status !== 'cancelled' || steps.get(step)?.open !== 0)
    .map(([step]) => harmful(`${write}, and ${step}, which is undone by hand, is not said to be`));

/** Beyond the pivot there is only forward, and nothing was undone. */
function pastPivotProblems(shadow: Shadow, { error, notify }: WorkflowMeta, write: string): Problem[] {
  const { chain, steps, effects } = shadow;
  const pivot = chain.steps.find((step) => step.pivot);
  const { status = 'absent', open = 0 } = steps.get(pivot?.name ?? '') ?? {};
  if (error?.code !== 'PAST_PIVOT' || error.step !== pivot?.name)
    return [harmful(`${write} because of ${error?.step}, by ${error?.code}`)];
  if (notify !== 'pending') return [harmful(`${write}, and nobody is to be told`)];
  if (status !== 'completed' && open === 0)
    return [harmful(`${write}, and the pivot ${pivot?.name} is ${status}, and did nothing`)];
  const unasked = pivotProblems(shadow, pivot?.name, write);
  if (unasked.length > 0) return unasked;
  const undone = chain.steps.filter(({ name }) => effects.has(deedOf({ step: name, action: 'undo' })));
  return undone.map(({ name }) => harmful(`${write}, and ${name} was undone`));
}

/** A workflow cannot be taken back because of an undo that failed in this very epoch, or that no function took three times. */
function undoFailureProblems(
  shadow: Shadow,
  meta: WorkflowMeta,
  write: string,
  loadedAt: number | undefined,
): Problem[] {
  const { undoError: error } = meta;
  if (error === undefined) return [harmful(`${write} without an error`)];
  if (meta.notify !== 'pending') return [harmful(`${write}, and nobody is to be told`)];
  if (!isAlike(shadow.meta.error, meta.error)) return [harmful(`${write} with another error of its step`)];
  if (error.code === 'LOOKUP_UNKNOWN') return unknownProblems(shadow, error, write);
  const deed = { step: error.step, action: 'undo' } as const;
  if (error.code === 'NOT_TAKEN')
    return notTakenProblems(shadow, `${deedOf(deed)}:${meta.epoch}`, write, loadedAt);
  const record = shadow.undos.get(error.step);
  if (record?.status !== 'failed' || record.epoch !== meta.epoch)
    return [
      harmful(
        `${write} because of ${deedOf(deed)}, which is ${record?.status ?? 'pending'} in epoch ${record?.epoch}`,
      ),
    ];
  const told = { ...record.error, step: record.step, attempts: record.attempt };
  return isAlike(error, told)
    ? []
    : [harmful(`${write} with ${JSON.stringify(error)}, its undo says ${JSON.stringify(told)}`)];
}

/** Whether a resume may give the step that failed a new key. */
const isOrdered = (
  { newKeys, newKeysSent, newKeysAsked }: Shadow,
  { newKey, epoch }: WorkflowMeta,
): boolean => {
  const granted = [...newKeys.values()].reduce((sum, count) => sum + count, 0);
  return newKeysAsked.has(newKey?.step ?? '') && newKey?.epoch === epoch && granted < newKeysSent;
};

const completionProblems = (shadow: Shadow, write: string): Problem[] =>
  shadow.chain.steps
    .filter(({ name }) => !isCompleted(shadow, name))
    .map(({ name }) => harmful(`${write}, and ${name} is not completed`));

const repeatProblems = (before: WorkflowMeta, meta: WorkflowMeta, write: string): Problem[] =>
  JSON.stringify([before.error, before.undoError]) === JSON.stringify([meta.error, meta.undoError])
    ? []
    : [against(`${write} with another error`)];

/** A workflow fails by a step that failed in this very epoch, or whose function took no message three times. */
function failureProblems(
  shadow: Shadow,
  meta: WorkflowMeta,
  write: string,
  loadedAt: number | undefined,
): Problem[] {
  const { error } = meta;
  if (error === undefined) return [against(`${write} without an error`)];
  if (meta.status === 'failed' && mustTakeBack(shadow, error))
    return [harmful(`${write}, and its chain says that it is taken back`)];
  if (meta.notify !== 'pending') return [harmful(`${write}, and nobody is to be told`)];
  if (error.code === 'NOT_TAKEN' && error.effect === 'none')
    return [harmful(`${write} with effect none, and a worker may yet claim its step`)];
  if (error.code === 'NOT_TAKEN')
    return notTakenProblems(shadow, `${error.step}:${meta.epoch}`, write, loadedAt);
  const unasked = unaskedProblems(shadow, error, write);
  if (unasked.length > 0) return unasked;
  const record = shadow.steps.get(error.step);
  if (record?.status === 'failed' && record.epoch === meta.epoch) {
    const told = { ...record.error, step: record.step, attempts: record.attempt };
    return isAlike(error, told)
      ? []
      : [harmful(`${write} with ${JSON.stringify(error)}, its step says ${JSON.stringify(told)}`)];
  }
  return [
    harmful(
      `${write} because of ${error.step}, which is ${record?.status ?? 'pending'} in epoch ${record?.epoch}`,
    ),
  ];
}

/** Whether a failure is taken back by itself: where its chain says so, and no pivot may have acted. */
function mustTakeBack({ chain, steps }: Shadow, { code, next }: WorkflowError): boolean {
  const pivot = steps.get(chain.steps.find((step) => step.pivot)?.name ?? '');
  const stands = pivot !== undefined && (pivot.status === 'completed' || pivot.open > 0);
  // Where the definition is not known there is advice on that, and nobody who could take it back.
  const isUnknown = code === 'NOT_TAKEN' && next !== undefined;
  return chain.onFailure === 'undo' && code !== 'EXPIRED' && !isUnknown && !stands;
}

/** Dead letters of one epoch that it takes to give up a step that nobody could take. */
const DEAD_LETTERS = 3;

/** @param step the step and the epoch */
function notTakenProblems(
  { redrives, deadLetters, ran }: Shadow,
  step: string,
  write: string,
  loadedAt: number | undefined,
): Problem[] {
  const because = `${write} because the function of ${step} took no message`;
  const begun = ran.get(step);
  if (begun !== undefined && loadedAt !== undefined && begun < loadedAt)
    return [harmful(`${because}, and an attempt of that epoch had begun`)];
  // The last dead letter is not queued again.
  const handled = Math.min(deadLetters.get(step) ?? 0, (redrives.get(step) ?? 0) + 1);
  return handled < DEAD_LETTERS ? [harmful(`${because}, and it was asked ${handled} times`)] : [];
}
