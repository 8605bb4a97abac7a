import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { orderProcessing } from '../../../../functions/chains/order-processing.ts';
import { stepPlaces } from '../../../../lib/chain/places.ts';
import { LIMITS } from '../../../../lib/contract/limits.ts';
import { bundleTo } from '../../../functions/deployment.ts';
import { chains } from '../../../support/shipped-chains.ts';
import { customMetrics } from '../stage/custom-metrics.ts';
import { billedRequests } from './counting-sqs.ts';
import { perOrder } from './function-use.ts';
import { measureIdleRun } from './idle-run.ts';
import { measureOrders, type Operations } from './orders.ts';
import { itemBytes } from './stored-bytes.ts';
import { readLogs } from './written-logs.ts';

/* What one order asks of AWS, as the deployed functions ask it: whatever costs more from now on shows here. */

let bundles: string;
beforeAll(async () => {
  bundles = await mkdtemp(join(tmpdir(), 'stepline-cost-'));
  await bundleTo(bundles);
});
afterAll(() => rm(bundles, { recursive: true }));

const invocationsOf = ({ functions }: Operations) =>
  Object.fromEntries(functions.map((use) => [use.of, use.invocationsPerOrder]));

const readsOf = ({ functions }: Operations) => [
  perOrder(functions, ({ reads }) => reads),
  perOrder(functions, ({ readUnits }) => readUnits),
];

describe('an order that goes well', () => {
  it('one message at a time is 4 invocations, 9 requests to SQS, 8 writes and at most 11 write units', async () => {
    const counted = await measureOrders(bundles, { orders: 2, batchSize: 1, logLevel: 'info' });
    expect(invocationsOf(counted)).toEqual({ start: 1, payment: 1, shipment: 1, confirmation: 1 });
    expect(counted).toMatchObject({ sends: 3, receives: 3, deletes: 3, writes: 8 });
    expect(counted.writeUnits).toBeLessThanOrEqual(11);
    expect(counted.indexWriteUnits).toBeLessThanOrEqual(3);
    // A query for each step.
    expect(readsOf(counted)).toEqual([3, 3]);
    expect(counted.storedBytes).toBeLessThan(3_000);
    expect(counted.eventBytes + counted.metricBytes).toBeLessThan(6_000);
  });

  it('in full batches is a tenth of the step invocations, receives and deletes, and as much of the table', async () => {
    const counted = await measureOrders(bundles, { orders: 10, batchSize: 10, logLevel: 'warn' });
    expect(invocationsOf(counted)).toEqual({ start: 1, payment: 0.1, shipment: 0.1, confirmation: 0.1 });
    expect(counted).toMatchObject({ receives: 0.3, deletes: 0.3, writes: 8 });
    expect(readsOf(counted)).toEqual([3, 3]);
    expect(counted.writeUnits).toBeLessThanOrEqual(11);
    // Each start sends alone; what the steps send may go out together.
    expect(counted.sends).toBeGreaterThanOrEqual(1.2);
    expect(counted.sends).toBeLessThanOrEqual(3);
    // At warn nothing of it is worth a line; its metrics are written all the same.
    expect(counted.eventBytes).toBe(0);
    expect(counted.metrics).toBe(customMetrics([orderProcessing], 'full').goesWell);
  });

  it('is not looked at unless somebody asks: a look is one query more', async () => {
    const { look } = await measureOrders(bundles, { orders: 2, batchSize: 1, logLevel: 'info' });
    expect(look).toMatchObject({ of: 'get', invocationsPerOrder: 1, roundTrips: 1, reads: 1, readUnits: 1 });
  });
});

describe('the messages of orders', () => {
  it('carry no group for the one default tenant', async () => {
    const { grouped } = await measureOrders(bundles, { orders: 2, batchSize: 1, logLevel: 'warn' });
    expect(grouped).toBe(0);
  });

  it('carry a group where there are tenants, in their sends, receives and deletes', async () => {
    const mode = { orders: 4, logLevel: 'warn', tenants: 2 } as const;
    const single = await measureOrders(bundles, { ...mode, batchSize: 1 });
    expect(single.grouped).toBe(single.sends + single.receives + single.deletes);
    const batched = await measureOrders(bundles, { ...mode, batchSize: 10 });
    expect(batched.grouped).toBe(batched.sends + batched.receives + batched.deletes);
    expect(batched.grouped).toBeLessThan(single.grouped);
  });
});

describe('the reconciler with nothing due', () => {
  it('asks each shard once, looks once into each dead-letter queue, and writes no metric', async () => {
    const { use, queues, readUnits, metrics } = await measureIdleRun(bundles, 1, 'info');
    expect(use.roundTrips).toBe(LIMITS.indexShards);
    expect(readUnits).toBe(LIMITS.indexShards / 2);
    expect(queues).toBe(stepPlaces(chains).length);
    expect(metrics).toBe(0);
  });
});

describe('what is counted', () => {
  it('is one request to SQS for each 64 KiB, and at least one', () => {
    expect(billedRequests([''])).toBe(1);
    expect(billedRequests(['a'.repeat(65_536)])).toBe(1);
    expect(billedRequests(['a'.repeat(65_536), 'b'])).toBe(2);
  });

  it('is an item’s names and values', () => {
    expect(itemBytes({ pk: { S: 'é' }, n: { N: '1234' }, b: { BOOL: true } })).toBe(
      2 + 2 + (1 + 3) + (1 + 1),
    );
    expect(() => itemBytes({ m: { M: {} } })).toThrow('text, numbers and truth values');
  });

  it('is every byte that a function wrote, metrics apart, and each metric once', () => {
    const metric = JSON.stringify({
      _aws: { CloudWatchMetrics: [{ Dimensions: [['stage', 'step']], Metrics: [{ Name: 'Attempts' }] }] },
      stage: 'prod',
      step: 'payment',
      Attempts: 1,
    });
    const { eventBytes, metricBytes, metrics } = readLogs(
      `{"level":"INFO"}\n${metric}\n${metric}\nnot JSON\n`,
    );
    expect([eventBytes, metricBytes]).toEqual([17 + 9, 2 * (metric.length + 1)]);
    expect([...metrics]).toEqual(['Attempts prod payment']);
  });
});
