import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { WorkflowMeta } from '../../../lib/engine/state.ts';
import type { EmbeddedStore } from '../../../lib/local/store/store.ts';
import { claimOf, completedOf, given, loaded, metaOf, START } from '../../ports/store/fixtures.ts';
import { settle } from '../../support/manual-clock.ts';
import {
  afterKill,
  DISK_FULL,
  endedOf,
  running,
  storeOnTest,
  type TestDatabase,
  testDatabase,
  writeStep,
} from './support.ts';

const meta = metaOf('one');
const written = { written: true };
const failed = {
  name: 'EngineError',
  code: 'STORE_UNAVAILABLE',
  retriable: true,
  message: `the embedded store failed: ${DISK_FULL}`,
  cause: new Error(DISK_FULL),
};
const refused = {
  name: 'EngineError',
  code: 'STORE_UNAVAILABLE',
  message: 'the embedded store failed to write; what memory shows may be lost, so it answers no more',
};

const unhandled = vi.fn();
beforeEach(() => {
  unhandled.mockClear();
  process.on('unhandledRejection', unhandled);
});
afterEach(async () => {
  await settle();
  process.off('unhandledRejection', unhandled);
  expect(unhandled).not.toHaveBeenCalled();
});

/** A store with these workflows, whose next write is to fail. */
async function failing(...metas: readonly WorkflowMeta[]) {
  const database = await testDatabase();
  // Closed by the test, and asked again after it.
  const store = await afterKill(database);
  await given(store, ...metas);
  database.holding = true;
  const fail = async (): Promise<void> => {
    await settle();
    database.holding = false;
    database.failWrite();
    await settle();
  };
  return { database, store, fail };
}

const ways: readonly (readonly [string, (store: EmbeddedStore) => Promise<unknown>])[] = [
  ['a load', (store) => store.load(meta)],
  ['a load of what it never saw', (store) => store.load(metaOf('another'))],
  ['a start', (store) => store.create(metaOf('three'))],
  ['a change of META', (store) => store.writeMeta(endedOf('one'), { status: 'processing', epoch: 0 })],
  ['an outcome', (store) => writeStep(store, meta, completedOf('shipment', 1))],
  ['a claim', (store) => writeStep(store, meta, claimOf('shipment'))],
  ['a listing', (store) => store.list({ tenant: 'acme', limit: 1 })],
  ['a look at what is due', (store) => store.listDue(0, START, 1)],
  ['that all was put back', (store) => store.recovered()],
];

/** That the store takes nothing any more. */
async function expectRefusals(store: EmbeddedStore, database: TestDatabase): Promise<void> {
  const writes = vi.spyOn(database, 'write');
  for (const [way, ask] of ways) await expect(ask(store), way).rejects.toMatchObject(refused);
  await settle();
  expect(writes).not.toHaveBeenCalled();
  writes.mockRestore();
}

