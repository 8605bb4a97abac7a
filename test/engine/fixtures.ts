import * as z from 'zod';
import type { ChainDefinition } from '../../lib/chain/definition.ts';
import { emptyChain, finished, withStep } from '../../lib/chain/validate.ts';
import type { StepMessage } from '../../lib/contract/wire.ts';
import type { Moment } from '../../lib/engine/decision.ts';
import type { StepRecord, WorkflowMeta, WorkflowState } from '../../lib/engine/state.ts';
import { claimOf, completedOf, hex, metaOf, START } from '../ports/store/fixtures.ts';

/** The time of every pure decision in these tests. */
export const NOW = START + 1_000_000;

/** What a decision at that time takes from outside; its steps run code. */
export const MOMENT: Moment = {
  now: NOW,
  token: 'fresh',
  remainingMs: 45_000,
  build: () => undefined,
};

/** The epoch of every workflow in these tests that was resumed once, so that there is an older one. */
export const EPOCH = 1;

/** Steps by name, with the names of those they follow. */
export type Graph = Readonly<Record<string, readonly string[]>>;

export const GRAPHS = {
  line: { a: [], b: ['a'], c: ['b'] },
  fork: { a: [], b: ['a'], c: ['a'] },
  join: { a: [], b: [], c: ['a', 'b'] },
  diamond: { a: [], b: ['a'], c: ['a'], d: ['b', 'c'] },
  pair: { a: [], b: ['a'], x: [], y: ['x'] },
} satisfies Readonly<Record<string, Graph>>;
export type GraphName = keyof typeof GRAPHS;

/** A chain that only the pure decisions see: its steps are never run. */
export const chainOf = (graph: Graph, step: Readonly<Record<string, unknown>> = {}): ChainDefinition =>
  buildChain(graph, () => ({ run: () => null, ...step }));

/** A chain of that shape; `options` says what each step is besides. */
export function buildChain(
  graph: Graph,
  options: (name: string) => Readonly<Record<string, unknown>>,
  chain: Readonly<Record<string, unknown>> = {},
): ChainDefinition {
  const base = { version: 1, start: '/api/process-order', input: z.object({}), ...chain };
  return finished(
    Object.entries(graph).reduce(
      (soFar, [name, after]) => withStep(soFar, name, { after, ...options(name) }),
      emptyChain('order-processing', base),
    ),
  );
}

/** A workflow that was resumed once. */
export const resumed = (changes: Partial<WorkflowMeta> = {}): WorkflowMeta =>
  metaOf('any', { epoch: EPOCH, ...changes });

/** What a load returns. */
export const stateOf = (
  meta: WorkflowMeta,
  records: Readonly<Record<string, StepRecord | undefined>> = {},
): WorkflowState => ({
  meta,
  steps: new Map(
    Object.entries(records).flatMap(([step, record]) =>
      record === undefined ? [] : [[step, { ...record, step }]],
    ),
  ),
});

/** A state in which exactly these steps, given as "a b", are completed, and `others` besides. */
export const doneState = (
  meta: WorkflowMeta,
  done: string,
  others: Readonly<Record<string, StepRecord | undefined>> = {},
): WorkflowState => {
  const names = done.split(' ').filter(Boolean);
  return stateOf(meta, {
    ...Object.fromEntries(names.map((step) => [step, completedOf(step, step)])),
    ...others,
  });
};

/** A message for a step of `resumed()`. */
export const messageTo = (step: string, changes: Partial<StepMessage> = {}): StepMessage => ({
  tenant: 'acme',
  workflowId: `wf_${hex('any')}`,
  chain: 'order-processing',
  version: 1,
  step,
  action: 'do',
  epoch: EPOCH,
  trip: 0,
  ...changes,
});

/** Retries of the step that `RECORDS` speak of: three attempts in all. */
export const RETRIES = 2;

const record = (changes: Partial<StepRecord>): StepRecord => {
  const { leaseUntil: _, ...claim } = claimOf('a', { epoch: EPOCH, attempts: [] });
  return { ...claim, ...changes };
};
const error = { code: 'REFUSED', message: 'no', effect: 'none' } as const;

/** Every state in which a step's item can be found at `NOW` by a workflow in `EPOCH`. */
export const RECORDS = {
  'no item': undefined,
  'put back': record({ status: 'pending', attempt: 0, open: 0 }),
  'running, lease live': record({ status: 'running', attempt: 1, leaseUntil: NOW + 1 }),
  'running, lease live, last attempt': record({ status: 'running', attempt: 3, leaseUntil: NOW + 20_000 }),
  'running, lease ends now': record({ status: 'running', attempt: 1, leaseUntil: NOW }),
  'running, lease over, one attempt left': record({ status: 'running', attempt: 2, leaseUntil: NOW - 1 }),
  'running, lease over, attempts used up': record({ status: 'running', attempt: 3, leaseUntil: NOW - 1 }),
  'retrying, not due': record({ status: 'retrying', attempt: 1, nextAttemptAt: NOW + 1 }),
  'retrying, due now': record({ status: 'retrying', attempt: 1, nextAttemptAt: NOW }),
  'retrying, overdue': record({ status: 'retrying', attempt: 2, nextAttemptAt: NOW - 60_000 }),
  completed: record({ status: 'completed', result: 'r', completedAt: NOW - 5 }),
  'completed, older epoch': record({
    status: 'completed',
    epoch: 0,
    attempt: 3,
    result: 'r',
    completedAt: NOW - 5,
  }),
  failed: record({ status: 'failed', attempt: 2, round: 1, open: 0, error }),
  'failed, older epoch': record({ status: 'failed', epoch: 0, attempt: 3, round: 1, open: 0, error }),
  'put back, older epoch': record({ status: 'pending', epoch: 0, attempt: 0, open: 0 }),
  'running, lease live, older epoch': record({
    status: 'running',
    epoch: 0,
    attempt: 3,
    leaseUntil: NOW + 7_000,
  }),
  'running, lease over, older epoch': record({
    status: 'running',
    epoch: 0,
    attempt: 3,
    leaseUntil: NOW - 1,
  }),
  'retrying, not due, older epoch': record({
    status: 'retrying',
    epoch: 0,
    attempt: 1,
    nextAttemptAt: NOW + 9_000,
  }),
  'retrying, due, older epoch': record({ status: 'retrying', epoch: 0, attempt: 2, nextAttemptAt: NOW - 1 }),
} satisfies Readonly<Record<string, StepRecord | undefined>>;
export type RecordKind = keyof typeof RECORDS;

/** What `decide` makes of each state of a step's item. */
export const forEachRecord = (
  decide: (record: StepRecord | undefined) => string,
): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(RECORDS).map(([kind, one]) => [kind, decide(one)]));

/** The same answer for every state of a step's item. */
export const always = (answer: string): Readonly<Record<string, string>> => forEachRecord(() => answer);
