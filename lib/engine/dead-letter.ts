import type { ChainDefinition } from '../chain/definition.ts';
import { findStep } from '../chain/graph.ts';
import { LIMITS } from '../contract/limits.ts';
import type { StepMessage, WorkflowError } from '../contract/wire.ts';
import { attemptsInEpoch } from './decision.ts';
import { safeUntilOf } from './retry.ts';
import type { Trips, Undeployed } from './shell.ts';
import { iso, type StepRecord, type WorkflowMeta, type WorkflowState } from './state.ts';

/** What the step-failed handler does with a dead letter (docs/architecture.md, "The step-failed handler"). */
export type DeadLetterDecision =
  | { readonly do: 'acknowledge'; readonly because: string }
  | { readonly do: 'notify' }
  | { readonly do: 'advance' }
  | { readonly do: 'fail'; readonly error: WorkflowError }
  /** Everything that is next of a compensation, or its end. */
  | { readonly do: 'advanceUndo' }
  | { readonly do: 'failUndo'; readonly error: WorkflowError }
  | { readonly do: 'queueAgain'; readonly trips: Trips };

/**
 * Queues a step again, or its undo, up to the third trip. Trips count while nothing takes the message: a claim since the first of them
 * shows that something does.
 * @param record what `message` asks for, as it was loaded
 * @param or what becomes of a message that nothing takes
 */
export function againOr(
  state: WorkflowState,
  message: StepMessage,
  record: StepRecord | undefined,
  or: () => DeadLetterDecision,
): DeadLetterDecision {
  const claimed = record === undefined ? 0 : attemptsInEpoch(state, record);
  const { claimed: seen } = message;
  if (claimed > (seen ?? 0)) return { do: 'queueAgain', trips: { trip: 1, claimed } };
  if (message.trip >= LIMITS.trips) return or();
  const trips = { trip: message.trip + 1, ...(seen === undefined ? {} : { claimed: seen }) };
  return { do: 'queueAgain', trips };
}

/** The error of a step, or of an undo, that was saved as failed. */
export function errorOf(record: StepRecord): WorkflowError {
  const error = record.error ?? {
    code: 'WORKER_DIED',
    message: 'the function ended without saving an error',
    effect: 'unknown',
  };
  return { ...error, step: record.step, attempts: record.attempt };
}

export const expired = ({ expiresAt, epoch }: WorkflowMeta, step: string, record: StepRecord | undefined) =>
  givenUp(
    'EXPIRED',
    `the workflow is kept until ${iso(expiresAt)} only, and step "${step}" was not done a day before`,
    { step, epoch },
    record,
  );

export function notTaken(
  message: StepMessage,
  record: StepRecord | undefined,
  definition: ChainDefinition | Undeployed | undefined,
): WorkflowError {
  const times = `the function of step "${message.step}" could not take the message, ${message.trip + 1} times in all`;
  if (definition === undefined) return givenUp('NOT_TAKEN', times, message, record);
  if ('next' in definition) {
    const { message: why, next } = definition;
    return { ...givenUp('NOT_TAKEN', `${times}: ${why}`, message, record), next };
  }
  const step = findStep(definition, message.step);
  const until = step && record ? safeUntilOf(step, record) : {};
  return { ...givenUp('NOT_TAKEN', times, message, record), ...until };
}

/**
 * The error of a step that did not fail by itself. Only META is written: a worker that loaded before may yet claim the step
 * and make its call. So nobody can say that nothing was done, though no attempt was claimed.
 */
const givenUp = (
  code: WorkflowError['code'],
  message: string,
  { step, epoch }: Pick<StepMessage, 'step' | 'epoch'>,
  record: StepRecord | undefined,
): WorkflowError => ({
  code,
  message,
  effect: 'unknown',
  step,
  attempts: record?.epoch === epoch ? record.attempt : 0,
});
