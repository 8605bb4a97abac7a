import { describe, expect, it } from 'vitest';
import type { DeadLetterDecision } from '../../../lib/engine/dead-letter.ts';
import { decideRepairs } from '../../../lib/engine/reconciler.ts';
import type { StepRecord, WorkflowMeta, WorkflowState } from '../../../lib/engine/state.ts';
import { decideDeadLetter } from '../../../lib/engine/step-failed.ts';
import { decideUndoDeadLetter } from '../../../lib/engine/undo/dead-letter.ts';
import { EPOCH, messageTo, NOW, RECORDS, resumed } from '../fixtures.ts';
import {
  all,
  askedState,
  asking,
  BEFORE_UNDO,
  DOUBT,
  forEachLookup,
  LAST_DAY,
  OLDER,
  OTHER_ROUND,
} from './tables.ts';

const processing = resumed();
const compensating = resumed({ status: 'compensating' });
const CHAIN = asking();
const WITHOUT = { ...CHAIN, steps: CHAIN.steps.map(({ lookup: _, ...step }) => step) };
const base = asking('b c');
/** Beyond b there is only forward. */
const PIVOT = { ...base, steps: base.steps.map((step) => ({ ...step, pivot: step.name === 'b' })) };

const told = (decision: DeadLetterDecision): string =>
  decision.do === 'acknowledge'
    ? `acknowledge: ${decision.because}`
    : 'error' in decision
      ? `${decision.do}: ${decision.error.code}, ${decision.error.effect}`
      : 'trips' in decision
        ? `queueAgain ${decision.trips.trip}`
        : decision.do;

type Message = Parameters<typeof messageTo>[1];

/** What stands in the way of a call of the lookup: somebody asks, or its next attempt is not due. */
const waitsWith = (answer: string) =>
  ({
    'running, lease live': answer,
    'running, lease live, last attempt': answer,
    'retrying, not due': answer,
  }) as const;

describe('a dead letter of a step in doubt that has failed', () => {
  const decided =
    (message: Message = {}, meta: WorkflowMeta = processing, step: StepRecord = DOUBT, chain = CHAIN) =>
    (lookup: StepRecord | undefined): string => {
      const state = askedState(meta, 'a', { b: step }, ['b', lookup]);
      return told(decideDeadLetter(state, messageTo('b', message), NOW, chain));
    };
  const ASKED = 'acknowledge: its target is asked; the reconciler watches it';
  const FAILED = 'fail: DEADLINE_EXCEEDED, unknown';
  const IN_VAIN = { 'answered unknown': FAILED, failed: FAILED };

  it('is decided by the state of its lookup: the workflow fails only where that was in vain', () => {
    const expected = all('queueAgain 1', { ...waitsWith(ASKED), ...IN_VAIN });
    expect(forEachLookup(decided())).toEqual(expected);
  });

  it('comes back for the last time where nothing was claimed since: then the step is given up', () => {
    const again = all('queueAgain 1', {
      ...waitsWith(ASKED),
      ...IN_VAIN,
      'no item': FAILED,
      'retrying, answered too early': FAILED,
    });
    expect(forEachLookup(decided({ trip: 2 }))).toEqual(again);
    const seen = all(FAILED, waitsWith(ASKED));
    expect(forEachLookup(decided({ trip: 2, claimed: 99 }))).toEqual(seen);
  });

  it.each([
    ['of an epoch before', OLDER],
    ['of another round', OTHER_ROUND],
  ])('counts nothing of a lookup %s', (_, changes) => {
    expect(forEachLookup(decided(), changes)).toEqual(all('queueAgain 1'));
    expect(forEachLookup(decided({ trip: 2 }), changes)).toEqual(all(FAILED));
  });

  it('fails the workflow in its last day, where there is no lookup any more, and where it did nothing', () => {
    expect(forEachLookup(decided({}, resumed(LAST_DAY)))).toEqual(all(FAILED));
    expect(forEachLookup(decided({}, processing, DOUBT, WITHOUT))).toEqual(all(FAILED));
    const nothing = { ...DOUBT, open: 0 };
    expect(forEachLookup(decided({}, processing, nothing))).toEqual(all(FAILED));
  });

  it('of an older epoch is of another failure', () => {
    const ignored = 'acknowledge: the dead letter is of an older epoch';
    expect(forEachLookup(decided({ epoch: EPOCH - 1 }))).toEqual(all(ignored));
  });
});

