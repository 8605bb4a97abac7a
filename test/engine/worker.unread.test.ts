import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../lib/contract/limits.ts';
import { reconcile } from '../../lib/engine/reconciler.ts';
import { GRAPHS } from './fixtures.ts';
import { eventsOf, openWorld, requestChain, type World } from './world.ts';

const LINE = requestChain(GRAPHS.line);
const HOUR = 3_600_000;

/** Receives the message of the first step as often as its queue gives it, while the table does what `fault` says. */
async function receiveAll(world: World, fault: (world: World) => void): Promise<number> {
  let receives = 0;
  for (; receives < 20 && world.queued() === 'a'; receives += 1) {
    fault(world);
    await world.work('a');
    await world.clock.advance(LIMITS.backoffCap * 1_000);
  }
  return receives;
}

describe('a table that does not answer', () => {
  it.each<readonly [string, (world: World) => void]>([
    ['cannot be read', ({ faults }) => faults.next('load', { fail: true })],
    ['takes no claim', ({ faults }) => faults.next('writeStep', { fail: true }, { fail: true })],
  ])(
    'which %s makes no dead letter: the reconciler sends the message once the table is well',
    async (_, fault) => {
      const world = await openWorld(LINE);
      const key = await world.begin();
      expect(await receiveAll(world, fault)).toBe(LIMITS.receivesUnread);
      expect(world.queued()).toBe('');
      expect(world.visible('a', 'deadLetter')).toEqual([]);
      // All of it is counted, the last one too.
      expect(eventsOf(world, 'unexpected_error')).toHaveLength(LIMITS.receivesUnread);
      await world.clock.advance(HOUR);
      await reconcile(world.engine, () => 60_000);
      await world.run();
      expect(await world.meta(key)).toMatchObject({ status: 'completed' });
      expect(world.called()).toBe('a b c');
    },
  );

  it('for hours, again and again, is never taken for a function that takes nothing', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin();
    for (let hour = 0; hour < 5; hour += 1) {
      await receiveAll(world, ({ faults }) => faults.next('load', { fail: true }));
      await world.clock.advance(HOUR);
      await reconcile(world.engine, () => 60_000);
    }
    await world.run();
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
    expect(eventsOf(world, 'dead_letter')).toEqual([]);
  });

  it('after a call was made has its message back: the lease must end first', async () => {
    const world = await openWorld(LINE);
    await world.begin();
    world.faults.next('writeStep', {}, { fail: true }, { fail: true });
    expect(await world.handle({ ...world.receive('a'), receiveCount: 9 })).toBe('retry');
  });
});
