import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../../lib/contract/limits.ts';
import { resume } from '../../../lib/engine/operations/change.ts';
import type { Notification } from '../../../lib/engine/ports.ts';
import { reconcile } from '../../../lib/engine/reconciler.ts';
import type { WorkflowKey } from '../../../lib/engine/state.ts';
import { GRAPHS } from '../fixtures.ts';
import { openWorld, requestChain, status, type World } from '../world.ts';

const MINUTE = 60_000;
const WINDOW = LIMITS.digestWindow * 1_000;

/** The step of all workflows that are begun is refused; their dead letters are handled. */
async function fail(world: World, count: number, step = 'a', code = 402): Promise<WorkflowKey[]> {
  const keys: WorkflowKey[] = [];
  for (let n = 0; n < count; n += 1) keys.push(await world.begin());
  world.answers(step, ...Array.from({ length: count }, () => status(code)));
  for (let left = count; left > 0 || world.queued() !== ''; left -= 500) await runSome(world);
  return keys;
}

/** A run takes ten messages of each queue a hundred times. */
const runSome = (world: World): Promise<void> =>
  world.run().catch((error: unknown) => {
    if (world.queued() === '') throw error;
  });

/** So many minutes go by, with a run of the reconciler in each. */
async function minutes(world: World, count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    await world.clock.advance(MINUTE);
    const end = world.clock.now() + MINUTE;
    const run = reconcile(world.engine, () => end - world.clock.now());
    await world.clock.advance(10_000);
    await run;
  }
}

const untold = async (world: World, keys: readonly WorkflowKey[]): Promise<number> => {
  const metas = await Promise.all(keys.map((key) => world.meta(key)));
  return metas.filter(({ notify }) => notify === 'pending').length;
};
const counts = ({ notifications }: World): number[] => notifications.map(({ count }) => count);

/** Notes when each digest is published. */
function timed(world: World): number[] {
  const times: number[] = [];
  const { notifier } = world.engine.ports;
  const notify = notifier.notify.bind(notifier);
  Object.assign(notifier, {
    notify: (digest: Notification) => {
      times.push(world.clock.now());
      return notify(digest);
    },
  });
  return times;
}

describe('a thousand workflows that fail alike', () => {
  it('are told in two publishes: the first at once, all others together, with three of them', async () => {
    const world = await openWorld(requestChain(GRAPHS.line));
    const times = timed(world);
    const keys = await fail(world, 1_000);
    expect(counts(world)).toEqual([1]);
    expect(await untold(world, keys)).toBe(999);
    await minutes(world, 8);
    expect(counts(world)).toEqual([1, 999]);
    const [first, second] = world.notifications;
    expect(second).toMatchObject({ chain: world.chain.name, step: 'a', code: 'REFUSED' });
    expect(second?.examples).toHaveLength(LIMITS.digestExamples);
    expect(second?.id).toBe(`${second?.examples[0]?.workflowId}:0:failed`);
    expect(first?.id).not.toBe(second?.id);
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(WINDOW);
    expect(await untold(world, keys)).toBe(0);
    // What is left to do is to erase the card, in two weeks.
    for (const key of keys)
      expect((await world.meta(key)).dueAt).toBeGreaterThan(world.clock.now() + 7 * 86_400_000);
    await minutes(world, 10);
    expect(world.notifications).toHaveLength(2);
  }, 120_000);

  it('go on failing, and all that waited are told: no single one takes their turn', async () => {
    const world = await openWorld(requestChain(GRAPHS.line));
    const keys: WorkflowKey[] = [];
    for (let minute = 0; minute < 20; minute += 1) {
      keys.push(...(await fail(world, 20)));
      await minutes(world, 1);
    }
    // One at once, then one in five minutes or so, each with what had failed since.
    expect(counts(world).length).toBeLessThanOrEqual(5);
    expect(counts(world)[0]).toBe(1);
    for (const count of counts(world).slice(1)) expect(count).toBeGreaterThan(80);
    await minutes(world, 7);
    expect(counts(world).reduce((sum, count) => sum + count)).toBe(400);
    expect(await untold(world, keys)).toBe(0);
  });

  it('cost each two writes of META and no other beside the claim and its outcome: nothing is written of the pace but turns', async () => {
    const world = await openWorld(requestChain(GRAPHS.line));
    await fail(world, 1);
    world.faults.log.length = 0;
    await fail(world, 50);
    const calls = (name: string) => world.faults.log.filter((call) => call === name).length;
    expect([calls('writeMeta'), calls('writePace'), calls('loadPace'), calls('notify')]).toEqual([
      50, 0, 50, 0,
    ]);
  });
});

