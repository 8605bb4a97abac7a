import { describe, expect, it } from 'vitest';
import { resume } from '../../lib/engine/operations/change.ts';
import { get } from '../../lib/engine/operations/read.ts';
import type { WorkflowKey } from '../../lib/engine/state.ts';
import { handleDelivery } from '../../lib/engine/worker.ts';
import { DAY } from '../ports/store/fixtures.ts';
import { GRAPHS } from './fixtures.ts';
import { openWorld, requestChain, status, timedOut, type World } from './world.ts';

const HOUR = 60 * 60_000;
const LINE = requestChain(GRAPHS.line, { retries: 0 });
const BRANCHES = requestChain(GRAPHS.pair, { retries: 0 });

/** A workflow whose step may have acted: its call got no answer. */
async function unanswered(chain = LINE, step = 'b') {
  const world = await openWorld(chain);
  const key = await world.begin();
  world.answers(step, timedOut);
  await world.run();
  return { world, key };
}

/** The keys of the calls of a step, one after the other. */
const keysOf = (world: World, step: string): readonly (string | undefined)[] =>
  world.calls.filter((call) => call.step === step).map(({ key }) => key);

const stateOf = async (world: World, key: WorkflowKey) => {
  const state = await world.engine.ports.store.load(key);
  if (state === undefined) throw new Error('the workflow is gone');
  return state;
};

const calls = (world: World, step: string) => keysOf(world, step).length;

describe('a call that may have acted', () => {
  it('tells until when it can be repeated, as its target may forget the key', async () => {
    const { world, key } = await unanswered();
    const { error } = await get(world.engine, key, false);
    const until = new Date(world.clock.now() + DAY - 30_000).toISOString();
    expect(error).toMatchObject({ code: 'DEADLINE_EXCEEDED', effect: 'unknown' });
    expect(Date.parse(error?.safeUntil ?? '')).toBeLessThanOrEqual(Date.parse(until));
    expect(error?.next).toContain(`Then resume before ${error?.safeUntil}`);
  });

  it('is repeated under its key by a resume in time', async () => {
    const { world, key } = await unanswered();
    await world.clock.advance(DAY - HOUR);
    await resume(world.engine, key);
    await world.run();
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
    expect(new Set(keysOf(world, 'b')).size).toBe(1);
  });

  it('is not repeated by a resume after that: it is refused, and says what can be said', async () => {
    const { world, key } = await unanswered();
    await world.clock.advance(3 * DAY);
    await expect(resume(world.engine, key)).rejects.toMatchObject({
      code: 'KEY_EXPIRED',
      problem: { status: 409 },
      message: expect.stringMatching(
        /\(b until 2\d{3}-.*Z\)\. Look at the target, .*"done".*"notDone".*"newKey"/,
      ),
    });
    expect(await world.meta(key)).toMatchObject({ status: 'failed', epoch: 0 });
    expect(calls(world, 'b')).toBe(1);
  });

  it('is not repeated by a worker whose message comes late either: the step fails', async () => {
    const { world, key } = await unanswered();
    await world.clock.advance(DAY - HOUR);
    await resume(world.engine, key);
    await world.clock.advance(HOUR);
    await world.run();
    expect(calls(world, 'b')).toBe(1);
    expect(await get(world.engine, key, false)).toMatchObject({
      status: 'failed',
      error: {
        code: 'KEY_EXPIRED',
        message: expect.stringMatching(
          /^the call of step "b" may have acted, and could be repeated until .* s$/,
        ),
        effect: 'unknown',
        step: 'b',
        next: expect.stringContaining('resume and say so'),
      },
    });
    expect(world.notifications.at(-1)).toMatchObject({ code: 'KEY_EXPIRED' });
  });

  it('fails now where the wait for its next attempt would end too late', async () => {
    const world = await openWorld(requestChain(GRAPHS.line, { retries: 5, idempotency: { lifetime: 600 } }));
    const key = await world.begin();
    world.answers('a', status(503, 'busy', { 'retry-after': '600' }));
    await world.run();
    expect(await get(world.engine, key, true)).toMatchObject({
      status: 'failed',
      error: {
        code: 'KEY_EXPIRED',
        httpStatus: 503,
        message: expect.stringMatching(
          /^the next attempt is due at .*Z, and the call could be repeated until .*Z only$/,
        ),
        detail: expect.stringMatching(/^the last one failed: TARGET_UNAVAILABLE: .*busy$/),
      },
    });
    expect(calls(world, 'a')).toBe(1);
  });

  it('is ended before its target may forget the key', async () => {
    const chain = requestChain(GRAPHS.line, { retries: 1, timeout: 30, idempotency: { lifetime: 100 } });
    const world = await openWorld(chain);
    await world.begin();
    world.answers('a', status(503, 'busy', { 'retry-after': '64' }));
    await world.run();
    const deadlines: number[] = [];
    const { http } = world.engine.ports;
    const watched = {
      call: (request: Parameters<typeof http.call>[0], ms: number) => {
        deadlines.push(ms);
        return http.call(request, ms);
      },
    };
    // The claim is slow: 10 s of the 31 s that are left are gone when the call begins.
    world.faults.next('writeStep', { before: async () => void (await world.clock.advance(10_000)) });
    await world.clock.advance(64_000);
    const engine = { ...world.engine, ports: { ...world.engine.ports, http: watched } };
    await handleDelivery(engine, world.receive('a'), () => 45_000);
    expect(deadlines).toEqual([21_000]);
  });
});

