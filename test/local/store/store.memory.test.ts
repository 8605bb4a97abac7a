import { describe, expect, it, vi } from 'vitest';
import type { WorkflowMeta } from '../../../lib/engine/state.ts';
import { createCache, newEntry } from '../../../lib/local/store/cache.ts';
import type { EmbeddedStore } from '../../../lib/local/store/store.ts';
import { claimOf, completedOf, given, loaded, metaOf } from '../../ports/store/fixtures.ts';
import { settle } from '../../support/manual-clock.ts';
import { endedOf, running, storeOnTest, testDatabase, writeStep } from './support.ts';

describe('what a caller does to what it was given', () => {
  it('changes nothing in the store, however deep', async () => {
    const store = await storeOnTest(await testDatabase());
    const orders = () => metaOf('one', { input: { lines: [{ sku: 'a' }], address: { city: 'Ulm' } } });
    const paid = () => completedOf('payment', { ids: ['o-1'], more: { list: [[{ sku: 'a' }]] } });
    const meta = orders();
    await given(store, meta);
    await writeStep(store, meta, paid());
    const first = await loaded(store, meta);
    spoil(first.meta.input);
    spoil(first.steps.get('payment')?.result);
    const second = await loaded(store, meta);
    expect(second.meta).toStrictEqual(orders());
    expect(second.steps.get('payment')).toStrictEqual(paid());
  });

  it('is from the first what it will be once it was read from disk: a field without a value is none', async () => {
    const store = await storeOnTest(await testDatabase());
    const meta = metaOf('one', { input: { note: undefined, list: [{ note: undefined }] } });
    await given(store, meta);
    expect((await loaded(store, meta)).meta.input).toStrictEqual({ list: [{}] });
  });

  it('changes nothing either where a refusal showed it what is there', async () => {
    const store = await storeOnTest(await testDatabase());
    const meta = metaOf('one', { input: { lines: [1] } });
    const step = completedOf('payment', { ids: ['o-1'] });
    await given(store, meta);
    await writeStep(store, meta, step);
    const refusals = [await store.create(meta), await writeStep(store, meta, step)];
    for (const refusal of refusals) spoil('current' in refusal ? refusal.current : undefined);
    const { meta: shown, steps } = await loaded(store, meta);
    expect(shown).toStrictEqual(meta);
    expect(steps.get('payment')?.result).toStrictEqual({ ids: ['o-1'] });
  });

  it('changes nothing once it was saved', async () => {
    const store = await storeOnTest(await testDatabase());
    const meta = metaOf('one', { input: { lines: [1] } });
    const step = completedOf('payment', { ids: ['o-1'] });
    await given(store, meta);
    spoil(meta.input);
    await writeStep(store, meta, step);
    spoil(step.result);
    const state = await loaded(store, meta);
    expect(state.meta.input).toStrictEqual({ lines: [1] });
    expect(state.steps.get('payment')?.result).toStrictEqual({ ids: ['o-1'] });
  });
});

/** Changes every list and every object within a value. */
function spoil(value: unknown): void {
  if (Array.isArray(value)) {
    for (const item of value) spoil(item);
    value.push('spoiled');
  } else if (typeof value === 'object' && value !== null) {
    for (const item of Object.values(value)) spoil(item);
    Object.assign(value, { spoiled: true });
  }
}

