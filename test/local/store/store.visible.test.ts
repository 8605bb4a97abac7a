import { describe, expect, it } from 'vitest';
import type { WorkflowMeta } from '../../../lib/engine/state.ts';
import type { EmbeddedStore } from '../../../lib/local/store/store.ts';
import { ABSENT, claimOf, completedOf, given, loaded, metaOf } from '../../ports/store/fixtures.ts';
import { settle } from '../../support/manual-clock.ts';
import {
  afterKill,
  endedOf,
  itemsIn,
  running,
  storeOnTest,
  type TestDatabase,
  testDatabase,
  writeStep,
} from './support.ts';

/** A store with one workflow, whose next writes wait. */
async function holding(): Promise<{ database: TestDatabase; store: EmbeddedStore; meta: WorkflowMeta }> {
  const database = await testDatabase();
  const store = await storeOnTest(database);
  const meta = metaOf('one');
  await given(store, meta);
  database.holding = true;
  return { database, store, meta };
}

/** What a promise has become by now; undefined while it waits. */
async function soFar<Value>(promise: Promise<Value>): Promise<Value | undefined> {
  let value: Value | undefined;
  void promise.then((settled) => {
    value = settled;
  });
  await settle();
  return value;
}

const written = { written: true };

describe('a write', () => {
  it.each([
    ['an outcome', completedOf('payment', 1)],
    ['a failure', claimOf('payment', { status: 'failed' })],
    ['an attempt to come', claimOf('payment', { status: 'retrying' })],
    ['a claim that is put back', claimOf('payment', { status: 'pending' })],
  ])('of %s resolves before it is on disk, and is on its way', async (_, record) => {
    const { database, store, meta } = await holding();
    expect(await soFar(writeStep(store, meta, record))).toEqual(written);
    expect(database.writes.map(itemsIn)).toEqual([['STEP#payment']]);
    expect((await loaded(await killed(database), meta)).steps.size).toBe(0);
  });

  it('of META resolves once it is on disk, be it new or changed', async () => {
    const { database, store, meta } = await holding();
    const cancelled = { ...meta, status: 'cancelled' as const };
    const created = store.create(metaOf('two'));
    const changed = store.writeMeta(cancelled, { status: 'processing', epoch: 0 });
    expect(await soFar(Promise.race([created, changed]))).toBeUndefined();
    await database.endWrite();
    expect([await created, await changed]).toEqual([written, written]);
    const next = await killed(database);
    expect((await loaded(next, meta)).meta).toStrictEqual(cancelled);
    expect((await loaded(next, metaOf('two'))).meta).toStrictEqual(metaOf('two'));
  });

  it('of the last outcome and that of META share a flush', async () => {
    const { database, store, meta } = await holding();
    const claim = claimOf('payment');
    await writeStep(store, meta, claim);
    const flushes = store.stats().flushes;
    // As a worker does it: one after the other, without a turn of the event loop between them.
    const worker = async () => {
      await writeStep(store, meta, completedOf('payment', 1), running(claim));
      return await store.writeMeta(endedOf('one'), { status: 'processing', epoch: 0 });
    };
    const working = worker();
    await settle();
    expect(database.writes.map(itemsIn)).toEqual([['STEP#payment', 'META']]);
    await database.endWrite();
    expect(await working).toEqual(written);
    expect(store.stats().flushes).toBe(flushes + 1);
    const { meta: shown, steps } = await loaded(await killed(database), meta);
    expect([shown.status, steps.get('payment')?.status]).toEqual(['completed', 'completed']);
  });
});

/** The next run, without what never came to the disk. */
async function killed(database: TestDatabase): Promise<EmbeddedStore> {
  database.holding = false;
  return await afterKill(database);
}

