import { describe, expect, it } from 'vitest';
import { STEP_ERROR_CODES } from '../../lib/contract/names.ts';
import { forEverybody, forOperators, sentenceOf, statusText, triesOf } from '../../lib/contract/told.ts';
import type { StepError } from '../../lib/contract/wire.ts';

const SAID = 'Error at /srv/app.js:7: connect ECONNREFUSED db-7.internal:5432';
const saved = (code: StepError['code'], more: Partial<StepError> = {}): StepError => ({
  ...{ code, message: 'a sentence of our own', effect: 'unknown' },
  ...more,
});

describe('a sentence of our own about an error', () => {
  it.each(STEP_ERROR_CODES)('%s: says something, and names what is not there by no name', (code) => {
    for (const facts of [{}, { target: 'payments' }, { httpStatus: 500 }, { target: 'a', httpStatus: 299 }]) {
      const sentence = sentenceOf({ code, ...facts });
      expect(sentence).toMatch(/^[a-z].{10,}[^.]$/);
      expect(sentence).not.toMatch(/undefined|null/);
    }
  });

  it.each([
    [{ code: 'TARGET_UNAVAILABLE', httpStatus: 503 }, 'payments answered 503 Service Unavailable'],
    [{ code: 'REFUSED', httpStatus: 422 }, 'payments refused the request: 422 Unprocessable Entity'],
    [{ code: 'REDIRECTED', httpStatus: 302 }, 'payments answered 302 Found'],
    [{ code: 'REPLY_INVALID', httpStatus: 200 }, 'the reply of payments cannot be used: 200 OK'],
    [{ code: 'CONNECTION_FAILED' }, 'no connection to payments was made'],
  ] as const)('of %j', (facts, sentence) => {
    expect(sentenceOf({ ...facts, target: 'payments' })).toBe(sentence);
  });

  it('of code says run in place of a target', () => {
    expect(sentenceOf({ code: 'REFUSED' })).toBe('run refused the step');
    expect(sentenceOf({ code: 'REFUSED', target: 'payments', httpStatus: 402 })).toBe(
      'payments refused the request: 402 Payment Required',
    );
  });

  it('names a status that has no name by its number', () => {
    expect([404, 599].map(statusText)).toEqual(['404 Not Found', '599']);
  });
});

describe('an error as everybody may see it', () => {
  it.each(STEP_ERROR_CODES)('%s: has the sentence that was saved, and not the detail', (code) => {
    const error = saved(code, { target: 'payments', httpStatus: 422, detail: SAID });
    const { detail: _, ...rest } = error;
    expect(forEverybody(error)).toEqual(rest);
    expect(forOperators(error)).toEqual(error);
  });

  it.each(STEP_ERROR_CODES)(
    '%s, saved by an earlier release: shows no message that may hold what a target said',
    (code) => {
      const error = saved(code, { message: SAID, target: 'payments', httpStatus: 422 });
      const ours = ['WORKER_DIED', 'NOT_TAKEN', 'EXPIRED', 'PAST_PIVOT', 'LOOKUP_UNKNOWN'].includes(code);
      const message = ours ? SAID : sentenceOf(error);
      expect(forEverybody(error)).toEqual({ ...error, message });
      expect(forOperators(error)).toEqual(ours ? error : { ...error, message, detail: SAID });
    },
  );
});

it.each([
  ['REFUSED', 1, 'after 1 attempt'],
  ['REFUSED', 6, 'after 6 attempts'],
  ['LOOKUP_UNKNOWN', 1, 'asked once'],
  ['LOOKUP_UNKNOWN', 6, 'asked 6 times'],
] as const)('%s after %i is told as "%s"', (code, attempts, words) => {
  expect(triesOf({ code, attempts })).toBe(words);
});
