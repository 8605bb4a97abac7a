import { expect, it } from 'vitest';
import { LIMITS } from '../../../lib/contract/limits.ts';
import { STEP_FAILED } from '../../../lib/contract/names.ts';
import { handleDeadLetter } from '../../../lib/engine/step-failed.ts';
import { settle } from '../../support/manual-clock.ts';
import { GRAPHS } from '../fixtures.ts';
import { openWorld, requestChain, status } from '../world.ts';

/** A step that failed, and so many copies of its dead letter. */
async function failed(copies: number) {
  const world = await openWorld(requestChain(GRAPHS.line));
  await world.begin();
  const [message] = world.visible('a');
  world.answers('a', status(402));
  await world.work('a');
  for (let n = 1; n < copies; n += 1) await world.queueAgain(message, 'deadLetter');
  const times: number[] = [];
  const { notifier } = world.engine.ports;
  const notify = notifier.notify.bind(notifier);
  Object.assign(notifier, {
    notify: (...digest: Parameters<typeof notify>) => {
      times.push(world.clock.now());
      return notify(...digest);
    },
  });
  return { world, times, deliveries: world.queues.receive(STEP_FAILED, copies) };
}

it('two handlers of one dead letter want the same turn at the same moment: each publishes in a second of its own', async () => {
  const { world, times, deliveries } = await failed(2);
  const handled = Promise.all(deliveries.map((delivery) => handleDeadLetter(world.engine, delivery)));
  await settle();
  await world.clock.advance(10_000);
  expect(await handled).toEqual(['acknowledge', 'acknowledge']);
  expect(new Set(world.notifications.map(({ id }) => id)).size).toBe(1);
  expect(times).toHaveLength(2);
  const [first = 0, second = 0] = times;
  expect(second - first).toBeGreaterThanOrEqual(LIMITS.publishInterval * 1_000);
  expect((await world.engine.ports.store.loadPace())?.version).toBe(2);
});

it('a write whose reply was lost, and that was repeated, is known by its nonce: the turn is taken', async () => {
  const { world, times, deliveries } = await failed(1);
  const { store } = world.engine.ports;
  const write = store.writePace.bind(store);
  Object.assign(store, {
    writePace: async (...asked: Parameters<typeof write>) => {
      await write(...asked);
      return write(...asked);
    },
  });
  const [delivery] = deliveries;
  if (delivery === undefined) throw new Error('there is no dead letter');
  const now = world.clock.now();
  expect(await handleDeadLetter(world.engine, delivery)).toBe('acknowledge');
  expect(times).toEqual([now]);
  expect((await store.loadPace())?.version).toBe(1);
});
