import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { resume } from '../../lib/engine/operations/change.ts';
import { get } from '../../lib/engine/operations/read.ts';
import { undo } from '../../lib/engine/operations/undo.ts';
import { buildChain, GRAPHS, type GraphName } from './fixtures.ts';
import { INPUT, openWorld, status } from './world.ts';

interface Context {
  readonly input: { readonly amount: number };
  readonly results: Readonly<Record<string, unknown>>;
}

/** A chain in which step b says when it is needed. Each step tells what it sees. */
const chainWith = (when: unknown, graph: GraphName = 'line') =>
  buildChain(
    GRAPHS[graph],
    (name) => ({
      request: ({ results }: Context) => ({ target: 'api', method: 'POST', path: `/${name}`, body: results }),
      response: z.object({ ok: z.string() }),
      undo: { request: () => ({ target: 'api', method: 'POST', path: `/undo-${name}` }) },
      ...(name === 'b' ? { when } : {}),
    }),
    { input: z.strictObject({ card: z.string(), amount: z.number() }), sensitive: ['card'] },
  );

async function begun(when: unknown, graph?: GraphName) {
  const world = await openWorld(chainWith(when, graph));
  return { world, key: await world.begin() };
}

const never = () => false;

describe('a step with when', () => {
  it('is called where it is needed, by the input and the results before it', async () => {
    const seen: Context[] = [];
    const { world } = await begun((context: Context) => seen.push(context) > 0);
    await world.run();
    expect(world.called()).toBe('a b c');
    expect(seen).toEqual([{ input: INPUT, results: { a: { ok: 'a' } } }]);
  });

  it('is skipped where it is not: one write, no call, and the steps after it see no result', async () => {
    const { world, key } = await begun(never);
    await world.run();
    expect(world.called()).toBe('a c');
    expect(JSON.parse(world.calls[1]?.request.body ?? '')).toEqual({ a: { ok: 'a' } });
    expect(await get(world.engine, key, true)).toMatchObject({
      status: 'completed',
      steps: { a: 'completed', b: 'skipped', c: 'completed' },
      timeline: [{ step: 'a' }, { step: 'c' }],
    });
    expect(world.faults.log.filter((call) => call === 'writeStep')).toHaveLength(5);
    expect(world.events).toContainEqual(expect.objectContaining({ event: 'step_skipped', step: 'b' }));
  });

  it('does not hold up a join', async () => {
    const { world, key } = await begun(never, 'join');
    await world.run();
    expect(world.called()).toBe('a c');
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
  });

  it('is never undone, and those around it are', async () => {
    const { world, key } = await begun(never);
    world.answers('c', status(422));
    await world.run();
    await undo(world.engine, key);
    await world.run();
    expect(world.called()).toBe('a c undo-a');
    expect(await get(world.engine, key, false)).toMatchObject({
      status: 'compensated',
      steps: { b: 'skipped' },
      undo: { a: { status: 'completed' } },
    });
  });

  it('is skipped once where its message is delivered twice', async () => {
    const { world } = await begun(never);
    await world.work('a');
    const [message] = world.visible('b');
    await world.work('b');
    await world.queueAgain(message);
    await world.run();
    expect(world.called()).toBe('a c');
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error(`no card ${INPUT.card}`);
      },
      'when threw: no card',
    ],
    ['is async', async () => true, 'when returned a promise, not true or false'],
    ['says neither yes nor no', () => 1, 'when returned number, not true or false'],
  ])('that %s fails, surely without an effect, and is asked again by a resume', async (_, when, detail) => {
    let mended = false;
    const { world, key } = await begun(() => mended || (when as () => unknown)());
    await world.run();
    expect(world.called()).toBe('a');
    const { error } = await get(world.engine, key, true);
    expect(error).toMatchObject({
      ...{ step: 'b', code: 'REQUEST_INVALID', effect: 'none', attempts: 0 },
      detail: expect.stringContaining(detail),
      next: 'Correct the when function of the step, and deploy. Then resume.',
    });
    expect(JSON.stringify(error)).not.toContain(INPUT.card);
    mended = true;
    await resume(world.engine, key);
    await world.run();
    expect(world.called()).toBe('a b c');
  });
});
