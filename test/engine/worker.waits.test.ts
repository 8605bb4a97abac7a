import { expect, it } from 'vitest';
import type { Queue } from '../../lib/engine/ports.ts';
import { handleDelivery } from '../../lib/engine/worker.ts';
import { GRAPHS } from './fixtures.ts';
import { openWorld, requestChain, status } from './world.ts';

it.each([
  ['to the millisecond', 1, 654],
  ['in whole seconds, as on SQS', 1_000, 2_000],
])('an attempt comes when its time has come, which is shown: %s', async (_, granularityMs, wait) => {
  const world = await openWorld(requestChain(GRAPHS.line, { backoff: { base: 1, cap: 300 } }));
  const { queue } = world.engine.ports;
  const kept = (ms: number): number => Math.ceil(ms / granularityMs) * granularityMs;
  const coarse: Queue = {
    ...queue,
    granularityMs,
    setVisibility: (of, ms) => queue.setVisibility(of, kept(ms)),
  };
  const engine = { ...world.engine, ports: { ...world.engine.ports, queue: coarse } };
  const key = await world.begin();
  world.fraction = granularityMs === 1 ? 0.309 : 0.5;
  world.answers('a', status(503));
  const failedAt = world.clock.now();
  expect(await handleDelivery(engine, world.receive('a'), () => 45_000)).toBe('retry');
  expect((await world.step(key, 'a'))?.nextAttemptAt).toBe(failedAt + wait);
  await world.clock.advance(wait - 1);
  expect(world.visible('a')).toEqual([]);
  await world.clock.advance(1);
  expect(await handleDelivery(engine, world.receive('a'), () => 45_000)).toBe('acknowledge');
  expect(world.called()).toBe('a a');
});
