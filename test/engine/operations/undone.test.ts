import { describe, expect, it } from 'vitest';
import type { ResumeBody } from '../../../lib/contract/wire.ts';
import { resume } from '../../../lib/engine/operations/change.ts';
import type { StepRecord, WorkflowMeta } from '../../../lib/engine/state.ts';
import { ABSENT, claimOf, completedOf, loaded, metaOf, START } from '../../ports/store/fixtures.ts';
import { GRAPHS } from '../fixtures.ts';
import { openWorld, requestChain, TENANT } from '../world.ts';

const undo = { request: () => ({ target: 'api', method: 'POST', path: '/undo' }) };
const CHAIN = requestChain(GRAPHS.line, { undo });

const { leaseUntil: _, ...ENDED } = claimOf('b', { status: 'failed' });
const unanswered = {
  code: 'DEADLINE_EXCEEDED',
  message: 'no reply',
  effect: 'unknown',
  safeUntil: new Date(START).toISOString(),
} as const;
/** The second step failed, and nobody knows whether it acted. */
const IN_DOUBT: StepRecord = {
  ...ENDED,
  sentHash: 'hash',
  keyedAt: START,
  error: unanswered,
  attempts: ENDED.attempts.map((one) => ({ ...one, outcome: 'failed', endedAt: START + 20 })),
};
const UNDO = { ...IN_DOUBT, action: 'undo' as const, token: 'token of the undo' };

/** A workflow that cannot be taken back: its second step is in doubt, and its lookup did not find out. */
async function stopped(records: readonly StepRecord[] = [IN_DOUBT], changes: Partial<WorkflowMeta> = {}) {
  const world = await openWorld(CHAIN);
  const { dueAt: _dueAt, ...failed } = metaOf('one', { tenant: TENANT, input: { card: '4', amount: 1 } });
  const meta: WorkflowMeta = {
    ...failed,
    status: 'compensation_failed',
    undoError: { code: 'LOOKUP_UNKNOWN', message: 'unknown', effect: 'unknown', step: 'b', attempts: 1 },
    expiresAt: world.clock.now() + 90 * 86_400_000,
    ...changes,
  };
  const { store } = world.engine.ports;
  await store.create(meta);
  for (const record of [completedOf('a', { ok: 'a' }), ...records])
    await store.writeStep(meta, record, ABSENT, meta.expiresAt);
  const say = (body: ResumeBody) => resume(world.engine, meta, body);
  return { world, meta, say, state: () => loaded(store, meta) };
}

/** What is sent to take the step back. */
const undone = (world: Awaited<ReturnType<typeof stopped>>['world']) =>
  world.visible('b').map(({ step, action, epoch }) => `${step} ${action} ${epoch}`);

describe('of a step in doubt whose undo nobody has called a person says', () => {
  it.each<[string, ResumeBody]>([
    ['in short', { done: { ok: 'b-7' } }],
    ['by its name', { steps: { b: { done: { ok: 'b-7' } } } }],
  ])('that it is done, %s: it is completed with that result, which is then undone', async (_name, body) => {
    const { world, say, state } = await stopped();
    expect(await say(body)).toMatchObject({ status: 'compensating', steps: { b: 'completed' } });
    const { meta, steps, undos } = await state();
    expect(steps.get('b')).toMatchObject({ status: 'completed', result: { ok: 'b-7' }, round: 0 });
    expect(steps.get('b')?.token).not.toBe(IN_DOUBT.token);
    expect(steps.get('b')).not.toHaveProperty('error');
    expect(undos).toBeUndefined();
    expect(meta).toMatchObject({ epoch: 1, operations: [{ steps: { b: 'done' } }] });
    expect(meta).not.toHaveProperty('undoError');
    expect(meta).not.toHaveProperty('newKey');
    expect(undone(world)).toEqual(['b undo 1']);
  });

  it.each<[string, ResumeBody]>([
    ['in short', { notDone: true }],
    ['by its name', { steps: { b: { notDone: true } } }],
  ])(
    'that it is not done, %s: nothing of it is undone, and what is before it comes next',
    async (_name, body) => {
      const { world, say, state } = await stopped();
      expect(await say(body)).toMatchObject({ status: 'compensating' });
      const { meta, steps, undos } = await state();
      const { sentHash: _hash, keyedAt: _keyedAt, ...kept } = IN_DOUBT;
      expect(steps.get('b')).toStrictEqual({
        ...kept,
        open: 0,
        round: 1,
        token: expect.not.stringMatching(IN_DOUBT.token),
        updatedAt: world.clock.now(),
        error: { code: 'DEADLINE_EXCEEDED', message: 'no reply', effect: 'none' },
      });
      expect(undos).toBeUndefined();
      expect(meta).not.toHaveProperty('newKey');
      expect(world.visible('a')).toMatchObject([{ action: 'undo', epoch: 1 }]);
      expect(undone(world)).toEqual([]);
    },
  );

  it('that it is undone: it is closed, and its undo is over', async () => {
    const { say, state } = await stopped([{ ...IN_DOUBT, status: 'cancelled' }]);
    await say({ steps: { b: { undone: true } } });
    const { steps, undos } = await state();
    expect(steps.get('b')).toMatchObject({ status: 'cancelled', open: 1 });
    expect(undos?.get('b')).toMatchObject({ status: 'completed', attempt: 0 });
  });

  it('that its undo is to be called all the same: the epoch of the order tells that nobody is asked', async () => {
    const { world, say, state } = await stopped();
    await say({ newKey: true });
    const { meta, steps } = await state();
    expect(meta).toMatchObject({ epoch: 1, newKey: { step: 'b', epoch: 1 } });
    expect(steps.get('b')).toStrictEqual(IN_DOUBT);
    expect(undone(world)).toEqual(['b undo 1']);
  });

  it('nothing: its target is asked again, in a later epoch', async () => {
    const { world, say, state } = await stopped();
    await say({});
    expect((await state()).steps.get('b')).toStrictEqual(IN_DOUBT);
    expect(undone(world)).toEqual(['b undo 1']);
  });

  it('what is known of several at once', async () => {
    const c: StepRecord = { ...IN_DOUBT, step: 'c', status: 'cancelled', token: 'token of c' };
    const { say, state } = await stopped([IN_DOUBT, c]);
    await say({ steps: { b: { done: { ok: 'b' } }, c: { notDone: true } } });
    const { steps } = await state();
    expect([steps.get('b')?.status, steps.get('c')?.open]).toEqual(['completed', 0]);
  });
});

