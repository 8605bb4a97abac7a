import { describe, expect, it } from 'vitest';
import { TERMINAL_STATUSES } from '../../lib/contract/names.ts';
import type { DeadLetterDecision } from '../../lib/engine/dead-letter.ts';
import { decideDeadLetter } from '../../lib/engine/step-failed.ts';
import {
  always,
  chainOf,
  EPOCH,
  forEachRecord,
  messageTo,
  NOW,
  RECORDS,
  type RecordKind,
  resumed,
  stateOf,
} from './fixtures.ts';

/** A decision in a few words. */
function told(decision: DeadLetterDecision): string {
  if (decision.do === 'acknowledge') return `acknowledge: ${decision.because}`;
  if (decision.do === 'fail') return `fail: ${decision.error.code}`;
  return decision.do;
}

const decided = (changes: Parameters<typeof resumed>[0], message: Parameters<typeof messageTo>[1]) =>
  forEachRecord((record) =>
    told(decideDeadLetter(stateOf(resumed(changes), { a: record }), messageTo('a', message), NOW)),
  );

/** More attempts than any item has: none was claimed since the first trip. */
const MANY = 99;

describe('a dead letter of a workflow that is processing', () => {
  const underWay = 'acknowledge: the step is under way; the reconciler watches it';
  const again = 'queueAgain';
  const expected: Readonly<Record<RecordKind, string>> = {
    'no item': again,
    'put back': again,
    'running, lease live': underWay,
    'running, lease live, last attempt': underWay,
    'running, lease ends now': again,
    'running, lease over, one attempt left': again,
    'running, lease over, attempts used up': again,
    'retrying, not due': underWay,
    'retrying, due now': again,
    'retrying, overdue': again,
    completed: 'advance',
    'completed, older epoch': 'advance',
    failed: 'fail: REFUSED',
    'failed, older epoch': again,
    'put back, older epoch': again,
    'running, lease live, older epoch': underWay,
    'running, lease over, older epoch': again,
    'retrying, not due, older epoch': underWay,
    'retrying, due, older epoch': again,
  };

  it.each([0, 1])('is decided by the state of the step at trip %d', (trip) => {
    expect(decided({}, { trip })).toEqual(expected);
  });

  it.each([2, 3])('fails the workflow instead of a further trip at trip %d', (trip) => {
    const atLast = Object.fromEntries(
      Object.entries(expected).map(([kind, answer]) => [kind, answer === again ? 'fail: NOT_TAKEN' : answer]),
    );
    expect(decided({}, { trip, claimed: MANY })).toEqual(atLast);
  });

  it('counts its trips anew where an attempt was claimed since the first: its function takes messages', () => {
    const state = stateOf(resumed(), { a: RECORDS['retrying, overdue'] });
    const { attempt } = RECORDS['retrying, overdue'];
    for (const claimed of [undefined, 0, attempt - 1]) {
      const message = messageTo('a', { trip: 2, ...(claimed === undefined ? {} : { claimed }) });
      expect(decideDeadLetter(state, message, NOW)).toEqual({
        do: 'queueAgain',
        trips: { trip: 1, claimed: attempt },
      });
    }
    const second = decideDeadLetter(state, messageTo('a', { trip: 1, claimed: attempt }), NOW);
    expect(second).toEqual({ do: 'queueAgain', trips: { trip: 2, claimed: attempt } });
  });

  it('is acknowledged if it is of an older epoch, unless the step failed in that one: then it is queued in this', () => {
    for (const trip of [0, 1, 2]) {
      expect(decided({}, { trip, epoch: EPOCH - 1 })).toEqual({
        ...always('acknowledge: the dead letter is of an older epoch'),
        'failed, older epoch': again,
      });
    }
  });

  it('queues the step again with one trip more, and in a new epoch with none', () => {
    const state = stateOf(resumed(), { a: RECORDS['failed, older epoch'] });
    const tripAfter = (epoch: number) => decideDeadLetter(state, messageTo('a', { trip: 1, epoch }), NOW);
    expect(tripAfter(EPOCH)).toEqual({ do: 'queueAgain', trips: { trip: 2 } });
    expect(tripAfter(EPOCH - 1)).toEqual({ do: 'queueAgain', trips: { trip: 0 } });
  });
});

