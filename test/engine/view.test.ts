import { describe, expect, it } from 'vitest';
import type { ChainDefinition } from '../../lib/chain/definition.ts';
import { nextOf } from '../../lib/contract/advice.ts';
import type { WorkflowStatus } from '../../lib/contract/names.ts';
import { type WorkflowError, workflowAnswer } from '../../lib/contract/wire.ts';
import type { StepRecord, WorkflowMeta, WorkflowState } from '../../lib/engine/state.ts';
import { describe as describeWorkflow } from '../../lib/engine/view.ts';
import { claimOf, completedOf, START } from '../ports/store/fixtures.ts';
import {
  chainOf,
  doneState,
  EPOCH,
  forEachRecord,
  GRAPHS,
  NOW,
  RECORDS,
  RETRIES,
  type RecordKind,
  resumed,
  stateOf,
} from './fixtures.ts';

const LINE = chainOf(GRAPHS.line, { retries: RETRIES });
const error: WorkflowError = {
  code: 'REFUSED',
  message: 'run refused the step',
  detail: 'the account 0x7f at db-7.internal is closed',
  effect: 'none',
  step: 'a',
  attempts: 2,
};
const { detail, ...forEverybody } = error;

const shown = (state: WorkflowState, chain: ChainDefinition | undefined = LINE, timeline = false) =>
  describeWorkflow(chain, state, NOW, timeline).answer;

/** An attempt that is tried again. */
const entryOf = (attempt: number) => ({
  ...{ epoch: 0, attempt, round: 0, startedAt: START },
  outcome: 'retrying' as const,
});

/** The status shown for a step in each state of its item. */
const statuses = (status: WorkflowStatus, changes: Partial<WorkflowMeta> = {}) =>
  forEachRecord(
    (record) =>
      shown(stateOf(resumed({ status, ...changes }), { a: record }), chainOf({ a: [] })).steps.a ?? '',
  );

describe('the status shown for a step', () => {
  it('is completed in a completed workflow, though its item has expired before META', () => {
    expect(statuses('completed')).toMatchObject({ 'no item': 'completed', completed: 'completed' });
  });

  const stored: Readonly<Record<RecordKind, string>> = {
    'no item': 'pending',
    'put back': 'pending',
    'running, lease live': 'running',
    'running, lease live, last attempt': 'running',
    'running, lease ends now': 'running',
    'running, lease over, one attempt left': 'running',
    'running, lease over, attempts used up': 'running',
    'retrying, not due': 'retrying',
    'retrying, due now': 'retrying',
    'retrying, overdue': 'retrying',
    completed: 'completed',
    'completed, older epoch': 'completed',
    failed: 'failed',
    'failed, older epoch': 'pending',
    'put back, older epoch': 'pending',
    'running, lease live, older epoch': 'running',
    'running, lease over, older epoch': 'running',
    'retrying, not due, older epoch': 'retrying',
    'retrying, due, older epoch': 'retrying',
  };

  it('is the stored one while the workflow is processing; a failure of before a resume is history', () => {
    expect(statuses('processing')).toEqual(stored);
  });

  it('is cancelled in a cancelled workflow, unless the step ended or is under way', () => {
    const all = forEachRecord(() => 'cancelled');
    expect(statuses('cancelled')).toEqual({
      ...all,
      'running, lease live': 'running',
      'running, lease live, last attempt': 'running',
      'running, lease live, older epoch': 'running',
      completed: 'completed',
      'completed, older epoch': 'completed',
      failed: 'failed',
      'failed, older epoch': 'failed',
    });
  });

  const live = {
    'running, lease live': 'running',
    'running, lease live, last attempt': 'running',
    'running, lease live, older epoch': 'running',
    completed: 'completed',
    'completed, older epoch': 'completed',
  };

  it('is failed for the step that failed the workflow, unless it ended or is under way', () => {
    const all = forEachRecord(() => 'failed');
    expect(statuses('failed', { error })).toEqual({ ...all, ...live });
  });

  it('is failed for that step in a workflow that was closed after it had failed, too', () => {
    const all = forEachRecord(() => 'failed');
    expect(statuses('cancelled', { error })).toEqual({ ...all, ...live });
  });

  it('is pending in a failed workflow for another step that nothing will run before a resume', () => {
    const all = forEachRecord(() => 'pending');
    expect(statuses('failed', { error: { ...error, step: 'other' } })).toEqual({
      ...all,
      ...live,
      failed: 'failed',
      'failed, older epoch': 'failed',
    });
  });
});

