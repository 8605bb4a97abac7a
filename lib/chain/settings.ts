import { LIMITS } from '../contract/limits.ts';
import type { Backoff, ChainDefinition, StepDefinition, UndoDefinition } from './definition.ts';

/** Everything a step's queue, dead-letter queue, function and mapping are made with. Times in seconds. */
export interface StepSettings {
  readonly functionTimeout: number;
  readonly visibilityTimeout: number;
  readonly maxReceiveCount: number;
  readonly retention: number;
  readonly batchSize: number;
  readonly maxConcurrency: number | undefined;
}

/** Lambda and SQS take whole seconds; the timeout of a call may be a fraction. */
const functionTimeoutOf = (timeout: number): number => Math.ceil(timeout) + LIMITS.functionMargin;

/**
 * The settings of one step, for the CDK construct and for the embedded queues alike. Its undo goes through the same queue and function, which have
 * the longer timeout and the more retries of the two.
 * @example stepSettings({ ...step, timeout: 30, retries: 2 }).visibilityTimeout // 270
 */
export function stepSettings(
  step: Pick<StepDefinition, 'timeout' | 'retries' | 'batchSize' | 'concurrency'> & {
    readonly undo?: Pick<UndoDefinition, 'timeout' | 'retries'> | undefined;
  },
): StepSettings {
  const { undo = step } = step;
  const functionTimeout = functionTimeoutOf(Math.max(step.timeout, undo.timeout));
  const attempts = Math.max(step.retries, undo.retries) + 1;
  return {
    functionTimeout,
    visibilityTimeout: functionTimeout * LIMITS.visibilityPerFunctionTimeout,
    maxReceiveCount: Math.max(LIMITS.leastMaxReceives, attempts + LIMITS.spareReceives),
    retention: LIMITS.queueRetention,
    batchSize: step.batchSize,
    maxConcurrency: step.concurrency,
  };
}

/**
 * What half and whole of a wait are measured by, in seconds: it doubles with each attempt, up to the cap.
 * @param attempt after which the wait is, 1 for the first
 * @example wholeWait({ base: 8, cap: 300 }, 3) // 32
 */
export const wholeWait = ({ base, cap }: Backoff, attempt: number): number =>
  Math.min(cap, base * 2 ** (attempt - 1));

/** The longest that a wait can be on any queue, in seconds: SQS has whole ones, and two of them are there to choose from. */
const longestWait = (backoff: Backoff, attempt: number): number =>
  Math.max(2, Math.ceil(wholeWait(backoff, attempt)));

type Tries = Pick<StepDefinition, 'timeout' | 'retries' | 'backoff'>;

/**
 * Seconds that a step's definition allows its call: all attempts, each with what a function needs beside it, and all waits at their longest.
 * @example patience({ timeout: 30, retries: 2, backoff: { base: 8, cap: 300 } }) // 159
 */
export function patience({ timeout, retries, backoff }: Tries): number {
  const waits = Array.from({ length: retries }, (_, retry) => longestWait(backoff, retry + 1));
  return (retries + 1) * functionTimeoutOf(timeout) + waits.reduce((sum, wait) => sum + wait, 0);
}

/** The same of the undo of a step; 0 where it has none. */
export const undoPatience = ({ undo }: Pick<StepDefinition, 'undo'>): number =>
  undo === undefined ? 0 : patience(undo);

/** Whether a number is a scale of waits: above 0, at most 1. */
export const isBackoffScale = (scale: number): boolean => scale > 0 && scale <= 1;

/**
 * The same chains with shorter waits between attempts. A stage is set so by tests, which would wait for minutes otherwise; all that is
 * computed from waits follows.
 * @param scale what each wait is multiplied with: above 0, at most 1
 * @example withBackoffScale(chains, 0.001) // a wait of 4 to 8 s takes 4 to 8 ms, and on SQS a second or two
 */
export const withBackoffScale = (
  chains: readonly ChainDefinition[],
  scale: number,
): readonly ChainDefinition[] =>
  scale === 1
    ? chains
    : chains.map((chain) => ({
        ...chain,
        steps: chain.steps.map((step) => ({
          ...step,
          backoff: scaled(step.backoff, scale),
          undo: step.undo && { ...step.undo, backoff: scaled(step.undo.backoff, scale) },
        })),
      }));

const scaled = ({ base, cap }: Backoff, scale: number): Backoff => ({ base: base * scale, cap: cap * scale });

/** The settings of every queue of dead letters, and of the step-failed function that consumes them. Times in seconds. */
export const DEAD_LETTER_SETTINGS = {
  functionTimeout: LIMITS.deadLetterFunctionTimeout,
  visibilityTimeout: LIMITS.deadLetterFunctionTimeout * LIMITS.visibilityPerFunctionTimeout,
  maxReceiveCount: LIMITS.deadLetterMaxReceives,
  retention: LIMITS.deadLetterRetention,
  batchSize: LIMITS.batchSize,
  maxConcurrency: LIMITS.stepFailedConcurrency,
} as const;
