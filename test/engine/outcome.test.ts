import { describe, expect, it } from 'vitest';
import {
  classifyStatus,
  completedRecord,
  type Failure,
  failedRecord,
  isRetriable,
} from '../../lib/engine/outcome.ts';
import type { HttpOutcome } from '../../lib/engine/ports.ts';
import type { Draw } from '../../lib/engine/retry.ts';
import type { StepRecord } from '../../lib/engine/state.ts';
import { claimOf } from '../ports/store/fixtures.ts';
import { chainOf, NOW } from './fixtures.ts';

const statuses = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, at) => from + at);
const LATER = [408, 409, 425, 429];
const NOT_YET = { code: 'TARGET_UNAVAILABLE', retriable: true, acted: 'no' };

describe('the status of a reply', () => {
  it('is no failure from 200 to 299', () => {
    expect(statuses(200, 299).map((status) => classifyStatus(status))).toEqual(Array(100).fill(undefined));
  });

  it.each([
    ['408, 409: later, and an earlier attempt may have acted', [408, 409]],
    ['500 to 599: later, outcome unknown', statuses(500, 599)],
    ['beyond 599, which no standard knows: later, outcome unknown', [600, 999]],
  ])('is a target that is not available at %s', (_, some) => {
    for (const status of some) {
      expect(classifyStatus(status)).toEqual({
        code: 'TARGET_UNAVAILABLE',
        retriable: true,
        acted: 'unknown',
      });
    }
  });

  it.each([425, 429])('is later at %d, and nothing was done', (status) => {
    expect(classifyStatus(status)).toEqual(NOT_YET);
  });

  it('is a definite refusal at every other 4xx', () => {
    for (const status of statuses(400, 499).filter((one) => !LATER.includes(one))) {
      expect(classifyStatus(status)).toEqual({ code: 'REFUSED', retriable: false, acted: 'no' });
    }
  });

  it.each([
    ['Retry-After', { 'retry-after': '60' }],
    ['a Retry-After that makes no sense', { 'retry-after': 'soon' }],
    ['a RateLimit of which nothing remains', { ratelimit: '"minute";r=3;t=5, "day";r=0;t=600' }],
    ['an X-RateLimit-Remaining of 0', { 'x-ratelimit-remaining': '0' }],
  ])('is later at a 403 that carries %s, and no other refusal changes', (_, headers) => {
    expect(classifyStatus(403, headers)).toEqual(NOT_YET);
    for (const status of [400, 401, 402, 404, 422]) {
      expect(classifyStatus(status, headers)).toMatchObject({ code: 'REFUSED' });
    }
  });

  it.each([
    ['nothing', {}],
    ['a rate limit of which something remains', { ratelimit: '"day";r=3;t=5', 'x-ratelimit-remaining': '7' }],
    ['a reset alone', { 'x-ratelimit-reset': '60' }],
    ['a limit that cannot be read', { ratelimit: '"a;r=0";r=none', 'x-ratelimit-remaining': '' }],
  ])('stays a refusal at a 403 that carries %s', (_, headers) => {
    expect(classifyStatus(403, headers)).toEqual({ code: 'REFUSED', retriable: false, acted: 'no' });
  });

  it('is a redirect that is not followed at every 3xx, and nothing better at what makes no sense', () => {
    for (const status of [...statuses(300, 399), 0, 100, 101, 199]) {
      expect(classifyStatus(status)).toEqual({ code: 'REDIRECTED', retriable: false, acted: 'unknown' });
    }
  });
});

describe('a call without a usable reply', () => {
  it.each([
    ['CONNECTION_FAILED', true],
    ['CONNECTION_BROKEN', true],
    ['DEADLINE_EXCEEDED', true],
    ['REPLY_TOO_LARGE', false],
    ['REQUEST_INVALID', false],
  ] as const)('by %s is tried again: %s', (code, expected) => {
    const outcome: HttpOutcome = { kind: 'failure', code, sent: 'unknown', message: '' };
    expect(isRetriable(outcome)).toBe(expected);
  });
});

const STEP = (retries: number) => {
  const [step] = chainOf({ a: [] }, { retries, backoff: { base: 2, cap: 60 } }).steps;
  if (step === undefined) throw new Error('the chain has one step');
  return step;
};
const claim = (changes: Partial<StepRecord> = {}): StepRecord =>
  claimOf('a', {
    attempts: [
      {
        epoch: 0,
        attempt: 1,
        round: 0,
        outcome: 'interrupted',
        startedAt: NOW - 9_000,
        endedAt: NOW - 8_000,
      },
      { epoch: 0, attempt: 2, round: 0, outcome: 'running', startedAt: NOW - 400 },
    ],
    ...changes,
  });

