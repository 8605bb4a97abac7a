import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoffMs, nextAttemptAt, retryAfterMs } from '../../lib/engine/retry.ts';
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

describe('Retry-After', () => {
  const waitFor = (header: string | undefined) => retryAfterMs(header, NOW);
  const httpDate = (ms: number) => new Date(ms).toUTCString();

  it('takes whole seconds, and an hour at most', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 400n }), (seconds) => {
        const wanted = seconds > 3_600n ? HOUR : Number(seconds) * 1_000;
        expect(waitFor(String(seconds))).toBe(wanted);
      }),
    );
  });

  it('takes an HTTP date: the wait until then, nothing if it is past, and an hour at most', () => {
    fc.assert(
      fc.property(fc.integer({ min: -500_000, max: 500_000 }), (seconds) => {
        expect(waitFor(httpDate(NOW + seconds * 1_000))).toBe(Math.min(Math.max(0, seconds * 1_000), HOUR));
      }),
    );
  });

  it.each([
    ['Fri, 20 Nov 2026 10:00:30 GMT', 30_000],
    ['Friday, 20-Nov-26 10:00:30 GMT', 30_000],
    ['Fri Nov 20 10:00:30 2026', 30_000],
    ['Fri Nov  6 10:00:30 2026', 0],
    ['  Fri, 20 Nov 2026 10:00:30 GMT  ', 30_000],
  ])('takes each form of a date that HTTP knows: %j', (date, wait) => {
    expect(retryAfterMs(date, Date.UTC(2026, 10, 20, 10, 0, 0))).toBe(wait);
  });

  it('reads the old form without a zone as GMT, wherever the process runs', () => {
    const { TZ } = process.env;
    process.env.TZ = 'America/New_York';
    try {
      expect(retryAfterMs('Fri Nov 20 10:00:30 2026', Date.UTC(2026, 10, 20, 10, 0, 0))).toBe(30_000);
    } finally {
      if (TZ === undefined) delete process.env.TZ;
      else process.env.TZ = TZ;
    }
  });

  it.each([
    undefined,
    '',
    ' ',
    'soon',
    'try 5',
    'Retry 120',
    'never 99999',
    'later, 12',
    '-1',
    '-5',
    '+5',
    '1.5',
    '1e3',
    '0x10',
    '5 s',
    '5, 10',
    'Infinity',
    'NaN',
    '2026-11-20T10:00:30Z',
    'Fri, 99 Nov 2026 10:00:30 GMT',
    'Fri, 20 Foo 2026 10:00:30 GMT',
    '٣',
  ])('counts for nothing where it makes no sense: %j', (header) => {
    expect(waitFor(header)).toBeUndefined();
  });

  it('never asks for less than nothing or more than an hour, whatever it says', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.integer().map(String),
      fc.double().map(String),
      fc.date({ noInvalidDate: true }).map(String),
      fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
      fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const wait = waitFor(text) ?? 0;
        expect(wait).toBeGreaterThanOrEqual(0);
        expect(wait).toBeLessThanOrEqual(HOUR);
      }),
    );
  });
});

describe('the next attempt', () => {
  const backoff = { base: 1, cap: 300 };

  it('is due when the target asks for it, whatever the chance', () => {
    fc.assert(
      fc.property(attempts, fractions, (attempt, fraction) => {
        expect(nextAttemptAt(backoff, attempt, '120', NOW, fraction)).toBe(NOW + 120_000);
      }),
    );
  });

  it('may be asked for at once', () => {
    expect(nextAttemptAt(backoff, 5, '0', NOW, 0.5)).toBe(NOW);
  });

  it('follows the backoff where the target asks for nothing, or for nonsense', () => {
    for (const header of [undefined, 'soon', '-7']) {
      expect(nextAttemptAt(backoff, 3, header, NOW, 0.5)).toBe(NOW + 2_000);
    }
  });

  it('is never before now, and never later than an hour or the cap', () => {
    const headers = fc.option(fc.oneof(fc.nat().map(String), fc.string()), { nil: undefined });
    fc.assert(
      fc.property(backoffs, attempts, headers, fractions, (given, attempt, header, fraction) => {
        const wait = nextAttemptAt(given, attempt, header, NOW, fraction) - NOW;
        expect(wait).toBeGreaterThanOrEqual(0);
        expect(wait).toBeLessThanOrEqual(header === undefined ? given.cap * 1_000 : HOUR);
      }),
    );
  });
});
