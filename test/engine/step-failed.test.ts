import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../lib/contract/limits.ts';
import { cancel, resume } from '../../lib/engine/operations/change.ts';
import { handleDeadLetter } from '../../lib/engine/step-failed.ts';
import { handleDelivery } from '../../lib/engine/worker.ts';
import { DAY } from '../ports/store/fixtures.ts';
import { MEANWHILE } from './faults.ts';
import { GRAPHS, messageTo } from './fixtures.ts';
import { CARD, eventsOf, NO_CHAINS, openWorld, requestChain, status } from './world.ts';

const LINE = requestChain(GRAPHS.line);
const VISIBILITY = 270_000;

/** A workflow whose first step was refused; its dead letter waits. */
async function refused(chain = LINE) {
  const world = await openWorld(chain);
  const key = await world.begin();
  world.answers('a', status(402, `card ${CARD} declined`));
  await world.work('a');
  return { world, key };
}

/** A workflow whose first message ended among the dead letters without ever being handled, at that trip. */
async function burned(trip: number) {
  const world = await openWorld(LINE);
  const key = await world.begin();
  const delivery = world.receive('a');
  world.queues.acknowledge(delivery.queue, delivery.receiptHandle);
  await world.queueAgain({ ...JSON.parse(delivery.body), trip }, 'deadLetter');
  return { world, key };
}

describe('the dead letter of a step that failed', () => {
  it('fails the workflow with the step and its error, in one write that also says that on-call is to be told', async () => {
    const { world, key } = await refused();
    world.faults.next('notify', { fail: true });
    expect(await world.work('a', 'deadLetter')).toBe('retry');
    const now = world.clock.now();
    expect(await world.meta(key)).toMatchObject({
      status: 'failed',
      epoch: 0,
      notify: 'pending',
      error: {
        step: 'a',
        code: 'REFUSED',
        message: 'api refused the request: 402 Payment Required',
        detail: expect.stringContaining('card *** declined'),
        effect: 'none',
        attempts: 1,
      },
      updatedAt: now,
      dueAt: now + 60_000,
    });
    expect(eventsOf(world, 'workflow_failed')).toMatchObject([{ error: { step: 'a' } }]);
  });

  it('tells on-call nothing that the target answered', async () => {
    const { world } = await refused();
    await world.work('a', 'deadLetter');
    expect(JSON.stringify(world.notifications)).toContain('api refused the request: 402 Payment Required');
    expect(JSON.stringify(world.notifications)).not.toContain('declined');
  });

  it('tells on-call once, and leaves the reconciler nothing but to erase the sensitive input in two weeks', async () => {
    const { world, key } = await refused();
    expect(await world.work('a', 'deadLetter')).toBe('acknowledge');
    expect(world.notifications).toEqual([
      {
        id: `${key.workflowId}:0:failed`,
        kind: 'failed',
        chain: LINE.name,
        step: 'a',
        code: 'REFUSED',
        count: 1,
        firstAt: world.clock.now(),
        lastAt: world.clock.now(),
        examples: [{ ...key, epoch: 0, error: expect.objectContaining({ step: 'a', code: 'REFUSED' }) }],
      },
    ]);
    const meta = await world.meta(key);
    expect(meta).not.toHaveProperty('notify');
    expect(meta.dueAt).toBe(meta.updatedAt + 14 * DAY);
    expect(meta).not.toHaveProperty('dueAfter');
    expect(meta).toMatchObject({ status: 'failed', input: { card: CARD } });
  });

  it('repeats the notification under the same id until it was told, and fails the workflow once', async () => {
    const { world, key } = await refused();
    world.faults.next('notify', { fail: true }, { lose: true }, { lose: true });
    for (const wait of [2_000, 4_000, 8_000]) {
      expect(await world.work('a', 'deadLetter')).toBe('retry');
      await world.clock.advance(wait);
    }
    expect(await world.work('a', 'deadLetter')).toBe('acknowledge');
    expect(world.notifications.map(({ id }) => id)).toEqual(Array(3).fill(`${key.workflowId}:0:failed`));
    expect(eventsOf(world, 'workflow_failed')).toHaveLength(1);
    expect(await world.meta(key)).not.toHaveProperty('notify');
  });

  it('that is delivered again after all was told does nothing', async () => {
    const { world, key } = await refused();
    const [message] = world.visible('a', 'deadLetter');
    await world.work('a', 'deadLetter');
    const told = await world.meta(key);
    await world.queueAgain(message, 'deadLetter');
    expect(await world.work('a', 'deadLetter')).toBe('acknowledge');
    expect(await world.meta(key)).toEqual(told);
    expect(world.notifications).toHaveLength(1);
  });

  it('whose write of META lost its reply goes on as if it had not', async () => {
    const { world, key } = await refused();
    world.faults.next('writeMeta', { lose: true }, {}, { lose: true });
    expect(await world.work('a', 'deadLetter')).toBe('acknowledge');
    expect(await world.meta(key)).toMatchObject({ status: 'failed' });
    expect(world.notifications).toHaveLength(1);
  });

  it('tells the next failure under another id after a resume', async () => {
    const { world, key } = await refused();
    world.answers('a', status(402));
    await world.run();
    await world.clock.advance((LIMITS.digestWindow + LIMITS.digestGrace) * 1_000);
    await resume(world.engine, key);
    await world.run();
    expect(world.notifications.map(({ id }) => id)).toEqual([
      `${key.workflowId}:0:failed`,
      `${key.workflowId}:1:failed`,
    ]);
  });

  it('never writes a step', async () => {
    const { world } = await refused();
    world.faults.log.length = 0;
    await world.work('a', 'deadLetter');
    expect(world.faults.log).not.toContain('writeStep');
  });
});

