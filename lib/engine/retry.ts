import type { Backoff, StepDefinition } from '../chain/definition.ts';
import { LIMITS } from '../contract/limits.ts';
import { iso, type StepRecord } from './state.ts';

/** Any of HTTP's three forms of a date. Date.parse alone would also take "-5", "1.5" or "try 5". */
const HTTP_DATE = /^[A-Z][a-z]{2,8},? .+ \d\d:\d\d:\d\d (GMT|\d{4})$/;

/**
 * Milliseconds that a Retry-After header asks for, capped at an hour; undefined if it is absent or makes no sense.
 * Source: RFC 9110, 10.2.3: whole seconds or an HTTP date.
 * @example retryAfterMs('120', now) // 120000
 */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  const most = LIMITS.retryAfter * 1_000;
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1_000, most);
  if (!HTTP_DATE.test(text)) return undefined;
  // The oldest form names no zone, and means GMT.
  const date = Date.parse(text.endsWith(' GMT') ? text : `${text} GMT`);
  if (Number.isNaN(date)) return undefined;
  return Math.min(Math.max(0, date - now), most);
}

/**
 * Milliseconds to wait after attempt `attempt` (1 for the first): exponential with full jitter.
 * @param fraction chance, from 0 up to 1
 * @example backoffMs({ base: 1, cap: 300 }, 3, 0.5) // 2000
 */
export function backoffMs(backoff: Backoff, attempt: number, fraction: number): number {
  const ceiling = Math.min(backoff.cap, backoff.base * 2 ** (attempt - 1));
  return Math.floor(ceiling * 1_000 * fraction);
}

/** When the next attempt is due: what the target asks for, or else the backoff. */
export function nextAttemptAt(
  backoff: Backoff,
  attempt: number,
  retryAfter: string | undefined,
  now: number,
  fraction: number,
): number {
  return now + (retryAfterMs(retryAfter, now) ?? backoffMs(backoff, attempt, fraction));
}

/** When the key of a step's round was first used, or may have been, in milliseconds since 1970. */
export function keyedAt(record: StepRecord): number {
  const ofRound = record.attempts.filter(({ round }) => round === record.round);
  // Only the last attempts are kept: where the first of the round is not among them, the first of the step is earlier.
  const oldest = Math.min(...ofRound.map(({ startedAt }) => startedAt), record.updatedAt);
  return record.keyedAt ?? Math.min(oldest, record.startedAt ?? oldest);
}

/**
 * When the target may forget the key of a step's round, in milliseconds since 1970; undefined while nobody can have acted on it: then
 * it does not matter.
 */
export const forgottenAt = (
  { keyLifetime }: Pick<StepDefinition, 'keyLifetime'>,
  record: StepRecord,
): number | undefined =>
  // The clocks of two workers differ by less than the margin of a lease.
  record.open === 0 ? undefined : keyedAt(record) + (keyLifetime - LIMITS.leaseMargin) * 1_000;

/** What an error says of it. */
export function safeUntilOf(
  step: Pick<StepDefinition, 'keyLifetime' | 'timeout'>,
  record: StepRecord,
): { readonly safeUntil?: string } {
  const until = safeUntil(step, record);
  return until === undefined ? {} : { safeUntil: iso(until) };
}

/** The last moment at which a call of a step may begin under its key: it ends before the key is forgotten. */
export function safeUntil(
  step: Pick<StepDefinition, 'keyLifetime' | 'timeout'>,
  record: StepRecord,
): number | undefined {
  const forgotten = forgottenAt(step, record);
  return forgotten === undefined ? undefined : forgotten - step.timeout * 1_000;
}
