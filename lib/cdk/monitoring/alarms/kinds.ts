import { TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { LIMITS } from '../../../contract/limits.ts';
import { RUNBOOK } from '../../../contract/names.ts';
import type { Stage } from '../../stage.ts';

/** `critical` wakes somebody, and tells them when it is over. `warning` can wait for working hours. */
export const SEVERITIES = ['critical', 'warning'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** When an alarm of one kind sounds, and how loud. */
export interface AlarmKind {
  readonly severity: Severity;
  /** What it means, as the alarm's description says it. */
  readonly meaning: string;
  /** Seconds of one look at the metric. CloudWatch looks every minute, however long this is. */
  readonly period: number;
  /** The alarm sounds when `beyond` of the last `of` looks are beyond the threshold. */
  readonly looks: { readonly beyond: number; readonly of: number };
  /** The alarm sounds at this value and above. */
  readonly threshold: (stage: Stage) => number;
  readonly missing: TreatMissingData;
}

const fixed = (threshold: number) => () => threshold;
const ONCE = { beyond: 1, of: 1 } as const;
/** A metric that counts what goes wrong has no data while nothing does. */
const NOTHING_IS_WELL = TreatMissingData.NOT_BREACHING;

/** With fewer attempts or errors than this in a period, a percentage says nothing. */
export const LEAST_ATTEMPTS = 10;
export const LEAST_ERRORS = 5;
/** The same for a look over an hour. */
export const LEAST_ERRORS_HOUR = 3;

/**
 * Seconds in which the reconciler has looked at every workflow that is late. It runs every minute, and looks at a workflow again
 * after a quarter of an hour at most. Between looks its metrics are zero, so with a shorter period an alarm would come and go.
 */
export const SEEN_WITHIN = LIMITS.reconcileBackoffCap + 5 * LIMITS.reconcileInterval;

/** Every kind of alarm under its name, which is a heading of docs/runbook.md. All thresholds are here. */
export const ALARM_KINDS = {
  /** Every failed workflow counts, because it waits until somebody resumes it. Nothing is lost meanwhile, so nobody is woken. */
  [RUNBOOK.failed]: {
    severity: 'warning',
    meaning: 'workflows failed and wait to be resumed',
    period: 300,
    looks: ONCE,
    threshold: fixed(1),
    missing: NOTHING_IS_WELL,
  },
  /**
   * Of all chains together. Half of what a customer was charged, sent or given stands, and goes on standing until a person acts. It is told by
   * mail at once, too; this alarm wakes whoever reads none.
   */
  [RUNBOOK.compensation_failed]: {
    severity: 'critical',
    meaning: 'workflows could not be taken back: some of what they did stands, and waits for a person',
    period: 300,
    looks: ONCE,
    threshold: fixed(1),
    missing: NOTHING_IS_WELL,
  },
  /** In percent. Declined cards and the like count too, but stay below the threshold. A target that is down is far above it. */
  'step-error-rate': {
    severity: 'warning',
    meaning: 'a quarter of the attempts fail',
    period: 300,
    looks: { beyond: 2, of: 3 },
    threshold: fixed(25),
    missing: NOTHING_IS_WELL,
  },
  /**
   * In seconds, the age of the oldest: many dead letters that are handled one after another are work and no fault. One that its
   * function fails is parked after a minute, or after 15 if the function crashes. SQS leaves out what was received three times. A
   * dead-letter queue of a step that cannot be emptied is told as an unexpected error, each minute.
   */
  'dead-letter-unhandled': {
    severity: 'critical',
    meaning: 'dead letters are not handled, so failures are told to nobody',
    period: 60,
    looks: ONCE,
    threshold: fixed(600),
    missing: NOTHING_IS_WELL,
  },
  /** Nobody consumes the parking queue, so what is in it stays. SQS sends no metrics of a queue that was empty for six hours. */
  'message-parked': {
    severity: 'critical',
    meaning: 'the parking queue is not empty: no function could take these messages',
    period: 60,
    looks: ONCE,
    threshold: fixed(1),
    missing: NOTHING_IS_WELL,
  },
  /**
   * Age divided by bound, of what is the latest: each step is held to what its own definition allows. Nothing is sent while nothing waits,
   * as an idle stage would pay for it. Without the reconciler there is no data either: then `reconciler-missing` sounds, a quarter of an
   * hour before this alarm would end.
   */
  overdue: {
    severity: 'critical',
    meaning: 'a step, or what comes after it, is unfinished for longer than its definition allows',
    period: SEEN_WITHIN,
    looks: ONCE,
    threshold: fixed(1),
    missing: NOTHING_IS_WELL,
  },
  /** Errors of the best run of a minute, 0 or 1. One run may slip into the next minute or fail. Five missing runs have a cause. */
  'reconciler-missing': {
    severity: 'critical',
    meaning: 'the reconciler does not run: what is stuck stays stuck',
    period: LIMITS.reconcileInterval,
    looks: { beyond: 5, of: 5 },
    threshold: fixed(1),
    missing: TreatMissingData.BREACHING,
  },
  /** Single repairs are normal: they are what the reconciler is for. Repairs for an hour on end have a cause. */
  repairs: {
    severity: 'warning',
    meaning: 'the reconciler has repaired workflows for an hour on end',
    period: SEEN_WITHIN,
    looks: { beyond: 3, of: 3 },
    threshold: fixed(1),
    missing: NOTHING_IS_WELL,
  },
  /** Our functions catch every failure, so an error is a crash. One host may die; a message that crashes its function comes back. */
  'function-errors': {
    severity: 'warning',
    meaning: 'the function crashes or runs out of time',
    period: 900,
    looks: ONCE,
    threshold: fixed(3),
    missing: NOTHING_IS_WELL,
  },
  /**
   * Of all functions together. Each is tried again, and one alone means nothing. A function that cannot work (no permission, no table,
   * a bug) has at least five in five minutes from a single message, which comes back after 2, 4, 8, … seconds.
   */
  'unexpected-errors': {
    severity: 'warning',
    meaning: 'functions meet errors that they do not expect, and try again',
    period: 300,
    looks: ONCE,
    threshold: fixed(5),
    missing: NOTHING_IS_WELL,
  },
  /** In milliseconds, and without data as above. A message waits for seconds where its function takes any. */
  'step-unclaimed': {
    severity: 'critical',
    meaning: 'a function takes no messages: a step has waited in its queue for a quarter of an hour',
    period: SEEN_WITHIN,
    looks: ONCE,
    threshold: fixed(900_000),
    missing: NOTHING_IS_WELL,
  },
  /** Throttled and failed requests, of all kinds together. The SDK repeats each twice; what goes on is a limit or an outage. */
  'table-refuses': {
    severity: 'warning',
    meaning: 'the table throttles requests or fails them',
    period: 300,
    looks: { beyond: 2, of: 3 },
    threshold: fixed(10),
    missing: NOTHING_IS_WELL,
  },
  /** Short throttling passes by itself. If it lasts a quarter of an hour, a limit of the account is too low. */
  throttles: {
    severity: 'warning',
    meaning: 'Lambda refuses to run the function',
    period: 300,
    looks: { beyond: 3, of: 3 },
    threshold: fixed(1),
    missing: NOTHING_IS_WELL,
  },
  /** This never happens by design: a message passes a function three times at most, and as often again where its workflow is taken back. */
  'recursion-dropped': {
    severity: 'warning',
    meaning: 'Lambda took the function for one that calls itself without end, and dropped a message',
    period: 300,
    looks: ONCE,
    threshold: fixed(1),
    missing: NOTHING_IS_WELL,
  },
  /** In percent, once there are a few. Clients try again after a single 5xx. */
  'api-5xx': {
    severity: 'critical',
    meaning: 'the API answers with 5xx: workflows cannot be started or read',
    period: 300,
    looks: ONCE,
    threshold: fixed(1),
    missing: NOTHING_IS_WELL,
  },
  /** 1 where it is so. A stage that few call has too few errors in five minutes for the alarm above, though it serves nobody. */
  'api-5xx-hour': {
    severity: 'critical',
    meaning: 'most of the last hour’s requests were answered with 5xx',
    period: 3_600,
    looks: ONCE,
    threshold: fixed(1),
    missing: NOTHING_IS_WELL,
  },
  /**
   * In place of both on a lean stage. How many, not in percent: few call such a stage, and one metric costs half of two. A busy one has
   * `full` monitoring.
   */
  'api-errors': {
    severity: 'critical',
    meaning: 'requests of the last hour were answered with 5xx',
    period: 3_600,
    looks: ONCE,
    threshold: fixed(LEAST_ERRORS_HOUR),
    missing: NOTHING_IS_WELL,
  },
  /** The limit is there for bursts. If it holds for a quarter of an hour, it is too low or a client has gone wrong. */
  'api-throttled': {
    severity: 'warning',
    meaning: 'the API turns clients away with 429',
    period: 300,
    looks: { beyond: 3, of: 3 },
    threshold: fixed(1),
    missing: NOTHING_IS_WELL,
  },
} as const satisfies Readonly<Record<string, AlarmKind>>;
export type AlarmName = keyof typeof ALARM_KINDS;
