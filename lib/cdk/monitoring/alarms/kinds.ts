import { TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { StepDefinition } from '../../../chain/definition.ts';
import { stepSettings } from '../../../chain/settings.ts';
import { LIMITS } from '../../../contract/limits.ts';
import { RUNBOOK_WORKFLOW_FAILED } from '../../../contract/names.ts';
import type { Stage } from '../../stage.ts';

/** `critical` wakes somebody and says when it is over; `warning` is for today. */
export const SEVERITIES = ['critical', 'warning'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** When an alarm of one kind sounds, and how loud. */
export interface AlarmKind {
  readonly severity: Severity;
  /** What it means, as the alarm's description says it. */
  readonly meaning: string;
  /** Seconds of one look at the metric. CloudWatch looks every minute, however long this is. */
  readonly period: number;
  /** Of the last `of` looks so many are beyond the threshold. */
  readonly looks: { readonly beyond: number; readonly of: number };
  /** The alarm sounds at this value and above, or below it where `below` is set. */
  readonly threshold: (stage: Stage) => number;
  readonly below?: true;
  readonly missing: TreatMissingData;
}

const fixed = (threshold: number) => () => threshold;
const ONCE = { beyond: 1, of: 1 } as const;
/** A figure that counts what goes wrong is not there while nothing does. */
const NOTHING_IS_WELL = TreatMissingData.NOT_BREACHING;

/** With fewer attempts or errors than this in a period a share says nothing. */
export const LEAST_ATTEMPTS = 10;
export const LEAST_ERRORS = 5;

/**
 * The reconciler looks at a workflow again after a quarter of an hour at most, and begins each minute: in this many seconds it
 * has looked at every workflow that is late. Between looks its figures are zero, so a shorter look would come and go.
 */
export const SEEN_WITHIN = LIMITS.reconcileBackoffCap + 5 * LIMITS.reconcileInterval;

/** Every kind of alarm under its name, which is a heading of docs/runbook.md. All thresholds stand here. */
export const ALARM_KINDS = {
  /** Each one counts: it stays where it is until somebody resumes it. Nothing of it is lost meanwhile, so nobody is woken. */
  [RUNBOOK_WORKFLOW_FAILED]: {
    severity: 'warning',
    meaning: 'workflows failed and wait to be resumed',
    period: 300,
    looks: ONCE,
    threshold: fixed(1),
    missing: NOTHING_IS_WELL,
  },
  /** In percent. Declined cards and the like count too, and stay below it; a target that is down is far above. */
  'step-error-rate': {
    severity: 'warning',
    meaning: 'a quarter of the attempts fail',
    period: 300,
    looks: { beyond: 2, of: 3 },
    threshold: fixed(25),
    missing: NOTHING_IS_WELL,
  },
  /** A dead letter is handled within seconds. One that fails is parked after a minute, or 15 where its function crashes. */
  'dead-letter-unhandled': {
    severity: 'critical',
    meaning: 'dead letters are not handled, so failures are told to nobody',
    period: 60,
    looks: { beyond: 10, of: 10 },
    threshold: fixed(1),
    missing: NOTHING_IS_WELL,
  },
  /** Nobody consumes the parking queue: what is in it stays. SQS tells nothing of a queue that was empty for six hours. */
  'message-parked': {
    severity: 'critical',
    meaning: 'the parking queue is not empty: no function could take these messages',
    period: 60,
    looks: ONCE,
    threshold: fixed(1),
    missing: NOTHING_IS_WELL,
  },
  /** In milliseconds. Without the reconciler nobody knows: the alarm stays as it is, and another one tells of that. */
  'oldest-unfinished-step': {
    severity: 'critical',
    meaning: 'a step is unfinished for longer than all its attempts take',
    period: SEEN_WITHIN,
    looks: ONCE,
    threshold: ({ chains }) => 1_000 * lateAfter(chains.flatMap(({ definition }) => definition.steps)),
    missing: TreatMissingData.IGNORE,
  },
  /** Good runs a minute. A run may slip into the next minute, or fail once; five missing ones have a cause. */
  'reconciler-missing': {
    severity: 'critical',
    meaning: 'the reconciler does not run: what is stuck stays stuck',
    period: LIMITS.reconcileInterval,
    looks: { beyond: 5, of: 5 },
    threshold: fixed(1),
    below: true,
    missing: TreatMissingData.BREACHING,
  },
  /** One repair is what the reconciler is for; repairs for an hour on end have a cause. */
  repairs: {
    severity: 'warning',
    meaning: 'the reconciler has repaired workflows for an hour on end',
    period: SEEN_WITHIN,
    looks: { beyond: 3, of: 3 },
    threshold: fixed(1),
    missing: NOTHING_IS_WELL,
  },
  /** Our functions catch what fails: an error is a crash. One host may die; a message that crashes its function comes back. */
  'function-errors': {
    severity: 'warning',
    meaning: 'the function crashes or runs out of time',
    period: 900,
    looks: ONCE,
    threshold: fixed(3),
    missing: NOTHING_IS_WELL,
  },
  /** Short ones pass by themselves; those of a quarter of an hour are a limit of the account. */
  throttles: {
    severity: 'warning',
    meaning: 'Lambda refuses to run the function',
    period: 300,
    looks: { beyond: 3, of: 3 },
    threshold: fixed(1),
    missing: NOTHING_IS_WELL,
  },
  /** Never by design: a message passes a function three times at most. */
  'recursion-dropped': {
    severity: 'warning',
    meaning: 'Lambda took the function for one that calls itself without end, and dropped a message',
    period: 300,
    looks: ONCE,
    threshold: fixed(1),
    missing: NOTHING_IS_WELL,
  },
  /** In percent, where there are some: single ones are what clients try again after. */
  'api-5xx': {
    severity: 'critical',
    meaning: 'the API answers with 5xx: workflows cannot be started or read',
    period: 300,
    looks: ONCE,
    threshold: fixed(1),
    missing: NOTHING_IS_WELL,
  },
  /** A burst is what the limit is for; a quarter of an hour of it means that the limit is too low, or a client runs wild. */
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

/** A step that waits for less is not worth waking anybody. In seconds: the longest Retry-After that is honoured. */
const LATE_LEAST = LIMITS.retryAfter;
/** A step may be more patient than this; the people who sleep may not. In seconds. */
const LATE_MOST = 6 * 3_600;

/**
 * Seconds after which the most patient of `steps` should have ended: every attempt to the end of its function, every wait at
 * its longest, and a look of the reconciler.
 * @example lateAfter([{ ...step, retries: 100, backoff: { base: 300, cap: 300 } }]) // 21600
 */
export function lateAfter(steps: readonly StepDefinition[]): number {
  const patience = Math.max(...steps.map(patienceOf)) + LIMITS.reconcileBackoffCap;
  return Math.min(LATE_MOST, Math.max(LATE_LEAST, patience));
}

function patienceOf(step: StepDefinition): number {
  const { base, cap } = step.backoff;
  const waits = Array.from({ length: step.retries }, (_, retry) => Math.min(cap, base * 2 ** retry));
  return (step.retries + 1) * stepSettings(step).functionTimeout + waits.reduce((sum, wait) => sum + wait, 0);
}
