import type { AlarmName } from '../../../lib/cdk/monitoring/alarms/kinds.ts';

/**
 * What CloudWatch is sent in the minutes of two hours: what each sample of a metric says in a minute. Undefined: nothing was sent.
 * Counts are added up in a longer period, gauges are looked at for their highest.
 */
export type Minute = number | undefined;
export type Figure = (minute: number) => Minute;
/** Figures by the name of the metric. */
export type Figures = Readonly<Record<string, Figure>>;

export const MINUTES = 120;

const always =
  (value: Minute): Figure =>
  () =>
    value;
/** Only in one minute of the second hour. */
const once =
  (value: number): Figure =>
  (minute) =>
    minute === 70 ? value : undefined;
/** From a minute of the second hour on. */
const since =
  (begin: number, value: (minutes: number) => Minute, before: Minute = undefined): Figure =>
  (minute) =>
    minute < begin ? before : value(minute - begin);
const every =
  (minutes: number, value: number): Figure =>
  (minute) =>
    minute % minutes === 0 ? value : undefined;

/** What a kind of alarm must sound at, and what it must not sound at. Each has a name that says what happens. */
export interface Trial {
  readonly faults: Readonly<Record<string, Figures>>;
  readonly healthy: Readonly<Record<string, Figures>>;
}

