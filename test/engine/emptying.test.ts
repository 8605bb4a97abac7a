import { beforeEach, describe, expect, it } from 'vitest';
import { deadLetterQueue, PARKING, type QueueName, STEP_FAILED } from '../../lib/contract/names.ts';
import { EngineError } from '../../lib/engine/errors.ts';
import type { Queue } from '../../lib/engine/ports.ts';
import { reconcile } from '../../lib/engine/reconciler.ts';
import { messageFor } from '../../lib/engine/shell.ts';
import { emptyDeadLetters } from '../../lib/engine/step-failed.ts';
import { metaOf } from '../ports/store/fixtures.ts';
import { GRAPHS } from './fixtures.ts';
import { eventsOf, openWorld, requestChain, type World } from './world.ts';

const CHAIN = requestChain(GRAPHS.line);
const dead = (step: string): QueueName => deadLetterQueue({ chain: CHAIN.name, step });
const messageTo = (step: string, seed = 'one') => messageFor(metaOf(seed, { chain: CHAIN.name }), step);

let world: World;
beforeEach(async () => {
  world = await openWorld(CHAIN);
});
const put = (step: string, body: unknown): void =>
  world.queues.inject(dead(step), typeof body === 'string' ? body : JSON.stringify(body));
const empty = (goOn = (): boolean => true, queue: Partial<Queue> = {}) =>
  emptyDeadLetters(
    { ...world.engine, ports: { ...world.engine.ports, queue: { ...world.engine.ports.queue, ...queue } } },
    ['a', 'b', 'c'].map(dead),
    goOn,
  );
const left = (step: string): number => {
  const { visible, inFlight } = world.queues.depth(dead(step));
  return visible + inFlight;
};
const receives = (): number => world.faults.log.filter((call) => call === 'receive').length;
const moved = () => world.queues.contents(STEP_FAILED).map((body) => JSON.parse(body));

describe('a message that SQS has moved to the dead letters of its step', () => {
  it('goes to the step-failed function in the next run of the reconciler', async () => {
    put('b', messageTo('b'));
    await reconcile(world.engine, () => 60_000);
    expect(moved()).toEqual([messageTo('b')]);
    expect(left('b')).toBe(0);
  });

  it('is deleted only after it was sent', async () => {
    put('a', messageTo('a'));
    world.faults.log.length = 0;
    await empty();
    const calls = world.faults.log.filter((call) => call !== 'receive');
    expect(calls).toEqual(['send', 'acknowledge']);
  });

  it.each(['fail', 'lose'] as const)('comes again where its sending meets the fault "%s"', async (fault) => {
    put('a', messageTo('a'));
    world.faults.next('send', { [fault]: true });
    await empty();
    expect(left('a')).toBe(1);
    expect(eventsOf(world, 'unexpected_error')).toMatchObject([{ where: `${CHAIN.name}_a_dlq`, step: 'a' }]);
    await world.clock.advance(180_000);
    await empty();
    expect(left('a')).toBe(0);
    expect(moved()).toHaveLength(fault === 'fail' ? 1 : 2);
  });

  it('comes again where it could not be deleted, and is told of', async () => {
    put('a', messageTo('a'));
    world.faults.next('acknowledge', { fail: true });
    await empty();
    expect(left('a')).toBe(1);
    expect(eventsOf(world, 'unexpected_error')).toMatchObject([{ where: `${CHAIN.name}_a_dlq` }]);
  });
});

describe('what is no message of its queue', () => {
  it.each([['no JSON'], [{}], [messageTo('b')]])('is parked: %j', async (body) => {
    put('a', body);
    await empty();
    expect(world.queues.contents(PARKING)).toHaveLength(1);
    expect(left('a')).toBe(0);
    expect(moved()).toEqual([]);
  });

  it('comes again where it could not be parked', async () => {
    put('a', 'no JSON');
    world.faults.next('park', { fail: true });
    await empty();
    expect(left('a')).toBe(1);
  });

  it('waits for its deployment where only a newer version knows what it asks for', async () => {
    put('a', { ...messageTo('a'), action: 'sleep' });
    await empty();
    expect(left('a')).toBe(1);
    expect(world.queues.contents(PARKING)).toEqual([]);
  });
});

describe('a run', () => {
  it('asks each empty queue once', async () => {
    world.faults.log.length = 0;
    await empty();
    expect(world.faults.log).toEqual(['receive', 'receive', 'receive']);
  });

  it('empties what holds more than one receive takes, a batch of each queue in turn', async () => {
    for (let at = 0; at < 25; at += 1) put('a', messageTo('a', `a${at}`));
    for (let at = 0; at < 11; at += 1) put('c', messageTo('c', `c${at}`));
    const order: string[] = [];
    const { receive } = world.engine.ports.queue;
    await empty(undefined, {
      receive: async (queue, max) => {
        order.push('step' in queue ? queue.step : '');
        return await receive(queue, max);
      },
    });
    expect([left('a'), left('c')]).toEqual([0, 0]);
    expect(moved()).toHaveLength(36);
    expect(order.join('')).toBe('abcacaca');
  });

  it('empties the other queues where one cannot be read, and says which', async () => {
    for (const step of ['a', 'b', 'c']) put(step, messageTo(step));
    const { receive } = world.engine.ports.queue;
    await empty(undefined, {
      receive: (queue, max) => {
        if ('step' in queue && queue.step === 'a') throw new EngineError('QUEUE_UNAVAILABLE', 'not now');
        return receive(queue, max);
      },
    });
    expect([left('a'), left('b'), left('c')]).toEqual([1, 0, 0]);
    expect(eventsOf(world, 'unexpected_error')).toMatchObject([
      { where: `${CHAIN.name}_a_dlq`, message: 'not now' },
    ]);
  });

  it('receives no second time in one run what it could not send', async () => {
    for (let at = 0; at < 12; at += 1) put('a', messageTo('a', `a${at}`));
    world.faults.log.length = 0;
    await empty(undefined, {
      send: () => Promise.reject(new EngineError('QUEUE_UNAVAILABLE', 'not now')),
    });
    expect(receives()).toBe(3);
    expect(left('a')).toBe(12);
    await world.clock.advance(60_000);
    await empty();
    expect(left('a')).toBe(0);
    expect(moved()).toHaveLength(12);
  });

  it('asks nothing more once its time is over', async () => {
    put('a', messageTo('a'));
    world.faults.log.length = 0;
    const time = [true];
    await empty(() => time.shift() ?? false);
    expect(receives()).toBe(3);
    await empty(() => false);
    expect(receives()).toBe(3);
  });
});
