import { describe, expect, it } from 'vitest';
import { DAY_MS, LIMITS } from '../../../lib/contract/limits.ts';
import type { DeadLetterDecision } from '../../../lib/engine/dead-letter.ts';
import { decideRepairs } from '../../../lib/engine/reconciler.ts';
import type { StepRecord, WorkflowState } from '../../../lib/engine/state.ts';
import { decideUndoDeadLetter } from '../../../lib/engine/undo/dead-letter.ts';
import { completedOf } from '../../ports/store/fixtures.ts';
import {
  buildChain,
  doneState,
  EPOCH,
  GRAPHS,
  messageTo,
  NOW,
  RECORDS,
  type RecordKind,
  resumed,
} from '../fixtures.ts';

const compensating = resumed({ status: 'compensating' });
const undo = { run: () => null };
const LINE = buildChain(GRAPHS.line, () => ({ run: () => null, undo }));
/** Beyond b there is only forward. */
const PIVOT = buildChain(GRAPHS.line, (name) => ({
  run: () => null,
  ...(name === 'a' ? { undo } : name === 'b' ? { pivot: true } : {}),
}));

const told = (decision: DeadLetterDecision): string =>
  decision.do === 'acknowledge'
    ? `acknowledge: ${decision.because}`
    : 'error' in decision
      ? `${decision.do}: ${decision.error.code}`
      : 'trips' in decision
        ? `queueAgain ${decision.trips.trip}`
        : decision.do;

const withUndo = (state: WorkflowState, step: string, record: StepRecord | undefined): WorkflowState =>
  record === undefined ? state : { ...state, undos: new Map([[step, { ...record, step, action: 'undo' }]]) };

type Message = Parameters<typeof messageTo>[1];

/** Of the undo of c, where every step is completed. */
const decided = (message: Message, meta = compensating): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(RECORDS).map(([kind, record]) => {
      const state = withUndo(doneState(meta, 'a b c'), 'c', record);
      return [
        kind,
        told(decideUndoDeadLetter(LINE, state, messageTo('c', { action: 'undo', ...message }), NOW)),
      ];
    }),
  );

const UNDER_WAY = 'acknowledge: the step, or its undo, is under way; the reconciler watches it';

