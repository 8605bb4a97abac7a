import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import type { ChainDefinition } from '../../lib/chain/definition.ts';
import { cancel, resume } from '../../lib/engine/operations/change.ts';
import { reconcile } from '../../lib/engine/reconciler.ts';
import type { WorkflowKey } from '../../lib/engine/state.ts';
import { handleDeadLetter } from '../../lib/engine/step-failed.ts';
import { handleDelivery } from '../../lib/engine/worker.ts';
import { DAY } from '../ports/store/fixtures.ts';
import { settle } from '../support/manual-clock.ts';
import { GRAPHS } from './fixtures.ts';
import {
  CARD,
  eventsOf,
  expectNothingLeaked,
  NO_CHAINS,
  openWorld,
  requestChain,
  status,
  type World,
} from './world.ts';

const LINE = requestChain(GRAPHS.line);
const SHARDS = 8;
/** When the first step should be done, of 30 s with its margin of 15 s. */
const BOUND = 45_000;
const LATEST_LOOK = 900_000;
const never = new Promise<never>(() => undefined);

const reconciled = (world: World, remainingMs = () => 60_000) => reconcile(world.engine, remainingMs);

describe('a stuck workflow', () => {
  interface Stuck {
    readonly chain?: ReturnType<typeof requestChain>;
    /** Brings the workflow into its state; what is in the queues afterwards is lost. */
    readonly get: (world: World, key: WorkflowKey) => Promise<unknown>;
    readonly queued: string;
    readonly why: string;
    readonly calls: string;
    readonly ends?: 'failed';
  }
  const refuse = async (world: World) => {
    world.answers('a', status(402));
    await world.work('a');
  };
  const rows: Readonly<Record<string, Stuck>> = {
    'whose first step was never queued': {
      get: async () => undefined,
      queued: 'a',
      why: 'the step was never claimed',
      calls: 'a b c',
    },
    'whose next step was not queued after a save': {
      get: async (world) => {
        world.faults.next('send', { fail: true });
        await world.work('a');
      },
      queued: 'b',
      why: 'the step was never claimed',
      calls: 'a b c',
    },
    'whose join was not queued': {
      chain: requestChain(GRAPHS.join),
      get: async (world) => {
        await world.work('a');
        await world.work('b');
      },
      queued: 'c',
      why: 'the step was never claimed',
      calls: 'a b c',
    },
    'whose claim was put back': {
      get: (world) => world.work('a', 'step', 1_000),
      queued: 'a',
      why: 'the step was never claimed',
      calls: 'a b c',
    },
    'whose worker died': {
      get: async (world) => {
        world.answers('a', never);
        void world.work('a');
        await settle();
      },
      queued: 'a',
      why: 'the lease is over',
      calls: 'a a b c',
    },
    'whose next attempt is due': {
      get: async (world) => {
        world.answers('a', status(503));
        await world.work('a');
      },
      queued: 'a',
      why: 'the next attempt is due',
      calls: 'a a b c',
    },
    'whose step failed without anybody knowing': {
      get: refuse,
      queued: 'a!',
      why: 'the step failed',
      calls: 'a',
      ends: 'failed',
    },
    'that was resumed without a message': {
      get: async (world, key) => {
        await refuse(world);
        await world.run();
        await resume(world.engine, key);
      },
      queued: 'a',
      why: 'the step failed before a resume',
      calls: 'a a b c',
    },
    'whose steps are all done': {
      get: async (world) => {
        await world.work('a');
        await world.work('b');
        world.faults.next('writeMeta', { fail: true }, { fail: true });
        await world.work('c');
      },
      queued: 'c',
      why: 'all steps are done',
      calls: 'a b c',
    },
  };

  it.each(Object.entries(rows))('%s gets the one message that it needs, and ends', async (_, stuck) => {
    const world = await openWorld(stuck.chain ?? LINE);
    const key = await world.begin();
    await stuck.get(world, key);
    world.loseMessages();
    await world.clock.advance(3 * BOUND);
    world.loseMessages();
    expect(world.queued()).toBe('');
    expect(await reconciled(world)).toMatchObject({ examined: 1, repaired: 1 });
    expect(world.queued()).toBe(stuck.queued);
    expect(eventsOf(world, 'repaired')).toMatchObject([{ workflowId: key.workflowId, repair: stuck.why }]);
    await world.run();
    expect(world.called()).toBe(stuck.calls);
    const meta = await world.meta(key);
    expect(meta).toMatchObject({ status: stuck.ends ?? 'completed' });
    expect(meta).not.toHaveProperty('notify');
    // Its sensitive input is erased in two weeks; of one that completed nothing is left to do.
    expect(meta.dueAt).toBe(meta.status === 'failed' ? meta.updatedAt + 14 * DAY : undefined);
    expect(world.notifications.length).toBe(
      stuck.why === 'the step failed before a resume' ? 1 : stuck.ends ? 1 : 0,
    );
    expectNothingLeaked(world);
  });

  it('is helped again and again until it ends, whatever is lost', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin();
    for (let times = 0; times < 5; times += 1) {
      world.loseMessages();
      await world.clock.advance(3_600_000);
      await reconciled(world);
    }
    await world.run();
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
    expect(world.called()).toBe('a b c');
  });
});

