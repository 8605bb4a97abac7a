import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { cancel, resume } from '../../../lib/engine/operations/change.ts';
import { get } from '../../../lib/engine/operations/read.ts';
import { undo, undoPlan } from '../../../lib/engine/operations/undo.ts';
import { reconcile } from '../../../lib/engine/reconciler.ts';
import { loadState } from '../../../lib/engine/shell.ts';
import type { StepRecord, WorkflowKey } from '../../../lib/engine/state.ts';
import { buildChain, GRAPHS, type Graph } from '../fixtures.ts';
import { ok, openWorld, status, timedOut, type World } from '../world.ts';

interface Context {
  readonly undone: { readonly result: unknown; readonly idempotencyKey: string };
  readonly idempotencyKey: string;
}

/** What a step is besides: each posts to `/undo-<name>` what it is told, to be undone. */
type More = (name: string) => Readonly<Record<string, unknown>>;

const undoBy = (name: string): Readonly<Record<string, unknown>> => ({
  undo: {
    request: ({ undone, idempotencyKey }: Context) => ({
      target: 'api',
      method: 'POST',
      path: `/undo-${name}`,
      body: { of: undone.idempotencyKey, result: undone.result, key: idempotencyKey },
    }),
    retries: 1,
  },
});

/** A chain whose steps each post to the path of their name. */
const undoable = (graph: Graph, chain: Readonly<Record<string, unknown>> = {}, more: More = undoBy) =>
  buildChain(
    graph,
    (name) => ({
      request: () => ({ target: 'api', method: 'POST', path: `/${name}` }),
      response: z.object({ ok: z.string() }),
      retries: 2,
      ...more(name),
    }),
    { input: z.strictObject({ card: z.string(), amount: z.number() }), sensitive: ['card'], ...chain },
  );

const LINE = undoable(GRAPHS.line, { onFailure: 'undo' });
const STOPPING = undoable(GRAPHS.line);

async function begun(chain = LINE): Promise<{ readonly world: World; readonly key: WorkflowKey }> {
  const world = await openWorld(chain);
  return { world, key: await world.begin() };
}

const undoOf = async ({ engine }: World, key: WorkflowKey, step: string): Promise<StepRecord | undefined> =>
  (await loadState(engine.ports, key))?.undos?.get(step);

const MINUTE = 60_000;

/** Until nothing is left to do but what a person does: late effects are waited for. */
async function toTheEnd(world: World): Promise<void> {
  for (let minutes = 0; minutes < 5; minutes += 1) {
    await world.run();
    await world.clock.advance(MINUTE);
  }
  await world.run();
}

