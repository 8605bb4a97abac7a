import type { Backoff, StepDefinition } from '../chain/definition.ts';
import { LIMITS } from '../contract/limits.ts';
import type { WaitHeaders } from '../contract/names.ts';
import { askedMs } from './asked/asked.ts';
import { iso, type StepRecord } from './state.ts';

/**
 * Milliseconds to wait after attempt `attempt` (1 for the first): exponential with full jitter.
 * @param fraction chance, from 0 up to 1
 * @example backoffMs({ base: 1, cap: 300 }, 3, 0.5) // 2000
 */
export function backoffMs(backoff: Backoff, attempt: number, fraction: number): number {
  const ceiling = Math.min(backoff.cap, backoff.base * 2 ** (attempt - 1));
  return Math.floor(ceiling * 1_000 * fraction);
}

/**
 * When the next attempt is due, in milliseconds since 1970: after what the target asks for, or after the backoff if that is longer. Of
 * callers that were told the same, each comes some time later than it was told.
 * @param fraction chance, from 0 up to 1
 * @example nextAttemptAt({ base: 1, cap: 300 }, 1, { 'retry-after': '120' }, now, 0.5) // now + 132000
 */
export function nextAttemptAt(
  backoff: Backoff,
  attempt: number,
  headers: WaitHeaders,
  now: number,
  fraction: number,
): number {
  const own = backoffMs(backoff, attempt, fraction);
  const asked = askedMs(headers, now);
  return now + (asked > own ? asked + Math.floor(asked * LIMITS.askedJitter * fraction) : own);
}

/** When the key of a step's round was first used, or may have been, in milliseconds since 1970. */
export function keyedAt(record: StepRecord): number {
  const ofRound = record.attempts.filter(({ round }) => round === record.round);
  // Only the last attempts are kept: where the first of the round is not among them, the first of the step is earlier.
  const oldest = Math.min(...ofRound.map(({ startedAt }) => startedAt), record.updatedAt);
  return record.keyedAt ?? Math.min(oldest, record.startedAt ?? oldest);
}

/**
 * When the target may forget the key of a step's round, in milliseconds since 1970: at once where it takes none. Undefined while nobody can
 * have acted on it: then it does not matter.
 */
export const forgottenAt = (
  { keyLifetime }: Pick<StepDefinition, 'keyLifetime'>,
  record: StepRecord,
): number | undefined =>
  // The clocks of two workers differ by less than the margin of a lease.
  record.open === 0 ? undefined : keyedAt(record) + (keyLifetime - LIMITS.leaseMargin) * 1_000;

/** What an error says of it: a call that may have acted can be repeated until then, or not at all. */
export function safeUntilOf(
  step: Pick<StepDefinition, 'keyLifetime' | 'timeout'>,
  record: StepRecord,
): { readonly safeUntil?: string; readonly noKey?: true } {
  if (step.keyLifetime === 0 && record.open > 0) return { noKey: true };
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
