import { LIMITS } from '../contract/limits.ts';

/** How an attempt ended: with an answer, or without one. */
export type Ended =
  | { readonly status: number; readonly retryAfter: string | null }
  | { readonly status: undefined };

/**
 * After how many milliseconds a request that is safe to repeat is repeated; undefined where it is not: it would be answered the same
 * again, or the server asks for more patience than there is.
 * @param attempt how many there were
 * @param fraction of chance, from 0 to 1
 * @example pauseAfter({ status: 503, retryAfter: '2' }, 1, 0.5, Date.now()) // 2000
 */
export function pauseAfter(ended: Ended, attempt: number, fraction: number, now: number): number | undefined {
  if (ended.status !== undefined && ended.status !== 429 && ended.status < 500) return undefined;
  const most = Math.min(LIMITS.clientCapMs, LIMITS.clientBaseMs * 2 ** (attempt - 1));
  const own = most * (0.5 + fraction / 2);
  const asked = ended.status === undefined ? undefined : askedFor(ended.retryAfter, now);
  if (asked === undefined) return own;
  return asked > LIMITS.clientPatienceMs ? undefined : Math.max(asked, own);
}

/** How long `Retry-After` asks to wait, in milliseconds: seconds, or a date (RFC 9110, 10.2.3). Undefined where it is neither. */
export function askedFor(retryAfter: string | null, now: number): number | undefined {
  if (retryAfter === null) return undefined;
  if (/^\d{1,9}$/.test(retryAfter)) return Number(retryAfter) * 1_000;
  const date = Date.parse(retryAfter);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
