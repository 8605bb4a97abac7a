import { STATUS_CODES } from 'node:http';
import type { StepErrorCode, StepStatus } from './names.ts';
import type { StepError, WorkflowError } from './wire.ts';

/** What a sentence is made of: nothing in it comes from a target, or from what code threw. */
type Facts = Pick<StepError, 'code' | 'target' | 'httpStatus'>;

/**
 * A status and its name.
 * @example statusText(404) // '404 Not Found'
 */
export const statusText = (status: number): string => {
  const name = STATUS_CODES[status];
  return name === undefined ? String(status) : `${status} ${name}`;
};

const theTarget = ({ target = 'the target' }: Facts): string => target;

const withStatus = (words: string, { httpStatus }: Facts): string =>
  httpStatus === undefined ? words : `${words}: ${statusText(httpStatus)}`;

const answered = (facts: Facts): string =>
  facts.httpStatus === undefined
    ? `${theTarget(facts)} cannot serve the call now`
    : `${theTarget(facts)} answered ${statusText(facts.httpStatus)}`;

/** `byRun`: of a step that runs code, where no target is known. */
const SENTENCES: Readonly<
  Record<StepErrorCode, { readonly says: (facts: Facts) => string; readonly byRun?: string }>
> = {
  CONNECTION_FAILED: { says: (facts) => `no connection to ${theTarget(facts)} was made` },
  CONNECTION_BROKEN: {
    says: (facts) => `the connection to ${theTarget(facts)} broke before its reply was complete`,
  },
  DEADLINE_EXCEEDED: {
    says: (facts) => `the call of ${theTarget(facts)} did not end in time`,
    byRun: 'run did not end in time',
  },
  TARGET_UNAVAILABLE: { says: answered },
  REFUSED: {
    says: (facts) => withStatus(`${theTarget(facts)} refused the request`, facts),
    byRun: 'run refused the step',
  },
  REDIRECTED: { says: answered },
  REPLY_INVALID: {
    says: (facts) => withStatus(`the reply of ${theTarget(facts)} cannot be used`, facts),
    byRun: 'the result of run cannot be used',
  },
  REPLY_TOO_LARGE: { says: (facts) => `the reply of ${theTarget(facts)} is too large` },
  RESULT_TOO_LARGE: { says: () => 'the result is too large, or nested too deeply, to be saved' },
  REQUEST_INVALID: {
    says: (facts) => `the request to ${theTarget(facts)} could not be made`,
    byRun: 'the request could not be made',
  },
  TARGET_MISSING: { says: (facts) => `the settings of ${theTarget(facts)} cannot be used` },
  SECRET_UNAVAILABLE: { says: (facts) => `the secret of ${theTarget(facts)} could not be read` },
  RUN_FAILED: { says: () => 'run threw an error' },
  WORKER_DIED: { says: () => 'the function of the step ended without saving an outcome' },
  NOT_TAKEN: { says: () => 'the function of the step could not take its message' },
  EXPIRED: { says: () => 'the step was not done a day before the workflow expires' },
  KEY_EXPIRED: {
    says: (facts) =>
      `the call may have acted, and ${theTarget(facts)} may have forgotten its idempotency key`,
  },
  PAST_PIVOT: { says: () => 'the pivot acted, or may have, before the workflow could be taken back' },
  LOOKUP_UNKNOWN: {
    says: () => 'the call may have acted, and the lookup of the step did not find out',
  },
  REQUEST_CHANGED: {
    says: (facts) => `the call may have acted, and another request would go to ${theTarget(facts)} now`,
  },
};

/**
 * What happened, in a sentence of our own: it may be shown to everybody who may see the workflow.
 * @example sentenceOf({ code: 'REFUSED', target: 'payments', httpStatus: 402 }) // 'payments refused the request: 402 Payment Required'
 */
export function sentenceOf(facts: Facts): string {
  const { says, byRun } = SENTENCES[facts.code];
  return facts.target === undefined && byRun !== undefined ? withStatus(byRun, facts) : says(facts);
}

/** Errors that no target and no thrown error has a word in, in whichever release. */
const OURS: ReadonlySet<StepErrorCode> = new Set([
  'WORKER_DIED',
  'NOT_TAKEN',
  'EXPIRED',
  'PAST_PIVOT',
  'LOOKUP_UNKNOWN',
]);

/**
 * An error as operators see it. An earlier release saved what the target said as the message: of such an error it becomes the detail.
 * @example forOperators({ code: 'REFUSED', message: 'card declined', target: 'payments', effect: 'none' })
 * // { code: 'REFUSED', message: 'payments refused the request', detail: 'card declined', target: 'payments', effect: 'none' }
 */
export const forOperators = <Told extends StepError>(error: Told): Told =>
  error.detail !== undefined || OURS.has(error.code)
    ? error
    : { ...error, message: sentenceOf(error), detail: error.message };

/** An error as everybody may see it: without a word of what a target answered or code threw. */
export function forEverybody<Told extends StepError>(error: Told): Omit<Told, 'detail'> {
  const { detail: _, ...rest } = forOperators(error);
  return rest;
}

/** What became of the steps of a workflow that could not be taken back, by their names. */
export interface Undone {
  readonly undone: readonly string[];
  /** Their undo is still to come, as it waits for the one that failed. */
  readonly left: readonly string[];
  /** Nobody knows whether they acted: whoever mends it compares with the books of their targets. */
  readonly inDoubt: readonly string[];
}

/**
 * How the undos of a workflow stand, for a sentence about it.
 * @param failed the step whose undo failed
 * @example undoneOf('payment', [{ step: 'shipment', status: 'completed' }, { step: 'payment', status: 'failed' }]).undone // ['shipment']
 */
export function undoneOf(
  failed: string,
  undos: readonly { readonly step: string; readonly status: StepStatus; readonly inDoubt?: true }[],
): Undone {
  const named = (some: typeof undos): readonly string[] => some.map(({ step }) => step);
  return {
    undone: named(undos.filter(({ status }) => status === 'completed')),
    left: named(undos.filter(({ step, status }) => status !== 'completed' && step !== failed)),
    inDoubt: named(undos.filter(({ inDoubt }) => inDoubt)),
  };
}

/**
 * How often something was tried before a workflow could not be taken back: its undo, or the lookup before it.
 * @example triesOf({ code: 'LOOKUP_UNKNOWN', attempts: 1 }) // 'asked once'
 */
export const triesOf = ({ code, attempts }: Pick<WorkflowError, 'code' | 'attempts'>): string =>
  code === 'LOOKUP_UNKNOWN'
    ? `asked ${attempts === 1 ? 'once' : `${attempts} times`}`
    : `after ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`;
