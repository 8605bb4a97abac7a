import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { StepExpectation } from '../../lib/engine/ports.ts';
import type { StepRecord, WorkflowMeta } from '../../lib/engine/state.ts';
import type { EmbeddedStore } from '../../lib/local/embedded-store.ts';
import {
  ABSENT,
  claimOf,
  completedOf,
  given,
  loaded,
  metaOf,
  START,
  stepOf,
} from '../contract/store-fixtures.ts';
import { settle } from '../support/manual-clock.ts';
import { DISK_FULL, endedOf, running, storeOnTest, testDatabase, writeStep } from './store-support.ts';

describe('a database that fails', () => {
  async function failing(...metas: readonly WorkflowMeta[]) {
    const database = await testDatabase();
    const store = await storeOnTest(database);
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
  const meta = metaOf('one');
  const unavailable = {
    name: 'EngineError',
    code: 'STORE_UNAVAILABLE',
    retriable: true,
    message: `the embedded store failed: ${DISK_FULL}`,
    cause: new Error(DISK_FULL),
  };

  it.each([
    ['a start', (store: EmbeddedStore) => store.create(metaOf('two'))],
    [
      'a change of META',
      (store: EmbeddedStore) =>
        store.writeMeta({ ...meta, status: 'cancelled' }, { status: 'processing', epoch: 0 }),
    ],
    ['an outcome', (store: EmbeddedStore) => writeStep(store, meta, completedOf('payment', 1))],
    ['a claim', (store: EmbeddedStore) => writeStep(store, meta, claimOf('payment'))],
  ])(
    'makes %s fail as STORE_UNAVAILABLE, shows nothing of it, and takes it the next time',
    async (_, write) => {
      const { database, store, fail } = await failing(meta);
      const before = await store.load(meta);
      const lost = write(store);
      lost.catch(() => undefined);
      await fail();
      await expect(lost).rejects.toMatchObject(unavailable);
      expect(await store.load(meta)).toStrictEqual(before);
      expect(await store.load(metaOf('two'))).toBeUndefined();
      expect(await write(store)).toEqual({ written: true });
      expect(await store.load(meta)).toStrictEqual(await (await storeOnTest(database)).load(meta));
    },
  );

  it('takes with a lost write those that were decided on it', async () => {
    const { store, fail } = await failing(meta);
    const claim = claimOf('payment');
    const retrying = claimOf('payment', { status: 'retrying', token: claim.token });
    const again = claimOf('payment', { token: 'second', attempt: 2 });
    const results = Promise.allSettled([
      writeStep(store, meta, claim),
      writeStep(store, meta, retrying, running(claim)),
      writeStep(store, meta, again, { status: 'retrying', token: claim.token }),
    ]);
    await fail();
    for (const result of await results) expect(result).toMatchObject({ reason: unavailable });
    expect((await loaded(store, meta)).steps.size).toBe(0);
    expect(await writeStep(store, meta, retrying, running(claim))).toEqual({
      written: false,
      current: undefined,
    });
  });

  it('lets one that was refused for a lost write be decided anew', async () => {
    const { store, fail } = await failing();
    const lost = store.create(meta);
    lost.catch(() => undefined);
    const second = store.create({ ...meta, nonce: 'another' });
    await fail();
    await expect(lost).rejects.toMatchObject(unavailable);
    expect(await second).toEqual({ written: true });
    expect((await loaded(store, meta)).meta.nonce).toBe('another');
  });

  it('keeps what was on disk before, and what another write brought there meanwhile', async () => {
    const { database, store } = await failing(meta, metaOf('two'));
    const claim = claimOf('shipment');
    const lost = writeStep(store, meta, completedOf('payment', 1));
    lost.catch(() => undefined);
    await settle();
    const kept = writeStep(store, metaOf('two'), claim);
    await settle();
    database.writes.find(({ sync }) => sync)?.fail();
    await settle();
    await database.endWrite();
    await expect(lost).rejects.toMatchObject(unavailable);
    expect(await kept).toEqual({ written: true });
    expect(await stepOf(store, metaOf('two'), 'shipment')).toStrictEqual(claim);
  });

  it('decides nothing on a lost write, at whatever moment of the failure it is asked', async () => {
    for (let ticks = 0; ticks < 40; ticks += 1) {
      const { database, store } = await failing(meta);
      const lost = completedOf('payment', 'lost');
      const loses = expect(writeStep(store, meta, lost)).rejects.toMatchObject(unavailable);
      await settle();
      database.holding = false;
      database.failWrite();
      for (let tick = 0; tick < ticks; tick += 1) await null;
      const next = claimOf('payment', { status: 'failed', token: 'next' });
      const written = await writeStep(store, meta, next, { status: 'completed', token: lost.token });
      expect(written, `after ${ticks} ticks`).toEqual({ written: false, current: undefined });
      await loses;
    }
  });

  it('fails a read, and that one alone', async () => {
    const database = await testDatabase();
    const store = await storeOnTest(database);
    await given(store, endedOf('one'));
    const reopened = await storeOnTest(database);
    const broken = vi.spyOn(database, 'entries').mockRejectedValue(new Error(DISK_FULL));
    await expect(reopened.load(meta)).rejects.toMatchObject(unavailable);
    await expect(writeStep(reopened, meta, claimOf('payment'))).rejects.toMatchObject(unavailable);
    broken.mockRestore();
    expect(await reopened.load(meta)).toMatchObject({ meta: { status: 'completed' } });
  });

  it.each([
    ['a start', 'get', (store: EmbeddedStore) => store.create(metaOf('two'))],
    ['a listing', 'keys', (store: EmbeddedStore) => store.list({ tenant: 'acme', limit: 1 })],
    ['a look at what is due', 'keys', (store: EmbeddedStore) => store.listDue(0, START, 1)],
  ] as const)('fails %s that has to read', async (_, method, ask) => {
    const database = await testDatabase();
    const store = await storeOnTest(database);
    await given(store, meta);
    const broken = vi.spyOn(database, method).mockImplementation(() => {
      throw new Error(DISK_FULL);
    });
    await expect(ask(store)).rejects.toMatchObject(unavailable);
    broken.mockRestore();
    await expect(ask(store)).resolves.toBeDefined();
  });
});

/** One thing that happens in a random run. `which` chooses among the records that were ever offered for the step. */
type Act =
  | {
      readonly do: 'write';
      readonly step: string;
      readonly status: StepRecord['status'];
      readonly which: number;
    }
  | { readonly do: 'end' | 'fail' | 'failAfter'; readonly sync: boolean }
  | { readonly do: 'settle' };

const acts = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('write' as const),
        step: fc.constantFrom('payment', 'shipment'),
        status: fc.constantFrom('running' as const, 'retrying' as const, 'completed' as const),
        which: fc.oneof(fc.constant(0), fc.nat({ max: 3 })),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constantFrom('end' as const, 'end' as const, 'fail' as const, 'failAfter' as const),
        sync: fc.boolean(),
      }),
    },
    { weight: 2, arbitrary: fc.constant<Act>({ do: 'settle' }) },
  ),
  { maxLength: 40 },
);

