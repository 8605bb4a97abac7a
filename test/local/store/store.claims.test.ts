import { describe, expect, it } from 'vitest';
import type { StepRecord, WorkflowMeta } from '../../../lib/engine/state.ts';
import { claimOf, completedOf, given, loaded, metaOf } from '../../ports/store/fixtures.ts';
import { settle } from '../../support/manual-clock.ts';
import {
  afterKill,
  itemsIn,
  running,
  storeOnTest,
  type TestDatabase,
  testDatabase,
  writeStep,
} from './support.ts';

/** A store with these workflows, whose next writes wait. */
async function holding(...metas: readonly WorkflowMeta[]) {
  const database = await testDatabase();
  const store = await storeOnTest(database);
  await given(store, ...metas);
  database.holding = true;
  return { database, store };
}

/** The steps of a workflow that the next run finds if this one is killed now. */
async function stepsAfterKill(database: TestDatabase, meta: WorkflowMeta): Promise<StepRecord[]> {
  database.holding = false;
  const store = await afterKill(database);
  expect(store.recovery).toEqual({ claimsLost: true });
  return [...(await loaded(store, meta)).steps.values()];
}

/** Whether a promise has not settled by now. */
async function waits(promise: Promise<unknown>): Promise<boolean> {
  return (await Promise.race([promise.then(() => false), settle().then(() => true)])) === true;
}

const meta = metaOf('one');
const written = { written: true };

describe('a claim', () => {
  it('stays in memory, and is lost with the process', async () => {
    const { database, store } = await holding(meta);
    const { flushes } = store.stats();
    expect(await writeStep(store, meta, claimOf('payment'))).toEqual(written);
    await settle();
    expect(database.writes).toEqual([]);
    expect(store.stats().flushes).toBe(flushes);
    expect(await stepsAfterKill(database, meta)).toEqual([]);
  });

  it('reaches the disk with the outcome of another step of its workflow, and of that one alone', async () => {
    const { database, store } = await holding(meta, metaOf('two'));
    const [payment, shipment] = [claimOf('payment'), claimOf('shipment')];
    await writeStep(store, meta, payment);
    await writeStep(store, meta, shipment);
    await writeStep(store, metaOf('two'), claimOf('payment'));
    await writeStep(store, meta, completedOf('payment', 1), running(payment));
    await settle();
    expect(database.writes.map(itemsIn)).toEqual([['STEP#payment', 'STEP#shipment']]);
    await database.endWrite();
    expect(await stepsAfterKill(database, meta)).toStrictEqual([completedOf('payment', 1), shipment]);
    expect(await stepsAfterKill(database, metaOf('two'))).toEqual([]);
  });

  it('reaches the disk with a write of META, which is answered when both are there', async () => {
    const { database, store } = await holding(meta);
    await writeStep(store, meta, claimOf('payment'));
    await writeStep(store, meta, claimOf('shipment'));
    const cancelled = store.writeMeta({ ...meta, status: 'cancelled' }, { status: 'processing', epoch: 0 });
    expect(await waits(cancelled)).toBe(true);
    expect(database.writes.map((write) => itemsIn(write).sort())).toEqual([
      ['META', 'STEP#payment', 'STEP#shipment'],
    ]);
    await database.endWrite();
    expect(await cancelled).toEqual(written);
    expect(await stepsAfterKill(database, meta)).toStrictEqual([claimOf('payment'), claimOf('shipment')]);
  });

  it('is written once: the next flush does not bring it again', async () => {
    const { database, store } = await holding(meta);
    await writeStep(store, meta, claimOf('payment'));
    await writeStep(store, meta, completedOf('shipment', 1));
    await settle();
    await database.endWrite();
    await writeStep(store, meta, completedOf('confirmation', 1));
    await settle();
    expect(database.writes.map(itemsIn)).toEqual([['STEP#confirmation']]);
  });

  it('that is made while a flush is under way waits for the next one', async () => {
    const { database, store } = await holding(meta);
    await writeStep(store, meta, completedOf('payment', 1));
    await settle();
    await writeStep(store, meta, claimOf('shipment'));
    await database.endWrite();
    await settle();
    expect(database.writes).toEqual([]);
    await writeStep(store, meta, completedOf('confirmation', 1));
    await settle();
    expect(database.writes.map((write) => itemsIn(write).sort())).toEqual([
      ['STEP#confirmation', 'STEP#shipment'],
    ]);
  });

  it('that was put back in memory leaves nothing of itself', async () => {
    const { database, store } = await holding(meta);
    const claim = claimOf('payment');
    await writeStep(store, meta, claim);
    await writeStep(store, meta, claimOf('payment', { status: 'pending', open: 0 }), running(claim));
    await settle();
    await database.endWrite();
    expect(await stepsAfterKill(database, meta)).toMatchObject([{ status: 'pending', open: 0 }]);
  });

  it('is shown by a load, and decides what another worker may do', async () => {
    const { store } = await holding(meta);
    const claim = claimOf('payment');
    await writeStep(store, meta, claim);
    expect((await loaded(store, meta)).steps.get('payment')).toStrictEqual(claim);
    expect(await writeStep(store, meta, claimOf('payment', { token: 'another' }))).toEqual({
      written: false,
      current: claim,
    });
  });
});