describe('the item after a success', () => {
  it('has the result and the time, no lease, and its claim’s token and counts', () => {
    const claimed = claim({ attempt: 2, open: 2, round: 1, epoch: 3 });
    const { leaseUntil: _, ...kept } = claimed;
    expect(completedRecord(claimed, { id: 7 }, NOW)).toStrictEqual({
      ...kept,
      status: 'completed',
      result: { id: 7 },
      completedAt: NOW,
      updatedAt: NOW,
      attempts: [claimed.attempts[0], { ...claimed.attempts[1], outcome: 'completed', endedAt: NOW }],
    });
  });

  it('keeps a result of null', () => {
    expect(completedRecord(claim(), null, NOW)).toHaveProperty('result', null);
  });
});

const later: Failure = {
  code: 'TARGET_UNAVAILABLE',
  message: 'busy',
  retriable: true,
  acted: 'unknown',
  target: 'payments',
  httpStatus: 503,
};
/** Chance, on a queue that keeps milliseconds. */
const by = (fraction: number): Draw => ({ fraction, granularityMs: 1 });
const unsent: Failure = { code: 'CONNECTION_FAILED', message: 'no route', retriable: true, acted: 'no' };
const refused: Failure = {
  code: 'REFUSED',
  message: 'declined',
  retriable: false,
  acted: 'no',
  httpStatus: 402,
};
const invalid: Failure = { code: 'REPLY_INVALID', message: 'no id', retriable: false, acted: 'unknown' };

describe('the item after a failure that may pass, with attempts left', () => {
  it('is retrying, due by the backoff, with the error in it and in the attempt', () => {
    const claimed = claim({ attempt: 2, open: 1 });
    const { record, error } = failedRecord(claimed, STEP(2), later, NOW, by(0.5));
    const { leaseUntil: _, ...kept } = claimed;
    expect(error).toStrictEqual({
      code: 'TARGET_UNAVAILABLE',
      message: 'payments answered 503 Service Unavailable',
      detail: 'busy',
      effect: 'unknown',
      target: 'payments',
      httpStatus: 503,
    });
    expect(record).toStrictEqual({
      ...kept,
      status: 'retrying',
      nextAttemptAt: NOW + 3_000,
      updatedAt: NOW,
      error,
      attempts: [claimed.attempts[0], { ...claimed.attempts[1], outcome: 'retrying', endedAt: NOW, error }],
    });
  });

  it('is due when the target asks for it, and some time later by chance', () => {
    const { record } = failedRecord(
      claim(),
      STEP(2),
      { ...later, headers: { 'retry-after': '90' } },
      NOW,
      by(0.5),
    );
    expect(record.nextAttemptAt).toBe(NOW + 99_000);
  });

  it('never changes the key, even when nobody can have acted on it', () => {
    const { record } = failedRecord(claim({ open: 1, round: 4 }), STEP(2), unsent, NOW, by(0));
    expect(record).toMatchObject({ status: 'retrying', round: 4, open: 0 });
  });
});

describe('a failure', () => {
  it.each([
    ['may pass, first of three attempts', later, 1, 2, 'retrying'],
    ['may pass, second of three', later, 2, 2, 'retrying'],
    ['may pass, last of three', later, 3, 2, 'failed'],
    ['may pass, beyond the last', later, 4, 2, 'failed'],
    ['may pass, without retries', later, 1, 0, 'failed'],
    ['was never sent, first of two', unsent, 1, 1, 'retrying'],
    ['was never sent, last of two', unsent, 2, 1, 'failed'],
    ['is a refusal, with attempts left', refused, 1, 5, 'failed'],
    ['is a broken reply, with attempts left', invalid, 1, 5, 'failed'],
  ] as const)('that %s makes the step %s', (_, failure, attempt, retries, expected) => {
    const { record } = failedRecord(claim({ attempt }), STEP(retries), failure, NOW, by(0));
    expect(record.status).toBe(expected);
    expect(record.attempts.at(-1)?.outcome).toBe(expected);
    expect('nextAttemptAt' in record).toBe(expected === 'retrying');
    expect(record).not.toHaveProperty('leaseUntil');
  });
});

describe('the key of a step that failed for good', () => {
  it.each([
    ['a sole refusal changes it', refused, 1, { round: 3, open: 0 }, 'none'],
    ['a refusal after one that timed out keeps it', refused, 2, { round: 2, open: 1 }, 'unknown'],
    ['a refusal after two that timed out keeps it', refused, 3, { round: 2, open: 2 }, 'unknown'],
    ['attempts that were never sent change it', unsent, 1, { round: 3, open: 0 }, 'none'],
    ['an outcome that nobody knows keeps it', later, 1, { round: 2, open: 1 }, 'unknown'],
    ['a reply that breaks the schema keeps it', invalid, 1, { round: 2, open: 1 }, 'unknown'],
  ] as const)('%s', (_, failure, open, expected, effect) => {
    const { record, error } = failedRecord(
      claim({ attempt: 3, round: 2, open }),
      STEP(2),
      failure,
      NOW,
      by(0),
    );
    expect(record).toMatchObject({ status: 'failed', ...expected });
    expect(error.effect).toBe(effect);
    expect(record.error).toEqual(error);
  });
});