describe('a workflow that is taken back by itself', () => {
  it('undoes what is done in reverse order, each under a key of its own, and says so', async () => {
    const { world, key } = await begun();
    world.answers('c', status(422));
    await world.run();
    expect(world.called()).toBe('a b c undo-b undo-a');
    expect(await world.meta(key)).toMatchObject({ status: 'compensated', epoch: 0, erased: true });
    const { workflowId } = key;
    expect(world.calls.slice(3).map((call) => call.key)).toEqual([
      `${workflowId}:b:undo:0`,
      `${workflowId}:a:undo:0`,
    ]);
    expect(JSON.parse(world.calls[3]?.request.body ?? '')).toEqual({
      of: `${workflowId}:b:do:0`,
      result: { ok: 'b' },
      key: `${workflowId}:b:undo:0`,
    });
    const answer = await get(world.engine, key, true);
    expect(answer).toMatchObject({
      status: 'compensated',
      steps: { a: 'completed', b: 'completed', c: 'failed' },
      undo: { a: { status: 'completed', attempts: 1 }, b: { status: 'completed', attempts: 1 } },
      error: { step: 'c', code: 'REFUSED', next: 'Nothing: what was done is taken back. See undo.' },
    });
    expect(answer.inDoubt).toBeUndefined();
    expect(answer.timeline?.map(({ step, action = 'do' }) => `${action} ${step}`)).toEqual([
      ...['do a', 'do b', 'do c', 'undo b', 'undo a'],
    ]);
    expect(world.notifications.map(({ id }) => id)).toEqual([`${workflowId}:0:failed`]);
  });

  it('costs two writes an undo, and of META those that turn it, tell and end it', async () => {
    const { world } = await begun();
    world.answers('c', status(422));
    await world.run();
    const writes = (of: 'writeMeta' | 'writeStep'): number =>
      world.faults.log.filter((operation) => operation === of).length;
    expect(writes('writeMeta')).toBe(3);
    // Two for each of the three steps, and two for each of the two undos: none has to be closed.
    expect(writes('writeStep')).toBe(10);
  });

  it('undoes a step in doubt once its late effects are over, without a result', async () => {
    const { world, key } = await begun();
    world.answers('c', timedOut, timedOut, timedOut);
    await toTheEnd(world);
    expect(world.called()).toBe('a b c c c undo-c undo-b undo-a');
    const undoing = world.calls[5];
    expect(JSON.parse(undoing?.request.body ?? '')).not.toHaveProperty('result');
    expect(await get(world.engine, key, false)).toMatchObject({
      status: 'compensated',
      inDoubt: 1,
      undo: { c: { status: 'completed', inDoubt: true } },
    });
  });

  it.each([404, 410])('takes a %d for nothing to undo where the step is in doubt', async (code) => {
    const { world, key } = await begun();
    world.answers('c', timedOut, timedOut, timedOut);
    world.answers('undo-c', status(code));
    await toTheEnd(world);
    expect(await get(world.engine, key, false)).toMatchObject({
      status: 'compensated',
      undo: { c: { status: 'completed', inDoubt: true, found: false } },
    });
  });

  it('fails where an undo is refused, tells on-call alone and at once, and goes on with a resume', async () => {
    const { world, key } = await begun();
    world.answers('c', status(422));
    world.answers('undo-b', status(404));
    await world.run();
    expect(world.called()).toBe('a b c undo-b');
    expect(await get(world.engine, key, false)).toMatchObject({
      status: 'compensation_failed',
      undo: { b: { status: 'failed', attempts: 1 }, a: { status: 'pending', attempts: 0 } },
      undoError: { step: 'b', code: 'REFUSED', httpStatus: 404, effect: 'none' },
    });
    const { workflowId } = key;
    expect(world.notifications.map(({ id }) => id)).toEqual([
      `${workflowId}:0:failed`,
      `${workflowId}:0:compensation_failed`,
    ]);
    expect(await resume(world.engine, key)).toMatchObject({ status: 'compensating' });
    await world.run();
    expect(world.called()).toBe('a b c undo-b undo-b undo-a');
    // Nobody can have acted on the first key.
    expect(world.calls[4]?.key).toBe(`${workflowId}:b:undo:1`);
    expect(await world.meta(key)).toMatchObject({ status: 'compensated', epoch: 1 });
  });

  it('goes on after an undo that a person did by hand', async () => {
    const { world, key } = await begun();
    world.answers('c', status(422));
    world.answers('undo-b', status(400));
    await world.run();
    await resume(world.engine, key, { steps: { b: { undone: true } }, reason: 'refunded by hand' });
    await world.run();
    expect(world.called()).toBe('a b c undo-b undo-a');
    expect(await get(world.engine, key, true)).toMatchObject({
      status: 'compensated',
      operations: [{ operation: 'resume', steps: { b: 'undone' }, reason: 'refunded by hand' }],
    });
  });

  it('is closed by a cancel, which leaves what stands', async () => {
    const { world, key } = await begun();
    world.answers('c', status(422));
    world.answers('undo-b', status(400));
    await world.run();
    expect(await cancel(world.engine, key, { reason: 'written off' })).toMatchObject({
      status: 'cancelled',
      undo: { b: { status: 'failed' }, a: { status: 'pending' } },
    });
    expect((await world.meta(key)).erased).toBe(true);
  });

  it('ends by the reconciler where every message was lost', async () => {
    const { world, key } = await begun();
    world.answers('c', status(422));
    await world.work('a');
    await world.work('b');
    await world.work('c');
    await world.work('c', 'deadLetter');
    world.loseMessages();
    await world.clock.advance(2 * MINUTE);
    await reconcile(world.engine, () => MINUTE);
    await world.run();
    expect(await world.meta(key)).toMatchObject({ status: 'compensated' });
  });
});

