import type { ChainDefinition } from '../../chain/definition.ts';
import { LIMITS } from '../../contract/limits.ts';
import type { TellingKind } from '../../contract/names.ts';
import { forEverybody } from '../../contract/told.ts';
import type { WorkflowError } from '../../contract/wire.ts';
import type { FailureExample, Notification, UndoStanding } from '../ports.ts';
import type { WorkflowMeta, WorkflowState } from '../state.ts';
import { standings } from '../undo/standing.ts';
import type { Teller, Wanted } from './pace.ts';

/**
 * A failed workflow that on-call has not been told of, as META was read or written last. It holds no input: a run of the reconciler
 * holds thousands of them.
 */
export interface Untold
  extends Pick<WorkflowMeta, 'tenant' | 'workflowId' | 'chain' | 'epoch' | 'status' | 'dueAt'> {
  readonly failedAt: number;
  readonly error: WorkflowError;
  /** Of one that could not be taken back. */
  readonly undos?: readonly UndoStanding[];
}

/**
 * Undefined where there is nothing to tell. A mail may go to anybody: what a target answered is not for it.
 * @param known the definition of the workflow, where this deployment has it: it tells which undos are still to come
 */
export function untoldOf(known: ChainDefinition | undefined, state: WorkflowState): Untold | undefined {
  const { meta } = state;
  const { tenant, workflowId, chain, epoch, status, dueAt, updatedAt } = meta;
  const error = status === 'compensation_failed' ? meta.undoError : meta.error;
  if (meta.notify !== 'pending' || error === undefined) return undefined;
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
    ...(status === 'compensation_failed' ? { undos: undosOf(known, state) } : {}),
  };
}

/** The last steps first, as they are undone. */
const undosOf = (known: ChainDefinition | undefined, state: WorkflowState): readonly UndoStanding[] =>
  standings(known, state)
    .toReversed()
    .map(({ undo, ...one }) => ({ ...one, status: undo?.status ?? 'pending', attempts: undo?.attempt ?? 0 }));

/** What there is to tell, whatever has become of the workflow since: that it failed, or that it could not be taken back. */
export const kindOf = ({ status }: Pick<WorkflowMeta, 'status'>): TellingKind =>
  status === 'compensation_failed' ? status : 'failed';

/** Whether a failure is told alone and at once: the money of one customer is neither here nor there. */
const isAlone = (untold: Untold): boolean => kindOf(untold) === 'compensation_failed';

/**
 * Failures that are told together. No name holds a slash.
 * @example groupOf(untold) // 'order-processing/payment/REFUSED'
 */
export const groupOf = (untold: Untold): string => {
  const { chain, error } = untold;
  return `${chain}/${error.step}/${isAlone(untold) ? headOf(untold) : error.code}`;
};

/** The id of a digest whose oldest failure this is. */
export const headOf = (untold: Untold): string => `${untold.workflowId}:${untold.epoch}:${kindOf(untold)}`;

/** What it takes to tell of a failure. */
export const wantedFor = (untold: Untold, by: Teller): Wanted => ({
  group: groupOf(untold),
  head: headOf(untold),
  by,
  ...(isAlone(untold) ? { alone: true } : {}),
});

/** Oldest first; of the same moment, by id: whoever collects the same failures makes the same digest. */
export const oldestFirst = (failures: readonly Untold[]): readonly Untold[] =>
  [...failures].sort((a, b) => a.failedAt - b.failedAt || (a.workflowId < b.workflowId ? -1 : 1));

/** @param failures of one group, oldest first */
export function digestOf(failures: readonly [Untold, ...Untold[]]): Notification {
  const [head] = failures;
  return {
    id: headOf(head),
    kind: kindOf(head),
    chain: head.chain,
    step: head.error.step,
    code: head.error.code,
    count: failures.length,
    firstAt: head.failedAt,
    lastAt: failures.at(-1)?.failedAt ?? head.failedAt,
    examples: failures.slice(0, LIMITS.digestExamples).map(exampleOf),
  };
}

const exampleOf = ({ tenant, workflowId, epoch, error, status, undos }: Untold): FailureExample => ({
  ...{ tenant, workflowId, epoch, error },
  ...(status === 'compensating' || status === 'compensated' ? { takenBack: true } : {}),
  ...(undos === undefined ? {} : { undos }),
});
