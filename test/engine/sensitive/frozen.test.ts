import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { frozen } from '../../../lib/engine/sensitive/frozen.ts';
import { buildChain } from '../fixtures.ts';
import { CARD, openWorld } from '../world.ts';

interface Seen {
  input: { card: string; tags: string[]; note?: unknown };
  results: Record<string, { list: number[] }>;
}

const api = (body: unknown) => ({ target: 'api', method: 'POST', path: '/b', body });

describe('code of a chain that changes', () => {
  it.each<[string, (seen: Seen) => unknown]>([
    ['a field of its input', ({ input }) => Object.assign(input, { tags: [input.card] })],
    ['what lies deeper in it', ({ input }) => input.tags.push(input.card)],
    ['its input by a new field', ({ input }) => Object.assign(input, { note: input.card })],
    ['how a field of it is', ({ input }) => Object.defineProperty(input, 'card', { value: '' })],
    ['the order of a list in a result', ({ results }) => results.a?.list.sort()],
    ['its results', ({ results }) => Object.assign(results, { other: {} })],
  ])('%s is refused, and says so: what it wrote would be stored, and erased by nobody', async (_, change) => {
    const chain = buildChain(
      { a: [], b: ['a'] },
      (name) =>
        name === 'a'
          ? { run: () => ({ list: [2, 1] }) }
          : { request: (seen: Seen) => api(change(seen)), response: z.unknown() },
      { input: z.strictObject({ card: z.string(), tags: z.array(z.string()) }), sensitive: ['card'] },
    );
    const world = await openWorld(chain);
    const input = { card: CARD, tags: ['y', 'x'] };
    const key = await world.begin({ payload: input });
    await world.run();
    const { error } = await world.meta(key);
    expect(error).toMatchObject({
      code: 'REQUEST_INVALID',
      effect: 'none',
      detail: expect.stringMatching(/; input and results cannot be changed: change a copy/),
    });
    expect((await world.meta(key)).input).toEqual(input);
    expect(world.called()).toBe('');
  });

  it('its input in a run step is told the same', async () => {
    const step = { run: ({ input }: Seen) => input.tags.sort(), retries: 0 };
    const world = await openWorld(
      buildChain({ a: [] }, () => step, { input: z.object({ tags: z.array(z.string()) }) }),
    );
    const key = await world.begin({ payload: { tags: ['y', 'x'] } });
    await world.run();
    expect((await world.meta(key)).error).toMatchObject({
      code: 'RUN_FAILED',
      detail: expect.stringContaining('input and results cannot be changed'),
    });
  });

  it('a copy is free to do so', async () => {
    const world = await openWorld(
      buildChain(
        { a: [] },
        () => ({ request: ({ input }: Seen) => api([...input.tags].sort()), response: z.unknown() }),
        { input: z.object({ tags: z.array(z.string()) }) },
      ),
    );
    await world.begin({ payload: { tags: ['y', 'x'] } });
    await world.run();
    expect(world.calls[0]?.request.body).toBe('["x","y"]');
  });
});

it('what is frozen is frozen to its depths, however many there are', () => {
  let deep: unknown = { end: [] };
  for (let level = 0; level < 50_000; level += 1) deep = [deep];
  frozen(deep);
  let one = deep;
  for (; Array.isArray(one); [one] = one) expect(Object.isFrozen(one)).toBe(true);
  expect(one).toSatisfy(Object.isFrozen);
});
