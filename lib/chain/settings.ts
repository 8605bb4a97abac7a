import { LIMITS } from '../contract/limits.ts';
import type { StepDefinition } from './definition.ts';

/** Everything a step's queue, dead-letter queue, function and mapping are made with. Times in seconds. */
export interface StepSettings {
  readonly functionTimeout: number;
  readonly visibilityTimeout: number;
  readonly maxReceiveCount: number;
  readonly retention: number;
  readonly batchSize: number;
  readonly maxConcurrency: number | undefined;
}

/**
 * The settings of one step, for the CDK construct and for the embedded queues alike.
 * @example stepSettings({ ...step, timeout: 30, retries: 2 }).visibilityTimeout // 270
 */
export function stepSettings(
  step: Pick<StepDefinition, 'timeout' | 'retries' | 'batchSize' | 'concurrency'>,
): StepSettings {
  // Lambda and SQS take whole seconds; a step's timeout may be a fraction.
  const functionTimeout = Math.ceil(step.timeout) + LIMITS.functionMargin;
  return {
    functionTimeout,
    visibilityTimeout: functionTimeout * LIMITS.visibilityPerFunctionTimeout,
    maxReceiveCount: Math.max(LIMITS.leastMaxReceives, step.retries + 1 + LIMITS.spareReceives),
    retention: LIMITS.queueRetention,
    batchSize: step.batchSize,
    maxConcurrency: step.concurrency,
  };
}

/**
 * Seconds that a step's definition allows it: all attempts with the whole timeout of their function, and all waits at their longest.
 * @example patience({ ...step, timeout: 30, retries: 2, backoff: { base: 1, cap: 300 } }) // 138
 */
export function patience(step: StepDefinition): number {
  const { base, cap } = step.backoff;
  const waits = Array.from({ length: step.retries }, (_, retry) => Math.min(cap, base * 2 ** retry));
  return (step.retries + 1) * stepSettings(step).functionTimeout + waits.reduce((sum, wait) => sum + wait, 0);
}

/** The settings of every queue of dead letters, and of the step-failed function that consumes them. Times in seconds. */
export const DEAD_LETTER_SETTINGS = {
  functionTimeout: LIMITS.deadLetterFunctionTimeout,
  visibilityTimeout: LIMITS.deadLetterFunctionTimeout * LIMITS.visibilityPerFunctionTimeout,
  maxReceiveCount: LIMITS.deadLetterMaxReceives,
  retention: LIMITS.deadLetterRetention,
  batchSize: LIMITS.batchSize,
  maxConcurrency: LIMITS.stepFailedConcurrency,
} as const;