describe('failures that differ', () => {
  it('have digests of their own, each by step and error, at most one a second', async () => {
    const world = await openWorld(requestChain({ a: [], b: ['a'], c: ['b'] }));
    const times = timed(world);
    await fail(world, 2);
    await fail(world, 2, 'b');
    await fail(world, 2, 'c', 302);
    await minutes(world, 8);
    const told = world.notifications.map(({ step, code, count }) => `${count} ${step} ${code}`);
    expect(told.sort()).toEqual(
      ['a REFUSED', 'b REFUSED', 'c REDIRECTED'].flatMap((one) => [`1 ${one}`, `1 ${one}`]).sort(),
    );
    const gaps = times.slice(1).map((time, at) => time - (times[at] ?? 0));
    for (const gap of gaps) expect(gap).toBeGreaterThanOrEqual(LIMITS.publishInterval * 1_000);
  });
});

describe('a digest', () => {
  it('that could not be published is published under the same id, and nothing was marked as told', async () => {
    const world = await openWorld(requestChain(GRAPHS.line));
    const keys = await fail(world, 10);
    world.faults.next('notify', { fail: true }, { lose: true });
    await minutes(world, 6);
    expect(await untold(world, keys)).toBe(9);
    await minutes(world, 8);
    const [, ...others] = world.notifications;
    expect(others.map(({ count }) => count)).toEqual([9, 9]);
    expect(new Set(others.map(({ id }) => id)).size).toBe(1);
    expect(await untold(world, keys)).toBe(0);
  });

  it('that was published, and not marked whole, is repeated under the same id with what is left', async () => {
    const world = await openWorld(requestChain(GRAPHS.line));
    const keys = await fail(world, 5);
    await world.clock.advance(WINDOW);
    const { ports } = world.engine;
    let broken = true;
    const store = {
      ...ports.store,
      writeMeta: async (...write: Parameters<typeof ports.store.writeMeta>) => {
        const [meta] = write;
        if (broken && meta.notify === undefined && meta.workflowId !== keys[1]?.workflowId)
          throw new Error('gone');
        return await ports.store.writeMeta(...write);
      },
    };
    await reconcile({ ...world.engine, ports: { ...ports, store } }, () => MINUTE);
    broken = false;
    // The oldest was not marked before the others were.
    expect(await untold(world, keys)).toBe(4);
    await minutes(world, 5);
    expect(counts(world)).toEqual([1, 4, 4]);
    expect(world.notifications[2]?.id).toBe(world.notifications[1]?.id);
    expect(await untold(world, keys)).toBe(0);
  });

  it('leaves out what was resumed before it', async () => {
    const world = await openWorld(requestChain(GRAPHS.line));
    const [, second, third] = await fail(world, 3);
    if (second === undefined || third === undefined) throw new Error('there is none');
    await resume(world.engine, second);
    await world.run();
    await minutes(world, 8);
    expect(world.notifications.map(({ id }) => id).at(-1)).toBe(`${third.workflowId}:0:failed`);
    expect(counts(world)).toEqual([1, 1]);
  });

  it('of more than a run can mark tells of those that it can, and the next one of the others', async () => {
    const world = await openWorld(requestChain(GRAPHS.line));
    const keys = await fail(world, 401);
    await world.clock.advance(WINDOW);
    let looks = 0;
    // The time for collecting is over after so many looks of the reconciler at its clock.
    const tired = () => (++looks < 400 ? MINUTE : MINUTE / 2);
    await reconcile(world.engine, tired);
    const told = counts(world)[1] ?? 0;
    expect(told).toBeGreaterThan(0);
    expect(told).toBeLessThan(400);
    expect(await untold(world, keys)).toBe(400 - told);
    await minutes(world, 9);
    expect(counts(world)).toEqual([1, told, 400 - told]);
    expect(await untold(world, keys)).toBe(0);
  });
});
