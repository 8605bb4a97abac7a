import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { nextOf } from '../../../lib/contract/advice.ts';
import { resume } from '../../../lib/engine/operations/change.ts';
import { undo } from '../../../lib/engine/operations/undo.ts';
import { reconcile } from '../../../lib/engine/reconciler.ts';
import { buildChain, GRAPHS } from '../fixtures.ts';
import { expectNothingLeaked, openWorld, status, timedOut, type World } from '../world.ts';

const SAID = 'what the target answered';
const MINUTE = 60_000;

/** A line whose steps are undone by a call of their own: `undo-a` of `a`. */
const undone = (onFailure: 'undo' | 'stop' = 'undo') => {
  const post = (path: string, body?: unknown) => ({ target: 'api', method: 'POST', path, body });
  return buildChain(
    GRAPHS.line,
    (name) => ({
      request: ({ input }: { input: { card?: string } }) => post(`/${name}`, { card: input.card }),
      retries: 0,
      undo: { request: () => post(`/undo-${name}`), retries: 1 },
    }),
    { input: z.strictObject({ card: z.string(), amount: z.number() }), sensitive: ['card'], onFailure },
  );
};

/** A workflow whose last step is refused, and of which the undo of the first is refused, too. */
async function half(world: World) {
  world.answers('c', status(402, SAID));
  world.answers('undo-a', status(403, SAID));
  const key = await world.begin();
  await world.run();
  return key;
}

const told = (world: World) => world.notifications.map(({ id, kind, count }) => `${kind} ${count} ${id}`);

describe('a workflow that could not be taken back', () => {
  it('is told at once, after its failure: what was undone, what was not, and what is left', async () => {
    const world = await openWorld(undone());
    const key = await half(world);
    expect((await world.meta(key)).status).toBe('compensation_failed');
    expect(told(world)).toEqual([
      `failed 1 ${key.workflowId}:0:failed`,
      `compensation_failed 1 ${key.workflowId}:0:compensation_failed`,
    ]);
    const [failed, second] = world.notifications.map(({ examples }) => examples[0]);
    expect(failed).toMatchObject({ takenBack: true, error: { step: 'c', code: 'REFUSED' } });
    expect(failed).not.toHaveProperty('undos');
    expect(second).toEqual({
      ...key,
      epoch: 0,
      error: expect.objectContaining({ step: 'a', code: 'REFUSED', attempts: 1, httpStatus: 403 }),
      undos: [
        { step: 'b', status: 'completed', attempts: 1 },
        { step: 'a', status: 'failed', attempts: 1 },
      ],
    });
    expect((await world.meta(key)).notify).toBeUndefined();
  });

  it('says which undos still wait for the one that failed, and of which steps nobody knows whether they acted', async () => {
    const world = await openWorld(undone());
    world.answers('c', timedOut);
    world.answers('undo-c', status(403));
    await world.begin();
    await world.run();
    // An undo of what is in doubt waits until the call can act no more.
    await world.clock.advance(2 * MINUTE);
    await world.run();
    expect(world.notifications.at(-1)?.examples[0]?.undos).toEqual([
      { step: 'c', status: 'failed', attempts: 1, inDoubt: true },
      { step: 'b', status: 'pending', attempts: 0 },
      { step: 'a', status: 'pending', attempts: 0 },
    ]);
  });

  it('is in no digest, and closes nobody’s window: each is told by itself', async () => {
    const world = await openWorld(undone());
    const keys = [await half(world), await half(world), await half(world)];
    const alone = told(world).filter((one) => one.startsWith('compensation_failed'));
    expect(alone).toEqual(
      keys.map(({ workflowId }) => `compensation_failed 1 ${workflowId}:0:compensation_failed`),
    );
    const pace = await world.engine.ports.store.loadPace();
    expect(pace?.windows.map(({ group }) => group)).toEqual([`${world.chain.name}/c/REFUSED`]);
  });

  it('that nobody could be told of is told by the reconciler, alone and under the same id', async () => {
    const world = await openWorld(undone('stop'));
    world.answers('c', status(402));
    world.answers('undo-a', status(403, SAID), status(403, SAID));
    const keys = [await world.begin()];
    await world.run();
    world.answers('c', status(402));
    keys.push(await world.begin());
    await world.run();
    for (const key of keys) await undo(world.engine, key);
    const before = world.notifications.length;
    // The topic takes nothing for now, and the messages that would say so again are lost.
    const { notifier } = world.engine.ports;
    const notify = notifier.notify.bind(notifier);
    Object.assign(notifier, { notify: () => Promise.reject(new Error('no topic')) });
    await world.run().catch(() => undefined);
    world.loseMessages();
    for (const key of keys)
      expect(await world.meta(key)).toMatchObject({ status: 'compensation_failed', notify: 'pending' });
    Object.assign(notifier, { notify });
    await world.clock.advance(10 * MINUTE);
    const run = reconcile(world.engine, () => MINUTE);
    await world.clock.advance(10_000);
    await run;
    const since = world.notifications.slice(before).filter(({ count }) => count === 1);
    expect(since.map(({ id }) => id).sort()).toEqual(
      keys.map(({ workflowId }) => `${workflowId}:0:compensation_failed`).sort(),
    );
    for (const { examples } of since) {
      expect(examples[0]?.undos?.map(({ step, status: of }) => `${step} ${of}`)).toEqual([
        'b completed',
        'a failed',
      ]);
    }
  });

  it('is told anew where the undo fails again after a resume', async () => {
    const world = await openWorld(undone());
    const key = await half(world);
    world.answers('undo-a', status(403));
    await resume(world.engine, key);
    await world.run();
    expect(told(world).at(-1)).toBe(`compensation_failed 1 ${key.workflowId}:1:compensation_failed`);
  });

  it('tells nothing of what its targets answered, nor of its input', async () => {
    const world = await openWorld(undone());
    await half(world);
    expect(world.notifications).toHaveLength(2);
    expect(JSON.stringify(world.notifications)).not.toContain(SAID);
    expectNothingLeaked(world);
  });
});

it('a failure that is taken back by itself asks nobody to resume it', async () => {
  const world = await openWorld(undone());
  world.answers('c', status(402));
  const key = await world.begin();
  await world.run();
  expect((await world.meta(key)).status).toBe('compensated');
  const [first, ...others] = world.notifications;
  expect(others).toEqual([]);
  expect(first).toMatchObject({ kind: 'failed', examples: [{ takenBack: true }] });
  const [example] = first?.examples ?? [];
  expect(example && nextOf(example.error, 'takenBack')).not.toContain('resume');
});
