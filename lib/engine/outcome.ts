import type { StepDefinition } from '../chain/definition.ts';
import type { StepErrorCode, WaitHeaders } from '../contract/names.ts';
import { sentenceOf } from '../contract/told.ts';
import type { StepError } from '../contract/wire.ts';
import { isLimited } from './asked/asked.ts';
import type { HttpOutcome } from './ports.ts';
import { type Draw, nextAttemptAt, safeUntil, safeUntilOf } from './retry.ts';
import { type AttemptOutcome, type AttemptRecord, iso, type StepRecord } from './state.ts';

/**
 * How one attempt failed. `acted: 'no'`: a definite refusal, or a request that provably never left, so nobody can have
 * acted on its idempotency key.
 */
export interface Failure {
  readonly code: StepErrorCode;
  /** What happened, and what the target answered or the code threw: for operators. Never empty. */
  readonly message: string;
  /** What to do, where more is known than the code says. */
  readonly next?: string;
  readonly retriable: boolean;
  readonly acted: 'no' | 'unknown';
  readonly target?: string;
  readonly httpStatus?: number;
  /** When the target says to come back. */
  readonly headers?: WaitHeaders;
}

/** Statuses by which a target says that there is nothing, or nothing any more: an undo, or a lookup, makes something of them. */
export const NOTHING_THERE: readonly (number | undefined)[] = [404, 410];
/** Statuses below 500 that say "later", and may speak of a call that was made before: by an earlier attempt, or by a proxy in this one. */
const LATER = new Set([408, 409]);
/** Those that say "later" before anything was done. */
const NOT_YET = new Set([425, 429]);

/** Why a reply's status is a failure; undefined for 2xx. Some targets (GitHub) say 403 where a rate limit is spent. */
export function classifyStatus(
  status: number,
  headers: WaitHeaders = {},
):
  | { readonly code: StepErrorCode; readonly retriable: boolean; readonly acted: 'no' | 'unknown' }
  | undefined {
  if (status >= 200 && status < 300) return undefined;
  if (LATER.has(status) || status >= 500)
    return { code: 'TARGET_UNAVAILABLE', retriable: true, acted: 'unknown' };
  if (NOT_YET.has(status) || (status === 403 && isLimited(headers)))
    return { code: 'TARGET_UNAVAILABLE', retriable: true, acted: 'no' };
  if (status >= 400) return { code: 'REFUSED', retriable: false, acted: 'no' };
  return { code: 'REDIRECTED', retriable: false, acted: 'unknown' };
}

/** Whether a call that got no usable reply is tried again: not where every repeat would end in the same way. */
export const isRetriable = ({ code }: Extract<HttpOutcome, { kind: 'failure' }>): boolean =>
  code !== 'REPLY_TOO_LARGE' && code !== 'REQUEST_INVALID';

/** The item after a success. */
export function completedRecord(claimed: StepRecord, result: unknown, now: number): StepRecord {
  const { step, action, epoch, attempt, round, open, token, startedAt = now } = claimed;
  const attempts = ended(claimed, 'completed', now);
  // Written out: this is done for every step, and copies of objects are slow.
  const completed: StepRecord = {
    step,
    status: 'completed',
    epoch,
    attempt,
    round,
    open,
    token,
    startedAt,
    completedAt: now,
    updatedAt: now,
    result,
    attempts,
  };
  return action === undefined ? completed : { ...completed, action };
}

/**
 * The item after a failure, and its error: `retrying` with a `nextAttemptAt` while the failure may pass and attempts are
 * left, else `failed`.
 */
export function failedRecord(
  claimed: StepRecord,
  step: StepDefinition,
  failure: Failure,
  now: number,
  draw: Draw,
): { readonly record: StepRecord; readonly error: StepError } {
  const { leaseUntil: _, ...kept } = claimed;
  const open = claimed.open - (failure.acted === 'no' ? 1 : 0);
  const again = failure.retriable && claimed.attempt <= step.retries;
  const due = nextAttemptAt(step.backoff, claimed.attempt, failure.headers ?? {}, now, draw);
  const until = safeUntil(step, { ...claimed, open });
  // A wait beyond the time at which the target may forget the key would end in a second effect.
  const inTime = until === undefined || due <= until;
  const retry = again && inTime;
  // A target that takes no key has forgotten it at once: the failure itself says more.
  const error =
    again && !inTime && step.keyLifetime > 0
      ? keyExpired(failure, due, until)
      : { ...stepErrorOf(failure, open), ...(retry ? {} : safeUntilOf(step, { ...claimed, open })) };
  const attempts = ended(claimed, retry ? 'retrying' : 'failed', now, error);
  if (!retry) {
    // The key changes only when nobody can have acted on it.
    const round = open === 0 ? claimed.round + 1 : claimed.round;
    const { sentHash: __, ...unsent } = kept;
    const last = open === 0 ? unsent : kept;
    return { record: { ...last, status: 'failed', open, round, updatedAt: now, error, attempts }, error };
  }
  const record = {
    ...kept,
    status: 'retrying' as const,
    open,
    nextAttemptAt: due,
    updatedAt: now,
    error,
    attempts,
  };
  return { record, error };
}

const keyExpired = (failure: Failure, due: number, until: number): StepError => ({
  ...stepErrorOf(failure, 1),
  code: 'KEY_EXPIRED',
  message: `the next attempt is due at ${iso(due)}, and the call could be repeated until ${iso(until)} only`,
  detail: `the last one failed: ${failure.code}: ${failure.message}`,
});

/** The saved error. Its `effect` speaks of the whole round: an earlier attempt may have acted although the last was refused. */
export function stepErrorOf(failure: Failure, open: number): StepError {
  return {
    code: failure.code,
    message: sentenceOf(failure),
    detail: failure.message,
    effect: open === 0 ? 'none' : 'unknown',
    ...(failure.next === undefined ? {} : { next: failure.next }),
    ...(failure.target === undefined ? {} : { target: failure.target }),
    ...(failure.httpStatus === undefined ? {} : { httpStatus: failure.httpStatus }),
  };
}

/** The attempts of an item, the one that was under way as it ended. */
export const ended = (
  claimed: StepRecord,
  outcome: AttemptOutcome,
  now: number,
  error?: StepError,
): readonly AttemptRecord[] =>
  claimed.attempts.map((one) => {
    if (one.outcome !== 'running') return one;
    const { epoch, attempt, round, startedAt } = one;
    const done: AttemptRecord = { epoch, attempt, round, outcome, startedAt, endedAt: now };
    return error === undefined ? done : { ...done, error };
  });