/** Claims of which recovery could not know that they may be lost: their calls must find them on disk. */
describe('a claim is on disk before its call', () => {
  const failedBefore = claimOf('payment', { status: 'failed', round: 1, open: 0, token: 'failed' });

  it.each<[string, WorkflowMeta, StepRecord]>([
    [
      'where the workflow has failed',
      metaOf('one', { status: 'failed', notify: 'pending' }),
      claimOf('payment'),
    ],
    ['where the workflow was cancelled', metaOf('one', { status: 'cancelled' }), claimOf('payment')],
    ['where it is of an epoch before a resume', metaOf('one', { epoch: 1 }), claimOf('payment')],
    ['where it takes another key', meta, claimOf('payment', { round: 1 })],
  ])('%s', async (_, workflow, claim) => {
    const { database, store } = await holding(workflow);
    const claiming = writeStep(store, workflow, claim);
    expect(await waits(claiming)).toBe(true);
    expect(database.writes.map(itemsIn)).toEqual([['STEP#payment']]);
    await database.endWrite();
    expect(await claiming).toEqual(written);
    expect(await stepsAfterKill(database, workflow)).toStrictEqual([claim]);
  });

  it.each([
    ['an undo', 'undo', metaOf('one', { status: 'compensating' })],
    ['a lookup', 'lookup', meta],
    ['a lookup before an undo', 'lookup', metaOf('one', { status: 'compensating' })],
  ] as const)('where it is of %s', async (_, action, workflow) => {
    const { database, store } = await holding(workflow);
    const claim = claimOf('payment', { action });
    const claiming = writeStep(store, workflow, claim);
    expect(await waits(claiming)).toBe(true);
    expect(database.writes.map(itemsIn)).toEqual([[`${action.toUpperCase()}#payment`]]);
    await database.endWrite();
    expect(await claiming).toEqual(written);
    database.holding = false;
    const next = await loaded(await afterKill(database), workflow);
    expect(next[`${action}s`]?.get('payment')).toStrictEqual(claim);
    expect(next.steps.size).toBe(0);
  });

  it('where it takes another key than the round before', async () => {
    const { database, store } = await holding(meta);
    await writeStep(store, meta, failedBefore);
    await settle();
    await database.endWrite();
    const expected = { status: 'failed', token: 'failed' } as const;
    const claiming = writeStep(store, meta, claimOf('payment', { round: 2 }), expected);
    expect(await waits(claiming)).toBe(true);
    await database.endWrite();
    expect(await claiming).toEqual(written);
  });

  it('but need not be where it goes on with the round that the item has', async () => {
    const { database, store } = await holding(meta);
    await writeStep(store, meta, failedBefore);
    await settle();
    await database.endWrite();
    const expected = { status: 'failed', token: 'failed' } as const;
    expect(await writeStep(store, meta, claimOf('payment', { round: 1 }), expected)).toEqual(written);
    await settle();
    expect(database.writes).toEqual([]);
  });

  it('where META is just being written: what it was before may be on disk already', async () => {
    const { database, store } = await holding(meta);
    void store.writeMeta({ ...meta, status: 'cancelled' }, { status: 'processing', epoch: 0 });
    await settle();
    const claiming = writeStep(store, meta, claimOf('payment'));
    await settle();
    await database.endWrite();
    expect(await waits(claiming)).toBe(true);
    expect(database.writes.map(itemsIn)).toEqual([['STEP#payment']]);
    await database.endWrite();
    expect(await claiming).toEqual(written);
  });

  it('and takes those with it that were in memory', async () => {
    const { database, store } = await holding(meta);
    await writeStep(store, meta, claimOf('shipment'));
    void writeStep(store, meta, claimOf('payment', { round: 1 }));
    await settle();
    expect(database.writes.map((write) => itemsIn(write).sort())).toEqual([
      ['STEP#payment', 'STEP#shipment'],
    ]);
  });
});
