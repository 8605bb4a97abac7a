import { LIMITS } from '../contract/limits.ts';
import type { Backoff, ChainDefinition, StepDefinition } from './definition.ts';

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

type Tried = Pick<StepDefinition, 'timeout' | 'retries'>;

/**
 * The settings of one step, for the CDK construct and for the embedded queues alike. Its undo and its lookup go through the same queue and function, which
 * have the longest timeout of the three. The message whose attempts are used up is the one by which the lookup is made: it is received for both.
 * @example stepSettings({ ...step, timeout: 30, retries: 2 }).visibilityTimeout // 270
 */
export function stepSettings(
  step: Tried &
    Pick<StepDefinition, 'batchSize' | 'concurrency'> & {
      readonly undo?: Tried | undefined;
      readonly lookup?: Tried;
    },
): StepSettings {
  const { undo = step, lookup } = step;
  const functionTimeout = functionTimeoutOf(Math.max(step.timeout, undo.timeout, lookup?.timeout ?? 0));
  const attempts = Math.max(step.retries, undo.retries) + 1 + asksOf(lookup);
  return {
    functionTimeout,
    visibilityTimeout: functionTimeout * LIMITS.visibilityPerFunctionTimeout,
    maxReceiveCount: Math.max(LIMITS.leastMaxReceives, attempts + LIMITS.spareReceives),
    retention: LIMITS.queueRetention,
    batchSize: step.batchSize,
    maxConcurrency: step.concurrency,
  };
}

/** How often a lookup may ask: at each attempt, and once more where it asked while the call could still act. */
const asksOf = (lookup: Tried | undefined): number => (lookup === undefined ? 0 : lookup.retries + 2);

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

/** The same of the lookup of a step, without the wait for late effects before it; 0 where it has none. */
export const lookupPatience = ({ lookup }: Pick<StepDefinition, 'lookup'>): number =>
  lookup === undefined ? 0 : patience(lookup);

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
          ...scaled(step, scale),
          undo: step.undo && scaled(step.undo, scale),
          ...(step.lookup && { lookup: scaled(step.lookup, scale) }),
        })),
      }));

const scaled = <Waiting extends { readonly backoff: Backoff }>(waiting: Waiting, scale: number): Waiting => ({
  ...waiting,
  backoff: { base: waiting.backoff.base * scale, cap: waiting.backoff.cap * scale },
});

/** The settings of every queue of dead letters, and of the step-failed function that consumes them. Times in seconds. */
export const DEAD_LETTER_SETTINGS = {
  functionTimeout: LIMITS.deadLetterFunctionTimeout,
  visibilityTimeout: LIMITS.deadLetterFunctionTimeout * LIMITS.visibilityPerFunctionTimeout,
  maxReceiveCount: LIMITS.deadLetterMaxReceives,
  retention: LIMITS.deadLetterRetention,
  batchSize: LIMITS.batchSize,
  maxConcurrency: LIMITS.stepFailedConcurrency,
} as const;