describe('an operator', () => {
  it('takes a failed workflow back, after a look at what that would do', async () => {
    const { world, key } = await begun(STOPPING);
    world.answers('c', status(422));
    await world.run();
    expect(await world.meta(key)).toMatchObject({ status: 'failed' });
    const { workflowId } = key;
    expect(await undoPlan(world.engine, key)).toEqual({
      workflowId,
      chain: 'order-processing',
      status: 'failed',
      steps: [
        {
          ...{ step: 'b', does: 'calls', idempotencyKey: `${workflowId}:b:undo:0`, waitsFor: ['c'] },
          request: { target: 'api', method: 'POST', path: '/undo-b' },
        },
        {
          ...{ step: 'a', does: 'calls', idempotencyKey: `${workflowId}:a:undo:0`, waitsFor: ['b'] },
          request: { target: 'api', method: 'POST', path: '/undo-a' },
        },
      ],
    });
    expect(world.called()).toBe('a b c');
    expect(await undo(world.engine, key, { reason: 'customer left' })).toMatchObject({
      status: 'compensating',
    });
    await world.run();
    expect(world.called()).toBe('a b c undo-b undo-a');
    expect(await world.meta(key)).toMatchObject({ status: 'compensated' });
  });

  it.each(['processing', 'completed', 'compensated', 'cancelled'])(
    'undoes nothing that is %s',
    async (to) => {
      const { world, key } = await begun(to === 'compensated' ? LINE : STOPPING);
      if (to === 'compensated') world.answers('c', status(422));
      if (to !== 'processing' && to !== 'cancelled') await world.run();
      if (to === 'cancelled') await cancel(world.engine, key);
      await expect(undo(world.engine, key)).rejects.toMatchObject({
        code: 'WRONG_STATUS',
        message: `the workflow is ${to}; only a failed workflow can be undone`,
      });
      await expect(resume(world.engine, key)).rejects.toMatchObject({ code: 'WRONG_STATUS' });
    },
  );

  it('cancels a running workflow and has taken back what it did, the call under way included', async () => {
    const { world, key } = await begun(STOPPING);
    await world.work('a');
    expect(await cancel(world.engine, key, { undo: true })).toMatchObject({ status: 'compensating' });
    await world.run();
    expect(world.called()).toBe('a undo-a');
    expect(await world.meta(key)).toMatchObject({ status: 'compensated' });
    expect(await get(world.engine, key, false)).toMatchObject({
      steps: { a: 'completed', b: 'cancelled', c: 'cancelled' },
    });
  });

  it('is told that no step says how it is undone', async () => {
    const { world, key } = await begun(undoable(GRAPHS.line, {}, () => ({})));
    world.answers('b', status(422));
    await world.run();
    await expect(undo(world.engine, key)).rejects.toMatchObject({ code: 'NO_UNDO' });
    expect(await undoPlan(world.engine, key)).toMatchObject({
      refused: { code: 'NO_UNDO' },
      steps: [{ step: 'a', does: 'stays' }],
    });
  });
});

describe('a pivot', () => {
  const pivoted = (onFailure: 'undo' | 'stop') =>
    undoable(GRAPHS.line, { onFailure }, (name) =>
      name === 'a' ? undoBy(name) : name === 'b' ? { pivot: true } : {},
    );

  it('that did nothing is no obstacle: what is before it is taken back', async () => {
    const { world, key } = await begun(pivoted('undo'));
    world.answers('b', status(422));
    await world.run();
    expect(world.called()).toBe('a b undo-a');
    expect(await world.meta(key)).toMatchObject({ status: 'compensated' });
  });

  it.each([
    ['has acted', ok('b'), status(422)],
    ['may have acted', timedOut, ok('c')],
  ] as const)('that %s leaves only forward', async (_, b, c) => {
    const { world, key } = await begun(pivoted('undo'));
    world.answers('b', b, b, b);
    world.answers('c', c);
    await toTheEnd(world);
    expect(await world.meta(key)).toMatchObject({ status: 'failed' });
    await expect(undo(world.engine, key)).rejects.toMatchObject({
      code: 'PAST_PIVOT',
      message: expect.stringContaining('What stands: a'),
    });
    expect(world.called()).not.toContain('undo');
    await resume(world.engine, key);
    await toTheEnd(world);
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
  });

  it('that a worker claimed while META turned sends the workflow back to failed, and nothing is undone', async () => {
    const { world, key } = await begun(pivoted('stop'));
    await world.work('a');
    // The worker has loaded, and comes to its claim only after the cancel.
    world.faults.next('writeStep', { before: () => cancel(world.engine, key, { undo: true }) });
    await world.run();
    expect(world.called()).toBe('a b');
    expect(await world.meta(key)).toMatchObject({
      status: 'failed',
      error: { code: 'PAST_PIVOT', step: 'b' },
    });
    await resume(world.engine, key);
    await world.run();
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
    expect(world.called()).toBe('a b c');
  });
});

