import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { askedMs } from '../../../lib/engine/asked/asked.ts';
import { NOW } from '../fixtures.ts';

const HOUR = 3_600_000;

describe('Retry-After', () => {
  const waitFor = (header: string) => askedMs({ 'retry-after': header }, NOW);
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
    expect(askedMs({ 'retry-after': date }, Date.UTC(2026, 10, 20, 10, 0, 0))).toBe(wait);
  });

  it('reads the old form without a zone as GMT, wherever the process runs', () => {
    const { TZ } = process.env;
    process.env.TZ = 'America/New_York';
    try {
      expect(askedMs({ 'retry-after': 'Fri Nov 20 10:00:30 2026' }, Date.UTC(2026, 10, 20, 10, 0, 0))).toBe(
        30_000,
      );
    } finally {
      if (TZ === undefined) delete process.env.TZ;
      else process.env.TZ = TZ;
    }
  });

  it.each([
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
    expect(waitFor(header)).toBe(0);
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
        const wait = waitFor(text);
        expect(wait).toBeGreaterThanOrEqual(0);
        expect(wait).toBeLessThanOrEqual(HOUR);
      }),
    );
  });
});

describe('RateLimit', () => {
  it.each([
    ['"default";r=0;t=30', 30_000],
    ['"default";t=30', 30_000],
    ['"default"; r=0; t=30; pk=:cHsdsRa894==:', 30_000],
    ['default;t=30;r=0', 30_000],
    ['"minute";r=0;t=30, "day";r=0;t=600', 600_000],
    ['"minute";r=0;t=30, "day";r=7;t=600', 30_000],
    ['"a, b;t=5";r=0;t=30', 30_000],
    ['"day";r=0;t=86400', HOUR],
    [`"day";r=0;t=${'9'.repeat(400)}`, HOUR],
    ['"default";r=0;t=0', 0],
    ['"default";r=7;t=30', 0],
    ['"default";r=0', 0],
    ['"default";r=0;t=-30', 0],
    ['"default";r=0;t=1.5', 0],
    ['"default";r=0;at=30', 0],
    ['t=30', 0],
    ['"', 0],
    ['', 0],
  ])('asks for the seconds until the last limit that is spent is lifted: %s', (ratelimit, wait) => {
    expect(askedMs({ ratelimit }, NOW)).toBe(wait);
  });
});

describe('X-RateLimit-Reset', () => {
  const waitFor = (reset: string, remaining?: string) =>
    askedMs(
      {
        'x-ratelimit-reset': reset,
        ...(remaining === undefined ? {} : { 'x-ratelimit-remaining': remaining }),
      },
      NOW,
    );

  it.each([
    ['seconds since 1970', String(NOW / 1_000 + 90), 90_000],
    ['seconds since 1970 with a fraction', String(NOW / 1_000 + 90.5), 90_500],
    ['milliseconds since 1970', String(NOW + 90_000), 90_000],
    ['seconds from now', '90', 90_000],
    ['seconds from now with a fraction', '0.25', 250],
    ['seconds since 1970 that are past', String(NOW / 1_000 - 90), 0],
    ['milliseconds since 1970 that are past', String(NOW - 90_000), 0],
    ['no second', '0', 0],
    ['more than an hour', String(NOW / 1_000 + 9_000), HOUR],
    ['more than any clock holds', '9'.repeat(400), HOUR],
  ])('tells %s apart', (_, reset, wait) => {
    expect(waitFor(reset)).toBe(wait);
    expect(waitFor(` ${reset} `, '0')).toBe(wait);
  });

  it('asks for nothing where something remains: many targets send it with every reply', () => {
    expect(waitFor('90', '4999')).toBe(0);
    expect(waitFor('90', '0.5')).toBe(0);
  });

  it.each(['', 'soon', '-90', '+90', '1e3', '0x10', '90 s', '90, 90', 'NaN', '2026-11-20T10:00:30Z'])(
    'counts for nothing where it makes no sense: %j',
    (reset) => {
      expect(waitFor(reset)).toBe(0);
    },
  );
});

describe('several headers', () => {
  const rateLimit = { ratelimit: '"hour";r=0;t=20' };
  const reset = { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '30' };

  it.each([
    ['Retry-After before the others', { 'retry-after': '10', ...rateLimit, ...reset }, 10_000],
    ['a Retry-After of 0, too', { 'retry-after': '0', ...rateLimit, ...reset }, 0],
    ['RateLimit before X-RateLimit-Reset', { ...rateLimit, ...reset }, 20_000],
    ['RateLimit where Retry-After makes no sense', { 'retry-after': 'soon', ...rateLimit }, 20_000],
    ['X-RateLimit-Reset where RateLimit names no time', { ratelimit: '"hour";r=0', ...reset }, 30_000],
    ['none where there are none', {}, 0],
  ])('count one before the other: %s', (_, headers, wait) => {
    expect(askedMs(headers, NOW)).toBe(wait);
  });

  it('never ask for less than nothing or more than an hour, whatever they say', () => {
    const value = fc.oneof(fc.string({ unit: 'binary' }), fc.nat().map(String), fc.double().map(String));
    const limit = fc.tuple(value, value).map(([r, t]) => `"a";r=${r};t=${t}`);
    const some = fc.record(
      { 'retry-after': value, ratelimit: limit, 'x-ratelimit-remaining': value, 'x-ratelimit-reset': value },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(some, (headers) => {
        const wait = askedMs(headers, NOW);
        expect(wait).toBeGreaterThanOrEqual(0);
        expect(wait).toBeLessThanOrEqual(HOUR);
        expect(Number.isInteger(wait)).toBe(true);
      }),
    );
  });
});