/** Figures of each kind of alarm. A kind that is not here does not compile, and a metric that is not here fails its test. */
export const TRIALS: Readonly<Record<AlarmName, Trial>> = {
  'workflow-failed': {
    faults: { 'one workflow failed': { WorkflowsFailed: once(1) } },
    healthy: { 'no workflow failed': { WorkflowsFailed: always(undefined) } },
  },
  'compensation-failed': {
    faults: { 'one workflow could not be taken back': { CompensationsFailed: once(1) } },
    healthy: { 'whatever was to be taken back was': { CompensationsFailed: always(undefined) } },
  },
  'step-error-rate': {
    faults: {
      'the target is down': { Attempts: always(20), AttemptsFailed: since(60, () => 20) },
      'the target is down, and few call it': { Attempts: always(4), AttemptsFailed: since(60, () => 4) },
    },
    healthy: {
      'one in ten is declined': { Attempts: always(100), AttemptsFailed: always(10) },
      'a target stumbles for two minutes': {
        Attempts: always(100),
        AttemptsFailed: (minute) => (minute >= 60 && minute < 62 ? 100 : 0),
      },
      'both of two attempts fail': { Attempts: once(2), AttemptsFailed: once(2) },
    },
  },
  'dead-letter-unhandled': {
    faults: {
      'the mapping is switched off': { ApproximateAgeOfOldestMessage: since(60, (minutes) => 60 * minutes) },
    },
    healthy: {
      'a storm of dead letters that are handled, each within minutes': {
        ApproximateAgeOfOldestMessage: always(240),
      },
      'an empty queue': { ApproximateAgeOfOldestMessage: always(undefined) },
    },
  },
  'message-parked': {
    faults: { 'one message is parked': { ApproximateNumberOfMessagesVisible: since(60, () => 1, 0) } },
    healthy: { 'none is': { ApproximateNumberOfMessagesVisible: always(0) } },
  },
  overdue: {
    faults: {
      'a step waits for ever, and is looked at every quarter of an hour': {
        Overdue: (minute) => (minute % 15 === 0 ? minute / 30 : undefined),
      },
      'one workflow among many is a little late': { Overdue: (minute) => (minute === 60 ? 1.01 : 0.02) },
    },
    healthy: {
      'steps take as long as they may': { Overdue: every(15, 0.99) },
      'nothing waits, or the reconciler is missing': { Overdue: always(undefined) },
    },
  },
  'step-unclaimed': {
    faults: {
      'a mapping is switched off, and its step looked at every quarter of an hour': {
        OldestUnclaimedStep: (minute) =>
          minute >= 60 && minute % 15 === 0 ? (minute - 50) * 60_000 : undefined,
      },
    },
    healthy: {
      'messages wait for five minutes behind others': { OldestUnclaimedStep: always(300_000) },
      'nothing waits, or the reconciler is missing': { OldestUnclaimedStep: always(undefined) },
    },
  },
  'unexpected-errors': {
    faults: {
      // It comes back after 2, 4, 8, 16, 32, 64, 128 and 256 seconds.
      'one message meets a function that cannot work': {
        UnexpectedErrors: (minute) => ({ 60: 5, 61: 1, 62: 1, 64: 1 })[minute],
      },
      'a busy stage cannot reach its table': { UnexpectedErrors: since(60, () => 400) },
    },
    healthy: {
      'an error now and then': { UnexpectedErrors: every(2, 1) },
      none: { UnexpectedErrors: always(undefined) },
    },
  },
  'table-refuses': {
    faults: {
      'writes are throttled': { ThrottledRequests: since(60, () => 10), SystemErrors: always(undefined) },
      'requests fail': { ThrottledRequests: always(undefined), SystemErrors: since(60, () => 3) },
    },
    healthy: {
      'a rush is throttled for a minute': { ThrottledRequests: once(50), SystemErrors: always(undefined) },
      'nothing is refused': { ThrottledRequests: always(undefined), SystemErrors: always(0) },
    },
  },
  'reconciler-missing': {
    faults: {
      'its rule is switched off': { Errors: since(60, () => undefined, 0) },
      'every run fails': { Errors: since(60, () => 1, 0) },
    },
    healthy: {
      'it runs every minute': { Errors: always(0) },
      'one run in four fails': { Errors: (minute) => (minute % 4 === 0 ? 1 : 0) },
      'one run in four slips': { Errors: (minute) => (minute % 4 === 0 ? undefined : 0) },
    },
  },
  repairs: {
    faults: { 'messages are lost all the time': { Repairs: every(5, 1) } },
    healthy: {
      'a crash now and then': { Repairs: once(3) },
      'nothing is repaired': { Repairs: always(undefined) },
    },
  },
  'function-errors': {
    faults: {
      'it crashes at every start': { Errors: since(60, () => 4, 0) },
      'one message crashes it, and comes back every five minutes': { Errors: every(5, 1) },
    },
    healthy: {
      'one host died': { Errors: (minute) => (minute === 70 ? 1 : 0) },
      'it is well': { Errors: always(0) },
    },
  },
  throttles: {
    faults: { 'a limit of the account is too low': { Throttles: since(60, () => 30, 0) } },
    healthy: { 'a rush for five minutes': { Throttles: (minute) => (minute >= 60 && minute < 65 ? 30 : 0) } },
  },
  'recursion-dropped': {
    faults: { 'a message was dropped': { RecursiveInvocationsDropped: once(1) } },
    healthy: { 'none was': { RecursiveInvocationsDropped: always(undefined) } },
  },
  'api-5xx': {
    faults: {
      'nothing works': { '5xx': since(60, () => 60, 0), Count: always(60) },
      'one in fifty fails': { '5xx': since(60, () => 20, 0), Count: always(1_000) },
    },
    healthy: {
      'one in a thousand fails': { '5xx': always(1), Count: always(1_000) },
      'a single error among few requests': { '5xx': once(1), Count: always(1) },
      'nobody calls': { '5xx': always(undefined), Count: always(undefined) },
    },
  },
  'api-5xx-hour': {
    faults: {
      'a total outage of a stage that has six requests an hour': { '5xx': every(10, 1), Count: every(10, 1) },
      'two of three requests of a quiet stage fail': {
        '5xx': (minute) => (minute % 10 === 0 ? (minute % 30 === 0 ? 0 : 1) : undefined),
        Count: every(10, 1),
      },
    },
    healthy: {
      'half of few requests fail': {
        '5xx': (minute) => (minute % 10 === 0 ? (minute % 20 === 0 ? 1 : 0) : undefined),
        Count: every(10, 1),
      },
      'both of two requests fail': { '5xx': once(2), Count: once(2) },
      'one in a hundred fails on a busy stage': { '5xx': always(10), Count: always(1_000) },
      'nobody calls': { '5xx': always(undefined), Count: always(undefined) },
    },
  },
  'api-errors': {
    faults: {
      'nothing works': { '5xx': since(60, () => 60, 0) },
      'a total outage of a stage that has six requests an hour': { '5xx': every(10, 1) },
    },
    healthy: {
      'both of two requests fail': { '5xx': once(2) },
      'nobody calls': { '5xx': always(undefined) },
    },
  },
  'api-throttled': {
    faults: { 'a client runs wild': { 'turned-away': since(60, () => 100, 0) } },
    healthy: {
      'a burst is turned away': { 'turned-away': (minute) => (minute >= 60 && minute < 65 ? 100 : 0) },
      'nobody is': { 'turned-away': always(0) },
    },
  },
};