describe('load', () => {
  it('shows no outcome before it is on disk', async () => {
    const { database, store, meta } = await holding();
    expect(await writeStep(store, meta, completedOf('payment', 1))).toEqual(written);
    const loading = store.load(meta);
    expect(await soFar(loading)).toBeUndefined();
    await database.endWrite();
    expect((await loading)?.steps.get('payment')?.status).toBe('completed');
    expect(await soFar(store.load(meta))).toBeDefined();
  });

  it('shows no new workflow and no change of one before it is on disk', async () => {
    const { database, store, meta } = await holding();
    void store.create(metaOf('two'));
    void store.writeMeta({ ...meta, status: 'cancelled' }, { status: 'processing', epoch: 0 });
    const loading = Promise.all([store.load(metaOf('two')), store.load(meta)]);
    expect(await soFar(loading)).toBeUndefined();
    await database.endWrite();
    expect((await loading).map((state) => state?.meta.status)).toEqual(['processing', 'cancelled']);
  });

  it('shows a claim at once: it waits for no disk', async () => {
    const { store, meta } = await holding();
    await writeStep(store, meta, claimOf('payment'));
    const state = await soFar(store.load(meta));
    expect(state?.steps.get('payment')?.status).toBe('running');
  });

  it('waits for one workflow alone', async () => {
    const { store, meta } = await holding();
    void store.create(metaOf('two'));
    expect((await soFar(store.load(meta)))?.meta).toStrictEqual(meta);
  });

  it('waits for the last of several outcomes, also once the first is on disk', async () => {
    const { database, store, meta } = await holding();
    await writeStep(store, meta, completedOf('payment', 1));
    await settle();
    await writeStep(store, meta, completedOf('shipment', 2));
    await settle();
    const early = store.load(meta);
    await database.endWrite();
    await settle();
    const late = store.load(meta);
    expect(await soFar(Promise.race([early, late]))).toBeUndefined();
    await database.endWrite();
    for (const state of await Promise.all([early, late])) expect(state?.steps.size).toBe(2);
  });

  it('waits for both of two outcomes that share a flush, and then for none', async () => {
    const { database, store, meta } = await holding();
    await writeStep(store, meta, completedOf('payment', 1));
    await writeStep(store, meta, completedOf('shipment', 2));
    const loading = store.load(meta);
    await settle();
    await database.endWrite();
    expect((await loading)?.steps.size).toBe(2);
  });
});

describe('a condition', () => {
  it('that fails for something that is not on disk waits until it is', async () => {
    const { database, store, meta } = await holding();
    await writeStep(store, meta, completedOf('payment', 1));
    const refused = writeStep(store, meta, completedOf('payment', 2));
    expect(await soFar(refused)).toBeUndefined();
    await database.endWrite();
    expect(await refused).toEqual({ written: false, current: completedOf('payment', 1) });
  });

  it('on META that fails waits likewise, for a start under way too', async () => {
    const { database, store, meta } = await holding();
    void store.create(metaOf('two'));
    const second = store.create({ ...metaOf('two'), nonce: 'another' });
    await writeStep(store, meta, completedOf('payment', 1));
    const refused = store.writeMeta(endedOf('one'), { status: 'failed', epoch: 0 });
    expect(await soFar(Promise.race([second, refused]))).toBeUndefined();
    await database.endWrite();
    expect(await second).toEqual({ written: false, current: metaOf('two') });
    expect(await refused).toEqual({ written: false, current: meta });
  });

  it('that fails for a claim in memory says so at once', async () => {
    const { store, meta } = await holding();
    await writeStep(store, meta, claimOf('payment'));
    const refused = writeStep(store, meta, claimOf('payment', { token: 'another' }));
    expect(await soFar(refused)).toEqual({ written: false, current: claimOf('payment') });
  });

  it('that holds need not wait, whatever is under way', async () => {
    const { database, store, meta } = await holding();
    const failed = claimOf('payment', { status: 'failed' });
    await writeStep(store, meta, failed);
    await settle();
    const next = completedOf('payment', 1);
    const expected = { status: 'failed', token: failed.token } as const;
    expect(await soFar(writeStep(store, meta, next, expected))).toEqual(written);
    await database.endWrite();
    await settle();
    await database.endWrite();
    expect((await loaded(store, meta)).steps.get('payment')).toStrictEqual(next);
  });

  it('is asked again when what it failed for is decided', async () => {
    const { database, store, meta } = await holding();
    const first = claimOf('payment', { status: 'retrying', token: 'first' });
    await writeStep(store, meta, first);
    await settle();
    // It fails now. By the time the flush has ended another worker has put the step where it holds.
    const waiting = writeStep(store, meta, completedOf('payment', 1), { status: 'running', token: 'second' });
    expect(await soFar(waiting)).toBeUndefined();
    const second = claimOf('payment', { token: 'second' });
    await writeStep(store, meta, second, { status: 'retrying', token: 'first' });
    await database.endWrite();
    expect(await waiting).toEqual(written);
    await settle();
    await database.endWrite();
    expect(await writeStep(store, meta, first, ABSENT)).toMatchObject({ current: { status: 'completed' } });
  });
});
