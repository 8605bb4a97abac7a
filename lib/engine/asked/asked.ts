import { LIMITS } from '../../contract/limits.ts';
import type { WaitHeaders } from '../../contract/names.ts';

/**
 * Milliseconds from `now` for which a target asks to be left alone, an hour at most. 0 where it asks for nothing, for a time that is past,
 * or for what makes no sense. The first that makes sense counts:
 * - `Retry-After`, whole seconds or a date: RFC 9110, 10.2.3
 * - `RateLimit` with `t=`, seconds, written as a list of RFC 9651: draft-ietf-httpapi-ratelimit-headers, in its versions since `t=`
 * - `X-RateLimit-Reset`, of no standard: seconds since 1970 (GitHub), milliseconds since 1970, or seconds from now
 *
 * A rate limit of which something remains asks for nothing: many targets send its headers with every reply.
 * @param now milliseconds since 1970
 * @example askedMs({ 'retry-after': '120' }, now) // 120000
 */
export function askedMs(headers: WaitHeaders, now: number): number {
  const asked =
    retryAfterMs(headers['retry-after'], now) ?? rateLimitMs(headers.ratelimit) ?? resetMs(headers, now) ?? 0;
  return Math.min(Math.max(0, asked), LIMITS.retryAfter * 1_000);
}

/**
 * Whether a refusal with these headers is one of a rate limit: it says when to come back, or that nothing remains.
 * @example isLimited({ 'x-ratelimit-remaining': '0' }) // true
 */
export const isLimited = (headers: WaitHeaders): boolean =>
  headers['retry-after'] !== undefined ||
  limitsOf(headers.ratelimit).some(({ r }) => r === 0) ||
  numberOf(headers['x-ratelimit-remaining']) === 0;

/** Any of HTTP's three forms of a date. Date.parse alone would also take "-5", "1.5" or "try 5". */
const HTTP_DATE = /^[A-Z][a-z]{2,8},? .+ \d\d:\d\d:\d\d (GMT|\d{4})$/;

function retryAfterMs(header: string | undefined, now: number): number | undefined {
  const text = header?.trim() ?? '';
  if (/^\d+$/.test(text)) return Number(text) * 1_000;
  if (!HTTP_DATE.test(text)) return undefined;
  // The oldest form names no zone, and means GMT.
  const date = Date.parse(text.endsWith(' GMT') ? text : `${text} GMT`);
  return Number.isNaN(date) ? undefined : date - now;
}

/** When the last of the limits that are spent is lifted. */
function rateLimitMs(header: string | undefined): number | undefined {
  const waits = limitsOf(header).flatMap(({ r = 0, t }) => (r > 0 || t === undefined ? [] : [t]));
  return waits.length === 0 ? undefined : Math.max(...waits) * 1_000;
}

/** The limits of a RateLimit header, `"hour";r=0;t=30, "day";r=9;t=600`: what remains of each, and the seconds until it is lifted. */
function limitsOf(header = ''): readonly { readonly r?: number; readonly t?: number }[] {
  // The name of a limit is a string, and may hold whatever separates limits.
  const limits = header.replace(/"[^"]*"/g, '').split(',');
  return limits.map((limit) =>
    Object.fromEntries(
      [...limit.matchAll(/;\s*([rt])=(\d+)\s*(?=;|$)/g)].map(([, name, value]) => [name, Number(value)]),
    ),
  );
}

/** Seconds since 1970 have had ten digits since 2001, milliseconds twelve since 1973. No limit is lifted in thirty years from now. */
const LEAST_EPOCH_SECONDS = 1e9;
const LEAST_EPOCH_MS = 1e11;

function resetMs(headers: WaitHeaders, now: number): number | undefined {
  const reset = numberOf(headers['x-ratelimit-reset']);
  const remaining = numberOf(headers['x-ratelimit-remaining']) ?? 0;
  if (reset === undefined || remaining > 0) return undefined;
  if (reset >= LEAST_EPOCH_MS) return Math.ceil(reset) - now;
  const ms = Math.ceil(reset * 1_000);
  return reset >= LEAST_EPOCH_SECONDS ? ms - now : ms;
}

/** Some targets write fractions. */
function numberOf(header: string | undefined): number | undefined {
  const text = header?.trim() ?? '';
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
}