describe('what was said', () => {
  it.each<[string, ResumeBody]>([
    ['done', { done: { ok: 'b-7' } }],
    ['notDone', { notDone: true }],
    ['undone', { steps: { b: { undone: true } } }],
  ])('%s may be said again where META was not saved', async (_name, body) => {
    const { world, say, state } = await stopped();
    world.faults.next('writeMeta', { fail: true }, { fail: true });
    await expect(say(body)).rejects.toThrow();
    const before = (await state()).steps.get('b');
    expect((await state()).meta.status).toBe('compensation_failed');
    expect(await say(body)).toMatchObject({ status: 'compensating' });
    expect((await state()).steps.get('b')).toStrictEqual(before);
  });

  it.each<[string, ResumeBody]>([
    ['done', { done: { ok: 'b-7' } }],
    ['notDone', { notDone: true }],
  ])('%s is saved on exactly the step that was looked at, or looked at again', async (_name, body) => {
    const { world, meta, say, state } = await stopped();
    const { store } = world.engine.ports;
    const undoing: StepRecord = { ...UNDO, status: 'completed' };
    const other = { ...IN_DOUBT, token: 'another', status: 'cancelled' as const };
    world.faults.next('load', {
      after: async () => {
        await store.writeStep(meta, other, { status: 'failed', token: IN_DOUBT.token }, meta.expiresAt);
        await store.writeStep(meta, undoing, ABSENT, meta.expiresAt);
      },
    });
    await expect(say(body)).rejects.toMatchObject({ code: 'STEP_STATUS' });
    expect((await state()).steps.get('b')).toStrictEqual(other);
    expect((await state()).meta).toStrictEqual(meta);
  });

  it('done otherwise than the step was saved meanwhile is refused', async () => {
    const { say } = await stopped([completedOf('b', { ok: 'b' })]);
    await expect(say({ done: { ok: 'other' } })).rejects.toMatchObject({
      code: 'STEP_STATUS',
      message:
        'the step b is completed: of it can be said only that it is undone, or that its undo is to be called under a newKey',
    });
  });
});

describe('nothing can be said', () => {
  const live = (changes: Partial<StepRecord>, now: number): StepRecord => ({
    ...claimOf('b', { leaseUntil: now + 1_000 }),
    ...changes,
  });

  it.each<[string, readonly StepRecord[], ResumeBody, string]>([
    [
      'of what a step did whose undo was called',
      [IN_DOUBT, UNDO],
      { notDone: true },
      'the undo of step b was called, and the step may be undone in part: of it can be said only that it is undone, or that its undo is to be called under a newKey',
    ],
    [
      'of what a step did that is undone',
      [IN_DOUBT, { ...UNDO, status: 'completed' }],
      { done: { ok: 'b' } },
      'the undo of step b was called, and the step is undone already: of it can be said only that it is undone, or that its undo is to be called under a newKey',
    ],
    [
      'that is not so of a step that surely did nothing',
      [{ ...IN_DOUBT, open: 0 }],
      { done: { ok: 'b' } },
      'the step b surely did nothing: it cannot be said done',
    ],
    [
      'of a step that was never called',
      [IN_DOUBT],
      { steps: { c: { done: { ok: 'c' } } } },
      'the step c was never called, and nothing of it is undone',
    ],
    [
      'of a step that was not needed',
      [{ ...IN_DOUBT, open: 0, status: 'skipped' }],
      { notDone: true },
      'the step b needs no undo',
    ],
  ])('%s', async (_name, records, body, message) => {
    const { meta, say, state } = await stopped(records);
    await expect(say(body)).rejects.toMatchObject({ code: 'STEP_STATUS', message });
    expect((await state()).meta).toStrictEqual(meta);
  });

  it.each<[string, (now: number) => readonly StepRecord[], RegExp]>([
    ['a call of it is under way', (now) => [live({}, now)], /^a call of step b is under way; wait/],
    [
      'its undo is under way',
      (now) => [IN_DOUBT, live({ action: 'undo' }, now)],
      /^a call of step b is under way; wait/,
    ],
    [
      'its target is being asked',
      (now) => [IN_DOUBT, live({ action: 'lookup' }, now)],
      /^the target of step b is being asked; wait for its answer$/,
    ],
  ])('while %s, and can once its lease is over', async (_name, recordsAt, message) => {
    const { clock } = (await stopped()).world;
    const { world, say } = await stopped(recordsAt(clock.now()));
    for (const body of [{ notDone: true }, { newKey: true }, { steps: { b: { undone: true } } }] as const)
      await expect(say(body)).rejects.toMatchObject({
        code: 'STEP_STATUS',
        message: expect.stringMatching(message),
      });
    await world.clock.advance(2_000);
    expect(await say({ steps: { b: { undone: true } } })).toMatchObject({ status: 'compensating' });
  });
});
