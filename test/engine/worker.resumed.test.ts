import { describe, expect, it } from 'vitest';
import { resume } from '../../lib/engine/operations/change.ts';
import type { HttpOutcome } from '../../lib/engine/ports.ts';
import { deferred, openWorld, requestChain, status } from './world.ts';

describe('a resume while the call of another branch is under way', () => {
  /** `a` is refused and the workflow resumed, all while `b` waits for its answer; then `a` is done, and `b` gets it. */
  const answered = async (outcome: HttpOutcome) => {
    const world = await openWorld(requestChain({ a: [], b: [] }));
    const key = await world.begin();
    const slow = deferred<HttpOutcome>();
    world.answers('a', status(402));
    world.answers('b', slow.promise);
    const stale = world.work('b');
    await world.run();
    await resume(world.engine, key);
    await world.run();
    expect(world.called()).toBe('b a a');
    slow.resolve(outcome);
    await stale;
    return { world, key };
  };

  it('does not keep that call’s retry from its time', async () => {
    const { world, key } = await answered(status(503, 'later', { 'retry-after': '20' }));
    await world.clock.advance(19_999);
    await world.run();
    expect(world.called()).toBe('b a a');
    await world.clock.advance(1);
    await world.run();
    expect(world.called()).toBe('b a a b');
    expect(await world.meta(key)).toMatchObject({ status: 'completed', epoch: 1 });
  });

  it('does not keep a second retry from its time', async () => {
    const { world, key } = await answered(status(503, 'later', { 'retry-after': '20' }));
    world.answers('b', status(503, 'later', { 'retry-after': '30' }));
    await world.clock.advance(20_000);
    await world.run();
    await world.clock.advance(30_000);
    await world.run();
    expect(world.called()).toBe('b a a b b');
    expect(await world.meta(key)).toMatchObject({ status: 'completed', epoch: 1 });
  });

  it('goes for that branch too, if its call is refused only then: it is tried again at once', async () => {
    const { world, key } = await answered(status(402));
    await world.run();
    expect(world.called()).toBe('b a a b');
    expect(await world.meta(key)).toMatchObject({ status: 'completed', epoch: 1 });
    expect(world.notifications).toHaveLength(1);
  });

  it('leaves nothing behind: what waited for the lease finds the step done', async () => {
    const { world } = await answered(status(503, 'later', { 'retry-after': '20' }));
    await world.clock.advance(20_000);
    await world.run();
    await world.clock.advance(60_000);
    await world.run();
    expect(world.called()).toBe('b a a b');
    expect(world.queued()).toBe('');
    const { visible, inFlight, delayed } = world.queues.depth({
      chain: world.chain.name,
      step: 'b',
      kind: 'step',
    });
    expect([visible, inFlight, delayed]).toEqual([0, 0, 0]);
  });
});
