import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../lib/contract/limits.ts';
import type { StepMessage } from '../../lib/contract/wire.ts';
import { comeBackIn, type Handled, handling } from '../../lib/engine/delivery.ts';
import type { Delivery } from '../../lib/engine/ports.ts';
import { messageTo } from './fixtures.ts';
import { eventsOf, openWorld, requestChain, type World } from './world.ts';

const CHAIN = requestChain({ a: [], b: ['a'] });
const QUEUE = { chain: CHAIN.name, step: 'a', kind: 'step' } as const;

const deliveryOf = (body: string, changes: Partial<Delivery> = {}): Delivery => ({
  queue: QUEUE,
  receiptHandle: 'none',
  receiveCount: 1,
  body,
  ...changes,
});

/** Handles a delivery, and tells which messages came through. */
async function handled(world: World, delivery: Delivery, answer: () => Promise<Handled>) {
  const messages: StepMessage[] = [];
  const what = await handling(world.engine, delivery, (message) => {
    messages.push(message);
    return answer();
  });
  return { what, messages };
}
const acknowledge = async () => 'acknowledge' as const;
const parked = ({ queues }: World) => queues.contents({ kind: 'parking' });

describe('a delivery', () => {
  it('is read, and its message handled', async () => {
    const world = await openWorld(CHAIN);
    const message = messageTo('a');
    for (const answer of ['acknowledge', 'retry'] as const) {
      const delivery = deliveryOf(JSON.stringify(message));
      expect(await handled(world, delivery, async () => answer)).toEqual({
        what: answer,
        messages: [message],
      });
    }
    expect(parked(world)).toEqual([]);
  });

  it('of a dead-letter queue is read as well', async () => {
    const world = await openWorld(CHAIN);
    const delivery = deliveryOf(JSON.stringify(messageTo('a')), { queue: { ...QUEUE, kind: 'deadLetter' } });
    expect((await handled(world, delivery, acknowledge)).messages).toHaveLength(1);
  });

  const message = messageTo('a');
  it.each([
    ['is not JSON', '{ not json'],
    ['is empty', ''],
    ['is no object', '[]'],
    ['is no message', '{}'],
    ['lacks a field', JSON.stringify({ ...message, epoch: undefined })],
    ['has a field of another type', JSON.stringify({ ...message, trip: '0' })],
    ['has a negative count', JSON.stringify({ ...message, epoch: -1 })],
    ['belongs to another step', JSON.stringify({ ...message, step: 'b' })],
    ['belongs to another chain', JSON.stringify({ ...message, chain: 'other' })],
  ])('whose body %s is parked as it is, and acknowledged', async (_, body) => {
    const world = await openWorld(CHAIN);
    expect(await handled(world, deliveryOf(body), acknowledge)).toEqual({
      what: 'acknowledge',
      messages: [],
    });
    expect(parked(world)).toEqual([body]);
    expect(eventsOf(world, 'message_parked')).toEqual([
      {
        event: 'message_parked',
        queue: 'order-processing_a',
        reason: 'the body is not a message of this queue',
      },
    ]);
  });

  it('with a field that only a newer version knows is handled as what it is known for', async () => {
    const world = await openWorld(CHAIN);
    const body = JSON.stringify({ ...message, part: 7 });
    expect(await handled(world, deliveryOf(body), acknowledge)).toEqual({
      what: 'acknowledge',
      messages: [message],
    });
  });

  it.each(['step', 'deadLetter'] as const)(
    'that asks for an action of a newer version waits in the %s queue, and is neither handled nor parked',
    async (kind) => {
      const world = await openWorld(CHAIN);
      const body = JSON.stringify({ ...message, action: 'sleep' });
      const received = async (receiveCount: number) =>
        await handled(world, deliveryOf(body, { queue: { ...QUEUE, kind }, receiveCount }), acknowledge);
      expect(await received(1)).toEqual({ what: 'retry', messages: [] });
      // The queue itself would park it after its last receive. The table knows what is to be done.
      const last = kind === 'step' ? LIMITS.receivesUnknown : LIMITS.deadLetterMaxReceives - 1;
      expect(await received(last - 1)).toEqual({ what: 'retry', messages: [] });
      expect(await received(last)).toEqual({ what: 'acknowledge', messages: [] });
      expect(parked(world)).toEqual([]);
      const told = eventsOf(world, 'unexpected_error');
      expect(told).toHaveLength(3);
      expect(told[0]).toMatchObject({
        next: expect.stringContaining('A newer version of Stepline wrote this'),
      });
    },
  );

  it('that cannot be parked comes back', async () => {
    const world = await openWorld(CHAIN);
    world.faults.next('park', { fail: true });
    expect((await handled(world, deliveryOf('{'), acknowledge)).what).toBe('retry');
    expect(parked(world)).toEqual([]);
  });
});