/** Every record that was offered to the store, by its token, and the token that it was to follow. */
class Offers {
  readonly byStep = new Map<string, StepRecord[]>();
  private readonly after = new Map<string, string>();
  private count = 0;

  next({ step, status, which }: Extract<Act, { do: 'write' }>): readonly [StepRecord, StepExpectation] {
    const offered = this.byStep.get(step) ?? [];
    const before = offered.at(-1 - which);
    this.count += 1;
    const record = claimOf(step, { status, token: `token ${this.count}` });
    this.byStep.set(step, [...offered, record]);
    if (before === undefined) return [record, ABSENT];
    this.after.set(record.token, before.token);
    return [record, { status: before.status, token: before.token }];
  }

  /** Whether a record was to follow another, directly or by way of such as are written with it. */
  follows(token: string, before: string | undefined): boolean {
    let at = this.after.get(token);
    while (at !== before && at !== undefined) at = this.after.get(at);
    return at === before;
  }
}

const tokenIn = (value: string | undefined): string | undefined =>
  value === undefined ? undefined : JSON.parse(value).token;

describe('whatever fails, and whenever', () => {
  it('nothing is written but upon what it was decided on, and the store shows what the database has', async () => {
    await fc.assert(
      fc.asyncProperty(acts, async (run) => {
        const database = await testDatabase();
        const store = await storeOnTest(database);
        const meta = metaOf('one');
        await given(store, meta);
        database.holding = true;
        const offers = new Offers();
        const acknowledged = new Set<string>();
        const pending: Promise<unknown>[] = [];
        const finish = async (act: Extract<Act, { do: 'end' | 'fail' | 'failAfter' }>): Promise<void> => {
          const write = database.writes.find(({ sync }) => sync === act.sync);
          if (write === undefined) return;
          if (act.do === 'fail') return write.fail();
          for (const operation of write.operations) {
            if (operation.type === 'del' || !operation.key.includes('STEP#')) continue;
            const before = tokenIn(database.get(operation.key));
            expect(offers.follows(tokenIn(operation.value) ?? '', before)).toBe(true);
          }
          await (act.do === 'end' ? write.end() : write.failAfter());
        };
        for (const act of run) {
          if (act.do === 'settle') await settle();
          else if (act.do !== 'write') await finish(act);
          else {
            const [record, expected] = offers.next(act);
            const done = writeStep(store, meta, record, expected).then(
              ({ written }) => written && acknowledged.add(record.token),
              () => undefined,
            );
            pending.push(done);
          }
        }
        for (let rounds = 0; rounds < 200; rounds += 1) {
          await settle();
          await finish({ do: 'end', sync: rounds % 2 === 0 });
        }
        await Promise.all(pending);
        database.holding = false;
        const shown = await store.load(meta);
        expect(shown).toStrictEqual(await (await storeOnTest(database)).load(meta));
        for (const [step, offered] of offers.byStep) {
          const last = shown?.steps.get(step)?.token;
          for (const { token } of offered.filter((one) => acknowledged.has(one.token))) {
            expect(token === last || offers.follows(last ?? '', token)).toBe(true);
          }
        }
      }),
      { numRuns: 150 },
    );
  });
});
