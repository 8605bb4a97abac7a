import type { WorkflowMeta } from '../../../lib/engine/state.ts';
import { constantProblems, isAlike } from './constants.ts';
import { against, harmful, isCompleted, type Problem, type Shadow } from './shadow.ts';

/**
 * What is wrong with a write of META that has just happened.
 * @param shadow the workflow as it was before; undefined if it is being created
 * @param loadedAt number of the load from which it was decided; undefined if that is not known
 */
export function metaProblems(
  shadow: Shadow | undefined,
  meta: WorkflowMeta,
  loadedAt: number | undefined,
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
  const resumed = before.status === 'failed' && meta.status === 'processing';
  if (meta.epoch !== before.epoch + (resumed ? 1 : 0)) {
    return [against(`${write}, and its epoch from ${before.epoch} to ${meta.epoch}`)];
  }
  if (meta.epoch > shadow.resumesSent)
    return [harmful(`${write} for the ${meta.epoch}. time, and ${shadow.resumesSent} resumes were sent`)];
  if (!isAlike(before.newKey, meta.newKey) && !(resumed && isOrdered(shadow, meta)))
    return [harmful(`${write} with a new key for ${meta.newKey?.step}, and nobody asked for that`)];
  const closed = before.status === 'failed' && meta.status === 'cancelled';
  if (before.status !== meta.status && before.status !== 'processing' && !resumed && !closed) {
    return [harmful(`${write}: a terminal status was changed`)];
  }
  switch (meta.status) {
    case 'completed':
      return before.status === 'completed' ? [] : completionProblems(shadow, write);
    case 'failed':
      return before.status === 'failed'
        ? repeatProblems(before, meta, write)
        : failureProblems(shadow, meta, write, loadedAt);
    case 'cancelled':
    case 'processing':
      return [];
    default:
      return [against(`${write}: there is no such write`)];
  }
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
  JSON.stringify(before.error) === JSON.stringify(meta.error) ? [] : [against(`${write} with another error`)];

/** A workflow fails by a step that failed in this very epoch, or whose function took no message three times. */
function failureProblems(
  shadow: Shadow,
  meta: WorkflowMeta,
  write: string,
  loadedAt: number | undefined,
): Problem[] {
  const { error } = meta;
  if (error === undefined) return [against(`${write} without an error`)];
  if (meta.notify !== 'pending') return [harmful(`${write}, and nobody is to be told`)];
  if (error.code === 'NOT_TAKEN' && error.effect === 'none')
    return [harmful(`${write} with effect none, and a worker may yet claim its step`)];
  if (error.code === 'NOT_TAKEN')
    return notTakenProblems(shadow, `${error.step}:${meta.epoch}`, write, loadedAt);
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