/** A fault as an alarm of another kind sees it. */
interface StandIn {
  readonly kind: AlarmName;
  readonly figures: Figures;
}

const STUCK: Figures = { OldestUnclaimedStep: since(60, (minutes) => (minutes + 10) * 60_000) };
const UNHANDLED: Figures = { ApproximateAgeOfOldestMessage: since(60, (minutes) => 60 * minutes) };
const GONE: Figures = { Errors: since(60, () => undefined, 0) };
const FAILED: Figures = { WorkflowsFailed: once(1) };

/**
 * What of a fault a lean stage sees whose alarm it has not: other metrics, and the alarm that they sound. Each fault has one, so that
 * none is silent.
 */
export const LEAN_STAND_INS: Readonly<Partial<Record<AlarmName, Readonly<Record<string, StandIn>>>>> = {
  'function-errors': {
    'a step crashes at every start, and takes no message': { kind: 'step-unclaimed', figures: STUCK },
    'a step crashes in every attempt': { kind: 'workflow-failed', figures: FAILED },
    'step-failed crashes, and takes no dead letter': { kind: 'dead-letter-unhandled', figures: UNHANDLED },
    'step-failed crashes at one dead letter, which is parked': {
      kind: 'message-parked',
      figures: { ApproximateNumberOfMessagesVisible: since(75, () => 1, 0) },
    },
    'every run of the reconciler crashes': {
      kind: 'reconciler-missing',
      figures: { Errors: since(60, () => 1, 0) },
    },
    'a function of the API crashes': { kind: 'api-errors', figures: { '5xx': since(60, () => 1, 0) } },
  },
  throttles: {
    'a step is throttled, and takes no message': { kind: 'step-unclaimed', figures: STUCK },
    'step-failed is throttled': { kind: 'dead-letter-unhandled', figures: UNHANDLED },
    'the reconciler is throttled': { kind: 'reconciler-missing', figures: GONE },
    'a function of the API is throttled': { kind: 'api-errors', figures: { '5xx': since(60, () => 1, 0) } },
  },
  'recursion-dropped': {
    'a message is dropped again and again, and its step given up': {
      kind: 'workflow-failed',
      figures: FAILED,
    },
    'dead letters are dropped, and sent again by the reconciler': {
      kind: 'repairs',
      figures: { Repairs: every(15, 1) },
    },
  },
  'table-refuses': {
    'what the table refuses three times is an error of its function': {
      kind: 'unexpected-errors',
      figures: { UnexpectedErrors: since(60, () => 5) },
    },
  },
  'api-5xx': {
    'one in fifty fails': { kind: 'api-errors', figures: { '5xx': since(60, () => 20, 0) } },
  },
  'api-5xx-hour': {
    'a total outage of a stage that has six requests an hour': {
      kind: 'api-errors',
      figures: { '5xx': every(10, 1) },
    },
  },
};