describe('a workflow that is not due', () => {
  it('is not even read', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin();
    const before = await world.meta(key);
    await world.clock.advance(BOUND - 1);
    world.faults.log.length = 0;
    expect(await reconciled(world)).toEqual({ examined: 0, repaired: 0, overdue: 0 });
    expect(world.faults.log.filter((call) => call !== 'receive')).toEqual(Array(SHARDS).fill('listDue'));
    expect(await world.meta(key)).toEqual(before);
    await world.clock.advance(1);
    expect(await reconciled(world)).toMatchObject({ examined: 1 });
  });

  it('is left alone by the table’s word, although the index still names it', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin();
    const { store } = world.engine.ports;
    const stale = { ...store, listDue: async (shard: number) => (shard === 0 ? [{ ...key, dueAt: 0 }] : []) };
    world.loseMessages();
    world.faults.log.length = 0;
    await reconcile({ ...world.engine, ports: { ...world.engine.ports, store: stale } }, () => 60_000);
    expect(world.faults.log.filter((call) => call !== 'receive')).toEqual(['load']);
    expect(world.queued()).toBe('');
  });

  it('because it ended is in the index no more', async () => {
    const world = await openWorld(LINE);
    await world.begin();
    await world.run();
    await cancel(world.engine, await world.begin());
    await world.clock.advance(30 * 86_400_000);
    expect(await reconciled(world)).toMatchObject({ examined: 0 });
  });
});

describe('a workflow that is due but healthy', () => {
  it('gets nothing: a step under way has its lease, a step that waits has its time', async () => {
    for (const prepare of ['running', 'retrying'] as const) {
      const world = await openWorld(LINE);
      const key = await world.begin();
      await world.clock.advance(BOUND);
      world.answers('a', prepare === 'running' ? never : status(503, '', { 'retry-after': '900' }));
      void world.work('a');
      await settle();
      world.loseMessages();
      expect(await reconciled(world)).toMatchObject({ examined: 1, repaired: 0 });
      expect(world.queued()).toBe('');
      // Its lease ends then; or it is looked at all the same, though its target asked for more.
      const until = prepare === 'running' ? (await world.step(key, 'a'))?.leaseUntil : LATEST_LOOK;
      expect((await world.meta(key)).dueAt).toBe(until === LATEST_LOOK ? world.clock.now() + until : until);
    }
  });
});

