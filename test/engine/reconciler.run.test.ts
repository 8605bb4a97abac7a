import { describe, expect, it } from 'vitest';
import { shardOf } from '../../lib/contract/table.ts';
import type { StepMessage } from '../../lib/contract/wire.ts';
import { cancel, resume } from '../../lib/engine/operations/change.ts';
import type { HttpOutcome } from '../../lib/engine/ports.ts';
import { reconcile } from '../../lib/engine/reconciler.ts';
import type { WorkflowMeta } from '../../lib/engine/state.ts';
import { given, metaOf } from '../ports/store/fixtures.ts';
import { settle } from '../support/manual-clock.ts';
import { MEANWHILE } from './faults.ts';
import { GRAPHS } from './fixtures.ts';
import { deferred, eventsOf, ok, openWorld, requestChain, status, type World } from './world.ts';

const LINE = requestChain(GRAPHS.line);
const SHARDS = 8;
/** When the first step should be done, of 30 s with its margin of 15 s: then a workflow is looked at first. */
const BOUND = 45_000;
/** What the definition allows a step: three attempts of 45 s, waits of 8 and 16 s, and a look of the reconciler. */
const PATIENCE = 1_059_000;
/** What may take as long as a look of the reconciler. */
const LOOK = 900_000;

const reconciled = (world: World, remainingMs = () => 60_000) => reconcile(world.engine, remainingMs);

describe('the due time of a workflow', () => {
  it('is moved at every look, twice as far each time, up to a quarter of an hour', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin();
    await world.clock.advance(BOUND);
    const waits: number[] = [];
    for (let looks = 0; looks < 7; looks += 1) {
      await reconciled(world);
      const { dueAt = 0 } = await world.meta(key);
      waits.push((dueAt - world.clock.now()) / 1_000);
      await world.clock.advance(dueAt - world.clock.now());
    }
    expect(waits).toEqual([60, 120, 240, 480, 900, 900, 900]);
  });

  it('begins anew with a resume', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin();
    await world.clock.advance(BOUND);
    await reconciled(world);
    world.answers('a', status(402));
    await world.run();
    await resume(world.engine, key);
    const meta = await world.meta(key);
    expect(meta.dueAt).toBe(world.clock.now() + BOUND);
    expect(meta).not.toHaveProperty('dueAfter');
  });

  it('costs a healthy workflow nothing: it is done before its first look, however many steps it has', async () => {
    const many = Object.fromEntries(
      Array.from({ length: 20 }, (_, at) => [`s${at}`, at === 0 ? [] : [`s${at - 1}`]]),
    );
    const world = await openWorld(requestChain(many));
    const key = await world.begin();
    world.faults.log.length = 0;
    await world.run();
    const writes = world.faults.log.filter((call) => call === 'writeMeta');
    await world.clock.advance(BOUND);
    expect(await reconciled(world)).toMatchObject({ examined: 0 });
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
    // The completion, and nothing else.
    expect(writes).toHaveLength(1);
  });

  it('is moved to when the steps that are reached should be done, and nothing is sent, where all goes well slowly', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin();
    await world.clock.advance(BOUND - 1_000);
    void world.work('a');
    await settle();
    const never = deferred<HttpOutcome>();
    world.answers('b', never.promise);
    void world.work('b');
    await settle();
    await world.clock.advance(1_000);
    expect(await reconciled(world)).toMatchObject({ examined: 1, repaired: 0 });
    const { leaseUntil } = (await world.step(key, 'b')) ?? {};
    const { dueAt, ...meta } = await world.meta(key);
    expect(dueAt).toBe(leaseUntil);
    expect(meta).not.toHaveProperty('dueAfter');
    expect(world.queued()).toBe('');
    never.resolve(ok('b'));
    await settle();
    await world.run();
    expect(world.called()).toBe('a b c');
  });

  it('is moved before anything is sent', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin();
    await world.clock.advance(BOUND);
    const seen: (number | undefined)[] = [];
    world.faults.next('send', { before: async () => seen.push((await world.meta(key)).dueAt) });
    await reconciled(world);
    expect(seen).toEqual([world.clock.now() + 60_000]);
  });

  it('stays moved where the send fails: the next look tries again', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin();
    world.loseMessages();
    await world.clock.advance(BOUND);
    world.faults.next('send', { fail: true });
    expect(await reconciled(world)).toMatchObject({ examined: 1, repaired: 0 });
    expect(eventsOf(world, 'unexpected_error')).toMatchObject([
      { where: 'reconciler', workflowId: key.workflowId },
    ]);
    expect(world.queued()).toBe('');
    await world.clock.advance(60_000);
    expect(await reconciled(world)).toMatchObject({ repaired: 1 });
    expect(world.queued()).toBe('a');
  });

  it('is moved by one of two runs, and only that one sends', async () => {
    const world = await openWorld(LINE);
    await world.begin();
    world.loseMessages();
    await world.clock.advance(BOUND);
    const other: unknown[] = [];
    world.faults.next('writeMeta', {
      before: async () => {
        await world.clock.advance(1);
        other.push(await reconciled(world));
      },
    });
    expect(await reconciled(world)).toMatchObject({ examined: 1, repaired: 0 });
    expect(other).toMatchObject([{ examined: 1, repaired: 1 }]);
    expect(world.queued()).toBe('a');
  });

  it.each(MEANWHILE)('does not bring back a workflow that is cancelled %s', async (_, strike) => {
    const world = await openWorld(LINE);
    const key = await world.begin();
    await world.clock.advance(BOUND);
    world.faults.next(...strike(() => cancel(world.engine, key)));
    expect(await reconciled(world)).toMatchObject({ repaired: 0 });
    const meta = await world.meta(key);
    expect(meta).toMatchObject({ status: 'cancelled' });
    expect(meta).not.toHaveProperty('dueAt');
  });
});

