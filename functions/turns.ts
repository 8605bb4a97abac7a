import { LIMITS } from '../lib/contract/limits.ts';
import type { Handled } from '../lib/engine/delivery.ts';
import type { Delivery } from '../lib/engine/ports.ts';

export interface TurnOptions {
  handle(delivery: Delivery): Promise<Handled>;
  /** Attempts at its step that ended with their function. */
  deathsOf(delivery: Delivery): Promise<number>;
  /** Makes a message visible again that was not handled. */
  comeBack(delivery: Delivery): Promise<'retry'>;
  readonly remainingMs: () => number;
}

/**
 * Handles the messages of one batch. A function that dies takes its whole batch along, and nobody knows which message did it. So those
 * that were in such a batch run one after another, after all others: the next death is of one message alone, which from then on stands
 * out by a death more, and goes back to its queue until it has an invocation to itself. The others lose at most two attempts' time and
 * three receives to it, however often it ends a function.
 * @returns in the order of the deliveries
 */
export async function inTurn(
  deliveries: readonly Delivery[],
  options: TurnOptions,
): Promise<readonly Handled[]> {
  const [only] = deliveries;
  if (only !== undefined && deliveries.length === 1) return [await options.handle(only)];
  const begun = options.remainingMs();
  const deaths = await Promise.all(deliveries.map((delivery) => options.deathsOf(delivery).catch(() => 0)));
  const handled = new Map<Delivery, Handled>();
  const take = async (delivery: Delivery): Promise<void> => {
    handled.set(delivery, await options.handle(delivery));
  };
  await Promise.all(deliveries.filter((_, at) => deaths[at] === 0).map(take));
  const suspects = deliveries
    .map((delivery, at) => ({ delivery, deaths: deaths[at] ?? 0 }))
    .filter((one) => one.deaths > 0)
    .sort((a, b) => a.deaths - b.deaths);
  for (const suspect of suspects) {
    const spent = begun - options.remainingMs();
    const standsOut = suspect.deaths > 1 && handled.size > 0;
    if (standsOut || spent > TURN_MS) handled.set(suspect.delivery, await options.comeBack(suspect.delivery));
    else await take(suspect.delivery);
  }
  return deliveries.map((delivery) => handled.get(delivery) ?? 'retry');
}

/** Begun later in its function's time, a call would have less than its step's timeout. */
const TURN_MS = LIMITS.functionMargin * 1_000 - 2 * LIMITS.saveReserveMs;
