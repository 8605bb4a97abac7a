import { expect, it } from 'vitest';
import { resume } from '../../lib/engine/operations/change.ts';
import { get } from '../../lib/engine/operations/read.ts';
import type { WorkflowState } from '../../lib/engine/state.ts';
import { handleDeadLetter } from '../../lib/engine/step-failed.ts';
import { handleDelivery } from '../../lib/engine/worker.ts';
import { openWorld, requestChain, status } from './world.ts';

/**
 * A query of DynamoDB is no snapshot: META may have been read before a resume, and a step after it was claimed again.
 * Once META is asked for again it is as new as the step.
 */
async function tornWorld() {
  const world = await openWorld(requestChain({ a: [] }));
  const key = await world.begin();
  const [message] = world.visible('a');
  const { meta } = (await world.engine.ports.store.load(key)) ?? {};
  if (message === undefined || meta === undefined) throw new Error('nothing was begun');
  world.answers('a', status(402), status(503, 'later', { 'retry-after': '0' }));
  await world.run();
  await resume(world.engine, key, { newKey: true });
  await world.work('a');
  const { store } = world.engine.ports;
  let loads = 0;
  const load = async (asked: typeof key): Promise<WorkflowState | undefined> => {
    const state = await store.load(asked);
    loads += 1;
    return state && loads === 1 ? { meta, steps: state.steps } : state;
  };
  const ports = { ...world.engine.ports, store: { ...store, load } };
  return { world, key, message, engine: { ...world.engine, ports }, loads: () => loads };
}

it('a worker that finds a step newer than META loads again, and claims for the epoch that is', async () => {
  const { world, key, message, engine, loads } = await tornWorld();
  await world.clock.advance(60_000);
  await world.queueAgain(message);
  await handleDelivery(engine, world.receive('a'), () => 45_000);
  expect(loads()).toBe(2);
  // Its second attempt since the resume, under the key that was forced then and no other.
  expect(await world.step(key, 'a')).toMatchObject({ status: 'completed', epoch: 1, attempt: 2, round: 2 });
});

it('a dead letter is judged by META as new as its step', async () => {
  const { world, key, message, engine, loads } = await tornWorld();
  await world.queueAgain({ ...message, trip: 2 }, 'deadLetter');
  await handleDeadLetter(engine, world.receive('a', 'deadLetter'));
  expect(loads()).toBe(2);
  expect(await world.meta(key)).toMatchObject({ status: 'processing', epoch: 1 });
});

it('a workflow is not shown as completed beside a step as it was before', async () => {
  const world = await openWorld(requestChain({ a: [] }));
  const key = await world.begin();
  world.answers('a', status(503, 'later', { 'retry-after': '120' }));
  await world.run();
  const { store } = world.engine.ports;
  const { steps } = (await store.load(key)) ?? {};
  if (steps === undefined) throw new Error('nothing was begun');
  await world.clock.advance(120_000);
  await world.run();
  let loads = 0;
  const load = async (asked: typeof key): Promise<WorkflowState | undefined> => {
    const state = await store.load(asked);
    loads += 1;
    return state && loads === 1 ? { ...state, steps } : state;
  };
  const engine = { ...world.engine, ports: { ...world.engine.ports, store: { ...store, load } } };
  expect(await get(engine, key, false)).toMatchObject({ status: 'completed', steps: { a: 'completed' } });
  expect(loads).toBe(2);
});

it('a workflow is not shown as completed without the steps that had no item yet', async () => {
  const world = await openWorld(requestChain({ a: [] }));
  const key = await world.begin();
  await world.run();
  const { store } = world.engine.ports;
  let loads = 0;
  const load = async (asked: typeof key): Promise<WorkflowState | undefined> => {
    const state = await store.load(asked);
    loads += 1;
    return state && loads === 1 ? { ...state, steps: new Map() } : state;
  };
  const engine = { ...world.engine, ports: { ...world.engine.ports, store: { ...store, load } } };
  const whole = await get(world.engine, key, true);
  expect(whole.timeline).toHaveLength(1);
  expect(await get(engine, key, true)).toEqual(whole);
  expect(loads).toBe(2);
});
