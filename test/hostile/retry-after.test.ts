import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../lib/contract/limits.ts';
import { against, failed, retrying, whole } from './attempt.ts';

/** Chance is a half, so of the fifth that it may add a half is added. */
const MOST_MS = LIMITS.retryAfter * 1_100;
const BUSY = '503 Service Unavailable';

/** One attempt that is told to come back; the header is written when the request comes. */
const toldBy = (header: () => string, status = BUSY) =>
  against((socket) => socket.write(whole('busy', status, `${header()}\r\n`)));

const inSeconds = (seconds: number): Date => new Date(Date.now() + seconds * 1_000);

describe('the next attempt', () => {
  it.each([
    ['31', 34_100],
    ['120', 132_000],
    ['  120  ', 132_000],
    ['0000000120', 132_000],
    ['3600', MOST_MS],
    ['3601', MOST_MS],
    ['4294967296', MOST_MS],
    ['9'.repeat(400), MOST_MS],
  ])(
    'waits the seconds that Retry-After says, and never for more than an hour: "%s"',
    async (value, waitMs) => {
      const { state } = await toldBy(() => `Retry-After: ${value}`);
      expect(state).toEqual(retrying('TARGET_UNAVAILABLE', 'unknown', 503, waitMs));
    },
  );

  it('waits until the date that Retry-After says, in any form of a date that HTTP has', async () => {
    const forms: readonly ((date: Date) => string)[] = [
      (date) => date.toUTCString(),
      // Monday, 05-Jan-26 10:00:00 GMT
      (date) =>
        date.toUTCString().replace(/^(\w+), (\d\d) (\w+) \d\d(\d\d)/, (_, _day, ...rest) => {
          const weekday = date.toLocaleDateString('en-GB', { weekday: 'long', timeZone: 'UTC' });
          return `${weekday}, ${rest.slice(0, 3).join('-')}`;
        }),
      // Mon Jan  5 10:00:00 2026
      (date) =>
        date
          .toUTCString()
          .replace(/^(\w+), (\d\d) (\w+) (\d+) (\S+) GMT$/, (_, day, of, month, year, time) =>
            [day, month, of.replace(/^0/, ' '), time, year].join(' '),
          ),
    ];
    for (const form of forms) {
      const date = inSeconds(900);
      const { ended } = await toldBy(() => `Retry-After: ${form(date)}`);
      const { nextAttemptAt, updatedAt } = ended.record;
      // A date counts whole seconds.
      const asked = Math.floor(date.getTime() / 1_000) * 1_000 - updatedAt;
      const drawn = (nextAttemptAt ?? 0) - updatedAt - Math.floor(asked * 1.1);
      expect([0, 1], form(date)).toContain(drawn);
    }
  });

  it('waits an hour at most for a date that is far away', async () => {
    const { state } = await toldBy(() => 'Retry-After: Fri, 31 Dec 9999 23:59:59 GMT');
    expect(state.waitMs).toBe(MOST_MS);
  });

  it.each([
    '-1',
    '-99999999999',
    '+5',
    '1.5',
    '1e3',
    '0x10',
    '10, 20',
    '10s',
    'PT10S',
    'soon',
    'NaN',
    'Infinity',
    '',
    '2030-01-01T00:00:00Z',
    'Wed, 99 Foo 2030 25:61:61 GMT',
    '\xb2\xb3',
    'x'.repeat(10_000),
  ])('waits for its backoff where Retry-After makes no sense: "%s"', async (value) => {
    const { state } = await toldBy(() => `Retry-After: ${value}`);
    expect(state).toEqual(retrying('TARGET_UNAVAILABLE', 'unknown', 503));
  });

  it.each([
    ['408', 'unknown'],
    ['425', 'none'],
    ['429', 'none'],
    ['500', 'unknown'],
    ['502', 'unknown'],
    ['504', 'unknown'],
  ] as const)('waits as Retry-After says at a %s too, effect %s', async (status, effect) => {
    const { state } = await toldBy(() => 'Retry-After: 70', status);
    expect(state).toEqual(retrying('TARGET_UNAVAILABLE', effect, Number(status), 77_000));
  });

  it('waits for what the first of two headers says', async () => {
    const { state } = await toldBy(() => 'Retry-After: 100\r\nRetry-After: 300');
    expect(state.waitMs).toBe(110_000);
  });

  it.each<[string, () => string]>([
    ['Retry-After says no second', () => 'Retry-After: 0'],
    ['Retry-After says less than the backoff', () => 'Retry-After: 1'],
    ['Retry-After says a date that is past', () => `Retry-After: ${inSeconds(-86_400).toUTCString()}`],
    ['X-RateLimit-Reset is past', () => `X-RateLimit-Reset: ${Math.floor(Date.now() / 1_000) - 60}`],
    ['something remains', () => 'X-RateLimit-Remaining: 12\r\nX-RateLimit-Reset: 900'],
  ])('waits for its backoff where %s', async (_, header) => {
    const { state } = await toldBy(header);
    expect(state).toEqual(retrying('TARGET_UNAVAILABLE', 'unknown', 503));
  });

  it.each<[string, () => string]>([
    ['RateLimit', () => 'RateLimit: "minute";r=4;t=5, "hour";r=0;t=900'],
    ['two of RateLimit', () => 'RateLimit: "minute";r=0;t=5\r\nRateLimit: "hour";r=0;t=900'],
    ['X-RateLimit-Reset, in seconds from now', () => 'X-RateLimit-Reset: 900'],
    [
      'X-RateLimit-Reset, in seconds since 1970',
      () => `X-RateLimit-Reset: ${inSeconds(900).getTime() / 1_000}`,
    ],
    ['X-RateLimit-Reset, in milliseconds since 1970', () => `X-RateLimit-Reset: ${inSeconds(900).getTime()}`],
  ])('waits until a rate limit is lifted, at a 403 too: %s', async (_, header) => {
    for (const status of ['429', '403']) {
      const spent = () => `X-RateLimit-Remaining: 0\r\n${header()}`;
      const { state } = await toldBy(spent, status);
      expect(state).toMatchObject({ status: 'retrying', code: 'TARGET_UNAVAILABLE', effect: 'none' });
      // What is said as a moment comes nearer while it travels.
      expect(state.waitMs).toBeLessThanOrEqual(990_000);
      expect(state.waitMs).toBeGreaterThan(980_000);
    }
  });
});

it.each([
  ['a refusal', '400 No', failed('REFUSED', 'none', 400)],
  ['a redirect', '307 Elsewhere', failed('REDIRECTED', 'unknown', 307)],
  ['a reply that cannot be used', '200 OK', failed('REPLY_INVALID', 'unknown', 200)],
])('Retry-After brings no further attempt after %s', async (_, status, expected) => {
  const { state } = await toldBy(() => 'Retry-After: 0', status);
  expect(state).toEqual(expected);
});

it('a step without attempts left fails whatever Retry-After says, outcome unknown', async () => {
  const { state } = await against((socket) => socket.write(whole('', BUSY, 'Retry-After: 5\r\n')), {
    step: { retries: 0 },
  });
  expect(state).toEqual(failed('TARGET_UNAVAILABLE', 'unknown', 503));
});
