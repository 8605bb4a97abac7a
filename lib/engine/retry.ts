import type { Backoff, StepDefinition } from '../chain/definition.ts';
import { wholeWait } from '../chain/settings.ts';
import { LIMITS } from '../contract/limits.ts';
import type { WaitHeaders } from '../contract/names.ts';
import { askedMs } from './asked/asked.ts';
import { iso, type StepRecord } from './state.ts';

/** What decides where in its range a wait ends. */
export interface Draw {
  /** Chance, from 0 up to 1, without 1. */
  readonly fraction: number;
  /** The queue hides a message for multiples of so many milliseconds: a wait is one of them, so that it is kept as it was drawn. */
  readonly granularityMs: number;
}

/**
 * Milliseconds to wait after attempt `attempt` (1 for the first): exponential with equal jitter. Half is sure, so that a step's attempts
 * take a time that can be counted on; the other half is chance.
 * @example backoffMs({ base: 8, cap: 300 }, 2, { fraction: 0.5, granularityMs: 1 }) // 12000
 */
export function backoffMs(backoff: Backoff, attempt: number, draw: Draw): number {
  const whole = wholeWait(backoff, attempt) * 1_000;
  return drawn(whole / 2, whole, draw);
}

/**
 * One of the multiples of the granularity from `least` to `most`, each as likely as any other. Where only one is there, the next one is
 * the other choice: of callers that failed together not all may come together.
 */
function drawn(least: number, most: number, { fraction, granularityMs }: Draw): number {
  const first = Math.ceil(least / granularityMs);
  const last = Math.max(Math.floor(most / granularityMs), first + 1);
  return (first + Math.floor(fraction * (last - first + 1))) * granularityMs;
}

/**
 * When the next attempt is due, in milliseconds since 1970: after what the target asks for, or after the backoff if that is longer. Of
 * callers that were told the same, each comes some time later than it was told.
 * @example nextAttemptAt({ base: 1, cap: 300 }, 1, { 'retry-after': '120' }, now, { fraction: 0.5, granularityMs: 1 }) // now + 132000
 */
export function nextAttemptAt(
  backoff: Backoff,
  attempt: number,
  headers: WaitHeaders,
  now: number,
  draw: Draw,
): number {
  const own = backoffMs(backoff, attempt, draw);
  const asked = askedMs(headers, now);
  return now + (asked > own ? drawn(asked, asked * (1 + LIMITS.askedJitter), draw) : own);
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
