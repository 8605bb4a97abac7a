import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WORKFLOW_STATUSES } from '../../../lib/contract/names.ts';
import { listingPosition } from '../../../lib/contract/wire.ts';
import type { ListedWorkflow } from '../../../lib/engine/ports.ts';
import type { WorkflowMeta } from '../../../lib/engine/state.ts';
import { openDatabase } from '../../../lib/local/store/opening.ts';
import { type EmbeddedStore, storeOver } from '../../../lib/local/store/store.ts';
import { dueByShard, given, idsOf, metaOf, START, walk } from '../../ports/store/fixtures.ts';
import { settle } from '../../support/manual-clock.ts';
import { storeOnTest, testDatabase } from './support.ts';

const TENANTS = ['acme', 'acme/', '~\ud83d'] as const;
const CHAINS = ['orders', 'orders%002f'] as const;
const STATUSES = ['processing', 'completed', 'failed'] as const;

interface Change {
  /** Which workflow; it is created when it is first named. */
  readonly number: number;
  readonly status: WorkflowMeta['status'];
  readonly dueAt: number | undefined;
}

const changes = fc.array(
  fc.record({
    number: fc.nat({ max: 23 }),
    status: fc.constantFrom(...STATUSES),
    dueAt: fc.option(fc.integer({ min: 0, max: 20 }), { nil: undefined }),
  }),
  { maxLength: 60, size: 'max' },
);

/** Tenant, chain and time of creation follow from the number: two of each moment. */
const workflowOf = ({ number, status, dueAt }: Change): WorkflowMeta => {
  const { dueAt: _, ...meta } = metaOf(number, {
    tenant: TENANTS[number % TENANTS.length] ?? '',
    chain: CHAINS[number % CHAINS.length] ?? '',
    status,
    createdAt: START + Math.floor(number / 2),
  });
  return dueAt === undefined ? meta : { ...meta, dueAt };
};

/** Carries out the changes, and tells what should be there then. */
async function carryOut(store: EmbeddedStore, run: readonly Change[]): Promise<readonly WorkflowMeta[]> {
  const model = new Map<number, WorkflowMeta>();
  for (const change of run) {
    const before = model.get(change.number);
    const meta = workflowOf(change);
    const { written } = before
      ? await store.writeMeta(meta, { status: before.status, epoch: before.epoch })
      : await store.create(meta);
    if (!written) throw new Error('a change was refused');
    model.set(change.number, meta);
  }
  return [...model.values()];
}

const positionOf = ({ createdAt, workflowId }: ListedWorkflow): string =>
  listingPosition(createdAt, workflowId);
const newestFirst = (metas: readonly WorkflowMeta[]): ListedWorkflow[] =>
  metas
    .map(({ workflowId, chain, status, createdAt }) => ({ workflowId, chain, status, createdAt }))
    .sort((a, b) => (positionOf(a) < positionOf(b) ? 1 : -1));

async function unfinishedOf(store: EmbeddedStore) {
  const keys = [];
  for await (const key of store.unfinished()) keys.push({ tenant: key.tenant, workflowId: key.workflowId });
  return keys.sort((a, b) => (a.workflowId < b.workflowId ? -1 : 1));
}

/** Holds both indexes against the naive answer, for every filter. */
async function check(store: EmbeddedStore, metas: readonly WorkflowMeta[], limit: number): Promise<void> {
  for (const tenant of TENANTS) {
    const mine = metas.filter((meta) => meta.tenant === tenant);
    expect(await walk(store, { tenant, limit })).toEqual(newestFirst(mine));
    for (const chain of CHAINS) {
      const ofChain = mine.filter((meta) => meta.chain === chain);
      expect(await walk(store, { tenant, chain, limit })).toEqual(newestFirst(ofChain));
      for (const status of STATUSES) {
        const both = ofChain.filter((meta) => meta.status === status);
        expect(await walk(store, { tenant, chain, status, limit })).toEqual(newestFirst(both));
      }
    }
    for (const status of STATUSES) {
      const ofStatus = mine.filter((meta) => meta.status === status);
      expect(await walk(store, { tenant, status, limit })).toEqual(newestFirst(ofStatus));
    }
  }
  const due = metas.flatMap(({ tenant, workflowId, dueAt }) =>
    dueAt === undefined ? [] : [{ tenant, workflowId, dueAt }],
  );
  for (const now of [0, 10, 20]) {
    const found = (await dueByShard(store, now)).flat();
    expect(idsOf(found).sort()).toEqual(idsOf(due.filter(({ dueAt }) => dueAt <= now)).sort());
  }
  const keys = due.map(({ tenant, workflowId }) => ({ tenant, workflowId }));
  expect(await unfinishedOf(store)).toEqual(keys.sort((a, b) => (a.workflowId < b.workflowId ? -1 : 1)));
}

describe('the indexes', () => {
  it('show what a naive list of all workflows shows, also after the next opening', async () => {
    await fc.assert(
      fc.asyncProperty(changes, fc.integer({ min: 1, max: 5 }), async (run, limit) => {
        const database = await openDatabase({ kind: 'memory' });
        const store = await storeOver(database, { schedule: queueMicrotask });
        const metas = await carryOut(store, run);
        await check(store, metas, limit);
        await check(await storeOver(database, { schedule: queueMicrotask }), metas, limit);
      }),
      { numRuns: 40 },
    );
  });

  it('page through all statuses of a tenant, newest first', async () => {
    const store = await storeOver(await openDatabase({ kind: 'memory' }), { schedule: queueMicrotask });
    const metas = Array.from({ length: 28 }, (_, number) =>
      metaOf(number, {
        createdAt: START + number,
        status: WORKFLOW_STATUSES[number % WORKFLOW_STATUSES.length] ?? 'processing',
      }),
    );
    await given(store, ...metas);
    const first = await store.list({ tenant: 'acme', limit: 10 });
    expect(first.workflows.map(({ createdAt }) => createdAt - START)).toEqual([
      27, 26, 25, 24, 23, 22, 21, 20, 19, 18,
    ]);
    expect(first.next).toBe(listingPosition(START + 18, metas[18]?.workflowId ?? ''));
    const second = await store.list({ tenant: 'acme', limit: 18, after: first.next ?? '' });
    expect(second.workflows.map(({ createdAt }) => createdAt - START)).toEqual(
      Array.from({ length: 18 }, (_, number) => 17 - number),
    );
    expect(second.next).toBeUndefined();
  });

  it('cost nothing where a change leaves status and due time as they are', async () => {
    const database = await testDatabase();
    const store = await storeOnTest(database);
    const meta = metaOf('one');
    await given(store, meta);
    database.holding = true;
    void store.writeMeta({ ...meta, nonce: 'another' }, { status: 'processing', epoch: 0 });
    await settle();
    expect(database.writes[0]?.operations.map(({ key }) => key)).toEqual([`w/acme/${meta.workflowId}/META`]);
    await database.endWrite();
  });

  it('show a workflow whose due time has a fraction of a millisecond once that has come', async () => {
    const store = await storeOver(await openDatabase({ kind: 'memory' }), { schedule: queueMicrotask });
    await given(store, metaOf('one', { dueAt: START + 1 / 3 }));
    expect((await dueByShard(store, START)).flat()).toEqual([]);
    expect(idsOf((await dueByShard(store, START + 1)).flat())).toEqual([metaOf('one').workflowId]);
  });
});