describe('a dead letter of an older epoch', () => {
  it('fails nothing after a resume: the workflow goes on', async () => {
    const { world, key } = await refused();
    const [stale] = world.visible('a', 'deadLetter');
    await world.work('a', 'deadLetter');
    await resume(world.engine, key);
    await world.queueAgain(stale, 'deadLetter');
    expect(await world.work('a', 'deadLetter')).toBe('acknowledge');
    expect(await world.meta(key)).toMatchObject({ status: 'processing', epoch: 1 });
    await world.run();
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
    expect(world.notifications).toHaveLength(1);
  });

  it.each(MEANWHILE)('fails nothing although the resume happens %s', async (_, strike) => {
    const { world, key } = await refused();
    const [stale] = world.visible('a', 'deadLetter');
    const failedAndResumed = async () => {
      await world.queueAgain(stale, 'deadLetter');
      await world.work('a', 'deadLetter');
      await resume(world.engine, key);
    };
    world.faults.next(...strike(failedAndResumed));
    expect(await world.work('a', 'deadLetter')).toBe('acknowledge');
    expect(await world.meta(key)).toMatchObject({ status: 'processing', epoch: 1 });
  });
});

describe('the dead letter of a step that was never handled', () => {
  it('goes back to its queue with one trip more, and its step is done then', async () => {
    const { world, key } = await burned(0);
    expect(await world.work('a', 'deadLetter')).toBe('acknowledge');
    expect(world.visible('a')).toMatchObject([{ step: 'a', epoch: 0, trip: 1 }]);
    await world.run();
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
  });

  it('fails the workflow after the third time in all: its function could not take the message', async () => {
    const { world, key } = await burned(0);
    for (const trip of [1, 2]) {
      await world.work('a', 'deadLetter');
      const delivery = world.receive('a');
      world.queues.acknowledge(delivery.queue, delivery.receiptHandle);
      expect(JSON.parse(delivery.body)).toMatchObject({ trip });
      await world.queueAgain(JSON.parse(delivery.body), 'deadLetter');
    }
    expect(await world.work('a', 'deadLetter')).toBe('acknowledge');
    expect(await world.meta(key)).toMatchObject({
      status: 'failed',
      error: { code: 'NOT_TAKEN', step: 'a', attempts: 0, effect: 'unknown' },
    });
    expect(world.visible('a')).toEqual([]);
    expect(world.notifications).toHaveLength(1);
  });

  it('begins anew at the first trip after a resume', async () => {
    const { world, key } = await burned(2);
    await world.work('a', 'deadLetter');
    await resume(world.engine, key);
    expect(world.visible('a')).toMatchObject([{ epoch: 1, trip: 0 }]);
    await world.run();
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
  });

  it('leaves a step alone that is under way or waits for its next attempt', async () => {
    for (const answer of [new Promise<never>(() => undefined), status(503, '', { 'retry-after': '60' })]) {
      const { world, key } = await burned(2);
      const [message] = world.visible('a', 'deadLetter');
      await world.queueAgain(message);
      world.answers('a', answer);
      void world.work('a');
      await world.clock.advance(0);
      expect(await world.work('a', 'deadLetter')).toBe('acknowledge');
      expect(await world.meta(key)).toMatchObject({ status: 'processing' });
      expect(world.visible('a')).toEqual([]);
    }
  });

  it('never says that nothing was done: a worker that loaded before may call after it', async () => {
    const { world, key } = await burned(2);
    const [message] = world.visible('a', 'deadLetter');
    await world.queueAgain(message);
    const { store } = world.engine.ports;
    const claimsLate: typeof store = {
      ...store,
      writeStep: async (...write) => {
        expect(await world.work('a', 'deadLetter')).toBe('acknowledge');
        return await store.writeStep(...write);
      },
    };
    const engine = { ...world.engine, ports: { ...world.engine.ports, store: claimsLate } };
    world.answers('a', new Promise<never>(() => undefined));
    void handleDelivery(engine, world.receive('a'), () => 45_000);
    await world.clock.advance(0);
    expect(world.called()).toBe('a');
    expect(await world.meta(key)).toMatchObject({
      status: 'failed',
      error: { code: 'NOT_TAKEN', effect: 'unknown', attempts: 0 },
    });
  });

  it('counts the attempts that were claimed', async () => {
    const { world, key } = await burned(2);
    const [message] = world.visible('a', 'deadLetter');
    await world.queueAgain(message);
    world.answers('a', new Promise<never>(() => undefined));
    void world.work('a');
    await world.clock.advance(VISIBILITY);
    // It took a message after all: its trips count anew, and it is given up only when no more is taken.
    await world.work('a', 'deadLetter');
    expect(await world.meta(key)).toMatchObject({ status: 'processing' });
    await world.queueAgain(message && { ...message, claimed: 1 }, 'deadLetter');
    await world.work('a', 'deadLetter');
    expect(await world.meta(key)).toMatchObject({
      status: 'failed',
      error: { code: 'NOT_TAKEN', effect: 'unknown', attempts: 1 },
    });
  });
});