describe('a dead letter in the last day of a workflow', () => {
  const DAY = 86_400_000;
  const errorAt = (record: (typeof RECORDS)[RecordKind], expiresAt: number) => {
    const decision = decideDeadLetter(stateOf(resumed({ expiresAt }), { a: record }), messageTo('a'), NOW);
    return decision.do === 'fail' ? decision.error : decision.do;
  };

  it('fails the workflow where the step would be queued again, and not before', () => {
    const before = decided({ expiresAt: NOW + DAY }, { trip: 0 });
    const queued = Object.entries(before).filter(([, what]) => what === 'queueAgain');
    expect(queued).toHaveLength(11);
    expect(decided({ expiresAt: NOW + DAY - 1 }, { trip: 0 })).toEqual({
      ...before,
      ...Object.fromEntries(queued.map(([kind]) => [kind, 'fail: EXPIRED'])),
    });
  });

  it('says until when it is kept, and how many attempts were made', () => {
    expect(errorAt(undefined, NOW + 1)).toEqual({
      code: 'EXPIRED',
      message: `the workflow is kept until ${new Date(NOW + 1).toISOString()} only, and step "a" was not done a day before`,
      effect: 'unknown',
      step: 'a',
      attempts: 0,
    });
    expect(errorAt(RECORDS['retrying, overdue'], NOW + 1)).toMatchObject({ effect: 'unknown', attempts: 2 });
  });
});

describe('a dead letter of a workflow that is not processing', () => {
  it.each(TERMINAL_STATUSES)(
    'is acknowledged where it is %s and all was told, of any epoch and trip',
    (status) => {
      for (const epoch of [EPOCH, EPOCH - 1]) {
        for (const trip of [0, 1, 2]) {
          expect(decided({ status }, { epoch, trip })).toEqual(
            always(`acknowledge: the workflow is ${status}`),
          );
        }
      }
    },
  );

  it('tells on-call where that is still to be done, of any epoch and trip', () => {
    for (const epoch of [EPOCH, EPOCH - 1]) {
      for (const trip of [0, 1, 2]) {
        expect(decided({ status: 'failed', notify: 'pending' }, { epoch, trip })).toEqual(always('notify'));
      }
    }
  });
});

describe('a dead letter of no workflow here', () => {
  it('is acknowledged when there is no such workflow', () => {
    for (const trip of [0, 1, 2]) {
      expect(decideDeadLetter(undefined, messageTo('a', { trip }), NOW)).toEqual({
        do: 'acknowledge',
        because: 'there is no such workflow',
      });
    }
  });

  it.each([
    ['chain', { chain: 'other' }],
    ['version', { version: 2 }],
  ])('is acknowledged when the workflow is of another %s', (_, message) => {
    for (const trip of [0, 1, 2]) {
      expect(decided({}, { ...message, trip })).toEqual(
        always('acknowledge: the workflow is of order-processing version 1'),
      );
    }
  });
});

describe('the error of a workflow', () => {
  const failing = (record: (typeof RECORDS)[RecordKind], trip: number) => {
    const message = messageTo('a', { trip, claimed: MANY });
    const decision = decideDeadLetter(stateOf(resumed(), { a: record }), message, NOW);
    return decision.do === 'fail' ? decision.error : decision.do;
  };

  it('is that of the step that failed, with its name and its attempts', () => {
    expect(failing(RECORDS.failed, 0)).toEqual({ ...RECORDS.failed.error, step: 'a', attempts: 2 });
  });

  it('says until when a call that may have acted can be repeated, where no function takes the step any more', () => {
    const record = { ...RECORDS['running, lease over, one attempt left'], open: 1, keyedAt: NOW - 5_000 };
    const chain = chainOf({ a: [] }, { timeout: 30, idempotency: { lifetime: 3_600 } });
    const message = messageTo('a', { trip: 2, claimed: MANY });
    const error = (open: number) => {
      const state = stateOf(resumed(), { a: { ...record, open } });
      const decision = decideDeadLetter(state, message, NOW, chain);
      return decision.do === 'fail' ? decision.error : decision.do;
    };
    // An hour after the key was first used, less the margin of clocks and the step's timeout.
    const safeUntil = new Date(NOW - 5_000 + (3_600 - 5 - 30) * 1_000).toISOString();
    expect(error(1)).toMatchObject({ code: 'NOT_TAKEN', safeUntil });
    expect(error(0)).not.toHaveProperty('safeUntil');
  });

  it('says that the function could not take the message, and never that nothing was done', () => {
    expect(failing(undefined, 2)).toEqual({
      code: 'NOT_TAKEN',
      message: 'the function of step "a" could not take the message, 3 times in all',
      effect: 'unknown',
      step: 'a',
      attempts: 0,
    });
    for (const [kind, attempts] of [
      ['put back', 0],
      ['failed, older epoch', 0],
      ['retrying, overdue', 2],
      ['running, lease over, attempts used up', 3],
      ['retrying, due, older epoch', 0],
    ] as const) {
      expect(failing(RECORDS[kind], 2), kind).toMatchObject({ effect: 'unknown', attempts });
    }
  });
});
