import { describe, expect, it } from 'vitest';
import { workflowAnswer } from '../../lib/contract/wire.ts';
import type { StepRecord, WorkflowMeta, WorkflowState } from '../../lib/engine/state.ts';
import { describe as describeWorkflow } from '../../lib/engine/view.ts';
import { claimOf, completedOf, START } from '../ports/store/fixtures.ts';
import { chainOf, doneState, EPOCH, GRAPHS, NOW, RECORDS, resumed } from './fixtures.ts';

const LINE = chainOf(GRAPHS.line);
const B_IN_DOUBT = { ...RECORDS.failed, step: 'b', open: 1 };

const asked = (changes: Partial<StepRecord> = {}): StepRecord => {
  const { leaseUntil: _, ...claim } = claimOf('b', { action: 'lookup', epoch: EPOCH, open: 0, attempts: [] });
  return { ...claim, ...changes };
};

const stateWith = (lookup: StepRecord, changes: Partial<WorkflowMeta> = {}): WorkflowState => ({
  ...doneState(resumed(changes), 'a', { b: B_IN_DOUBT }),
  lookups: new Map([['b', lookup]]),
});

const shown = (state: WorkflowState, timeline = false) => {
  const { answer } = describeWorkflow(LINE, state, NOW, timeline);
  expect(workflowAnswer.parse(JSON.parse(JSON.stringify(answer)))).toEqual(answer);
  return answer;
};

const failure = {
  code: 'TARGET_UNAVAILABLE',
  message: 'payments answered 503 Service Unavailable',
  detail: 'db-7.internal is away',
  target: 'payments',
  httpStatus: 503,
  effect: 'none',
} as const;
const { detail: _, ...forEverybody } = failure;

describe('what a target was asked', () => {
  it.each<[string, StepRecord, object]>([
    ['under way', asked({ status: 'running' }), { status: 'running', attempts: 1 }],
    [
      'asked again later',
      asked({ status: 'retrying', attempt: 2, nextAttemptAt: NOW + 1, error: failure }),
      {
        status: 'retrying',
        attempts: 2,
        error: {
          ...forEverybody,
          next: 'The target is asked again by itself. Check the target: it answers that it cannot serve the call now.',
        },
      },
    ],
    [
      'given up',
      asked({ status: 'failed', attempt: 6, error: failure }),
      {
        status: 'failed',
        attempts: 6,
        error: {
          ...forEverybody,
          next: 'Check the target: it answers that it cannot serve the call now.',
        },
      },
    ],
    [
      'answered',
      { ...completedOf('b', { ok: 'secret' }), ...{ action: 'lookup', epoch: EPOCH, answer: 'notDone' } },
      { status: 'completed', attempts: 1, answer: 'notDone' },
    ],
  ])('is shown where it is %s', (_name, lookup, lookupShown) => {
    const answer = shown(stateWith(lookup));
    expect(answer.lookup).toEqual({ b: lookupShown });
    expect(JSON.stringify(answer)).not.toMatch(/secret|internal/);
  });

  it('is shown beside the error of a failed step, which stays what it was, and of one that is taken back', () => {
    const unknown = asked({ status: 'completed', answer: 'unknown' });
    const error = { ...failure, code: 'DEADLINE_EXCEEDED', step: 'b', attempts: 3 } as const;
    expect(shown(stateWith(unknown, { status: 'failed', error }))).toMatchObject({
      error: { code: 'DEADLINE_EXCEEDED' },
      lookup: { b: { answer: 'unknown' } },
    });
    const undoError = {
      ...failure,
      code: 'LOOKUP_UNKNOWN',
      effect: 'unknown',
      step: 'b',
      attempts: 1,
    } as const;
    const before = { ...unknown, before: 'undo' as const };
    expect(shown(stateWith(before, { status: 'compensation_failed', error, undoError }))).toMatchObject({
      undoError: { code: 'LOOKUP_UNKNOWN', next: expect.stringContaining('{ "notDone": true }') },
      lookup: { b: { status: 'completed', answer: 'unknown' } },
    });
  });

  it('before a resume is history: it is in the timeline alone', () => {
    const attempts = [
      { epoch: 0, attempt: 1, round: 0, outcome: 'failed', startedAt: START + 5, error: failure },
    ] as const;
    const state = stateWith(asked({ epoch: 0, status: 'failed', error: failure, attempts }));
    expect(shown(state)).not.toHaveProperty('lookup');
    const { timeline } = shown(state, true);
    expect(timeline?.filter(({ action }) => action === 'lookup')).toMatchObject([
      { step: 'b', action: 'lookup', epoch: 0, outcome: 'failed', error: { detail: failure.detail } },
    ]);
  });

  it('is interrupted in the timeline where its lease is over', () => {
    const [attempt] = claimOf('b').attempts;
    const attempts = attempt === undefined ? [] : [attempt];
    const { timeline } = shown(stateWith(asked({ status: 'running', leaseUntil: NOW - 1, attempts })), true);
    expect(timeline?.at(-1)).toMatchObject({ step: 'b', action: 'lookup', outcome: 'interrupted' });
  });

  it('changes when a workflow was updated last', () => {
    expect(shown(stateWith(asked({ updatedAt: NOW - 7 }))).updatedAt).toBe(new Date(NOW - 7).toISOString());
  });
});