describe('a call that surely did not act', () => {
  it('is repeated however late: its key, if it is the same, was never used', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin();
    world.answers('a', status(402, 'declined'));
    await world.run();
    await world.clock.advance(5 * DAY);
    await resume(world.engine, key);
    await world.run();
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
  });
});

describe('what an operator says of a step', () => {
  const late = async (chain = LINE, step = 'b') => {
    const opened = await unanswered(chain, step);
    await opened.world.clock.advance(3 * DAY);
    return opened;
  };

  it.each([
    ['in short', { done: { ok: 'seen in the books' } }],
    ['by its name', { steps: { b: { done: { ok: 'seen in the books' } } } }],
  ])('done: its result is saved, and the workflow goes on without a call (%s)', async (_, body) => {
    const { world, key } = await late();
    await resume(world.engine, key, { reason: 'looked', ...body });
    await world.run();
    expect(calls(world, 'b')).toBe(1);
    expect(calls(world, 'c')).toBe(1);
    expect((await stateOf(world, key)).steps.get('b')).toMatchObject({
      status: 'completed',
      result: { ok: 'seen in the books' },
    });
    expect(await get(world.engine, key, true)).toMatchObject({
      status: 'completed',
      operations: [{ operation: 'resume', reason: 'looked', steps: { b: 'done' } }],
    });
  });

  it.each([
    ['notDone, in short', { notDone: true }],
    ['newKey, in short', { newKey: true }],
    ['notDone', { steps: { b: { notDone: true } } }],
    ['newKey', { steps: { b: { newKey: true } } }],
  ] as const)('%s: it is called once more, under a new key', async (_, body) => {
    const { world, key } = await late();
    await resume(world.engine, key, body);
    await world.run();
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
    const keys = keysOf(world, 'b');
    expect(keys).toEqual([`${key.workflowId}:b:do:0`, `${key.workflowId}:b:do:1`]);
  });

  it('done with a result that breaks the response schema is refused, and nothing is saved', async () => {
    const { world, key } = await late();
    const before = await stateOf(world, key);
    await expect(resume(world.engine, key, { done: { ok: 7 } })).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
      errors: [{ field: 'steps.b.done', message: expect.stringContaining('breaks the schema at "ok"') }],
    });
    expect(await stateOf(world, key)).toEqual(before);
  });

  it('in short is refused where several steps may have acted, and taken where each is named', async () => {
    const world = await openWorld(BRANCHES);
    const key = await world.begin();
    const open = ['a', 'x'];
    for (const name of open) world.answers(name, timedOut);
    await world.run();
    await expect(resume(world.engine, key, { notDone: true })).rejects.toMatchObject({
      code: 'SEVERAL_OPEN',
      problem: { status: 409 },
    });
    await world.clock.advance(3 * DAY);
    await expect(resume(world.engine, key)).rejects.toMatchObject({ code: 'KEY_EXPIRED' });
    const steps = Object.fromEntries(
      open.map((name, at) => [name, at === 0 ? { done: { ok: 'x' } } : { newKey: true as const }]),
    );
    await resume(world.engine, key, { steps });
    await world.run();
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
    for (const [at, name] of open.entries()) expect(calls(world, name)).toBe(at === 0 ? 1 : 2);
  });

  it.each([
    ['that does not exist', { steps: { zz: { notDone: true } } }, 'INVALID_REQUEST'],
    ['that is completed', { steps: { a: { notDone: true } } }, 'STEP_STATUS'],
    ['whose turn has not come', { steps: { c: { done: { ok: 'x' } } } }, 'STEP_STATUS'],
  ] as const)('of one %s is refused', async (_, body, code) => {
    const { world, key } = await late();
    await expect(resume(world.engine, key, body)).rejects.toMatchObject({ code });
    expect(await world.meta(key)).toMatchObject({ status: 'failed' });
  });

  it('done, whose reply was lost before META was saved, can be said again', async () => {
    const { world, key } = await late();
    const done = { done: { ok: 'x' } };
    world.faults.next('writeMeta', { fail: true });
    world.faults.next('writeMeta', { fail: true });
    await expect(resume(world.engine, key, done)).rejects.toThrow();
    expect((await stateOf(world, key)).steps.get('b')).toMatchObject({ status: 'completed' });
    await resume(world.engine, key, done);
    await world.run();
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
    expect(calls(world, 'b')).toBe(1);
  });
});
