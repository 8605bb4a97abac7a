import * as z from 'zod';
import { type ChainDefinition, chain } from '../chain/index.ts';
import { emptyChain, withStep } from '../chain/validate.ts';

/*
 * The chains of the stage `probe`: they call nobody, so that all they show is what AWS does with queues and functions.
 */

/** What a workflow of the probe is told to do. Milliseconds since 1970; 0 for nothing. */
const input = z.strictObject({
  /** Its first step fails while it is earlier than this. */
  failUntil: z.number(),
  /** Its first step holds the processor until then, so that Lambda ends the function at its timeout. */
  blockUntil: z.number(),
});
export type ProbeInput = z.infer<typeof input>;

/** Seconds: the least for whole seconds. A function may then run 16 s, and its messages stay hidden for 96 s. */
const TIMEOUT = 1;

/** Attempts enough, and far enough from one another, to outlast any `failUntil` that the checks choose. */
const PATIENT = { timeout: TIMEOUT, retries: 50, backoff: { base: 10, cap: 10 } } as const;
/** Its attempts are used up at once. */
const IMPATIENT = { timeout: TIMEOUT, retries: 1, backoff: { base: 1, cap: 1 } } as const;

const does = ({ input: { failUntil, blockUntil } }: { readonly input: ProbeInput }) => {
  while (Date.now() < blockUntil);
  if (Date.now() < failUntil) throw new Error('the probe wants this attempt to fail');
  return null;
};

/** Above the 16 times that Lambda lets one function be in a chain of requests. */
const LENGTH = 20;

export const twenty: ChainDefinition = Array.from({ length: LENGTH }, (_, at) => at + 1).reduce(
  (soFar, n) =>
    withStep(soFar, `step-${String(n).padStart(2, '0')}`, { ...PATIENT, run: n === 1 ? does : () => null }),
  emptyChain('twenty', { version: 1, start: '/api/twenty', input }),
);

/** Each of one step, with a function and a queue of its own, so that all checks run at a time. */
const single = (name: string, options: typeof PATIENT | typeof IMPATIENT, batchSize = 1): ChainDefinition =>
  chain(name, { version: 1, start: `/api/${name}`, input }).step('work', { ...options, batchSize, run: does })
    .definition;

/** Its function is throttled. */
export const throttled: ChainDefinition = single('throttled', PATIENT);
/** Its messages are taken away. */
export const lost: ChainDefinition = single('lost', PATIENT);
/** It takes as many messages at a time as a receive brings. */
export const batch: ChainDefinition = single('batch', PATIENT, 10);
/** It uses up its attempts. */
export const failing: ChainDefinition = single('failing', IMPATIENT);

export const probeChains: readonly ChainDefinition[] = [twenty, throttled, lost, batch, failing];