describe('memory', () => {
  const cachedOf = (store: EmbeddedStore): number => store.stats().cached;

  it('holds the finished workflows that were used last, and no more than it may', async () => {
    const database = await testDatabase();
    const store = await storeOnTest(database, { finished: 2, finishedBytes: 1_000_000 });
    await given(store, endedOf(1));
    await given(store, endedOf(2));
    await store.load(endedOf(1));
    await given(store, endedOf(3));
    expect(cachedOf(store)).toBe(2);
    const reads = vi.spyOn(database, 'entries');
    await store.load(endedOf(1));
    await store.load(endedOf(3));
    expect(reads).not.toHaveBeenCalled();
    expect((await loaded(store, endedOf(2))).meta).toStrictEqual(endedOf(2));
    expect(reads).toHaveBeenCalledTimes(1);
    expect(cachedOf(store)).toBe(2);
  });

  it('holds finished workflows up to so many bytes, and the newest however large', async () => {
    const large = (seed: number, bytes: number) => endedOf(seed, { input: { text: 'x'.repeat(bytes) } });
    const store = await storeOnTest(await testDatabase(), { finished: 100, finishedBytes: 3_000 });
    for (const seed of [1, 2, 3]) await given(store, large(seed, 500));
    expect(cachedOf(store)).toBe(3);
    await given(store, large(4, 1_500));
    expect(cachedOf(store)).toBe(2);
    await given(store, large(5, 10_000));
    expect(cachedOf(store)).toBe(1);
    await given(store, large(6, 500));
    expect(cachedOf(store)).toBe(1);
  });

  it('counts the bytes of a workflow as they are after its last change', async () => {
    const store = await storeOnTest(await testDatabase(), { finished: 100, finishedBytes: 5_000 });
    const meta = endedOf(1, { input: { text: 'x'.repeat(4_000) } });
    await given(store, meta);
    await store.writeMeta({ ...meta, input: {} }, { status: 'completed', epoch: 0 });
    await given(store, endedOf(2, { input: { text: 'x'.repeat(2_000) } }));
    expect(cachedOf(store)).toBe(2);
    await writeStep(store, meta, completedOf('payment', 'x'.repeat(3_000)));
    await store.load(meta);
    expect(cachedOf(store)).toBe(1);
  });

  it.each([
    ['runs', {}],
    ['runs, though nobody looks at it', { dueAt: undefined }],
    ['failed and was not told yet', { status: 'failed', notify: 'pending' }],
  ] as const)('keeps every workflow that %s', async (_, changes) => {
    const database = await testDatabase();
    const store = await storeOnTest(database, { finished: 1, finishedBytes: 1 });
    const metas = Array.from({ length: 20 }, (_, number): WorkflowMeta => {
      const { dueAt, ...meta } = { ...metaOf(number), ...changes };
      return dueAt === undefined ? meta : { ...meta, dueAt };
    });
    await given(store, ...metas);
    await given(store, endedOf('other'), endedOf('another'));
    const reads = vi.spyOn(database, 'entries');
    for (const meta of metas) await store.load(meta);
    expect(reads).not.toHaveBeenCalled();
    expect(cachedOf(store)).toBe(21);
  });

  it('lets a workflow go once it is finished', async () => {
    const store = await storeOnTest(await testDatabase(), { finished: 1, finishedBytes: 1_000_000 });
    for (let number = 0; number < 5; number += 1) {
      const claim = claimOf('payment');
      await given(store, metaOf(number));
      await writeStep(store, metaOf(number), claim);
      await writeStep(store, metaOf(number), completedOf('payment', 1), running(claim));
      await store.writeMeta(endedOf(number), { status: 'processing', epoch: 0 });
    }
    expect(cachedOf(store)).toBe(1);
  });

  it('keeps a finished workflow while something of it is being written', async () => {
    const database = await testDatabase();
    const store = await storeOnTest(database, { finished: 1, finishedBytes: 1_000_000 });
    await given(store, endedOf(1));
    database.holding = true;
    await writeStep(store, endedOf(1), completedOf('payment', 1));
    const others = given(store, endedOf(2), endedOf(3));
    await settle();
    await writeStep(store, endedOf(1), completedOf('shipment', 1));
    await settle();
    await database.endWrite();
    await others;
    await settle();
    // Nothing of the second write is in the database yet: memory alone knows that it is under way.
    const third = writeStep(store, endedOf(1), completedOf('shipment', 2));
    await settle();
    await database.endWrite();
    expect(await third).toEqual({ written: false, current: completedOf('shipment', 1) });
    expect(cachedOf(store)).toBe(1);
  });

  it('lets a workflow go whose last outcome came after its end, once that is on disk', async () => {
    const database = await testDatabase();
    const store = await storeOnTest(database, { finished: 1, finishedBytes: 1_000_000 });
    const claim = claimOf('payment');
    await given(store, metaOf(1));
    await writeStep(store, metaOf(1), claim);
    await store.writeMeta(endedOf(1, { status: 'cancelled' }), { status: 'processing', epoch: 0 });
    await writeStep(store, metaOf(1), completedOf('payment', 1), running(claim));
    await given(store, endedOf(2));
    expect(cachedOf(store)).toBe(1);
    const reads = vi.spyOn(database, 'entries');
    expect((await loaded(store, metaOf(1))).steps.get('payment')).toStrictEqual(completedOf('payment', 1));
    expect(reads).toHaveBeenCalledTimes(1);
  });

  it('keeps a claim that the disk has not, though nothing of its workflow is under way', () => {
    const cache = createCache({ finished: 1, finishedBytes: 1 });
    const [claimed, resting] = [newEntry('w/acme/one/'), newEntry('w/acme/two/')];
    claimed.claimed.add('payment');
    for (const entry of [claimed, resting]) {
      cache.hold(entry);
      cache.rest(entry);
    }
    expect([...cache.held()]).toEqual([claimed]);
    claimed.claimed.clear();
    cache.rest(claimed);
    expect([...cache.held()]).toEqual([]);
    expect([cache.get(claimed.items), cache.get(resting.items), cache.size()]).toEqual([
      claimed,
      undefined,
      1,
    ]);
  });

  it('is not filled by asking for workflows that are not there', async () => {
    const store = await storeOnTest(await testDatabase(), { finished: 5, finishedBytes: 1_000_000 });
    for (let number = 0; number < 20; number += 1) await store.load(metaOf(number));
    expect(cachedOf(store)).toBe(5);
  });

  it('sees a workflow that is started while somebody asks for it', async () => {
    const database = await testDatabase();
    const store = await storeOnTest(database);
    const { entries } = database;
    let go = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    vi.spyOn(database, 'entries').mockImplementation(async (range) => {
      const found = await entries(range);
      await gate;
      return found;
    });
    const early = store.load(metaOf('one'));
    const created = store.create(metaOf('one'));
    await settle();
    go();
    expect(await created).toEqual({ written: true });
    await early;
    expect((await loaded(store, metaOf('one'))).meta).toStrictEqual(metaOf('one'));
  });

  it('reads a workflow once for all who ask at the same time', async () => {
    const database = await testDatabase();
    await given(await storeOnTest(database), endedOf(1));
    const store = await storeOnTest(database);
    const reads = vi.spyOn(database, 'entries');
    const states = await Promise.all(Array.from({ length: 5 }, () => store.load(endedOf(1))));
    expect(reads).toHaveBeenCalledTimes(1);
    for (const state of states) expect(state?.meta).toStrictEqual(endedOf(1));
  });
});

describe('the statistics', () => {
  it('count flushes and workflows in memory, and nothing else', async () => {
    const store = await storeOnTest(await testDatabase());
    expect(store.stats()).toStrictEqual({ flushes: 0, cached: 0 });
    const claim = claimOf('payment');
    await given(store, metaOf('one'));
    await writeStep(store, metaOf('one'), claim);
    await writeStep(store, metaOf('one'), completedOf('payment', 1), running(claim));
    await store.load(metaOf('one'));
    await store.load(metaOf('two'));
    await writeStep(store, metaOf('one'), claimOf('payment'), { status: 'retrying', token: 'another' });
    expect(store.stats()).toStrictEqual({ flushes: 2, cached: 2 });
  });

  it('count one flush for what is asked for at the same time', async () => {
    const store = await storeOnTest(await testDatabase());
    await given(store, ...Array.from({ length: 50 }, (_, number) => metaOf(number)));
    expect(store.stats()).toEqual({ flushes: 1, cached: 50 });
  });
});
