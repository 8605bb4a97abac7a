import type { StepPlace } from '../../chain/places.ts';
import { PARKING } from '../../contract/names.ts';
import type { Queue, Random, Store } from '../../engine/ports.ts';
import { declareQueues } from '../../local/engine.ts';
import { createEmbeddedQueues, type EmbeddedQueues } from '../../local/queue/queue.ts';
import { storeOver } from '../../local/store/store.ts';
import type { Chaos } from '../faults/chaos.ts';
import { plainDatabase } from './plain-database.ts';
import { type StrayingOptions, strayingQueues } from './straying-queues.ts';

/** The table and the queues behind the ports, without faults of their own but those of queues: messages that go astray. */
export interface Backing extends Queue {
  readonly store: Store;
  readonly queues: EmbeddedQueues;
  /** Does one call of a port, where time may go by between its requests; without it time stands still until it ends. */
  perform?<Result>(call: () => Promise<Result>): Promise<Result>;
  /** Tells of each write that happens, now or later; without it the one that says so has happened, and no other. */
  witness?<Result>(write: () => Promise<Result>, happened: () => void): Promise<Result>;
  /** Time has ended: nothing may go wrong any more. */
  calm?(): void;
  close(): Promise<void>;
}

export interface BackingOptions extends StrayingOptions {
  readonly random: Random;
  readonly places: readonly StepPlace[];
}

const DONE = Promise.resolve();

/** The queues of a stage stand for SQS, which hides messages for whole seconds. */
export const SQS_GRANULARITY_MS = 1_000;

/** The embedded store and queues, in memory. */
export async function embeddedBacking(options: BackingOptions): Promise<Backing> {
  const store = await storeOver(plainDatabase(), {
    schedule: (action) => void DONE.then(action),
  });
  const queues = createEmbeddedQueues({ clock: options.time, random: options.random });
  const astray = strayingQueues(queues, options);
  declareQueues(astray, options.places);
  return {
    store: withLeftovers(store, options.chaos),
    queues: astray,
    send: async (outgoing) => {
      for (const { to, message } of outgoing) astray.inject(to, JSON.stringify(message));
    },
    park: async (body) => astray.inject(PARKING, body),
    setVisibility: (delivery, ms) =>
      queues.setVisibility(delivery, Math.ceil(ms / SQS_GRANULARITY_MS) * SQS_GRANULARITY_MS),
    granularityMs: SQS_GRANULARITY_MS,
    receive: astray.receive,
    acknowledge: astray.acknowledge,
    close: async () => {
      queues.close();
      await store.close();
    },
  };
}

/** A due index that is behind its table: it still shows some of what it showed before. */
function withLeftovers(store: Store, chaos: Chaos): Store {
  type Due = Awaited<ReturnType<Store['listDue']>>;
  const shown = new Map<number, Due>();
  return {
    ...store,
    listDue: async (shard, now, limit) => {
      const due = await store.listDue(shard, now, limit);
      const ids = new Set(due.map(({ workflowId }) => workflowId));
      const before = (shown.get(shard) ?? []).filter(({ workflowId }) => !ids.has(workflowId));
      shown.set(shard, [...before, ...due]);
      return [...before.filter(() => chaos.isLeftOver()), ...due].slice(0, limit);
    },
  };
}
