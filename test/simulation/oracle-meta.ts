import type { WorkflowMeta } from '../../lib/engine/state.ts';
import { isCompleted, type Shadow } from './shadow.ts';

/**
 * What is wrong with a write of META that has just happened.
 * @param shadow the workflow as it was before; undefined if it is being created
 */
export function metaProblems(shadow: Shadow | undefined, meta: WorkflowMeta): string[] {
  if (shadow === undefined) {
    return meta.status === 'processing' && meta.epoch === 0 ? [] : ['a workflow was created in the middle'];
  }
  const { meta: before } = shadow;
  const write = `META went from ${before.status} to ${meta.status}`;
  const resumed = before.status === 'failed' && meta.status === 'processing';
  if (meta.epoch !== before.epoch + (resumed ? 1 : 0)) {
    return [`${write}, and its epoch from ${before.epoch} to ${meta.epoch}`];
  }
  if (before.status !== meta.status && before.status !== 'processing' && !resumed) {
    return [`${write}: a terminal status was changed`];
  }
  switch (meta.status) {
    case 'completed':
      return before.status === 'completed' ? [] : completionProblems(shadow, write);
    case 'failed':
      return before.status === 'failed'
        ? repeatProblems(before, meta, write)
        : failureProblems(shadow, meta, write);
    case 'cancelled':
    case 'processing':
      return [];
    default:
      return [`${write}: there is no such write`];
  }
}

const completionProblems = (shadow: Shadow, write: string): string[] =>
  shadow.chain.steps
    .filter(({ name }) => !isCompleted(shadow, name))
    .map(({ name }) => `${write}, and ${name} is not completed`);

const repeatProblems = (before: WorkflowMeta, meta: WorkflowMeta, write: string): string[] =>
  JSON.stringify(before.error) === JSON.stringify(meta.error) ? [] : [`${write} with another error`];

/** A workflow fails by a step that failed in this very epoch, or whose function took no message three times. */
function failureProblems(shadow: Shadow, meta: WorkflowMeta, write: string): string[] {
  const { error } = meta;
  if (error === undefined) return [`${write} without an error`];
  if (meta.notify !== 'pending') return [`${write}, and nobody is to be told`];
  if (error.code === 'NOT_TAKEN') {
    return shadow.trips.has(`${error.step}:${meta.epoch}`)
      ? []
      : [`${write} because the function of ${error.step} took no message, and it was not asked three times`];
  }
  const record = shadow.steps.get(error.step);
  if (record?.status === 'failed' && record.epoch === meta.epoch) return [];
  return [
    `${write} because of ${error.step}, which is ${record?.status ?? 'pending'} in epoch ${record?.epoch}`,
  ];
}