describe('a dead letter of a step in doubt of a workflow that is compensating', () => {
  const decided =
    (message: Message = {}, changes: { meta?: WorkflowMeta; step?: StepRecord; undo?: StepRecord } = {}) =>
    (lookup: StepRecord | undefined): string => {
      const { meta = compensating, step = DOUBT, undo } = changes;
      const asked = askedState(meta, 'a', { b: step }, ['b', lookup]);
      const undos = undo && new Map([['b', { ...undo, step: 'b', action: 'undo' as const }]]);
      const state: WorkflowState = undos === undefined ? asked : { ...asked, undos };
      const to = messageTo('b', { action: 'undo', ...message });
      return told(decideUndoDeadLetter(CHAIN, state, to, NOW));
    };
  const UNDER_WAY = 'acknowledge: the step, or its undo, is under way; the reconciler watches it';
  const UNKNOWN = 'failUndo: LOOKUP_UNKNOWN, unknown';
  const NOT_TAKEN = 'failUndo: NOT_TAKEN, unknown';
  const IN_VAIN = { 'answered unknown': UNKNOWN, failed: UNKNOWN };

  it('ends the compensation where its target was asked in vain before the undo', () => {
    const expected = all('queueAgain 1', { ...waitsWith(UNDER_WAY), ...IN_VAIN });
    expect(forEachLookup(decided(), BEFORE_UNDO)).toEqual(expected);
    // What was in vain before the step was given up is asked for anew.
    expect(forEachLookup(decided())).toEqual(all('queueAgain 1', waitsWith(UNDER_WAY)));
  });

  it('ends it where nothing took the message, three times', () => {
    const expected = all('queueAgain 1', {
      ...waitsWith(UNDER_WAY),
      ...IN_VAIN,
      'no item': NOT_TAKEN,
      'retrying, answered too early': NOT_TAKEN,
    });
    expect(forEachLookup(decided({ trip: 2 }), BEFORE_UNDO)).toEqual(expected);
  });

  it('counts nothing of a lookup of an epoch before, or of another round', () => {
    for (const changes of [OLDER, OTHER_ROUND]) {
      expect(forEachLookup(decided({ trip: 2 }), { ...BEFORE_UNDO, ...changes })).toEqual(all(NOT_TAKEN));
    }
  });

  it('is left to the reconciler while a late effect may come', () => {
    const step = { ...DOUBT, updatedAt: NOW - 20_000 };
    const expected = all(UNDER_WAY);
    expect(forEachLookup(decided({}, { step }), BEFORE_UNDO)).toEqual(expected);
  });

  it('is one of its undo once that was claimed, or a person ordered it', () => {
    const undo = RECORDS['retrying, due now'];
    const meta = { ...compensating, newKey: { step: 'b', epoch: EPOCH } };
    expect(forEachLookup(decided({}, { undo }), BEFORE_UNDO)).toEqual(all('queueAgain 1'));
    expect(forEachLookup(decided({ trip: 2 }, { meta }), BEFORE_UNDO)).toEqual(all(NOT_TAKEN));
  });

  it('ends it in the last day of the workflow', () => {
    const meta = { ...compensating, ...LAST_DAY };
    const expected = all('failUndo: EXPIRED, unknown');
    expect(forEachLookup(decided({}, { meta }), BEFORE_UNDO)).toEqual(
      // Nobody waits for what is not asked for any more.
      expected,
    );
  });

  it('of a do queues all that is next', () => {
    expect(forEachLookup(decided({ action: 'do' }), BEFORE_UNDO)).toEqual(all('advanceUndo'));
  });

  it.each(['a', 'b'])(
    'of a pivot that is asked for in vain fails the workflow: only forward (%s)',
    (step) => {
      const past = (lookup: StepRecord | undefined): string => {
        const state = askedState(compensating, 'a', { b: DOUBT }, ['b', lookup]);
        return told(decideUndoDeadLetter(PIVOT, state, messageTo(step, { action: 'undo' }), NOW));
      };
      const PAST = 'fail: PAST_PIVOT, unknown';
      const waits = step === 'b' ? waitsWith(UNDER_WAY) : {};
      const expected = all('queueAgain 1', { ...waits, 'answered unknown': PAST, failed: PAST });
      expect(forEachLookup(past, BEFORE_UNDO)).toEqual(expected);
    },
  );
});

describe('what a step in doubt needs from the reconciler', () => {
  const needs =
    (meta: WorkflowMeta, chain = CHAIN, step: StepRecord = DOUBT, queuesLost = false) =>
    (lookup: StepRecord | undefined): string =>
      decideRepairs(chain, askedState(meta, 'a', { b: step }, ['b', lookup]), NOW, queuesLost)
        .map(({ outgoing: { to, message } }) => [to.kind, message.action, message.step].join(' '))
        .join(', ');

  it('is its message while its target is to be asked, and its dead letter once that was in vain', () => {
    const inVain = { 'answered unknown': 'stepFailed do b', failed: 'stepFailed do b' };
    expect(forEachLookup(needs(processing))).toEqual(all('step do b', { ...waitsWith(''), ...inVain }));
    expect(forEachLookup(needs(processing), OLDER)).toEqual(all('step do b'));
    expect(forEachLookup(needs(processing), OTHER_ROUND)).toEqual(all('step do b'));
    expect(forEachLookup(needs(processing, CHAIN, DOUBT, true))).toEqual(all('step do b', inVain));
  });

  it('is its dead letter in the last day of the workflow, and where there is no lookup any more', () => {
    expect(forEachLookup(needs(resumed(LAST_DAY)))).toEqual(all('stepFailed do b'));
    expect(forEachLookup(needs(processing, WITHOUT))).toEqual(all('stepFailed do b'));
  });

  it('is the same before its undo', () => {
    const inVain = { 'answered unknown': 'stepFailed undo b', failed: 'stepFailed undo b' };
    const expected = all('step undo b', { ...waitsWith(''), ...inVain });
    expect(forEachLookup(needs(compensating), BEFORE_UNDO)).toEqual(expected);
    expect(forEachLookup(needs(compensating))).toEqual(all('step undo b', waitsWith('')));
    const late = { ...DOUBT, updatedAt: NOW - 20_000 };
    expect(forEachLookup(needs(compensating, CHAIN, late), BEFORE_UNDO)).toEqual(all('', inVain));
  });

  it('is the message of a pivot while that is asked for, and its dead letter once it is past', () => {
    const past = { 'answered unknown': 'stepFailed undo b', failed: 'stepFailed undo b' };
    const expected = all('step undo b', { ...waitsWith(''), ...past });
    expect(forEachLookup(needs(compensating, PIVOT), BEFORE_UNDO)).toEqual(expected);
  });
});
