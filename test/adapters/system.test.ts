import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock, systemRandom } from '../../lib/adapters/system.ts';

const DAY = 86_400_000;

describe('a timer of the machine', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it.each([
    ['after a millisecond', 1],
    ['after a moment', 30_000],
    ['after the longest wait that setTimeout knows', 2 ** 31 - 1],
    ['after a millisecond more than that', 2 ** 31],
    ['after ninety days', 90 * DAY],
  ])('runs its action once, %s', (_, ms) => {
    const action = vi.fn();
    systemClock.after(ms, action);
    vi.advanceTimersByTime(ms - 1);
    expect(action).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(action).toHaveBeenCalledOnce();
    vi.advanceTimersByTime(100 * DAY);
    expect(action).toHaveBeenCalledOnce();
  });

  it.each([
    ['at first', 0],
    ['after thirty days', 30 * DAY],
  ])('does not run once cancelled, %s', (_, when) => {
    const action = vi.fn();
    const cancel = systemClock.after(60 * DAY, action);
    vi.advanceTimersByTime(when);
    cancel();
    vi.advanceTimersByTime(100 * DAY);
    expect(action).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('may be cancelled after it has run', () => {
    const cancel = systemClock.after(10, () => undefined);
    vi.advanceTimersByTime(10);
    expect(cancel).not.toThrow();
  });
});

describe('the time of the machine', () => {
  it('is told in milliseconds since 1970', () => {
    const before = Date.now();
    const now = systemClock.now();
    expect(now).toBeGreaterThanOrEqual(before);
    expect(now).toBeLessThanOrEqual(Date.now());
  });
});

describe('chance of the machine', () => {
  it('gives tokens of 32 lower-case hexadecimal digits, each another one', () => {
    // More than are drawn from the system at a time.
    const tokens = Array.from({ length: 2_000 }, systemRandom.token);
    for (const token of tokens) expect(token).toMatch(/^[0-9a-f]{32}$/);
    expect(new Set(tokens).size).toBe(tokens.length);
    const halves = tokens.flatMap((token) => [token.slice(0, 16), token.slice(16)]);
    expect(new Set(halves).size).toBe(halves.length);
  });

  it('gives fractions from 0 up to 1, without 1', () => {
    for (let count = 0; count < 1_000; count += 1) {
      const fraction = systemRandom.fraction();
      expect(fraction).toBeGreaterThanOrEqual(0);
      expect(fraction).toBeLessThan(1);
    }
  });
});