describe('a dead letter of a workflow that is compensating', () => {
  const expected = (again: string, claimed: string): Readonly<Record<RecordKind, string>> => ({
    'no item': again,
    'put back': again,
    'running, lease live': UNDER_WAY,
    'running, lease live, last attempt': UNDER_WAY,
    'running, lease ends now': claimed,
    'running, lease over, one attempt left': claimed,
    'running, lease over, attempts used up': claimed,
    'retrying, not due': UNDER_WAY,
    'retrying, due now': claimed,
    'retrying, overdue': claimed,
    completed: 'advanceUndo',
    'completed, older epoch': 'advanceUndo',
    failed: 'failUndo: REFUSED',
    'failed, older epoch': again,
    'put back, older epoch': again,
    'running, lease live, older epoch': UNDER_WAY,
    'running, lease over, older epoch': again,
    'retrying, not due, older epoch': UNDER_WAY,
    'retrying, due, older epoch': again,
  });

  it('is decided by the state of the undo', () => {
    expect(decided({ trip: 0 })).toEqual(expected('queueAgain 1', 'queueAgain 1'));
    expect(decided({ trip: 1 })).toEqual(expected('queueAgain 2', 'queueAgain 1'));
  });

  it('ends the compensation where nothing took the undo, three times', () => {
    expect(decided({ trip: 2 })).toEqual(expected('failUndo: NOT_TAKEN', 'queueAgain 1'));
    expect(decided({ trip: 2, claimed: 99 })).toEqual(expected('failUndo: NOT_TAKEN', 'failUndo: NOT_TAKEN'));
  });

  it('ends the compensation in the last day of the workflow', () => {
    const expiresAt = NOW + LIMITS.noClaimLastDays * DAY_MS - 1;
    const late = resumed({ status: 'compensating', expiresAt });
    expect(decided({ trip: 0 }, late)).toEqual(expected('failUndo: EXPIRED', 'failUndo: EXPIRED'));
  });

  it('of a do queues all that is next', () => {
    const ofDo = decided({ action: 'do' });
    for (const kind of ['no item', 'put back', 'completed']) expect(ofDo[kind], kind).toBe('advanceUndo');
    // The message did, and went on as an undo: it is one of the undo.
    expect(ofDo).toMatchObject({ 'retrying, due now': 'queueAgain 1', failed: 'failUndo: REFUSED' });
  });

  it('of an older epoch counts only for an undo that failed before the resume', () => {
    for (const [kind, decision] of Object.entries(decided({ epoch: EPOCH - 1 }))) {
      const ended = kind === 'failed, older epoch';
      expect(decision, kind).toBe(
        ended ? 'queueAgain 0' : 'acknowledge: the dead letter is of an older epoch',
      );
    }
  });

  it('is left to the reconciler while the step itself is running', () => {
    const state = doneState(compensating, 'a', { b: RECORDS['running, lease live'] });
    const decision = decideUndoDeadLetter(LINE, state, messageTo('b', { action: 'undo' }), NOW);
    expect(told(decision)).toBe(UNDER_WAY);
  });

  it.each(['do', 'undo'] as const)(
    'of a pivot that is past fails the workflow: only forward (%s)',
    (action) => {
      for (const b of [RECORDS.completed, { ...RECORDS.failed, open: 1 }]) {
        const state = doneState(compensating, 'a', { b });
        const decision = decideUndoDeadLetter(PIVOT, state, messageTo('a', { action }), NOW);
        expect(decision).toMatchObject({
          do: 'fail',
          error: { code: 'PAST_PIVOT', step: 'b', effect: 'unknown' },
        });
      }
    },
  );
});

describe('what a compensation needs from the reconciler', () => {
  const needs = (state: WorkflowState, chain = LINE): readonly string[] =>
    decideRepairs(chain, state, NOW).map(({ why, outgoing: { to, message } }) =>
      [to.kind, message.action, message.step, why].join(' '),
    );

  it('is a message for what is next', () => {
    expect(needs(doneState(compensating, 'a b c'))).toEqual(['step undo c the step is to be undone']);
  });

  it('is nothing while the undo, the step or a late effect is waited for', () => {
    const all = doneState(compensating, 'a b c');
    expect(needs(withUndo(all, 'c', RECORDS['running, lease live']))).toEqual([]);
    expect(needs(withUndo(all, 'c', RECORDS['retrying, not due']))).toEqual([]);
    expect(needs(doneState(compensating, 'a b', { c: RECORDS['running, lease live'] }))).toEqual([]);
    const inDoubt = { ...RECORDS.failed, open: 1, updatedAt: NOW - 1_000 };
    expect(needs(doneState(compensating, 'a b', { c: inDoubt }))).toEqual([]);
  });

  it('is the dead letter of an undo that failed', () => {
    expect(needs(withUndo(doneState(compensating, 'a b c'), 'c', RECORDS.failed))).toEqual([
      'stepFailed undo c the undo failed',
    ]);
  });

  it('is a message of a root where every step is over', () => {
    const undone = new Map(['a', 'b', 'c'].map((step) => [step, completedOf(step, step)]));
    expect(needs({ ...doneState(compensating, 'a b c'), undos: undone })).toEqual([
      'step undo a all steps are over',
    ]);
  });

  it('is a dead letter where the pivot is past, and a message before one that is not settled', () => {
    const past = doneState(compensating, 'a', { b: RECORDS.completed });
    expect(needs(past, PIVOT)).toEqual(['stepFailed undo b the pivot has acted, or may have']);
    const unsettled = doneState(compensating, 'a', { b: RECORDS['running, lease over, one attempt left'] });
    expect(needs(unsettled, PIVOT)).toEqual(['step undo a the step is to be undone']);
  });
});
