import * as z from 'zod';
import { orderProcessing } from '../../functions/chains/order-processing.ts';
import { createDynamoDbStore } from '../../lib/adapters/dynamodb/store.ts';
import { systemClock, systemRandom } from '../../lib/adapters/system.ts';
import { type ChainDefinition, target } from '../../lib/chain/index.ts';
import { emptyChain, withStep } from '../../lib/chain/validate.ts';
import { start } from '../../lib/engine/operations/start.ts';
import type { Store } from '../../lib/engine/ports.ts';
import { startLocalEngine } from '../../lib/local/engine.ts';
import { SAMPLE } from '../../lib/local/sample.ts';
import { openEmbeddedStore } from '../../lib/local/store/store.ts';
import { startDynalite } from '../support/dynalite.ts';
import { watchIndexes } from './index-units.ts';

/** What one workflow that goes well asks of the ports. Bytes are of JSON. */
export interface Costs {
  readonly steps: number;
  readonly metaWrites: number;
  readonly stepWrites: number;
  readonly queries: number;
  readonly messages: number;
  readonly bytesWritten: number;
  readonly bytesRead: number;
}

export const CHAIN_LENGTHS = [1, 3, 10, 30, 100] as const;

const api = target('api');

/** So many steps in a line, each of which passes on what the one before it returned. */
function line(length: number): ChainDefinition {
  const input = z.strictObject({ order: z.string() });
  let chain = emptyChain(`line-${length}`, { version: 1, start: `/api/line-${length}`, input });
  for (let n = 1; n <= length; n += 1) {
    chain = withStep(chain, `step-${n}`, {
      request: () => api.post('/calls', { n }),
      response: z.object({ id: z.string(), note: z.string() }),
    });
  }
  return chain;
}

/** Measures a workflow of each length on the embedded store in memory. */
export async function measureCosts(): Promise<readonly Costs[]> {
  const measured: Costs[] = [];
  for (const length of CHAIN_LENGTHS) {
    const store = await openEmbeddedStore({ kind: 'memory' });
    const counted = counting(store);
    const messages = await runOne(line(length), counted.store, { order: 'o-1' }, REPLY);
    measured.push({ steps: length, ...counted.counts, messages });
    await store.close();
  }
  return measured;
}

const REPLY = { id: 'id_0123456789abcdef', note: 'a result of some hundred bytes '.repeat(4) };

/**
 * Capacity units of one order; `writes` and `reads` are requests. dynalite reports the table's own units alone, so those of
 * the indexes are counted from what really changed in them.
 */
export interface Capacity {
  readonly writeUnits: number;
  readonly indexWriteUnits: number;
  readonly readUnits: number;
  readonly writes: number;
  readonly reads: number;
}

/** Runs the sample order on dynalite and adds up what its replies and its indexes say. */
export async function measureCapacity(): Promise<Capacity> {
  const database = await startDynalite();
  const { client } = database;
  const capacity = { writeUnits: 0, indexWriteUnits: 0, readUnits: 0, writes: 0, reads: 0 };
  try {
    const tableName = await database.createTable();
    const indexes = await watchIndexes(client, tableName);
    client.middlewareStack.add(
      (next, { commandName }) =>
        async (args) => {
          const output = await next(args);
          if (commandName === 'PutItemCommand') capacity.indexWriteUnits += await indexes.unitsSinceLast();
          return output;
        },
      { step: 'initialize' },
    );
    const store = createDynamoDbStore({
      client,
      tableName,
      onConsumed: ({ kind, units }) => {
        capacity[`${kind}Units`] += units;
        capacity[`${kind}s`] += 1;
      },
    });
    const reply = {
      orderId: 'ord_0123456789abcdef',
      receiptUrl: 'https://receipts.example/ord_0123456789abcdef',
      trackingId: 'trk_0123456789abcdef',
      estimatedDelivery: '2030-01-01',
      messageId: 'msg_0123456789abcdef',
    };
    await runOne(orderProcessing, store, SAMPLE.body, reply);
    return { ...capacity, writeUnits: capacity.writeUnits + capacity.indexWriteUnits };
  } finally {
    await database.close();
  }
}

/** Runs one workflow to its end against an instant target; answers how many messages that took. */
async function runOne(
  chain: ChainDefinition,
  store: Store,
  payload: unknown,
  reply: unknown,
): Promise<number> {
  let end = (_: string): void => undefined;
  const ended = new Promise<string>((resolve) => {
    end = resolve;
  });
  const engine = await startLocalEngine({
    chains: [chain],
    store,
    http: { call: async () => ({ kind: 'reply', status: 200, body: JSON.stringify(reply) }) },
    targets: { resolve: async () => ({ baseUrl: 'http://127.0.0.1', headers: {} }) },
    telemetry: {
      emit: ({ event }) => {
        if (event === 'workflow_completed' || event === 'workflow_failed') end(event);
      },
    },
    notifier: { notify: async () => undefined },
    clock: systemClock,
    random: systemRandom,
  });
  await start(engine.service, chain, { tenant: 'default', payload });
  const ending = await ended;
  await engine.stop();
  if (ending !== 'workflow_completed') throw new Error(`the workflow of ${chain.name} ends with ${ending}`);
  return engine.queues.stats().sent;
}

type Counts = Pick<Costs, 'metaWrites' | 'stepWrites' | 'queries' | 'bytesWritten' | 'bytesRead'>;

/** The same store, and what is asked of it. */
function counting(store: Store): { readonly store: Store; readonly counts: Counts } {
  const counts = { metaWrites: 0, stepWrites: 0, queries: 0, bytesWritten: 0, bytesRead: 0 };
  const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value) ?? '');
  return {
    counts,
    store: {
      ...store,
      create: (meta) => {
        counts.metaWrites += 1;
        counts.bytesWritten += bytesOf(meta);
        return store.create(meta);
      },
      writeMeta: (meta, expected) => {
        counts.metaWrites += 1;
        counts.bytesWritten += bytesOf(meta);
        return store.writeMeta(meta, expected);
      },
      writeStep: (key, record, ...rest) => {
        counts.stepWrites += 1;
        counts.bytesWritten += bytesOf(record);
        return store.writeStep(key, record, ...rest);
      },
      load: async (key) => {
        counts.queries += 1;
        const state = await store.load(key);
        counts.bytesRead += bytesOf(state && [state.meta, ...state.steps.values()]);
        return state;
      },
    },
  };
}
