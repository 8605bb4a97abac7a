import { LIMITS } from '../../contract/limits.ts';
import { forEverybody } from '../../contract/told.ts';
import type { WorkflowError } from '../../contract/wire.ts';
import type { Notification } from '../ports.ts';
import type { WorkflowMeta } from '../state.ts';
import type { Teller, Wanted } from './pace.ts';

/**
 * A failed workflow that on-call has not been told of, as META was read or written last. It holds no input: a run of the reconciler
 * holds thousands of them.
 */
export interface Untold
  extends Pick<WorkflowMeta, 'tenant' | 'workflowId' | 'chain' | 'epoch' | 'status' | 'dueAt'> {
  readonly failedAt: number;
  readonly error: WorkflowError;
}

/** Undefined where there is nothing to tell. A mail may go to anybody: what a target answered is not for it. */
export function untoldOf(meta: WorkflowMeta): Untold | undefined {
  const { tenant, workflowId, chain, epoch, status, dueAt, updatedAt, error } = meta;
  if (status !== 'failed' || meta.notify !== 'pending' || error === undefined) return undefined;
  const due = dueAt === undefined ? {} : { dueAt };
  return {
    tenant,
    workflowId,
    chain,
    epoch,
    status,
    ...due,
    failedAt: updatedAt,
    error: forEverybody(error),
  };
}

/**
 * Failures that are told together. No name holds a slash.
 * @example groupOf(untold) // 'order-processing/payment/REFUSED'
 */
export const groupOf = ({ chain, error }: Untold): string => `${chain}/${error.step}/${error.code}`;

/** The id of a digest whose oldest failure this is. */
export const headOf = ({ workflowId, epoch, status }: Untold): string => `${workflowId}:${epoch}:${status}`;

/** What it takes to tell of a failure. */
export const wantedFor = (untold: Untold, by: Teller): Wanted => ({
  group: groupOf(untold),
  head: headOf(untold),
  by,
});

/** Oldest first; of the same moment, by id: whoever collects the same failures makes the same digest. */
export const oldestFirst = (failures: readonly Untold[]): readonly Untold[] =>
  [...failures].sort((a, b) => a.failedAt - b.failedAt || (a.workflowId < b.workflowId ? -1 : 1));

/** @param failures of one group, oldest first */
export function digestOf(failures: readonly [Untold, ...Untold[]]): Notification {
  const [head] = failures;
  return {
    id: headOf(head),
    chain: head.chain,
    step: head.error.step,
    code: head.error.code,
    count: failures.length,
    firstAt: head.failedAt,
    lastAt: failures.at(-1)?.failedAt ?? head.failedAt,
    examples: failures
      .slice(0, LIMITS.digestExamples)
      .map(({ tenant, workflowId, epoch, error }) => ({ tenant, workflowId, epoch, error })),
  };
}