describe('a message whose handling fails', () => {
  /** Milliseconds for which it is hidden. */
  const hiddenFor = async (receiveCount: number) => {
    const world = await openWorld(CHAIN);
    const times: number[] = [];
    const { queue } = world.engine.ports;
    const ports = {
      ...world.engine.ports,
      queue: {
        ...queue,
        setVisibility: async (_: Delivery, hidden: number) => {
          times.push(hidden);
        },
      },
    };
    const what = await handling(
      { ...world.engine, ports },
      deliveryOf(JSON.stringify(messageTo('a')), { receiveCount }),
      async () => {
        throw new Error('no luck');
      },
    );
    expect(what).toBe('retry');
    return { times, world };
  };

  it.each([
    [1, 2],
    [2, 4],
    [5, 32],
    [8, 256],
    [9, 300],
    [10, 300],
    [1_000, 300],
  ])('comes back later each time: at receive %d after %d s', async (receiveCount, wait) => {
    expect((await hiddenFor(receiveCount)).times).toEqual([wait * 1_000]);
  });

  it('is told with where it happened and what it was about', async () => {
    const { world } = await hiddenFor(1);
    const { tenant, workflowId } = messageTo('a');
    expect(eventsOf(world, 'unexpected_error')).toEqual([
      {
        event: 'unexpected_error',
        where: 'order-processing_a',
        message: 'no luck',
        tenant,
        workflowId,
        chain: CHAIN.name,
        step: 'a',
      },
    ]);
  });
});

describe('a message that is to come back', () => {
  const hidden = async (ms: number, most?: number) => {
    const world = await openWorld(CHAIN);
    await world.queues.send([{ to: QUEUE, message: messageTo('a') }]);
    await comeBackIn(world.engine, world.receive('a'), ms, most);
    return world;
  };

  it.each([
    [0, 0],
    [-5, 0],
    [0.2, 1],
    [1, 1],
    [1_234, 1_234],
    [60_000, 60_000],
  ])('in %d ms is hidden for %d, never too short', async (asked, whole) => {
    const { clock, visible } = await hidden(asked);
    if (whole > 0) {
      await clock.advance(whole - 1);
      expect(visible('a')).toEqual([]);
      await clock.advance(1);
    }
    expect(visible('a')).toHaveLength(1);
  });

  it('is hidden for twelve hours at most, which is all that SQS allows', async () => {
    const { clock, visible } = await hidden(100_000_000);
    await clock.advance(43_200_000 - 1);
    expect(visible('a')).toEqual([]);
    await clock.advance(1);
    expect(visible('a')).toHaveLength(1);
  });

  it('comes back by itself where hiding it fails', async () => {
    const world = await openWorld(CHAIN);
    await world.queues.send([{ to: QUEUE, message: messageTo('a') }]);
    world.faults.next('setVisibility', { fail: true });
    expect(await comeBackIn(world.engine, world.receive('a'), 5_000)).toBe('retry');
  });
});
