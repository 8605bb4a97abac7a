import { LIMITS } from '../../contract/limits.ts';
import type { Action, StepErrorCode } from '../../contract/names.ts';
import type { StepError } from '../../contract/wire.ts';
import {
  exactly,
  interrupted,
  type MessageDecision,
  type Moment,
  type Place,
  type Saving,
  withAttempt,
} from '../decision.ts';
import { recordsOf, type StepRecord } from '../state.ts';
import { askingOf, lookupOf, sideOf, waitsUntil } from './words.ts';

/** A step of a workflow, as it was loaded, and its record, which is in doubt. */
type InDoubt = Place & { readonly record: StepRecord };

/** A step in doubt that is to be given up: its target is asked first, where it has a lookup (docs/architecture.md, "Lookup"). */
export const askedFirst = (decision: MessageDecision, moment: Moment): MessageDecision =>
  decision.do === 'repeatDeadLetter' && decision.at.action === 'do'
    ? (decideLookup(decision.at, 'do', moment) ?? decision)
    : decision;

/**
 * What a worker does about a step in doubt before it is given up, or undone. Rows from top to bottom; the first that fits decides.
 * @returns undefined where nothing is to be asked
 */
export function decideLookup(at: Place, side: Action, moment: Moment): MessageDecision | undefined {
  const { step, state } = at;
  const { now, remainingMs } = moment;
  const record = state.steps.get(step.name);
  if (record === undefined || step.lookup === undefined || askingOf(state, step, side, now) === 'no')
    return undefined;
  const place = { ...at, record };
  const lookup = lookupOf(state, step.name);
  if (lookup?.answer === 'done') return settled(place, done(record, lookup, moment));
  if (lookup?.answer === 'notDone') return settled(place, notDone(place, side, moment));
  const waits = waitsUntil(state, step.name, now);
  if (waits !== undefined) return { do: 'hold', until: waits };
  const mine = lookup !== undefined && sideOf(lookup) === side ? lookup : undefined;
  if (mine?.status === 'running' && mine.attempt > step.lookup.retries)
    return settled(place, deadLookup(mine, now));
  const timeoutMs = step.lookup.timeout * 1_000;
  // The next invocation has all the time of its function.
  if (remainingMs - LIMITS.saveReserveMs < Math.min(LIMITS.leastCallMs, timeoutMs))
    return { do: 'hold', until: now };
  return { do: 'lookUp', at, ...claimOf(place, side, mine, moment) };
}

/** A record is written on exactly what was loaded; then it is decided again. */
const settled = ({ record: _, ...at }: InDoubt, record: StepRecord): MessageDecision => ({
  do: 'settle',
  at,
  records: [{ record, expected: exactly(recordsOf(at.state, record.action ?? 'do').get(at.step.name)) }],
});

/** The step as its target says that it is. By a new token, so that no worker that has outlived its lease can still say what it did. */
function done(record: StepRecord, { result, sealed }: StepRecord, { now, token }: Moment): StepRecord {
  const { leaseUntil: _, nextAttemptAt: __, error: ___, sentHash: ____, keyedAt: _____, ...kept } = record;
  return {
    ...kept,
    status: 'completed',
    token,
    completedAt: now,
    updatedAt: now,
    ...(result === undefined ? {} : { result }),
    ...(sealed === undefined ? {} : { sealed }),
    attempts: interrupted(record, now),
  };
}

/** Failures after which a step is called again while it has attempts left. */
const PASSING: readonly (StepErrorCode | undefined)[] = [
  ...(['CONNECTION_FAILED', 'CONNECTION_BROKEN', 'DEADLINE_EXCEEDED', 'TARGET_UNAVAILABLE'] as const),
  ...(['RUN_FAILED', 'WORKER_DIED', 'SECRET_UNAVAILABLE', 'KEY_EXPIRED', 'REQUEST_CHANGED'] as const),
];

/** The step as one that did nothing. Its next call is made at once where it is not undone, and attempts are left. */
function notDone({ step, record }: InDoubt, side: Action, moment: Moment): StepRecord {
  const again = side === 'do' && record.attempt <= step.retries && PASSING.includes(record.error?.code);
  const settled = surelyNot(record, moment);
  return again ? { ...settled, status: 'retrying', nextAttemptAt: moment.now } : settled;
}

/**
 * A step in doubt as one that surely did nothing: its next call has a new key. By a new token, so that no worker that has outlived its lease can still say
 * what it did.
 */
export function surelyNot(record: StepRecord, { now, token }: Pick<Moment, 'now' | 'token'>): StepRecord {
  const { leaseUntil: _, nextAttemptAt: __, sentHash: ___, keyedAt: ____, error, ...kept } = record;
  return {
    ...kept,
    open: 0,
    round: record.round + 1,
    token,
    updatedAt: now,
    ...(error === undefined ? {} : { error: withoutEffect(error) }),
    attempts: interrupted(record, now),
  };
}

/** Until when its key could be repeated says nothing of a call that did nothing. */
const withoutEffect = ({ safeUntil: _, noKey: __, ...error }: StepError): StepError => ({
  ...error,
  effect: 'none',
});

/** A lookup whose attempts all ended without an answer: asking does nothing, but no function may end of it for ever. */
export function deadLookup(lookup: StepRecord, now: number): StepRecord {
  const { leaseUntil: _, ...kept } = lookup;
  return {
    ...kept,
    status: 'failed',
    updatedAt: now,
    attempts: interrupted(lookup, now),
    error: {
      code: 'WORKER_DIED',
      message: `the function of step "${lookup.step}" ended ${lookup.attempt} times as it asked what became of its call`,
      effect: 'none',
    },
  };
}

/** @param mine the lookup of this epoch, round and side; its attempts go on */
function claimOf(
  { step, state, record: { round } }: InDoubt,
  side: Action,
  mine: StepRecord | undefined,
  { now, token, remainingMs }: Moment,
): Omit<Saving, 'at'> {
  const { epoch } = state.meta;
  const loaded = recordsOf(state, 'lookup').get(step.name);
  const attempt = (mine?.attempt ?? 0) + 1;
  const begun = { epoch, attempt, round, outcome: 'running', startedAt: now } as const;
  const record: StepRecord = {
    step: step.name,
    action: 'lookup',
    status: 'running',
    epoch,
    attempt,
    round,
    open: 0,
    token,
    leaseUntil: now + remainingMs + LIMITS.leaseMargin * 1_000,
    startedAt: mine?.startedAt ?? now,
    updatedAt: now,
    ...(side === 'undo' ? { before: side } : {}),
    attempts: withAttempt(loaded === undefined ? [] : interrupted(loaded, now), begun),
  };
  return { record, expected: exactly(loaded) };
}
