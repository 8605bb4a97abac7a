import { type StepMessage, stepMessage } from '../contract/wire.ts';
import type { Clock } from '../engine/ports.ts';
import { invokeOnce, type MappingOptions } from './queue/mapping.ts';
import type { EmbeddedDelivery, EmbeddedQueues } from './queue/queue.ts';
import type { Suspect } from './store/attempts.ts';

/** What takes the messages of one step. */
export interface Worker extends Omit<MappingOptions, 'batchSize' | 'maxConcurrency'> {
  /** How long others wait for an attempt that was begun alone, in milliseconds; to its end if left out. */
  readonly patienceMs?: number;
}

export interface TurnsOptions {
  readonly queues: EmbeddedQueues;
  readonly workers: readonly Worker[];
  readonly clock: Clock;
  /** In the order of their turns. */
  readonly suspects: readonly Suspect[];
}

export interface Turns {
  /** Resolves once all have had their turn, or no other is to come. */
  readonly done: Promise<void>;
  /** Begins no other. */
  stop(): void;
}

/** A message of a suspect, in the hand of the worker that takes it. */
interface Turn {
  readonly worker: Worker;
  readonly delivery: EmbeddedDelivery;
}

/**
 * Begins what was running when an earlier life of the process ended, one at a time and before anything else runs: should the process end once
 * more, it is known by what.
 * @example const turns = takeTurns({ queues, workers, clock, suspects });
 */
export function takeTurns({ queues, workers, suspects, clock }: TurnsOptions): Turns {
  let stopped = false;
  const all = async (): Promise<void> => {
    const turns = suspects.length === 0 ? new Map<string, Turn>() : turnsIn(queues, workers, suspects);
    for (const suspect of suspects) {
      const turn = turns.get(nameOf(suspect));
      if (turn === undefined) continue;
      // What has no turn now is visible again once the mappings start.
      if (stopped) await queues.setVisibility(turn.delivery, 0);
      else await taken(clock, turn);
    }
  };
  return {
    done: all(),
    stop: () => {
      stopped = true;
    },
  };
}

async function taken(clock: Clock, { worker, delivery }: Turn): Promise<void> {
  const ended = invokeOnce(worker, [delivery]);
  const { patienceMs } = worker;
  if (patienceMs === undefined) return await ended;
  let cancel = (): void => undefined;
  const patience = new Promise<void>((resolve) => {
    cancel = clock.after(patienceMs, resolve);
  });
  await Promise.race([ended, patience]);
  cancel();
}

/** Looks for the messages of suspects among all that wait, and leaves the others where they are. */
function turnsIn(
  queues: EmbeddedQueues,
  workers: readonly Worker[],
  suspects: readonly Suspect[],
): Map<string, Turn> {
  const wanted = new Set(suspects.map(nameOf));
  const turns = new Map<string, Turn>();
  for (const worker of workers) {
    const others: EmbeddedDelivery[] = [];
    for (
      let batch = queues.receive(worker.queue, MOST);
      batch.length > 0;
      batch = queues.receive(worker.queue, MOST)
    ) {
      for (const delivery of batch) {
        const name = nameIn(delivery);
        if (name !== undefined && wanted.delete(name)) turns.set(name, { worker, delivery });
        else others.push(delivery);
      }
    }
    for (const other of others) void queues.setVisibility(other, 0);
  }
  return turns;
}

const MOST = 10;

const nameOf = ({ tenant, workflowId, step }: Pick<StepMessage, 'tenant' | 'workflowId' | 'step'>): string =>
  `${tenant} ${workflowId} ${step}`;

function nameIn({ body }: EmbeddedDelivery): string | undefined {
  const { success, data } = stepMessage.safeParse(JSON.parse(body));
  return success ? nameOf(data) : undefined;
}
