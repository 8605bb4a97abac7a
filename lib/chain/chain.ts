import type * as z from 'zod';
import type { ChainDefinition } from './definition.ts';
import type { Chain, ChainOptions } from './types.ts';
import { emptyChain, finished, withOutput, withStep } from './validate.ts';

/**
 * Begins a chain: steps and how results flow between them. It ends with `.output(…)`, or with `.definition` where there is
 * nothing to show but the statuses.
 * Errors: `DefinitionError` while it is built; the message says which chain, which step, what is wrong and what to write.
 * @example
 * export const refunds = chain('refunds', {
 *   version: 1,
 *   start: '/api/refund',
 *   input: z.strictObject({ orderId: z.string() }),
 * })
 *   .step('refund', {
 *     request: ({ input }) => payments.post('/refunds', { orderId: input.orderId }),
 *     response: z.object({ refundId: z.string() }),
 *   })
 *   .output(({ results }) => ({ refundId: results.refund?.refundId ?? null }));
 */
export function chain<
  Name extends string,
  Input extends z.ZodObject,
  Sensitive extends keyof z.output<Input> & string = never,
>(
  name: Name,
  options: ChainOptions<Input, Sensitive>,
): Chain<z.output<Input>, Sensitive, Record<never, never>, never, Name, z.input<Input>>;
// The signature above is for the compiler. What arrives is checked as if it came from a caller without one.
export function chain(name: unknown, options: unknown): unknown {
  return builder(emptyChain(name, options));
}

/** A builder as a caller without types sees it. */
interface Builder {
  readonly definition: ChainDefinition;
  readonly step: (name: unknown, options: unknown) => Builder;
  readonly output: (show: unknown) => ChainDefinition;
}

const builder = (soFar: ChainDefinition): Builder =>
  Object.freeze({
    get definition() {
      return finished(soFar);
    },
    step: (name: unknown, options: unknown) => builder(withStep(soFar, name, options)),
    output: (show: unknown) => withOutput(soFar, show),
  });
