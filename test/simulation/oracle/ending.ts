import type { HttpOutcome } from '../../../lib/engine/ports.ts';

/** How a call ended for the worker that made it: of a target, or of a step's own code. */
export type Ending =
  | HttpOutcome
  | { readonly kind: 'ran'; readonly result: unknown }
  | { readonly kind: 'threw' };

/** An ending, and when the worker heard of it, in milliseconds since 1970. */
export type Ended = Ending & { readonly at: number };
