import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { done, notDone, unknown } from '../../../lib/chain/index.ts';
import type { Reply } from '../../../lib/chain/request/verdict.ts';
import { cancel, resume } from '../../../lib/engine/operations/change.ts';
import { reconcile } from '../../../lib/engine/reconciler.ts';
import { loadState } from '../../../lib/engine/shell.ts';
import type { StepRecord, WorkflowKey } from '../../../lib/engine/state.ts';
import { settle as settled } from '../../support/manual-clock.ts';
import { buildChain, GRAPHS } from '../fixtures.ts';
import { openWorld, status, timedOut, type World } from '../world.ts';

const MINUTE = 60_000;

/** Says what the body of a reply says; 404: nothing there. */
const reply = ({ status: code, body }: Reply) => {
  if (code === 404) return notDone();
  const { is, result } = z.object({ is: z.string(), result: z.unknown().optional() }).parse(body);
  if (is === 'throw') throw new Error('no such field');
  if (is === 'nonsense') return 'yes';
  return is === 'done' ? done(result) : is === 'unknown' ? unknown() : notDone();
};

const says = (is: string, result?: unknown) => status(200, JSON.stringify({ is, result }));

const lookupOf = (name: string) => ({
  request: ({ idempotencyKey }: { idempotencyKey: string }) => ({
    target: 'api',
    method: 'GET',
    path: `/asked-${name}`,
    headers: { 'x-key': idempotencyKey },
  }),
  reply,
  retries: 1,
});

/** A line of three steps that post to their names; the target is asked at `/asked-<name>`. */
const chainOf = (
  more: Readonly<Record<string, unknown>> = {},
  chain: Readonly<Record<string, unknown>> = {},
) =>
  buildChain(
    GRAPHS.line,
    (name) => ({
      request: () => ({ target: 'api', method: 'POST', path: `/${name}` }),
      response: z.object({ ok: z.string() }),
      retries: 0,
      lookup: lookupOf(name),
      ...more,
    }),
    { input: z.strictObject({ card: z.string(), amount: z.number() }), ...chain },
  );

const UNDO = {
  undo: {
    request: ({ undone }: { undone: { result: unknown } }) => ({
      target: 'api',
      method: 'POST',
      path: '/undo',
      body: { result: undone.result },
    }),
  },
};

async function begun(
  more: Readonly<Record<string, unknown>> = {},
  chain: Readonly<Record<string, unknown>> = {},
): Promise<{ readonly world: World; readonly key: WorkflowKey }> {
  const world = await openWorld(chainOf(more, chain));
  return { world, key: await world.begin() };
}

/** Until nothing is left to do but what a person does. */
async function toTheEnd(world: World): Promise<void> {
  for (let minutes = 0; minutes < 6; minutes += 1) {
    await world.run();
    await world.clock.advance(MINUTE);
    await reconcile(world.engine, () => MINUTE);
  }
  await world.run();
}

const recordOf = async ({ engine }: World, key: WorkflowKey, step = 'a'): Promise<StepRecord | undefined> =>
  (await loadState(engine.ports, key))?.lookups?.get(step);