describe('a write that fails', () => {
  it.each([
    ['a start', (store: EmbeddedStore) => store.create(metaOf('two'))],
    [
      'a change of META',
      (store: EmbeddedStore) =>
        store.writeMeta({ ...meta, status: 'cancelled' }, { status: 'processing', epoch: 0 }),
    ],
    [
      'a claim that must be on disk',
      (store: EmbeddedStore) => writeStep(store, meta, claimOf('payment', { round: 1 })),
    ],
  ])('as %s is told to its caller, and is the last', async (_, write) => {
    const { database, store, fail } = await failing(meta);
    const before = await store.load(meta);
    const lost = write(store);
    const told = expect(lost).rejects.toMatchObject(failed);
    await fail();
    await told;
    expect(await store.broken).toEqual(new Error(DISK_FULL));
    await expectRefusals(store, database);
    const next = await afterKill(database);
    expect(await next.load(meta)).toStrictEqual(before);
    expect(await next.load(metaOf('two'))).toBeUndefined();
  });

  it('as an outcome, which was answered before, is told to whoever would see it, and is the last', async () => {
    const { database, store, fail } = await failing(meta);
    const before = await store.load(meta);
    expect(await writeStep(store, meta, completedOf('payment', 1))).toEqual(written);
    const seen = Promise.allSettled([
      store.load(meta),
      writeStep(store, meta, completedOf('payment', 2)),
      store.writeMeta(endedOf('one'), { status: 'failed', epoch: 0 }),
    ]);
    await fail();
    for (const outcome of await seen) expect(outcome).toMatchObject({ reason: failed });
    expect(await store.broken).toEqual(new Error(DISK_FULL));
    await expectRefusals(store, database);
    expect(await (await afterKill(database)).load(meta)).toStrictEqual(before);
  });

  it('as an outcome that nobody asks for is told by the store alone', async () => {
    const { store, fail } = await failing(meta);
    let broken: unknown;
    void store.broken.then((cause) => {
      broken = cause;
    });
    await writeStep(store, meta, completedOf('payment', 1));
    await settle();
    expect(broken).toBeUndefined();
    await fail();
    expect(broken).toEqual(new Error(DISK_FULL));
  });

  it('between the last outcome and META lets META fail: the workflow is not completed', async () => {
    const { database, store, fail } = await failing(meta);
    const claim = claimOf('payment');
    await writeStep(store, meta, claim);
    await writeStep(store, meta, completedOf('payment', 1), running(claim));
    await settle();
    // META waits for the next flush: it was decided on what is being written.
    const completing = store.writeMeta(endedOf('one'), { status: 'processing', epoch: 0 });
    const told = expect(completing).rejects.toMatchObject(failed);
    await fail();
    await told;
    const state = await loaded(await afterKill(database), meta);
    expect([state.meta.status, state.steps.size]).toEqual(['processing', 0]);
  });

  it('takes with it what waits of other workflows, and no claim that waits for nothing', async () => {
    const { store, fail } = await failing(meta, metaOf('two'));
    expect(await writeStep(store, meta, completedOf('payment', 1))).toEqual(written);
    await settle();
    expect(await writeStep(store, metaOf('two'), claimOf('payment'))).toEqual(written);
    const others = Promise.allSettled([
      store.create(metaOf('three')),
      store.writeMeta(endedOf('two'), { status: 'processing', epoch: 0 }),
    ]);
    await fail();
    for (const outcome of await others) expect(outcome).toMatchObject({ reason: failed });
  });

  it('refuses a start that waited to be decided on a lost one', async () => {
    const { database, store, fail } = await failing();
    const both = Promise.allSettled([store.create(meta), store.create({ ...meta, nonce: 'another' })]);
    await fail();
    for (const outcome of await both) expect(outcome).toMatchObject({ reason: failed });
    expect(await (await afterKill(database)).load(meta)).toBeUndefined();
  });

  it('leaves to the next opening what the disk has, be it the lost write itself', async () => {
    const { database, store } = await failing(meta);
    const told = expect(store.create(metaOf('two'))).rejects.toMatchObject(failed);
    await writeStep(store, meta, completedOf('payment', 1));
    await settle();
    database.holding = false;
    await database.writes[0]?.failAfter();
    await told;
    const next = await afterKill(database);
    expect(next.recovery).toEqual({ claimsLost: true });
    expect((await loaded(next, meta)).steps.get('payment')).toStrictEqual(completedOf('payment', 1));
    expect((await loaded(next, metaOf('two'))).meta).toStrictEqual(metaOf('two'));
  });

  it('refuses whoever was still reading: nothing is decided on the disk as it was', async () => {
    const { database, store, fail } = await failing(meta);
    let go = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    const { entries } = database;
    vi.spyOn(database, 'entries').mockImplementation(async (range) => {
      await gate;
      return await entries(range);
    });
    const reading = Promise.allSettled([
      store.load(metaOf('two')),
      writeStep(store, metaOf('two'), claimOf('payment')),
      writeStep(store, metaOf('two'), completedOf('payment', 1)),
    ]);
    await writeStep(store, meta, completedOf('payment', 1));
    await fail();
    go();
    for (const outcome of await reading) expect(outcome).toMatchObject({ reason: refused });
  });

  it('is not forgotten at whatever moment of the failure the store is asked', async () => {
    for (let ticks = 0; ticks < 40; ticks += 1) {
      const { database, store } = await failing(meta);
      const lost = completedOf('payment', 'lost');
      await writeStep(store, meta, lost);
      await settle();
      database.holding = false;
      database.failWrite();
      for (let tick = 0; tick < ticks; tick += 1) await null;
      const next = claimOf('payment', { status: 'failed', token: 'next' });
      const asked = await Promise.allSettled([
        store.load(meta),
        store.writeMeta(endedOf('one'), { status: 'processing', epoch: 0 }),
        writeStep(store, meta, next, { status: 'failed', token: 'of nobody' }),
      ]);
      for (const outcome of asked) {
        expect(outcome, `after ${ticks} ticks`).toMatchObject({ reason: { code: 'STORE_UNAVAILABLE' } });
      }
      expect((await loaded(await afterKill(database), meta)).steps.size).toBe(0);
    }
  });
});

