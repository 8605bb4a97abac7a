import { describe, expect, it } from 'vitest';
import { cancel, resume } from '../../lib/engine/operations/change.ts';
import type { HttpOutcome } from '../../lib/engine/ports.ts';
import { settle } from '../support/manual-clock.ts';
import { GRAPHS } from './fixtures.ts';
import { CARD, deferred, eventsOf, ok, openWorld, requestChain, status, type World } from './world.ts';

const LINE = requestChain(GRAPHS.line);
const JOIN = requestChain(GRAPHS.join);
const FORK = requestChain(GRAPHS.fork);

/** Two steps whose workers both loaded before either saved, and whose calls end when the test says so. */
async function together(world: World, one: string, other: string) {
  const answers = [deferred<HttpOutcome>(), deferred<HttpOutcome>()] as const;
  world.answers(one, answers[0].promise);
  world.answers(other, answers[1].promise);
  const handled = [world.work(one), world.work(other)];
  await settle();
  return {
    /** Ends both calls at once, so that the two saves and what follows them mix. */
    end: () => {
      answers[0].resolve(ok(one));
      answers[1].resolve(ok(other));
      return Promise.all(handled);
    },
    /** Ends the second only once the first is saved and has advanced. */
    endInTurn: async () => {
      answers[0].resolve(ok(one));
      await handled[0];
      answers[1].resolve(ok(other));
      await handled[1];
    },
  };
}

describe('a join', () => {
  it('is queued when both branches are done, and not before', async () => {
    const world = await openWorld(JOIN);
    await world.begin();
    await world.work('a');
    expect(world.visible('c')).toEqual([]);
    await world.work('b');
    expect(world.visible('c')).toHaveLength(1);
    await world.run();
    expect(world.called()).toBe('a b c');
  });

  it('is queued, and called once, when both branches end together', async () => {
    const world = await openWorld(JOIN);
    const key = await world.begin();
    const both = await together(world, 'a', 'b');
    expect(await both.end()).toEqual(['acknowledge', 'acknowledge']);
    expect(world.visible('c').length).toBeGreaterThanOrEqual(1);
    await world.run();
    expect(world.called()).toBe('a b c');
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
  });

  it('is queued by the branch that ends last, although that one loaded before the other was saved', async () => {
    const world = await openWorld(JOIN);
    await world.begin();
    await (await together(world, 'a', 'b')).endInTurn();
    expect(world.visible('c')).toHaveLength(1);
  });

  it('is queued when the first branch looks only after the second was saved', async () => {
    const world = await openWorld(JOIN);
    await world.begin();
    const both = await together(world, 'a', 'b');
    const saved = deferred<void>();
    // Claims are made: the next two writes are the outcomes, and the next load is that of the first to be saved.
    world.faults.next('writeStep', {}, { after: () => saved.resolve() });
    world.faults.next('load', { before: () => saved.promise });
    await both.end();
    expect(world.visible('c').length).toBeGreaterThanOrEqual(1);
  });

  it('of a diamond is called once', async () => {
    const world = await openWorld(requestChain(GRAPHS.diamond));
    const key = await world.begin();
    await world.work('a');
    const both = await together(world, 'b', 'c');
    await both.end();
    await world.run();
    expect(world.called()).toBe('a b c d');
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
  });
});

describe('last branches', () => {
  it('that end one after the other complete the workflow at the second', async () => {
    const world = await openWorld(FORK);
    const key = await world.begin();
    await world.work('a');
    await world.work('b');
    expect(await world.meta(key)).toMatchObject({ status: 'processing' });
    await world.work('c');
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
  });

  it('complete the workflow although the second loaded before the first was saved', async () => {
    const world = await openWorld(FORK);
    const key = await world.begin();
    await world.work('a');
    await (await together(world, 'b', 'c')).endInTurn();
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
  });

  it('that end together complete the workflow', async () => {
    const world = await openWorld(FORK);
    const key = await world.begin();
    await world.work('a');
    const both = await together(world, 'b', 'c');
    expect(await both.end()).toEqual(['acknowledge', 'acknowledge']);
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
    expect(world.called()).toBe('a b c');
  });
});

describe('a branch that fails', () => {
  it('lets its sibling finish and be saved, and nothing follows from it', async () => {
    const world = await openWorld(requestChain({ a: [], b: [], c: ['a'] }));
    const key = await world.begin();
    const slow = deferred<HttpOutcome>();
    world.answers('a', slow.promise);
    world.answers('b', status(402));
    const sibling = world.work('a');
    await settle();
    await world.work('b');
    await world.work('b', 'deadLetter');
    expect(await world.meta(key)).toMatchObject({ status: 'failed', error: { step: 'b' } });
    slow.resolve(ok('a'));
    expect(await sibling).toBe('acknowledge');
    expect(await world.step(key, 'a')).toMatchObject({ status: 'completed' });
    await world.run();
    expect(world.called()).toBe('a b');
    expect(await world.meta(key)).toMatchObject({ status: 'failed', error: { step: 'b' } });
  });

  it('is resumed alone: what was done stays done', async () => {
    const world = await openWorld(JOIN);
    const key = await world.begin();
    world.answers('b', status(402));
    await world.run();
    await resume(world.engine, key);
    await world.run();
    expect(world.called()).toBe('a b b c');
    expect(await world.meta(key)).toMatchObject({ status: 'completed', epoch: 1 });
  });
});