describe('a workflow as its users see it', () => {
  it('has exactly what the contract says', () => {
    const answer = shown(doneState(resumed(), 'a'));
    expect(answer).toEqual({
      workflowId: resumed().workflowId,
      chain: 'order-processing',
      status: 'processing',
      steps: { a: 'completed', b: 'pending', c: 'pending' },
      createdAt: new Date(START).toISOString(),
      updatedAt: new Date(START + 400).toISOString(),
    });
    expect(workflowAnswer.safeParse(answer).success).toBe(true);
  });

  it('was updated when the latest of all its items was', () => {
    const records = { a: { ...completedOf('a', 1), updatedAt: START + 900 }, b: claimOf('b') };
    const at = (updatedAt: number) => shown(stateOf(resumed({ updatedAt }), records)).updatedAt;
    expect(at(START)).toBe(new Date(START + 900).toISOString());
    expect(at(START + 901)).toBe(new Date(START + 901).toISOString());
  });

  it('shows its error while it has one, and what to do about it', () => {
    expect(shown(stateOf(resumed({ status: 'failed', error }))).error).toEqual({
      ...forEverybody,
      next: nextOf(error, 'failed'),
    });
    expect(shown(stateOf(resumed()))).not.toHaveProperty('error');
  });

  it('shows what its targets answered in the timeline alone: of the workflow, of a step that waits, of each attempt', () => {
    const waiting = { ...RECORDS['retrying, not due'], error };
    const failed = { ...claimOf('b'), attempts: claimOf('b').attempts.map((one) => ({ ...one, error })) };
    const state = (status: 'failed' | 'processing') =>
      stateOf(resumed({ status, error }), { a: waiting, b: failed });
    for (const status of ['failed', 'processing'] as const)
      expect(JSON.stringify(shown(state(status)))).not.toContain('db-7');
    expect(shown(state('processing'), LINE, true)).toMatchObject({
      error: { detail },
      retrying: { a: { error: { detail } } },
      timeline: expect.arrayContaining([
        expect.objectContaining({ step: 'b', error: expect.objectContaining({ detail }) }),
      ]),
    });
  });

  it('of an earlier release, whose message holds what the target answered, shows a sentence of our own in its place', () => {
    const saved = {
      ...forEverybody,
      message: 'no route to db-7.internal',
      target: 'payments',
      httpStatus: 422,
    };
    const state = stateOf(resumed({ status: 'failed', error: saved }), {
      a: { ...claimOf('a'), attempts: [{ ...entryOf(1), error: saved }] },
    });
    const message = 'payments refused the request: 422 Unprocessable Entity';
    expect(shown(state).error).toMatchObject({ code: 'REFUSED', httpStatus: 422, message });
    expect(JSON.stringify(shown(state))).not.toContain('db-7');
    const error = { message, detail: 'no route to db-7.internal' };
    expect(shown(state, LINE, true)).toMatchObject({ error, timeline: [{ error }] });
  });

  it('tells of each step that waits for its next attempt, while it is processing', () => {
    const waiting = {
      ...RECORDS['retrying, not due'],
      error: { code: 'REFUSED', message: 'run refused the step', effect: 'none' } as const,
    };
    const records = { a: waiting, b: RECORDS['retrying, overdue'], c: RECORDS['running, lease live'] };
    expect(shown(stateOf(resumed(), records)).retrying).toEqual({
      a: {
        attempt: 1,
        attempts: RETRIES + 1,
        nextAttemptAt: new Date(NOW + 1).toISOString(),
        error: { ...waiting.error, next: nextOf(waiting.error, 'retrying') },
      },
      b: { attempt: 2, attempts: RETRIES + 1, nextAttemptAt: new Date(NOW - 60_000).toISOString() },
    });
    for (const status of ['failed', 'cancelled', 'completed'] as const) {
      expect(shown(stateOf(resumed({ status }), records))).not.toHaveProperty('retrying');
    }
  });

  it('of a version that this deployment does not know shows what is stored', () => {
    const state = stateOf(resumed(), { a: completedOf('a', 1), b: RECORDS['retrying, overdue'] });
    const { answer } = describeWorkflow(undefined, state, NOW, false);
    expect(answer.steps).toEqual({ a: 'completed', b: 'retrying' });
    expect(workflowAnswer.safeParse(answer).success).toBe(true);
  });

  it('never shows its input, its tenant, its nonce or a result by itself', () => {
    const state = doneState(resumed({ input: { card: '4242', note: 'private' } }), 'a');
    const text = JSON.stringify(shown(state, LINE, true));
    for (const hidden of ['4242', 'private', state.meta.nonce, 'acme']) expect(text).not.toContain(hidden);
  });
});

