import { describe, expect, it } from 'vitest';
import type { ChainDefinition } from '../../lib/chain/definition.ts';
import { registry } from '../../lib/chain/registry.ts';
import { DAY_MS, LIMITS } from '../../lib/contract/limits.ts';
import { STEP_FAILED, stepQueue } from '../../lib/contract/names.ts';
import { cancel, resume } from '../../lib/engine/operations/change.ts';
import { get } from '../../lib/engine/operations/read.ts';
import { reconcile } from '../../lib/engine/reconciler.ts';
import type { WorkflowKey } from '../../lib/engine/state.ts';
import { handleDeadLetter } from '../../lib/engine/step-failed.ts';
import { handleDelivery } from '../../lib/engine/worker.ts';
import { GRAPHS, type Graph } from './fixtures.ts';
import { eventsOf, openWorld, requestChain, status, type World } from './world.ts';

/** A deployment that has other steps under the version that the workflow began with. */
const CHANGED: Readonly<Record<string, Graph>> = {
  'a step renamed': { a: [], B: ['a'], c: ['B'] },
  'a step added': { a: [], b: ['a'], c: ['b'], d: ['c'] },
  'a step left out': { a: [], b: ['a'] },
  'steps reordered': { b: [], a: ['b'], c: ['a'] },
  'steps beside each other': { a: [], b: [], c: [] },
};
const deployed = (world: World, graph: Graph) => ({
  ...world.engine,
  chains: registry([requestChain(graph)]),
});
const WHY = {
  message: 'the steps of order-processing version 1 are not those that this workflow began with',
  next: 'Deploy version 1 as it was, and the changed chain under a version of its own.',
};

const begun = async (chain: ChainDefinition = requestChain(GRAPHS.line)) => {
  const world = await openWorld(chain);
  return { world, key: await world.begin() };
};

describe.each(Object.entries(CHANGED))('a workflow under a definition with %s', (_, graph) => {
  it('waits: no worker calls anything or writes', async () => {
    const { world, key } = await begun();
    await world.work('a');
    const before = [await world.meta(key), await world.step(key, 'b')];
    const delivery = world.receive('b');
    expect(await handleDelivery(deployed(world, graph), delivery, () => 45_000)).toBe('retry');
    expect(world.called()).toBe('a');
    expect([await world.meta(key), await world.step(key, 'b')]).toEqual(before);
    // As it was deployed again, it goes on as if nothing had been.
    await world.clock.advance(LIMITS.backoffCap * 1_000);
    await world.run();
    expect(world.called()).toBe('a b c');
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
  });

  it('is not advanced, and not completed, by the step-failed handler', async () => {
    const { world, key } = await begun();
    const [message] = world.visible('a');
    await world.work('a');
    world.loseMessages();
    await world.queueAgain(message, 'deadLetter');
    const delivery = world.receive('a', 'deadLetter');
    expect(await handleDeadLetter(deployed(world, graph), delivery)).toBe('retry');
    expect(world.queued()).toBe('');
    expect(await world.meta(key)).toMatchObject({ status: 'processing' });
    expect(eventsOf(world, 'unexpected_error')).toMatchObject([WHY]);
  });

  it('is sent nothing by the reconciler, which says so', async () => {
    const { world, key } = await begun();
    await world.work('a');
    world.loseMessages();
    await world.clock.advance(DAY_MS);
    const engine = deployed(world, graph);
    await reconcile(engine, () => 60_000);
    expect(world.queued()).toBe('');
    const told = eventsOf(world, 'unexpected_error').filter(({ workflowId }) => workflowId !== undefined);
    expect(told).toMatchObject([{ ...WHY, workflowId: key.workflowId }]);
    expect(eventsOf(world, 'most_overdue')).toMatchObject([{ ratio: 96 }]);
    expect(eventsOf(world, 'overdue')).toMatchObject([{ ageMs: DAY_MS, boundMs: 900_000, ...key }]);
  });

  it('is shown as such, with what is stored of it', async () => {
    const { world, key } = await begun();
    await world.work('a');
    expect(await get(deployed(world, graph), key, false)).toMatchObject({
      status: 'processing',
      steps: { a: 'completed' },
      undeployed: WHY,
    });
    expect(await get(world.engine, key, false)).not.toHaveProperty('undeployed');
  });

  it('can be cancelled, which erases all of its input', async () => {
    const { world, key } = await begun();
    expect(await cancel(deployed(world, graph), key)).toMatchObject({ status: 'cancelled' });
    expect(await world.meta(key)).toMatchObject({ erased: true, input: {} });
  });

  it('is not resumed', async () => {
    const { world, key } = await begun();
    world.answers('a', status(422));
    await world.run();
    await expect(resume(deployed(world, graph), key)).rejects.toMatchObject({
      code: 'WRONG_STATUS',
      message: `${WHY.message}. ${WHY.next}`,
    });
    expect(await resume(world.engine, key)).toMatchObject({ status: 'processing' });
  });
});

/** Hands every message of a step to functions of a deployment, until nothing is left to do. */
async function giveUp(world: World, key: WorkflowKey, graph: Graph): Promise<void> {
  const engine = deployed(world, graph);
  for (let tries = 0; tries < 200 && (await world.meta(key)).status === 'processing'; tries += 1) {
    for (const [queue, handle] of [
      [stepQueue({ chain: world.chain.name, step: 'a' }), handleDelivery],
      [STEP_FAILED, handleDeadLetter],
    ] as const) {
      for (const delivery of world.queues.receive(queue, 1)) {
        const handled = await handle(engine, delivery, () => 45_000);
        if (handled === 'acknowledge') world.queues.acknowledge(queue, delivery.receiptHandle);
      }
    }
    await world.clock.advance(60_000);
  }
}

it('a workflow whose definition does not come back fails, says why, and is resumed once it does', async () => {
  const { world, key } = await begun();
  const began = world.clock.now();
  await giveUp(world, key, { a: [] });
  expect(await get(world.engine, key, false)).toMatchObject({
    status: 'failed',
    error: {
      code: 'NOT_TAKEN',
      message: `the function of step "a" could not take the message, 3 times in all: ${WHY.message}`,
      next: `${WHY.next} Then resume: the call is repeated with the same idempotency key.`,
    },
  });
  expect(world.clock.now() - began).toBeGreaterThan(10 * 60_000);
  expect(world.notifications).toHaveLength(1);
  await resume(world.engine, key);
  await world.run();
  expect(world.called()).toBe('a b c');
});

it('a workflow of an earlier release, whose META has no shape, goes on by the version alone', async () => {
  const { world, key } = await begun();
  const { shape: _, ...older } = await world.meta(key);
  await world.engine.ports.store.writeMeta(older, { status: 'processing', epoch: 0 });
  expect(await world.meta(key)).not.toHaveProperty('shape');
  await handleDelivery(deployed(world, { a: [], b: ['a'] }), world.receive('a'), () => 45_000);
  expect(world.called()).toBe('a');
});

it('a mended response schema reaches a workflow that is under way', async () => {
  const { world, key } = await begun();
  world.answers('a', status(200, '{"id":7}'));
  await world.run();
  expect(await world.meta(key)).toMatchObject({ status: 'failed', error: { code: 'REPLY_INVALID' } });
  const mended = requestChain(GRAPHS.line, { response: undefined, timeout: 12, retries: 5 });
  const engine = { ...world.engine, chains: registry([mended]) };
  await resume(engine, key);
  await handleDelivery(engine, world.receive('a'), () => 45_000);
  expect(await world.step(key, 'a')).toMatchObject({ status: 'completed' });
});