describe('a step in doubt whose target can be asked', () => {
  it('is completed with what its target says was done, and is not called again', async () => {
    const { world, key } = await begun();
    world.answers('a', timedOut);
    world.answers('asked-a', says('done', { ok: 'found' }));
    await world.run();
    expect(world.called()).toBe('a asked-a b c');
    expect(await world.step(key, 'a')).toMatchObject({
      status: 'completed',
      result: { ok: 'found' },
      round: 0,
    });
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
  });

  it('is asked for by the key of its call, without a key of its own, over a connection of its own', async () => {
    const { world } = await begun();
    world.answers('a', timedOut);
    world.answers('asked-a', says('done', { ok: 'found' }));
    await world.run();
    const [made, asked] = world.calls;
    expect(asked?.request).toMatchObject({ method: 'GET', fresh: true });
    expect(asked?.request.headers['x-key']).toBe(made?.key);
    expect(asked?.key).toBeUndefined();
    expect(asked?.request.headers['stepline-call-id']).toMatch(/:a:lookup:0$/);
  });

  it('is asked for again once its call can no longer act, where nothing was there before', async () => {
    const { world, key } = await begun();
    world.answers('a', timedOut);
    world.answers('asked-a', status(404), says('done', { ok: 'late' }));
    await world.run();
    expect(world.called()).toBe('a asked-a');
    expect(await recordOf(world, key)).toMatchObject({ status: 'retrying', attempt: 0 });
    await toTheEnd(world);
    expect(world.called()).toBe('a asked-a asked-a b c');
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
  });

  it('surely did nothing where nothing is there later: its workflow fails so, and a resume takes a new key', async () => {
    const { world, key } = await begun();
    world.answers('a', timedOut);
    world.answers('asked-a', status(404), status(404));
    await toTheEnd(world);
    expect(await world.step(key, 'a')).toMatchObject({ status: 'failed', open: 0, round: 1 });
    expect(await world.meta(key)).toMatchObject({
      status: 'failed',
      error: { code: 'DEADLINE_EXCEEDED', effect: 'none' },
    });
    await resume(world.engine, key);
    await world.run();
    const keys = world.calls.filter(({ step }) => step === 'a').map((call) => call.key);
    expect(new Set(keys).size).toBe(2);
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
  });

  it('is called again under a new key at once, where its target takes none and attempts are left', async () => {
    const { world, key } = await begun({ idempotency: 'none', retries: 1 });
    world.answers('a', timedOut);
    world.answers('asked-a', status(404), status(404));
    await toTheEnd(world);
    expect(world.called()).toBe('a asked-a asked-a a b c');
    expect(await world.step(key, 'a')).toMatchObject({ status: 'completed', round: 1, attempt: 2 });
  });

  it('waits for a person where its target cannot tell', async () => {
    const { world, key } = await begun();
    world.answers('a', timedOut);
    world.answers('asked-a', says('unknown'));
    await world.run();
    expect(await world.meta(key)).toMatchObject({
      status: 'failed',
      error: { code: 'DEADLINE_EXCEEDED', effect: 'unknown' },
    });
    expect(await recordOf(world, key)).toMatchObject({ status: 'completed', answer: 'unknown' });
    await resume(world.engine, key, { done: { ok: 'by hand' } });
    await world.run();
    expect(world.called()).toBe('a asked-a b c');
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
  });

  it.each([
    ['refuses', status(403), 'REFUSED'],
    ['throws', says('throw'), 'REPLY_INVALID'],
    ['answers nonsense', says('nonsense'), 'REPLY_INVALID'],
    ['gives a result that the step cannot have', says('done', { ok: 7 }), 'REPLY_INVALID'],
  ])('waits for a person where the lookup %s', async (_, outcome, code) => {
    const { world, key } = await begun();
    world.answers('a', timedOut);
    world.answers('asked-a', outcome);
    await world.run();
    expect(await recordOf(world, key)).toMatchObject({ status: 'failed', error: { code, effect: 'none' } });
    expect(await world.meta(key)).toMatchObject({ status: 'failed', error: { effect: 'unknown' } });
    expect(world.called()).toBe('a asked-a');
  });

  it('is asked for again where the target says later, or does not answer, as often as the lookup says', async () => {
    const { world, key } = await begun();
    world.answers('a', timedOut);
    world.answers('asked-a', status(503), timedOut);
    await toTheEnd(world);
    expect(world.called()).toBe('a asked-a asked-a');
    expect(await recordOf(world, key)).toMatchObject({ status: 'failed', attempt: 2 });
    expect(await world.meta(key)).toMatchObject({ status: 'failed', error: { effect: 'unknown' } });
  });

  it('is not asked for where it surely did nothing', async () => {
    const { world, key } = await begun();
    world.answers('a', status(422));
    await world.run();
    expect(world.called()).toBe('a');
    expect(await world.meta(key)).toMatchObject({ status: 'failed', error: { effect: 'none' } });
  });

  it('is asked for by the next worker where the first one died as it asked, once its lease is over', async () => {
    const { world, key } = await begun();
    world.answers('a', timedOut);
    world.answers('asked-a', new Promise(() => undefined), says('done', { ok: 'found' }));
    void world.work('a');
    await settled();
    expect(await recordOf(world, key)).toMatchObject({ status: 'running', attempt: 1 });
    await toTheEnd(world);
    expect(world.called()).toBe('a asked-a asked-a b c');
  });

  it('is asked for after a lost message: the reconciler sends it, and no dead letter', async () => {
    const { world, key } = await begun();
    world.answers('a', timedOut);
    world.answers('asked-a', status(503), says('done', { ok: 'found' }));
    await world.work('a');
    await world.clock.advance(MINUTE);
    world.loseMessages();
    await toTheEnd(world);
    expect(world.called()).toBe('a asked-a asked-a b c');
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
  });

  it('is not given up by a dead letter that comes before its target was asked', async () => {
    const { world, key } = await begun();
    world.answers('a', timedOut);
    world.answers('asked-a', status(503), says('done', { ok: 'found' }));
    const [message] = world.visible('a');
    await world.work('a');
    await world.queueAgain(message, 'deadLetter');
    await world.work('a', 'deadLetter');
    expect(await world.meta(key)).toMatchObject({ status: 'processing' });
    await toTheEnd(world);
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
  });

  it('goes on after a resume though its target has forgotten the key: it is asked', async () => {
    const { world, key } = await begun();
    world.answers('a', timedOut);
    world.answers('asked-a', says('unknown'), says('done', { ok: 'found' }));
    await world.run();
    await world.clock.advance(3 * 24 * 60 * MINUTE);
    await resume(world.engine, key);
    await world.run();
    expect(world.called()).toBe('a asked-a asked-a b c');
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
  });
});

