import type { StepPlace } from '../../../lib/chain/places.ts';
import { deadLetterQueue, PARKING, type QueueName } from '../../../lib/contract/names.ts';
import type { Store } from '../../../lib/engine/ports.ts';
import type { BackingOptions as AnyBackingOptions, Backing } from '../../../lib/testing/world/backing.ts';
import type { Chance } from '../../../lib/testing/world/chance.ts';
import type { Chaos } from '../faults/chaos.ts';
import type { Oracle } from '../oracle/oracle.ts';

export interface BackingOptions extends AnyBackingOptions {
  readonly chance: Chance;
  readonly chaos: Chaos;
  readonly oracle: Oracle;
}

/** What the world around a stage, or around one process, can do to it besides sending requests. */
export interface Surroundings {
  /** Puts a body into a queue: what anyone with the right to send could do. */
  inject(queue: QueueName, body: string): void;
  /** Bodies in the parking queue, which raise an alarm. */
  parked(): readonly string[];
  /** Whether messages wait for the reconciler that were received too often. */
  hasDeadLetters(): boolean;
  /** The table as it is at the end. */
  table(): Promise<Store>;
  close(): Promise<void>;
}

export const surroundingsOf = (
  { queues, store, calm, close }: Backing,
  places: readonly StepPlace[],
): Surroundings => ({
  inject: queues.inject,
  parked: () => queues.contents(PARKING),
  hasDeadLetters: () => places.some((place) => queues.depth(deadLetterQueue(place)).visible > 0),
  table: () => {
    calm?.();
    return Promise.resolve(store);
  },
  close,
});
