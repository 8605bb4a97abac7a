import * as z from 'zod';
import { orderProcessing } from '../../functions/chains/order-processing.ts';
import type { ChainDefinition, StepDefinition } from '../../lib/chain/definition.ts';

/** Whom the confirmation cannot reach: it is sent to a path of its own, so that a fault strikes it alone. */
export const NOBODY = { email: 'nobody@example.com', path: '/messages/nobody' } as const;

const email = z.object({ email: z.string() });

function reachingSome(step: StepDefinition): StepDefinition {
  const { name, request } = step;
  if (name !== 'confirmation' || request === undefined) return step;
  return {
    ...step,
    request: (context) => {
      const spec = request(context);
      return email.parse(context.input).email === NOBODY.email ? { ...spec, path: NOBODY.path } : spec;
    },
  };
}

/**
 * Seconds: soon it is known that a call whose process was killed acts no more, so that its undo is called while there are still kills to
 * come. An attempt that is killed when it alone runs counts, as if it had ended the process: none is killed so often.
 */
const SOON = { timeout: 2, lateBy: 0, retries: 100, backoff: { base: 0.5, cap: 1 } } as const;

/** The order chain as it is shipped, but that it is taken back by itself, and has shorter waits. */
export const givenBack: ChainDefinition = {
  ...orderProcessing,
  name: 'given-back',
  start: '/api/given-back',
  onFailure: 'undo',
  steps: orderProcessing.steps.map((step) => ({
    ...reachingSome(step),
    ...SOON,
    ...(step.lookup === undefined ? {} : { lookup: { ...step.lookup, ...SOON } }),
    undo: step.undo && { ...step.undo, ...SOON },
  })),
};

/** What the server of the crash test runs. */
export const chains: readonly ChainDefinition[] = [givenBack];