describe('a close', () => {
  it('after a failed write rejects, and lets the database go all the same', async () => {
    const database = await testDatabase();
    const close = vi.spyOn(database, 'close');
    const store = await storeOnTest(database);
    database.holding = true;
    await writeStep(store, meta, completedOf('payment', 1));
    await settle();
    database.failWrite();
    await settle();
    await expect(store.close()).rejects.toMatchObject(refused);
    expect(close).toHaveBeenCalledTimes(1);
    expect(database.writes).toEqual([]);
  });

  it('while a flush is under way that then fails rejects, and notes nothing', async () => {
    const { database, store, fail } = await failing(meta);
    await writeStep(store, meta, completedOf('payment', 1));
    const closing = expect(store.close()).rejects.toMatchObject(refused);
    await fail();
    await closing;
    expect((await afterKill(database)).recovery).toEqual({ claimsLost: true });
  });

  it('whose last claims cannot be saved rejects, and notes nothing', async () => {
    const { database, store, fail } = await failing(meta);
    await writeStep(store, meta, claimOf('payment'));
    const closing = expect(store.close()).rejects.toMatchObject(failed);
    await fail();
    await closing;
    expect((await afterKill(database)).recovery).toEqual({ claimsLost: true });
  });

  it('that cannot be noted rejects', async () => {
    const { store, fail } = await failing();
    const closing = expect(store.close()).rejects.toMatchObject(failed);
    await fail();
    await closing;
  });
});

describe('a read that fails', () => {
  it('fails that call, and that one alone', async () => {
    const database = await testDatabase();
    await given(await storeOnTest(database), endedOf('one'));
    const reopened = await afterKill(database);
    const broken = vi.spyOn(database, 'entries').mockRejectedValue(new Error(DISK_FULL));
    await expect(reopened.load(meta)).rejects.toMatchObject(failed);
    await expect(writeStep(reopened, meta, claimOf('payment'))).rejects.toMatchObject(failed);
    broken.mockRestore();
    expect(await reopened.load(meta)).toMatchObject({ meta: { status: 'completed' } });
    await reopened.close();
  });

  it.each([
    ['a start', 'get', (store: EmbeddedStore) => store.create(metaOf('two'))],
    ['a listing', 'keys', (store: EmbeddedStore) => store.list({ tenant: 'acme', limit: 1 })],
    ['a look at what is due', 'keys', (store: EmbeddedStore) => store.listDue(0, START, 1)],
  ] as const)('fails %s, which is taken the next time', async (_, method, ask) => {
    const database = await testDatabase();
    const store = await storeOnTest(database);
    await given(store, meta);
    const broken = vi.spyOn(database, method).mockImplementation(() => {
      throw new Error(DISK_FULL);
    });
    await expect(ask(store)).rejects.toMatchObject(failed);
    broken.mockRestore();
    await expect(ask(store)).resolves.toBeDefined();
  });
});
