import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import type { ChainDefinition } from '../../../lib/chain/definition.ts';
import { withOutput } from '../../../lib/chain/validate.ts';
import { DAY_MS } from '../../../lib/contract/limits.ts';
import { cancel, resume } from '../../../lib/engine/operations/change.ts';
import { get } from '../../../lib/engine/operations/read.ts';
import type { HttpOutcome } from '../../../lib/engine/ports.ts';
import { reconcile } from '../../../lib/engine/reconciler.ts';
import { unseal } from '../../../lib/engine/sensitive/seal.ts';
import { buildChain } from '../fixtures.ts';
import { eventsOf, type INPUT, openWorld, status, type World } from '../world.ts';

const TOKEN = 'tok_Live-77aa88bb';

type Seen = Readonly<{
  input: typeof INPUT;
  results: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}>;

/** `a` gets a token, which `b` uses; the output shows all that it sees. */
const tokenChain = (more: Readonly<Record<string, unknown>> = {}): ChainDefinition =>
  withOutput(
    buildChain(
      { a: [], b: ['a'] },
      (name) =>
        name === 'a'
          ? {
              request: () => ({ target: 'api', method: 'POST', path: '/a' }),
              response: z.object({ id: z.string(), token: z.string(), n: z.number().optional() }),
              sensitive: ['token'],
              retries: 0,
            }
          : {
              request: ({ results }: Seen) => ({
                target: 'api',
                method: 'POST',
                path: '/b',
                body: { bearer: results.a?.token },
              }),
              response: z.object({ ok: z.string() }),
              retries: 0,
            },
      {
        input: z.strictObject({ card: z.string(), amount: z.number() }),
        sensitive: [],
        keepFailed: 3,
        ...more,
      },
    ),
    ({ results }: { results: unknown }) => ({ seen: results }),
  );

const gives = (body: unknown): HttpOutcome => ({
  kind: 'reply',
  status: 200,
  body: typeof body === 'string' ? body : JSON.stringify(body),
});
const token = gives({ token: TOKEN, id: 'o-1' });

async function opened(...answers: readonly [HttpOutcome, ...HttpOutcome[]]): Promise<World> {
  const world = await openWorld(tokenChain());
  const [first, ...others] = answers;
  world.answers('a', first);
  world.answers('b', ...others);
  return world;
}

/** Neither the table nor anything that leaves the engine holds the token, in any spelling. */
async function expectUnseen(world: World, key: Awaited<ReturnType<World['begin']>>): Promise<void> {
  const { bodies, events, notifications } = world;
  const answer = await get(world.engine, key, true);
  const stored = [await world.meta(key), await world.step(key, 'a'), await world.step(key, 'b')];
  const all = JSON.stringify({ bodies, events, notifications, answer, stored });
  expect(all.replace(/[^a-z0-9]/gi, '').toLowerCase()).not.toContain('live77aa88bb');
}