describe('branches', () => {
  it('are undone before what they follow, whichever ends first', async () => {
    const { world, key } = await begun(undoable(GRAPHS.diamond, { onFailure: 'undo' }));
    world.answers('d', status(422));
    await world.run();
    const called = world.called().split(' ');
    expect(called.slice(0, 4).toSorted()).toEqual(['a', 'b', 'c', 'd']);
    expect(called.slice(4, 6).toSorted()).toEqual(['undo-b', 'undo-c']);
    expect(called.slice(6)).toEqual(['undo-a']);
    expect(await world.meta(key)).toMatchObject({ status: 'compensated' });
  });

  it('that run beside the failed one are waited for, and undone', async () => {
    const { world, key } = await begun(undoable(GRAPHS.fork, { onFailure: 'undo' }));
    world.answers('b', status(422));
    await world.work('a');
    await world.work('b');
    await world.work('b', 'deadLetter');
    expect(await world.meta(key)).toMatchObject({ status: 'compensating' });
    await world.run();
    // Nobody had claimed c: it is closed, and not called.
    expect(world.called()).toBe('a b undo-a');
    expect(await get(world.engine, key, false)).toMatchObject({
      status: 'compensated',
      steps: { c: 'cancelled' },
    });
    expect(await undoOf(world, key, 'c')).toBeUndefined();
  });
});

describe('what a person says', () => {
  it('of a step whose undo failed closes the step: a worker that loaded before calls nothing', async () => {
    const { world, key } = await begun(STOPPING);
    world.answers('c', timedOut);
    world.answers('undo-b', status(400), status(400));
    await world.work('a');
    await world.work('b');
    await world.work('c');
    await cancel(world.engine, key, { undo: true });
    await toTheEnd(world);
    const { meta, steps } = (await loadState(world.engine.ports, key)) ?? {};
    expect(meta?.status).toBe('compensation_failed');
    expect(steps?.get('c')?.status).toBe('cancelled');
    await resume(world.engine, key, { steps: { b: { undone: true } } });
    // Said again, as by a client whose answer was lost.
    await toTheEnd(world);
    expect(await world.meta(key)).toMatchObject({ status: 'compensated' });
  });

  it('may be said again where the first answer was lost', async () => {
    const { world, key } = await begun();
    world.answers('c', status(422));
    world.answers('undo-b', status(400));
    await world.run();
    world.faults.next('writeMeta', { fail: true }, { fail: true });
    const said = { steps: { b: { undone: true } } } as const;
    await expect(resume(world.engine, key, said)).rejects.toThrow();
    expect(await resume(world.engine, key, said)).toMatchObject({ status: 'compensating' });
    await world.run();
    expect(world.called()).toBe('a b c undo-b undo-a');
  });

  it.each([
    ['done', { done: { ok: 'b' } }, 'STEP_STATUS'],
    ['notDone', { steps: { b: { notDone: true } } }, 'STEP_STATUS'],
    ['of an unknown step', { steps: { x: { undone: true } } }, 'INVALID_REQUEST'],
    ['of a step that surely did nothing', { steps: { c: { undone: true } } }, 'STEP_STATUS'],
  ] as const)('is refused where it cannot be: %s', async (_, body, code) => {
    const { world, key } = await begun();
    world.answers('c', status(422));
    world.answers('undo-b', status(400));
    await world.run();
    await expect(resume(world.engine, key, body)).rejects.toMatchObject({ code });
    expect(await world.meta(key)).toMatchObject({ status: 'compensation_failed' });
  });

  it('of an undo is refused while nothing was taken back', async () => {
    const { world, key } = await begun(STOPPING);
    world.answers('c', status(422));
    await world.run();
    await expect(resume(world.engine, key, { steps: { b: { undone: true } } })).rejects.toMatchObject({
      code: 'STEP_STATUS',
    });
  });
});

