import { createHash } from 'node:crypto';
import { vi } from 'vitest';
import { LIMITS } from '../../../lib/contract/limits.ts';
import type { ListedWorkflow, ListFilter, StepExpectation, Store } from '../../../lib/engine/ports.ts';
import type { StepRecord, WorkflowKey, WorkflowMeta } from '../../../lib/engine/state.ts';

/** A round instant long ago: nothing in a store may depend on the present. */
export const START = 1_790_000_000_000;
export const DAY = 86_400_000;

/** 32 hexadecimal digits that are the same in every run. */
export const hex = (seed: string | number): string =>
  createHash('sha256').update(String(seed)).digest('hex').slice(0, 32);

/** A workflow as a start saves it; the same seed gives the same workflow id. */
export const metaOf = (seed: string | number, changes: Partial<WorkflowMeta> = {}): WorkflowMeta => ({
  tenant: 'acme',
  workflowId: `wf_${hex(seed)}`,
  chain: 'order-processing',
  version: 1,
  status: 'processing',
  epoch: 0,
  input: { amount: 12.5, address: 'Main Street 1' },
  nonce: hex(`nonce ${seed}`),
  createdAt: START,
  updatedAt: START,
  dueAt: START + 135_000,
  expiresAt: START + 90 * DAY,
  ...changes,
});

/** A first claim. */
export const claimOf = (step: string, changes: Partial<StepRecord> = {}): StepRecord => ({
  step,
  status: 'running',
  epoch: 0,
  attempt: 1,
  round: 0,
  open: 1,
  token: hex(`token ${step}`),
  leaseUntil: START + 50_000,
  startedAt: START + 10,
  updatedAt: START + 10,
  attempts: [{ epoch: 0, attempt: 1, round: 0, outcome: 'running', startedAt: START + 10 }],
  ...changes,
});

export const completedOf = (step: string, result: unknown): StepRecord => {
  const { leaseUntil: _, ...claim } = claimOf(step);
  return {
    ...claim,
    status: 'completed',
    completedAt: START + 400,
    updatedAt: START + 400,
    result,
    attempts: [
      { epoch: 0, attempt: 1, round: 0, outcome: 'completed', startedAt: START + 10, endedAt: START + 400 },
    ],
  };
};

export const ABSENT: StepExpectation = { absent: true };

/** A store with one workflow of this name in it. */
export async function given(store: Store, ...metas: readonly WorkflowMeta[]): Promise<void> {
  const written = await Promise.all(metas.map((meta) => store.create(meta)));
  if (written.some((one) => !one.written)) throw new Error('a workflow of this test existed already');
}

export async function loaded(store: Store, key: WorkflowKey) {
  const state = await store.load(key);
  if (state === undefined) throw new Error(`no workflow ${key.workflowId}`);
  return state;
}

export async function stepOf(store: Store, key: WorkflowKey, step: string): Promise<StepRecord | undefined> {
  return (await loaded(store, key)).steps.get(step);
}

/** All pages of a listing, from the newest or from `after` on. Fails when the walk does not end. */
export async function walk(store: Store, filter: ListFilter): Promise<ListedWorkflow[]> {
  const all: ListedWorkflow[] = [];
  let { after } = filter;
  for (let pages = 0; pages < 1_000; pages += 1) {
    const page = await store.list({ ...filter, ...(after === undefined ? {} : { after }) });
    if (page.workflows.length > filter.limit) {
      throw new Error(`a page of ${page.workflows.length} workflows, asked for ${filter.limit}`);
    }
    all.push(...page.workflows);
    if (page.next === undefined) return all;
    after = page.next;
  }
  throw new Error('the listing does not end');
}

/** What is due in each shard. */
export const dueByShard = (store: Store, now: number, limit = 100) =>
  Promise.all(Array.from({ length: LIMITS.indexShards }, (_, shard) => store.listDue(shard, now, limit)));

export const idsOf = (workflows: readonly { readonly workflowId: string }[]): string[] =>
  workflows.map(({ workflowId }) => workflowId);

/** Indexes are eventual: looks again for a while, and at once succeeds where they are not. */
export const eventually = (look: () => Promise<void>): Promise<void> =>
  vi.waitFor(look, { timeout: 30_000, interval: 50 });