/** Workflows of one shard that are all due, as their starts would have saved them. */
const dueInOneShard = (count: number, now: number): WorkflowMeta[] => {
  const metas: WorkflowMeta[] = [];
  for (let seed = 0; metas.length < count; seed += 1) {
    const meta = metaOf(seed, { input: {}, dueAt: now - 1_000 + seed });
    if (shardOf(meta.workflowId) === 3) metas.push(meta);
  }
  return metas.map((meta, at) => ({ ...meta, dueAt: now - count + at }));
};

describe('one run', () => {
  it('examines page after page of what is due', async () => {
    const world = await openWorld(LINE);
    const metas = dueInOneShard(250, world.clock.now());
    await given(world.engine.ports.store, ...metas);
    expect(await reconciled(world)).toMatchObject({ examined: 250, repaired: 250 });
    const ids = world.bodies.map((body): StepMessage => JSON.parse(body)).map(({ workflowId }) => workflowId);
    expect(ids.sort()).toEqual(metas.map(({ workflowId }) => workflowId).sort());
    expect(await reconciled(world)).toMatchObject({ examined: 0 });
  });

  it('begins no workflow with less than 4 s left, and leaves the rest to the next run', async () => {
    const world = await openWorld(LINE);
    const now = world.clock.now();
    await given(world.engine.ports.store, ...dueInOneShard(25, now));
    expect(await reconciled(world, () => 3_999)).toMatchObject({ examined: 0 });
    // The first is asked of the dead letters: there is no time for them.
    const left = [4_000, 4_000, 4_000, 3_999];
    expect(await reconciled(world, () => left.shift() ?? 0)).toMatchObject({ examined: 20 });
    expect(await reconciled(world)).toMatchObject({ examined: 5 });
  });

  it('takes the ones that have been due for longest first', async () => {
    const world = await openWorld(LINE);
    const metas = dueInOneShard(15, world.clock.now());
    await given(world.engine.ports.store, ...[...metas].reverse());
    const left = [4_000, 60_000];
    await reconciled(world, () => left.shift() ?? 0);
    const ids = world.bodies.map((body): StepMessage => JSON.parse(body)).map(({ workflowId }) => workflowId);
    expect(ids.sort()).toEqual(
      metas
        .slice(0, 10)
        .map(({ workflowId }) => workflowId)
        .sort(),
    );
  });

  it('ends where a full page brings nothing that is really due', async () => {
    const world = await openWorld(LINE);
    const metas = dueInOneShard(100, world.clock.now()).map((meta) => ({
      ...meta,
      dueAt: world.clock.now() + 1_000,
    }));
    await given(world.engine.ports.store, ...metas);
    let asked = 0;
    const { store } = world.engine.ports;
    const stale = {
      ...store,
      listDue: async (shard: number) => {
        asked += 1;
        return shard === 3 ? metas.map(({ tenant, workflowId }) => ({ tenant, workflowId, dueAt: 0 })) : [];
      },
    };
    await reconcile({ ...world.engine, ports: { ...world.engine.ports, store: stale } }, () => 60_000);
    expect(asked).toBe(SHARDS);
  });

  it('goes on with the others where one cannot be examined, and that one stays due', async () => {
    const world = await openWorld(LINE);
    const now = world.clock.now();
    const metas = dueInOneShard(3, now);
    await given(world.engine.ports.store, ...metas);
    world.faults.next('load', { fail: true });
    expect(await reconciled(world)).toMatchObject({ examined: 3, repaired: 2 });
    expect(eventsOf(world, 'unexpected_error')).toHaveLength(1);
    expect(await reconciled(world)).toMatchObject({ examined: 1, repaired: 1 });
  });

  it('says of a version that this deployment does not know that somebody must act, and moves it too', async () => {
    const world = await openWorld(LINE);
    const now = world.clock.now();
    const [meta] = dueInOneShard(1, now);
    if (meta === undefined) throw new Error('one was made');
    await given(world.engine.ports.store, { ...meta, version: 9 });
    expect(await reconciled(world)).toMatchObject({ examined: 1, repaired: 0 });
    expect(eventsOf(world, 'unexpected_error')).toMatchObject([
      { message: 'this deployment does not know order-processing version 9', workflowId: meta.workflowId },
    ]);
    expect(await world.meta(meta)).toMatchObject({ dueAt: now + 60_000 });
    expect(world.queued()).toBe('');
  });

  it('tells the age of what it cannot help, at every look, so that the alarm sounds in the end', async () => {
    const world = await openWorld(LINE);
    const now = world.clock.now();
    const [meta] = dueInOneShard(1, now);
    if (meta === undefined) throw new Error('one was made');
    const { store } = world.engine.ports;
    await given(store, { ...meta, version: 9, updatedAt: now - 5_000 });
    expect(await reconciled(world)).toMatchObject({ overdue: 5_000 / LOOK });
    await world.clock.advance(60_000);
    expect(await reconciled(world)).toMatchObject({ overdue: 65_000 / LOOK });
    await world.clock.advance(120_000);
    world.faults.next('load', { fail: true });
    expect(await reconciled(world)).toMatchObject({ examined: 1, overdue: 0 });
    await world.clock.advance(30_000);
    world.faults.next('load', { fail: true });
    expect(await reconciled(world)).toMatchObject({ examined: 1, overdue: 30_000 / LOOK });
  });

  it('tells the age of a step whose message cannot be sent, though its due time was moved', async () => {
    const world = await openWorld(LINE);
    await world.begin();
    world.loseMessages();
    await world.clock.advance(BOUND);
    world.faults.next('send', { fail: true });
    expect(await reconciled(world)).toMatchObject({ examined: 1, repaired: 0, overdue: BOUND / PATIENCE });
  });

  it('tells of what is the latest how late it is', async () => {
    const world = await openWorld(LINE);
    await world.begin();
    await world.clock.advance(10_000);
    await world.begin();
    await world.clock.advance(BOUND);
    expect(await reconciled(world)).toMatchObject({ overdue: (BOUND + 10_000) / PATIENCE });
    expect(eventsOf(world, 'most_overdue')).toEqual([
      { event: 'most_overdue', ratio: (BOUND + 10_000) / PATIENCE },
    ]);
  });

  it('says of each workflow that is overdue which step it is, and of none before', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin();
    await world.clock.advance(PATIENCE - 1);
    await reconciled(world);
    expect(eventsOf(world, 'overdue')).toEqual([]);
    await world.clock.advance(120_000);
    expect(await reconciled(world)).toMatchObject({ overdue: (PATIENCE + 119_999) / PATIENCE });
    expect(eventsOf(world, 'overdue')).toMatchObject([
      { ...key, chain: 'order-processing', step: 'a', ageMs: PATIENCE + 119_999, boundMs: PATIENCE },
    ]);
  });

  it('holds each step to what its own definition allows: a patient one beside it makes nobody wait', async () => {
    const patient = requestChain(GRAPHS.line, { retries: 100 }, { start: '/api/patient' });
    const world = await openWorld(requestChain({ a: [] }, { timeout: 5, retries: 0 }), {
      ...patient,
      name: 'patient',
    });
    await world.begin();
    await world.clock.advance(1_000_000);
    // One attempt of 20 s, and a look.
    expect(await reconciled(world)).toMatchObject({ overdue: 1_000_000 / 920_000 });
  });

  it('fails where the index cannot be read, so that the missing run is noticed', async () => {
    const world = await openWorld(LINE);
    world.faults.next('listDue', { fail: true });
    await expect(reconciled(world)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  it('of which one shard cannot be read looks at all the others before it fails', async () => {
    const world = await openWorld(LINE);
    const metas = dueInOneShard(1, world.clock.now());
    await given(world.engine.ports.store, ...metas);
    // The first shard is asked first; these are of another.
    world.faults.next('listDue', { fail: true });
    await expect(reconciled(world)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(world.queued()).toBe('a');
    expect(eventsOf(world, 'most_overdue')).toEqual([]);
  });
});
