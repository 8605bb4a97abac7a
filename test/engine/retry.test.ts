import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Backoff } from '../../lib/chain/definition.ts';
import { backoffMs, type Draw, nextAttemptAt } from '../../lib/engine/retry.ts';
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

/** Chance, on queues that keep milliseconds, and on those that keep whole seconds. */
const exact = (fraction: number): Draw => ({ fraction, granularityMs: 1 });
const onSqs = (fraction: number): Draw => ({ fraction, granularityMs: 1_000 });
const draws = fc.record({ fraction: fractions, granularityMs: fc.constantFrom(1, 1_000) });

/** Milliseconds that a wait can be at most. */
const wholeOf = ({ base, cap }: Backoff, attempt: number): number =>
  Math.min(cap, base * 2 ** (attempt - 1)) * 1_000;

describe('the backoff', () => {
  it('waits between half and whole of what the definition says, or for the first of its queue’s units after that', () => {
    fc.assert(
      fc.property(backoffs, attempts, draws, (backoff, attempt, draw) => {
        const whole = wholeOf(backoff, attempt);
        const wait = backoffMs(backoff, attempt, draw);
        expect(wait % draw.granularityMs).toBe(0);
        expect(wait).toBeGreaterThanOrEqual(whole / 2);
        expect(wait).toBeLessThan(Math.max(whole + 1, whole / 2 + 2 * draw.granularityMs));
      }),
    );
  });

  it('can be half, whole, and anything between', () => {
    const backoff = { base: 8, cap: 300 };
    const waits = [0, 0.25, 0.5, MOST].map((fraction) => backoffMs(backoff, 1, exact(fraction)));
    expect(waits).toEqual([4_000, 5_000, 6_000, 8_000]);
  });

  it('never falls from one attempt to the next, chance being equal', () => {
    fc.assert(
      fc.property(backoffs, attempts, draws, (backoff, attempt, draw) => {
        expect(backoffMs(backoff, attempt + 1, draw)).toBeGreaterThanOrEqual(
          backoffMs(backoff, attempt, draw),
        );
      }),
    );
  });

  it('doubles from the base to the cap', () => {
    const least = [1, 2, 3, 4, 9, 10, 100].map((attempt) =>
      backoffMs({ base: 1, cap: 300 }, attempt, exact(0)),
    );
    expect(least).toEqual([500, 1_000, 2_000, 4_000, 128_000, 150_000, 150_000]);
  });

  it.each([
    [8, 1, [4_000, 5_000, 6_000, 7_000, 8_000]],
    [1, 3, [2_000, 3_000, 4_000]],
    [1, 2, [1_000, 2_000]],
    // Nothing but one second lies between half a second and a second.
    [1, 1, [1_000, 2_000]],
    [0.01, 1, [1_000, 2_000]],
  ])('of %d s spreads over whole seconds on SQS, after attempt %d over %j ms', (base, attempt, seconds) => {
    const counts = new Map<number, number>();
    for (let step = 0; step < 1_000; step += 1) {
      const wait = backoffMs({ base, cap: 300 }, attempt, onSqs(step / 1_000));
      counts.set(wait, (counts.get(wait) ?? 0) + 1);
    }
    expect([...counts.keys()]).toEqual(seconds);
    // Each is as likely as the others.
    for (const count of counts.values()) expect(count).toBeCloseTo(1_000 / seconds.length, -1);
  });

  it('brings the first retries of many workflows at different times of a second where the queue keeps milliseconds', () => {
    const phases = new Set<number>();
    for (let step = 0; step < 1_000; step += 1) {
      phases.add(Math.floor((backoffMs({ base: 8, cap: 300 }, 1, exact(step / 1_000)) % 1_000) / 100));
    }
    expect(phases.size).toBe(10);
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
    const waits = [0, 0.5, MOST].map(
      (fraction) => nextAttemptAt(backoff, 3, headers, NOW, exact(fraction)) - NOW,
    );
    expect(waits).toEqual([120_000, 132_000, 144_000]);
  });

  it('of two callers that were told the same is not due in the same second', () => {
    const [one = 0, other = 0] = [0.3, 0.6].map((fraction) =>
      nextAttemptAt(backoff, 1, toldToWait(120), NOW, exact(fraction)),
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
    expect(nextAttemptAt(backoff, 3, headers, NOW, exact(0))).toBe(NOW + 2_000);
  });

  it('comes after as long a time as ever where 101 attempts are told to come back at once', () => {
    for (const headers of [toldToWait(0), toldToWait(new Date(NOW - 60_000).toUTCString())]) {
      let now = NOW;
      for (let attempt = 1; attempt <= 101; attempt += 1) {
        now = nextAttemptAt(backoff, attempt, headers, now, exact(0));
      }
      expect(now - NOW).toBe(255_500 + 92 * 150_000);
    }
  });

  it('is on SQS the first whole second that the target allows, or one of those after it', () => {
    const waits = [0, 0.5, MOST].map(
      (fraction) => nextAttemptAt(backoff, 1, toldToWait(5), NOW, onSqs(fraction)) - NOW,
    );
    expect(waits).toEqual([5_000, 6_000, 6_000]);
  });

  it('is never before what is asked for or the backoff, and never more than a fifth, or two of the queue’s units, after both', () => {
    fc.assert(
      fc.property(backoffs, attempts, fc.nat(5_000), draws, (given, attempt, seconds, draw) => {
        const wait = nextAttemptAt(given, attempt, toldToWait(seconds), NOW, draw) - NOW;
        const larger = Math.max(Math.min(seconds * 1_000, HOUR), backoffMs(given, attempt, draw));
        expect(wait % draw.granularityMs).toBe(0);
        expect(wait).toBeGreaterThanOrEqual(larger);
        expect(wait).toBeLessThan(Math.max(1.2 * larger + 1, larger + 2 * draw.granularityMs));
      }),
    );
  });
});