describe('the output of a chain', () => {
  const withOutput = (output: NonNullable<ChainDefinition['output']>): ChainDefinition => ({
    ...LINE,
    sensitive: ['card'],
    output,
  });
  const state = stateOf(resumed({ input: { card: '4242', amount: 5 } }), {
    a: completedOf('a', { id: 'x' }),
    b: { ...claimOf('b'), result: 'not yet' },
  });

  it('stands at the top level, null where it is not known yet', () => {
    const chain = withOutput(({ results }) => ({ a: results.a, b: results.b, c: null }));
    expect(shown(state, chain)).toMatchObject({ a: { id: 'x' }, b: null, c: null });
  });

  it('sees the input without its sensitive fields, and results of completed steps only', () => {
    const chain = withOutput((context) => ({ seen: context }));
    expect(shown(state, chain).seen).toEqual({ input: { amount: 5 }, results: { a: { id: 'x' } } });
  });

  it('never breaks the answer: one that throws shows nothing, and the cause is told', () => {
    const chain = withOutput(() => {
      throw new Error('not forgiving');
    });
    expect(shown(state, chain)).toEqual(shown(state));
    expect(describeWorkflow(chain, state, NOW, false).outputProblem).toBe('it threw: not forgiving');
  });

  it('cannot replace what every answer has', () => {
    const chain = withOutput(() => ({ status: 'fine', workflowId: 'mine', other: 1 }));
    expect(shown(state, chain)).toEqual({ ...shown(state), other: 1 });
    expect(describeWorkflow(chain, state, NOW, false).outputProblem).toBe(
      'it has a field "status", which every answer has: give it another name',
    );
  });
});

describe('the timeline', () => {
  const entry = (attempt: number, startedAt: number, more = {}) => ({
    ...entryOf(attempt),
    startedAt,
    ...more,
  });
  const failure = {
    code: 'REFUSED',
    message: 'run refused the step',
    detail: 'no',
    effect: 'none',
  } as const;
  const records: Record<string, StepRecord> = {
    a: { ...claimOf('a'), attempts: [entry(1, START + 30, { endedAt: START + 40, error: failure })] },
    b: {
      ...claimOf('b'),
      leaseUntil: NOW + 1,
      attempts: [entry(1, START + 10, { endedAt: START + 20 }), entry(2, START + 50, { outcome: 'running' })],
    },
  };

  it('has every attempt of every step in order of time', () => {
    const answer = shown(stateOf(resumed({ epoch: EPOCH }), records), LINE, true);
    const iso = (ms: number) => new Date(START + ms).toISOString();
    const common = { epoch: 0, round: 0 };
    expect(answer.timeline).toEqual([
      { ...common, step: 'b', attempt: 1, outcome: 'retrying', startedAt: iso(10), endedAt: iso(20) },
      {
        ...common,
        step: 'a',
        attempt: 1,
        outcome: 'retrying',
        startedAt: iso(30),
        endedAt: iso(40),
        error: failure,
      },
      { ...common, step: 'b', attempt: 2, outcome: 'running', startedAt: iso(50), endedAt: null },
    ]);
    expect(workflowAnswer.safeParse(answer).success).toBe(true);
  });

  it('shows an attempt as interrupted from when its lease is over, though nobody has written that down', () => {
    const claimed = claimOf('a');
    const at = (leaseUntil: number) =>
      shown(stateOf(resumed(), { a: { ...claimed, leaseUntil } }), LINE, true).timeline?.map(
        ({ outcome, endedAt }) => [outcome, endedAt],
      );
    expect(at(NOW + 1)).toEqual([['running', null]]);
    expect(at(NOW)).toEqual([['interrupted', new Date(NOW).toISOString()]]);
  });

  it('is there only for who asks', () => {
    expect(shown(stateOf(resumed(), records))).not.toHaveProperty('timeline');
  });
});