describe('a step in doubt of a workflow that is taken back', () => {
  const undone = (world: World) =>
    world.calls.filter(({ step }) => step === 'undo').map(({ request }) => JSON.parse(request.body ?? '{}'));

  it('is undone with what its target says was done', async () => {
    const { world, key } = await begun(UNDO, { onFailure: 'undo' });
    world.answers('b', timedOut);
    world.answers('asked-b', says('unknown'), says('done', { ok: 'found' }));
    await toTheEnd(world);
    expect(await world.meta(key)).toMatchObject({ status: 'compensated' });
    expect(world.called()).toBe('a b asked-b asked-b undo undo');
    expect(undone(world)).toEqual([{ result: { ok: 'found' } }, { result: { ok: 'a' } }]);
  });

  it('is not undone where its target says, late enough, that nothing was done', async () => {
    const { world, key } = await begun(UNDO, { onFailure: 'undo' });
    world.answers('b', timedOut);
    world.answers('asked-b', says('unknown'), status(404));
    await toTheEnd(world);
    expect(await world.meta(key)).toMatchObject({ status: 'compensated' });
    expect(undone(world)).toEqual([{ result: { ok: 'a' } }]);
  });

  it('waits for a person where its target cannot tell, and nothing before it is undone', async () => {
    const { world, key } = await begun(UNDO, { onFailure: 'undo' });
    world.answers('b', timedOut);
    world.answers('asked-b', says('unknown'), says('unknown'));
    await toTheEnd(world);
    expect(await world.meta(key)).toMatchObject({
      status: 'compensation_failed',
      undoError: { code: 'LOOKUP_UNKNOWN', step: 'b', effect: 'unknown' },
    });
    expect(undone(world)).toEqual([]);
    world.answers('asked-b', says('done', { ok: 'found' }));
    await resume(world.engine, key);
    await toTheEnd(world);
    expect(await world.meta(key)).toMatchObject({ status: 'compensated' });
  });

  it('is not asked for where it has no undo', async () => {
    const { world, key } = await begun();
    world.answers('a', timedOut);
    world.answers('asked-a', says('unknown'));
    await world.run();
    expect(await world.meta(key)).toMatchObject({ status: 'failed' });
    expect(world.called()).toBe('a asked-a');
  });
});

describe('the last answer of a lookup', () => {
  it('is worth nothing for a call that was made since', async () => {
    const { world, key } = await begun();
    world.answers('a', timedOut, timedOut);
    world.answers('asked-a', says('unknown'), says('done', { ok: 'second' }));
    await world.run();
    await resume(world.engine, key);
    await world.run();
    expect(world.called()).toBe('a asked-a a asked-a b c');
    expect(await world.step(key, 'a')).toMatchObject({ result: { ok: 'second' } });
  });

  it('completes the step with sensitive fields sealed as ever', async () => {
    const { world, key } = await begun({ sensitive: ['ok'] });
    world.answers('a', timedOut);
    world.answers('asked-a', says('done', { ok: 'found' }));
    await world.run();
    const record = await world.step(key, 'a');
    expect(record).toMatchObject({ status: 'completed', result: {} });
    expect(record?.sealed).toBeDefined();
    expect(JSON.stringify(await recordOf(world, key))).not.toContain('found');
  });
});

describe('a pivot in doubt as its workflow is taken back', () => {
  /** The middle of the line is the pivot; a cancel with undo comes while a worker that loaded before claims it and dies. */
  async function claimedLate(): Promise<{ readonly world: World; readonly key: WorkflowKey }> {
    const chain = buildChain(GRAPHS.line, (name) => ({
      request: () => ({ target: 'api', method: 'POST', path: `/${name}` }),
      response: z.object({ ok: z.string() }),
      retries: 0,
      ...(name === 'a' ? UNDO : {}),
      ...(name === 'b' ? { pivot: true, lookup: lookupOf(name) } : {}),
    }));
    const world = await openWorld(chain);
    const key = await world.begin({ payload: {} });
    await world.work('a');
    world.answers('b', timedOut);
    // META turns between the load and the claim of the worker of the pivot.
    world.faults.next('writeStep', { before: () => cancel(world.engine, key, { undo: true }) });
    await world.work('b');
    return { world, key };
  }

  it('is past where its target says that it was done: nothing is undone, and a resume goes forward', async () => {
    const { world, key } = await claimedLate();
    world.answers('asked-b', says('done', { ok: 'found' }));
    await toTheEnd(world);
    expect(await world.meta(key)).toMatchObject({ status: 'failed', error: { code: 'PAST_PIVOT' } });
    expect(await world.step(key, 'b')).toMatchObject({ status: 'completed' });
    await resume(world.engine, key);
    await toTheEnd(world);
    expect(world.called()).toBe('a b asked-b c');
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
  });

  it('did nothing where its target says so, and what stands before it is undone', async () => {
    const { world, key } = await claimedLate();
    world.answers('asked-b', status(404));
    await toTheEnd(world);
    expect(world.called()).toBe('a b asked-b undo');
    expect(await world.meta(key)).toMatchObject({ status: 'compensated' });
  });

  it('is past where its target cannot tell', async () => {
    const { world, key } = await claimedLate();
    world.answers('asked-b', says('unknown'));
    await toTheEnd(world);
    expect(world.called()).toBe('a b asked-b');
    expect(await world.meta(key)).toMatchObject({ status: 'failed', error: { code: 'PAST_PIVOT' } });
  });
});