describe('a completion', () => {
  it('erases the sensitive input and the seal in the same write, and leaves the due index', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin({ idempotencyKey: 'k' });
    expect(await world.meta(key)).toMatchObject({ input: { card: CARD }, fingerprint: { sealed: {} } });
    await world.work('a');
    await world.work('b');
    world.faults.log.length = 0;
    await world.work('c');
    const meta = await world.meta(key);
    expect(meta).toMatchObject({ status: 'completed', erased: true, input: { amount: 5 } });
    expect(JSON.stringify(meta)).not.toContain(CARD);
    expect(Object.keys(meta.fingerprint ?? {})).toEqual(['open']);
    expect(meta).not.toHaveProperty('dueAt');
    expect(world.faults.log.filter((operation) => operation === 'writeMeta')).toHaveLength(1);
  });

  it('is told once, with how long the workflow took', async () => {
    const world = await openWorld(LINE);
    await world.begin();
    await world.work('a');
    await world.clock.advance(7_000);
    await world.run();
    expect(eventsOf(world, 'workflow_completed')).toMatchObject([{ durationMs: 7_000 }]);
  });

  it('whose write failed is repeated at the next delivery, without a call', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin();
    await world.work('a');
    await world.work('b');
    world.faults.next('writeMeta', { fail: true }, { fail: true });
    expect(await world.work('c')).toBe('retry');
    expect(await world.meta(key)).toMatchObject({ status: 'processing' });
    await world.clock.advance(2_000);
    expect(await world.work('c')).toBe('acknowledge');
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
    expect(world.called()).toBe('a b c');
  });
});

describe('a cancellation', () => {
  it('before the load of a message keeps its call from being made', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin();
    await world.work('a');
    await cancel(world.engine, key);
    expect(await world.work('b')).toBe('acknowledge');
    expect(world.called()).toBe('a');
    expect(await world.step(key, 'b')).toBeUndefined();
    expect(eventsOf(world, 'message_ignored')).toMatchObject([{ because: 'the workflow is cancelled' }]);
  });

  it('between load and claim lets that call finish and be saved, and nothing follows', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin();
    world.faults.next('load', { after: () => cancel(world.engine, key) });
    expect(await world.work('a')).toBe('acknowledge');
    await world.run();
    expect(world.called()).toBe('a');
    expect(await world.meta(key)).toMatchObject({ status: 'cancelled', erased: true });
    expect(await world.step(key, 'a')).toMatchObject({ status: 'completed' });
  });

  it('during the last call is not overwritten by its success, and what it erased stays erased', async () => {
    const world = await openWorld(requestChain({ a: [] }));
    const key = await world.begin();
    const slow = deferred<HttpOutcome>();
    world.answers('a', slow.promise);
    const working = world.work('a');
    await settle();
    await cancel(world.engine, key);
    slow.resolve(ok('a'));
    expect(await working).toBe('acknowledge');
    const meta = await world.meta(key);
    expect(meta).toMatchObject({ status: 'cancelled' });
    expect(meta.input).toEqual({ amount: 5 });
    expect(eventsOf(world, 'workflow_completed')).toEqual([]);
  });

  it('during a call that fails for good is not overwritten either', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin();
    const slow = deferred<HttpOutcome>();
    world.answers('a', slow.promise);
    const working = world.work('a');
    await settle();
    await cancel(world.engine, key);
    slow.resolve(status(402));
    await working;
    await world.run();
    expect(await world.meta(key)).toMatchObject({ status: 'cancelled' });
    expect(world.notifications).toEqual([]);
  });

  it('while a step waits for its next attempt keeps that attempt from being made', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin();
    world.answers('a', status(503, '', { 'retry-after': '60' }));
    await world.work('a');
    await cancel(world.engine, key);
    await world.clock.advance(60_000);
    expect(await world.work('a')).toBe('acknowledge');
    expect(world.called()).toBe('a');
  });
});

describe('a resume while an old worker is still at it', () => {
  /** The first step's worker is slow; its message came back from the dead three times, and the workflow was resumed. */
  const resumedUnder = async (chain: typeof LINE) => {
    const world = await openWorld(chain);
    const key = await world.begin();
    const slow = deferred<HttpOutcome>();
    world.answers('a', slow.promise);
    const [message] = world.visible('a');
    const stale = world.work('a');
    await world.clock.advance(50_000);
    await world.queueAgain(message && { ...message, trip: 2, claimed: 1 }, 'deadLetter');
    await world.work('a', 'deadLetter');
    await resume(world.engine, key);
    const end = () => {
      slow.resolve(ok('late'));
      return stale;
    };
    return { world, key, end };
  };

  it('goes on from that worker’s success, in the new epoch', async () => {
    const { world, key, end } = await resumedUnder(LINE);
    expect(await end()).toBe('acknowledge');
    // What the stale worker queued is of the old epoch; the resumed step's own message goes on.
    await world.run();
    expect(world.called()).toBe('a b c');
    expect(await world.meta(key)).toMatchObject({ status: 'completed', epoch: 1 });
  });

  it('is completed by that worker if nothing else was left to do', async () => {
    const { world, key, end } = await resumedUnder(requestChain({ a: [] }));
    expect(await end()).toBe('acknowledge');
    expect(await world.meta(key)).toMatchObject({ status: 'completed', epoch: 1 });
    await world.run();
    expect(world.called()).toBe('a');
    expect(eventsOf(world, 'workflow_completed')).toHaveLength(1);
  });
});
