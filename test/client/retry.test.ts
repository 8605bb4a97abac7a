import { describe, expect, it } from 'vitest';
import { askedFor, pauseAfter } from '../../lib/client/retry.ts';
import { LIMITS } from '../../lib/contract/limits.ts';

const NOW = Date.parse('2026-11-30T12:00:00Z');

describe('the pause before a repeat', () => {
  it.each([200, 304, 400, 401, 403, 404, 409, 413, 422])(
    'after %i is none: nothing is repeated',
    (status) => {
      expect(pauseAfter({ status, retryAfter: '1' }, 1, 0, NOW)).toBeUndefined();
    },
  );

  it.each([429, 500, 502, 503, 504, undefined])(
    'after %s doubles, from half to whole of it by chance',
    (status) => {
      const pauses = (fraction: number) =>
        [1, 2, 3, 4, 5, 6, 7].map((attempt) =>
          pauseAfter(
            status === undefined ? { status } : { status, retryAfter: null },
            attempt,
            fraction,
            NOW,
          ),
        );
      expect(pauses(1)).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, LIMITS.clientCapMs]);
      expect(pauses(0)).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, LIMITS.clientCapMs / 2]);
    },
  );

  it('is as long as the server asks for, and there is none where it asks for more than a minute', () => {
    const pausedFor = (retryAfter: string, attempt = 1) =>
      pauseAfter({ status: 503, retryAfter }, attempt, 1, NOW);
    expect(pausedFor('7')).toBe(7_000);
    expect(pausedFor('1', 3)).toBe(2_000);
    expect(pausedFor('60')).toBe(60_000);
    expect(pausedFor('61')).toBeUndefined();
    expect(pausedFor('soon')).toBe(500);
  });

  it('reads seconds and dates', () => {
    expect(askedFor('0', NOW)).toBe(0);
    expect(askedFor('Mon, 30 Nov 2026 12:00:09 GMT', NOW)).toBe(9_000);
    expect(askedFor('Mon, 30 Nov 2026 11:00:00 GMT', NOW)).toBe(0);
    expect(askedFor(null, NOW)).toBeUndefined();
    expect(askedFor('-1.5 s', NOW)).toBeUndefined();
  });
});
