import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoffMs, nextAttemptAt } from '../../lib/engine/retry.ts';
import { NOW } from './fixtures.ts';

const HOUR = 3_600_000;

/** Backoffs that a definition can hold: `0 < base <= cap <= 3600` seconds. */
const backoffs = fc
  .tuple(
    fc.double({ min: 0.001, max: 3_600, noNaN: true }),
    fc.double({ min: 0.001, max: 3_600, noNaN: true }),
  )
  .map(([a, b]) => ({ base: Math.min(a, b), cap: Math.max(a, b) }));
const attempts = fc.integer({ min: 1, max: 101 });
/** From 0 up to 1, without 1. */
const fractions = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const MOST = 1 - Number.EPSILON / 2;

describe('the backoff', () => {
  it('never ends before now and never waits longer than the cap, whatever the chance', () => {
    fc.assert(
      fc.property(backoffs, attempts, fractions, (backoff, attempt, fraction) => {
        const wait = backoffMs(backoff, attempt, fraction);
        expect(Number.isInteger(wait)).toBe(true);
        expect(wait).toBeGreaterThanOrEqual(0);
        expect(wait).toBeLessThanOrEqual(backoff.cap * 1_000);
      }),
    );
  });

  it('has full jitter: it can be anything from nothing up to the ceiling', () => {
    fc.assert(
      fc.property(backoffs, attempts, (backoff, attempt) => {
        const ceiling = Math.min(backoff.cap, backoff.base * 2 ** (attempt - 1)) * 1_000;
        expect(backoffMs(backoff, attempt, 0)).toBe(0);
        expect(backoffMs(backoff, attempt, 0.5)).toBe(Math.floor(ceiling / 2));
        expect(ceiling - backoffMs(backoff, attempt, MOST)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('has a ceiling that never falls from one attempt to the next', () => {
    fc.assert(
      fc.property(backoffs, attempts, fractions, (backoff, attempt, fraction) => {
        expect(backoffMs(backoff, attempt + 1, fraction)).toBeGreaterThanOrEqual(
          backoffMs(backoff, attempt, fraction),
        );
      }),
    );
  });

  it('doubles from the base to the cap', () => {
    const halves = [1, 2, 3, 4, 9, 10, 100].map((attempt) => backoffMs({ base: 1, cap: 300 }, attempt, 0.5));
    expect(halves).toEqual([500, 1_000, 2_000, 4_000, 128_000, 150_000, 150_000]);
  });
});

describe('the next attempt', () => {
  const backoff = { base: 1, cap: 300 };
  const toldToWait = (seconds: number | string) => ({ 'retry-after': String(seconds) });

  it.each([
    ['Retry-After, in seconds', toldToWait(120)],
    ['Retry-After, a date', toldToWait(new Date(NOW + 120_000).toUTCString())],
    ['RateLimit', { ratelimit: '"hour";r=0;t=120' }],
    ['X-RateLimit-Reset, in seconds since 1970', { 'x-ratelimit-reset': String(NOW / 1_000 + 120) }],
    ['X-RateLimit-Reset, in milliseconds since 1970', { 'x-ratelimit-reset': String(NOW + 120_000) }],
    ['X-RateLimit-Reset, in seconds from now', { 'x-ratelimit-reset': '120' }],
  ])('is due when the target asks for it by %s, and by chance up to a fifth later', (_, headers) => {
    const waits = [0, 0.5, MOST].map((fraction) => nextAttemptAt(backoff, 3, headers, NOW, fraction) - NOW);
    expect(waits).toEqual([120_000, 132_000, 143_999]);
  });

  it('of two callers that were told the same is not due in the same second', () => {
    const [one = 0, other = 0] = [0.3, 0.6].map((fraction) =>
      nextAttemptAt(backoff, 1, toldToWait(120), NOW, fraction),
    );
    expect(other - one).toBeGreaterThan(1_000);
  });

  it.each([
    ['nothing', {}],
    ['nonsense', toldToWait('soon')],
    ['no second', toldToWait(0)],
    ['a date that is past', toldToWait(new Date(NOW - 60_000).toUTCString())],
    ['a reset that is past', { 'x-ratelimit-reset': String(NOW / 1_000 - 60) }],
    ['less than the backoff', toldToWait(1)],
  ])('follows the backoff where the target asks for %s', (_, headers) => {
    expect(nextAttemptAt(backoff, 3, headers, NOW, 0.5)).toBe(NOW + 2_000);
  });

  it('comes after as long a time as ever where 101 attempts are told to come back at once', () => {
    for (const headers of [toldToWait(0), toldToWait(new Date(NOW - 60_000).toUTCString())]) {
      let now = NOW;
      for (let attempt = 1; attempt <= 101; attempt += 1) {
        now = nextAttemptAt(backoff, attempt, headers, now, 0.5);
      }
      expect(now - NOW).toBe(255_500 + 92 * 150_000);
    }
  });

  it('is never before what is asked for or the backoff, and never more than a fifth after both', () => {
    fc.assert(
      fc.property(backoffs, attempts, fc.nat(5_000), fractions, (given, attempt, seconds, fraction) => {
        const wait = nextAttemptAt(given, attempt, toldToWait(seconds), NOW, fraction) - NOW;
        const larger = Math.max(Math.min(seconds * 1_000, HOUR), backoffMs(given, attempt, fraction));
        expect(Number.isInteger(wait)).toBe(true);
        expect(wait).toBeGreaterThanOrEqual(larger);
        expect(wait).toBeLessThanOrEqual(1.2 * larger);
      }),
    );
  });
});