describe('the sensitive input of a workflow that has failed', () => {
  const failed = async (chain: ChainDefinition) => {
    const world = await openWorld(chain);
    const key = await world.begin({ idempotencyKey: 'order 17' });
    world.answers('a', status(402, 'declined'));
    await world.run();
    return { world, key };
  };

  it('is erased after the days that the chain says, in one write; then no resume can use it', async () => {
    const { world, key } = await failed(requestChain(GRAPHS.line, {}, { keepFailed: 3 }));
    await world.clock.advance(3 * DAY - 1);
    expect(await reconciled(world)).toMatchObject({ examined: 0 });
    expect(await world.meta(key)).toMatchObject({ input: { card: CARD } });
    const writes: string[] = [];
    world.faults.next('writeMeta', { before: async () => void writes.push('META') });
    await world.clock.advance(1);
    expect(await reconciled(world)).toMatchObject({ examined: 1, repaired: 0, overdue: 0 });
    expect(writes).toHaveLength(1);
    const meta = await world.meta(key);
    expect(meta).toMatchObject({
      status: 'failed',
      erased: true,
      input: { amount: 5 },
      error: { step: 'a' },
    });
    expect(meta).not.toHaveProperty('dueAt');
    expect(JSON.stringify(meta)).not.toContain(CARD);
    expect(eventsOf(world, 'workflow_erased')).toHaveLength(1);
    await expect(resume(world.engine, key)).rejects.toMatchObject({
      code: 'ERASED',
      message: expect.stringContaining('the sensitive input (card) was erased, 3 days after the failure'),
    });
    expect(await cancel(world.engine, key)).toMatchObject({ status: 'cancelled' });
  });

  it('is none where the chain has none: nothing is due, and a resume goes on', async () => {
    const input = z.strictObject({ card: z.string(), amount: z.number() });
    const { world, key } = await failed(requestChain(GRAPHS.line, {}, { sensitive: [], input }));
    expect(await world.meta(key)).not.toHaveProperty('dueAt');
    await world.clock.advance(30 * DAY);
    await resume(world.engine, key);
    await world.run();
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
  });

  it('is kept by a resume, and its days begin anew with the next failure', async () => {
    const { world, key } = await failed(LINE);
    await world.clock.advance(13 * DAY);
    await resume(world.engine, key);
    world.answers('a', status(402, 'declined'));
    await world.run();
    const again = await world.meta(key);
    expect(again).toMatchObject({ status: 'failed', epoch: 1 });
    expect(again.dueAt).toBe(world.clock.now() + 14 * DAY);
  });

  it('that is due though there is none leaves the workflow as it was: a resume goes on', async () => {
    const input = z.strictObject({ card: z.string(), amount: z.number() });
    const { world, key } = await failed(requestChain(GRAPHS.line, {}, { sensitive: [], input }));
    const meta = await world.meta(key);
    // As a function noted that did not know the chain.
    await world.engine.ports.store.writeMeta(
      { ...meta, dueAt: world.clock.now() },
      { status: 'failed', epoch: 0 },
    );
    await reconciled(world);
    expect(await world.meta(key)).toEqual(meta);
    expect(eventsOf(world, 'workflow_erased')).toEqual([]);
    await resume(world.engine, key);
    await world.run();
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
  });

  it('is all of it where this deployment does not know the chain', async () => {
    const { world, key } = await failed(LINE);
    await world.clock.advance(14 * DAY);
    const engine = { ...world.engine, chains: NO_CHAINS };
    await reconcile(engine, () => 60_000);
    expect(await world.meta(key)).toMatchObject({ status: 'failed', erased: true, input: {} });
    // Known again, the chain has nothing to run on, whatever it calls sensitive.
    await expect(resume(world.engine, key)).rejects.toMatchObject({ code: 'ERASED' });
  });
});

describe('a workflow that is not done a day before it expires', () => {
  it('fails and is told, makes no further call, and cannot be resumed', async () => {
    const world = await openWorld(requestChain(GRAPHS.line, {}, { keepDays: 2 }));
    const key = await world.begin();
    world.answers('b', status(503, '', { 'retry-after': '900' }));
    await world.run();
    expect(world.called()).toBe('a b');
    await world.clock.advance(DAY + 1);
    await world.run();
    expect(world.called()).toBe('a b');
    expect(await world.meta(key)).toMatchObject({
      status: 'failed',
      error: { code: 'EXPIRED', step: 'b', attempts: 1, effect: 'unknown' },
    });
    expect(world.notifications).toMatchObject([
      { id: `${key.workflowId}:0:failed`, code: 'EXPIRED', count: 1 },
    ]);
    await expect(resume(world.engine, key)).rejects.toMatchObject({ code: 'EXPIRING' });
  });

  it('does not call a finished step again though its item has expired', async () => {
    const world = await openWorld(requestChain(GRAPHS.line, {}, { keepDays: 2 }));
    const key = await world.begin();
    await world.work('a');
    world.loseMessages();
    const { store } = world.engine.ports;
    const expired = {
      ...store,
      load: async (asked: WorkflowKey) => {
        const state = await store.load(asked);
        return state && { ...state, steps: new Map() };
      },
    };
    const engine = { ...world.engine, ports: { ...world.engine.ports, store: expired } };
    await world.clock.advance(2 * DAY + 1);
    await reconcile(engine, () => 60_000);
    const delivery = world.receive('a');
    expect(await handleDelivery(engine, delivery, () => 45_000)).toBe('acknowledge');
    expect(await handleDeadLetter(engine, world.receive('a', 'deadLetter'))).toBe('acknowledge');
    expect(world.called()).toBe('a');
    expect(await world.meta(key)).toMatchObject({
      status: 'failed',
      error: { code: 'EXPIRED', effect: 'unknown' },
    });
  });
});