describe('an undo that was mended', () => {
  it('is called under a new key where nobody can have acted on the old one', async () => {
    let path = '/undo-wrong';
    const mended: More = () => ({
      undo: { request: () => ({ target: 'api', method: 'POST', path }), retries: 0 },
    });
    const { world, key } = await begun(undoable(GRAPHS.line, { onFailure: 'undo' }, mended));
    world.answers('c', status(422));
    world.answers('undo-wrong', status(400));
    await world.run();
    path = '/undo-right';
    await resume(world.engine, key);
    await world.run();
    expect(world.called()).toBe('a b c undo-wrong undo-right undo-right');
  });

  it('is refused at the resume where it may have acted, with what to say', async () => {
    let path = '/undo-wrong';
    const mended: More = () => ({
      undo: { request: () => ({ target: 'api', method: 'POST', path }), retries: 0 },
    });
    const { world, key } = await begun(undoable(GRAPHS.line, { onFailure: 'undo' }, mended));
    world.answers('c', status(422));
    world.answers('undo-wrong', timedOut);
    await world.run();
    path = '/undo-right';
    await expect(resume(world.engine, key)).rejects.toMatchObject({
      code: 'REQUEST_CHANGED',
      message: expect.stringContaining('{ "steps": { "b": { "undone": true } } }'),
    });
    await resume(world.engine, key, { steps: { b: { newKey: true } } });
    await world.run();
    expect(world.called()).toBe('a b c undo-wrong undo-right undo-right');
    expect(world.calls[4]?.key).toBe(`${key.workflowId}:b:undo:1`);
  });
});

describe('an undo', () => {
  it('is not called where the key that its step sent cannot be told any more', async () => {
    let isMended = true;
    const request = () => {
      if (!isMended) throw new Error('too late');
      return { target: 'api', method: 'POST', path: '/c' };
    };
    const { world, key } = await begun(
      undoable(GRAPHS.line, { onFailure: 'undo' }, (name) => ({
        ...undoBy(name),
        ...(name === 'c' ? { request, retries: 0 } : {}),
      })),
    );
    world.answers('c', timedOut);
    await world.run();
    isMended = false;
    await toTheEnd(world);
    expect(world.called()).toBe('a b c');
    expect(await get(world.engine, key, false)).toMatchObject({
      status: 'compensation_failed',
      undoError: {
        ...{ step: 'c', code: 'REQUEST_INVALID', effect: 'none' },
        next: expect.stringMatching(
          /^Correct the request function of the step c itself, and deploy. Then resume/,
        ),
      },
    });
    isMended = true;
    await resume(world.engine, key);
    await toTheEnd(world);
    expect(await world.meta(key)).toMatchObject({ status: 'compensated' });
  });

  it('shows nothing sensitive that its target answers of the step', async () => {
    const { world, key } = await begun(
      undoable(GRAPHS.line, { onFailure: 'undo' }, (name) => ({
        ...undoBy(name),
        response: z.object({ ok: z.string() }),
        sensitive: ['ok'],
      })),
    );
    world.answers('c', status(422));
    world.answers('undo-b', status(422, JSON.stringify({ ok: 'tok_SECRET12345' })));
    await world.run();
    expect(JSON.stringify(await get(world.engine, key, true))).not.toContain('tok_SECRET12345');
  });

  it('fails, and is told of later, where on-call cannot be told of the failure', async () => {
    const { world, key } = await begun();
    world.answers('c', status(422));
    world.answers('undo-b', status(400));
    world.faults.next('notify', ...Array.from({ length: 20 }, () => ({ fail: true }) as const));
    await world.run();
    expect(await world.meta(key)).toMatchObject({ status: 'compensation_failed', notify: 'pending' });
  });
});

describe('a pivot that was not needed', () => {
  it('leaves only forward, too: what is behind it cannot be taken back', async () => {
    const { world, key } = await begun(
      undoable(GRAPHS.line, { onFailure: 'undo' }, (name) =>
        name === 'a' ? undoBy(name) : name === 'b' ? { pivot: true, when: () => false } : {},
      ),
    );
    world.answers('c', timedOut, timedOut, timedOut);
    await toTheEnd(world);
    expect(await world.meta(key)).toMatchObject({ status: 'failed' });
    await expect(undo(world.engine, key)).rejects.toMatchObject({ code: 'PAST_PIVOT' });
  });
});