describe('a sensitive field of a result', () => {
  it('is seen by the steps after it, and by nobody else', async () => {
    const world = await opened(token);
    const key = await world.begin();
    await world.run();
    expect(world.calls.map(({ request }) => request.body)).toEqual([
      undefined,
      JSON.stringify({ bearer: TOKEN }),
    ]);
    expect(await get(world.engine, key, false)).toMatchObject({
      status: 'completed',
      seen: { a: { id: 'o-1' }, b: { ok: 'b' } },
    });
    await expectUnseen(world, key);
  });

  it('is sealed in the table, under the key that goes when the workflow ends', async () => {
    const world = await opened(token);
    const key = await world.begin();
    await world.work('a');
    const record = await world.step(key, 'a');
    const { requestKey } = await world.meta(key);
    expect(record?.result).toEqual({ id: 'o-1' });
    expect(unseal(requestKey ?? '', 'a', record?.sealed ?? '')).toEqual({ token: TOKEN });
    await expectUnseen(world, key);
    await world.run();
    expect(await world.meta(key)).toMatchObject({ status: 'completed', erased: true });
    expect(await world.meta(key)).not.toHaveProperty('requestKey');
    // No write more than any other workflow: what is sealed stays, and nobody can read it.
    expect(await world.step(key, 'a')).toEqual(record);
    expect(() => unseal('0'.repeat(32), 'a', record?.sealed ?? '')).toThrow();
  });

  it('is masked where a later target repeats it, in whatever spelling', async () => {
    const world = await opened(token, status(422, `no: ${TOKEN.toUpperCase()} is not tok live 77aa 88bb`));
    const key = await world.begin();
    await world.run();
    expect((await world.step(key, 'b'))?.error?.detail).toMatch(/no: \*\*\* is not \*\*\*$/);
    await expectUnseen(world, key);
  });

  it.each([
    ['breaks the schema', gives({ token: TOKEN, id: 7 }), /token: \*\*\*; id: 7/],
    ['breaks the schema, deeper', gives({ data: { token: TOKEN }, id: 7 }), /data.token: \*\*\*; id: 7/],
    [
      'is a number that would lose digits',
      gives('{"token":12345678901234567890,"n":12345678901234567890}'),
      /token: \*\*\*; n: \*\*\*/,
    ],
    ['is cut', gives(`{"token":"${TOKEN}`), /the reply was: \(not shown, as it may hold a sensitive field/],
    ['refuses', status(422, JSON.stringify({ token: TOKEN, why: 'no' })), /: token: \*\*\*; why: no$/],
    [
      'is too large',
      {
        kind: 'failure',
        code: 'REPLY_TOO_LARGE',
        sent: 'unknown',
        message: 'too large',
        excerpt: `{"token":"${TOKEN}`,
      } as const,
      /too large; the reply was: \(not shown/,
    ],
  ])('is not shown of a reply of its own step that %s', async (_, answer, message) => {
    const world = await opened(answer);
    const key = await world.begin();
    await world.run();
    expect((await world.step(key, 'a'))?.error?.detail).toMatch(message);
    await expectUnseen(world, key);
  });

  it('is not shown of the result of code that breaks its schema', async () => {
    const step = {
      run: () => ({ token: TOKEN }),
      response: z.object({ token: z.string().refine(() => false, { error: ({ input }) => `bad ${input}` }) }),
      sensitive: ['token'],
    };
    const world = await openWorld(buildChain({ a: [] }, () => step));
    const key = await world.begin({ payload: {} });
    await world.run();
    expect((await world.step(key, 'a'))?.error?.detail).toMatch(/"token": bad \*\*\*$/);
    await expectUnseen(world, key);
  });

  it('is kept for a resume when the workflow fails, and unreadable for ever some days later', async () => {
    const world = await opened(token, status(422), status(422));
    const key = await world.begin();
    await world.run();
    await resume(world.engine, key);
    await world.run();
    expect(world.calls.at(-1)?.request.body).toBe(JSON.stringify({ bearer: TOKEN }));
    // It is told first, and erased some days after that.
    for (const ms of [600_000, 3 * DAY_MS]) {
      await world.clock.advance(ms);
      await reconcile(world.engine, () => 60_000);
    }
    expect(eventsOf(world, 'workflow_erased')).toHaveLength(1);
    const meta = await world.meta(key);
    expect(meta).toMatchObject({ status: 'failed', erased: true });
    expect(meta).not.toHaveProperty('requestKey');
    await expect(resume(world.engine, key)).rejects.toThrow(
      'the sensitive results (a.token) were erased, 3 days after the failure',
    );
    await expectUnseen(world, key);
  });

  it('is unreadable once the workflow is cancelled', async () => {
    const world = await opened(token);
    const key = await world.begin();
    await world.work('a');
    await cancel(world.engine, key);
    expect(await world.meta(key)).not.toHaveProperty('requestKey');
    await expectUnseen(world, key);
  });

  it('is sealed, too, where an operator gives the result', async () => {
    const world = await opened(gives({}));
    const key = await world.begin();
    await world.run();
    const done = { id: 'o-2', token: TOKEN };
    await resume(world.engine, key, { done });
    expect((await world.step(key, 'a'))?.result).toEqual({ id: 'o-2' });
    await world.run();
    expect(world.calls.at(-1)?.request.body).toBe(JSON.stringify({ bearer: TOKEN }));
    await expectUnseen(world, key);
  });

  it('is not shown of a workflow of an earlier release, which has no key', async () => {
    const world = await opened(token);
    const key = await world.begin();
    const { requestKey: _, ...meta } = await world.meta(key);
    await world.engine.ports.store.writeMeta(meta, { status: 'processing', epoch: 0 });
    await world.run();
    expect(world.calls.at(-1)?.request.body).toBe(JSON.stringify({ bearer: TOKEN }));
    const answer = await get(world.engine, key, true);
    expect(answer).toMatchObject({ status: 'completed', seen: { a: { id: 'o-1' } } });
    expect(JSON.stringify([answer, world.events])).not.toContain(TOKEN);
  });
});