describe('the dead letter of a step that completed', () => {
  it('advances the workflow', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin();
    const [message] = world.visible('a');
    world.faults.next('send', { fail: true });
    await world.work('a');
    await world.queueAgain(message, 'deadLetter');
    expect(await world.work('a', 'deadLetter')).toBe('acknowledge');
    expect(world.visible('b')).toHaveLength(1);
    await world.run();
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
    expect(world.called()).toBe('a b c');
  });

  it('comes back where this deployment does not know the version, and somebody is told', async () => {
    const world = await openWorld(LINE);
    await world.begin();
    const [message] = world.visible('a');
    await world.work('a');
    await world.queueAgain(message, 'deadLetter');
    const engine = { ...world.engine, chains: NO_CHAINS };
    expect(await handleDeadLetter(engine, world.receive('a', 'deadLetter'))).toBe('retry');
    expect(eventsOf(world, 'unexpected_error')).toMatchObject([
      { message: 'this deployment does not know order-processing version 1' },
    ]);
  });
});

describe('a dead letter that nobody needs', () => {
  it('of a cancelled workflow changes nothing', async () => {
    const { world, key } = await refused();
    await cancel(world.engine, key);
    const before = await world.meta(key);
    expect(await world.work('a', 'deadLetter')).toBe('acknowledge');
    expect(await world.meta(key)).toEqual(before);
    expect(world.notifications).toEqual([]);
  });

  it.each(MEANWHILE)('of a workflow that is cancelled %s changes nothing either', async (_, strike) => {
    const { world, key } = await refused();
    world.faults.next(...strike(() => cancel(world.engine, key)));
    expect(await world.work('a', 'deadLetter')).toBe('acknowledge');
    expect(await world.meta(key)).toMatchObject({ status: 'cancelled' });
    expect(world.notifications).toEqual([]);
  });

  it('of no workflow is counted', async () => {
    const world = await openWorld(LINE);
    await world.queueAgain(messageTo('a', { workflowId: 'wf_gone' }), 'deadLetter');
    expect(await world.work('a', 'deadLetter')).toBe('acknowledge');
    expect(eventsOf(world, 'dead_letter')).toMatchObject([{ did: 'there is no such workflow', trip: 0 }]);
  });
});

describe('every dead letter', () => {
  it('is told with its trip and what was done about it', async () => {
    const { world } = await refused();
    await world.work('a', 'deadLetter');
    expect(eventsOf(world, 'dead_letter')).toMatchObject([{ step: 'a', trip: 0, did: 'fail' }]);
  });

  it('comes back where the table does not answer', async () => {
    const { world, key } = await refused();
    world.faults.next('load', { fail: true });
    expect(await world.work('a', 'deadLetter')).toBe('retry');
    expect(await world.meta(key)).toMatchObject({ status: 'processing' });
    await world.clock.advance(2_000);
    expect(await world.work('a', 'deadLetter')).toBe('acknowledge');
  });
});

describe('two branches that fail', () => {
  it('fail the workflow with the error of the first, and on-call is told once', async () => {
    const world = await openWorld(requestChain({ a: [], b: [] }));
    const key = await world.begin();
    world.answers('a', status(402));
    world.answers('b', status(404));
    await world.work('a');
    await world.work('b');
    await world.work('a', 'deadLetter');
    await world.work('b', 'deadLetter');
    expect(await world.meta(key)).toMatchObject({ status: 'failed', error: { step: 'a', httpStatus: 402 } });
    expect(world.notifications).toHaveLength(1);
    await resume(world.engine, key);
    await world.run();
    expect(world.called()).toBe('a b a b');
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
  });

  it('at the very same time leave one error in the table, and on-call is told of no other', async () => {
    const world = await openWorld(requestChain({ a: [], b: [] }));
    const key = await world.begin();
    world.answers('a', status(402));
    world.answers('b', status(404));
    await Promise.all([world.work('a'), world.work('b')]);
    const both = Promise.all([world.work('a', 'deadLetter'), world.work('b', 'deadLetter')]);
    await world.clock.advance(1_000);
    await both;
    const { error: { detail: _, ...error } = {} } = await world.meta(key);
    const told = world.notifications.flatMap(({ examples }) => examples);
    expect(told.length).toBeGreaterThan(0);
    expect(told.map((one) => one.error)).toEqual(told.map(() => error));
    expect(eventsOf(world, 'workflow_failed')).toHaveLength(1);
  });
});
