import { describe, expect, it } from 'vitest';
import type { FunctionUse } from '../measured/function-use.ts';
import type { Operations } from '../measured/orders.ts';
import { PLATFORM_LOG_BYTES } from '../measured/written-logs.ts';
import { billOf } from './bill.ts';
import { durable, express, standard } from './competitors.ts';
import { emptyingOfMonth, idleLines, metricLines, POLLS_OF_MONTH } from './idle.ts';
import {
  chainLines,
  durationMs,
  frontLines,
  gbSeconds,
  keepingLines,
  logLines,
  lookLines,
  tenantLines,
  traceLines,
} from './stepline.ts';

const API: FunctionUse = {
  of: 'start',
  isStep: false,
  invocationsPerOrder: 1,
  messagesPerInvocation: 1,
  roundTrips: 2,
  reads: 0,
  readUnits: 0,
  cpuMs: 0,
};
const STEP: FunctionUse = { ...API, of: 'payment', isStep: true, roundTrips: 4, reads: 1, readUnits: 1 };
const OPERATIONS: Operations = {
  functions: [API, STEP, { ...STEP, of: 'shipment' }, { ...STEP, of: 'confirmation' }],
  look: { ...API, of: 'get', reads: 1, readUnits: 1 },
  sends: 3,
  receives: 3,
  deletes: 3,
  grouped: 9,
  writes: 8,
  writeUnits: 10,
  indexWriteUnits: 2,
  storedBytes: 1_073_741_824,
  tableBytes: 1_000,
  eventBytes: 1_000,
  metricBytes: 1_000,
  metrics: 8,
  payloadBytes: 300,
};
const WORKLOAD = { calls: 3, payloadBytes: 0, apiFunctionMs: 0 };
const million = (lines: Parameters<typeof billOf>[0]): number => billOf(lines, 1_000_000).dollars;
const quantityOf = (lines: Parameters<typeof billOf>[0], label: string): number =>
  lines.filter((line) => line.label.startsWith(label)).reduce((sum, { quantity }) => sum + quantity, 0);

describe('an invocation', () => {
  it('of a step takes the call and its requests to AWS', () => {
    expect(durationMs(STEP)).toBe(200 + 4 * 5);
  });

  it('behind the API makes no call', () => {
    expect(durationMs(API)).toBe(2 * 5);
  });

  it('gets of a processor what its memory buys', () => {
    expect(durationMs({ ...API, roundTrips: 0, cpuMs: 10 })).toBeCloseTo((10 * 1_769) / 256);
  });

  it('of a second is a quarter of a GB-second', () => {
    expect(gbSeconds(1_000)).toBe(0.25);
  });
});

describe('the bill of a workflow', () => {
  const lines = chainLines(OPERATIONS);

  it('has one API call in front of the chain, for its start', () => {
    expect(quantityOf(frontLines(OPERATIONS), 'API call')).toBe(1);
    expect(quantityOf(lines, 'API call')).toBe(0);
  });

  it('has invocations and compute of its start and of its steps', () => {
    expect(quantityOf(lines, 'invocation')).toBe(4);
    expect(quantityOf(lines, 'compute: steps')).toBeCloseTo(3 * 0.22 * 0.25);
    expect(quantityOf(lines, 'compute: start')).toBeCloseTo(0.01 * 0.25);
  });

  it('has a tenth of the step invocations where each of them takes ten messages', () => {
    const functions = OPERATIONS.functions.map((use) =>
      use.isStep ? { ...use, invocationsPerOrder: 0.1, reads: 10, readUnits: 10 } : use,
    );
    const batched = chainLines({ ...OPERATIONS, functions });
    expect(quantityOf(batched, 'invocations: steps')).toBeCloseTo(0.3);
    expect(quantityOf(batched, 'DynamoDB: reads')).toBeCloseTo(3);
  });

  it('has nothing of a look at the status, which stands apart', () => {
    expect(quantityOf(lines, 'DynamoDB: reads')).toBe(3);
    expect(billOf(lookLines(OPERATIONS), 1_000_000).dollars).toBeCloseTo(
      1 + 0.2 + 0.125 + 0.01 * 0.25 * 13.3334,
    );
  });

  it('has nothing of fair queues, which stand apart', () => {
    expect(quantityOf(lines, 'SQS')).toBe(9);
    expect(lines.map(({ price }) => price)).not.toContain('sqsFairRequest');
    expect(quantityOf(tenantLines(OPERATIONS), 'SQS: fair')).toBe(9);
  });

  it('has a trace for each invocation that is sampled apart', () => {
    expect(quantityOf(traceLines(OPERATIONS, 1), 'X-Ray')).toBe(4);
    expect(quantityOf(traceLines(OPERATIONS, 0.05), 'X-Ray')).toBeCloseTo(0.2);
  });

  it('keeps a GB for three months less a day or so', () => {
    expect(billOf(keepingLines(OPERATIONS)).dollars).toBeCloseTo(0.25 * (90 / (365 / 12)));
  });

  it('has logs of its own and of Lambda', () => {
    const bytes = logLines(OPERATIONS).reduce((sum, { quantity }) => sum + quantity * 1_073_741_824, 0);
    expect(bytes).toBeCloseTo(2_000 + 4 * PLATFORM_LOG_BYTES);
  });
});

describe('the same chain elsewhere', () => {
  const alone = (of: typeof durable): number => million(of(WORKLOAD).chain);
  const front = (of: typeof durable): number => million(of(WORKLOAD).front);
  const look = (of: typeof durable): number => million(of(WORKLOAD).look);

  it('costs $100 in four transitions of Standard, and an API call in front', () => {
    expect(alone(standard)).toBeCloseTo(100);
    expect(front(standard)).toBeCloseTo(1);
  });

  it('costs an execution and 600 ms of 64 MB on Express, and an API call in front', () => {
    expect(alone(express)).toBeCloseTo(1 + 0.6 * 0.0625 * 16.67);
    expect(front(express)).toBeCloseTo(1);
  });

  it('costs $32 in four durable operations, compute for the whole time, and a function behind the API', () => {
    expect(alone(durable)).toBeCloseTo(32 + gbSeconds(3 * 200 + 4 * 5) * 13.3334 + 0.2);
    expect(front(durable)).toBeCloseTo(1 + 0.2);
  });

  it('costs an API call and a function for each look, but for Express, which shows nothing', () => {
    expect([look(standard), look(durable), look(express)]).toEqual([1.2, 1.2, 0]);
  });
});

describe('an idle stage', () => {
  const none = {
    mappings: 0,
    deadLetterQueues: 0,
    alarms: 0,
    compositeAlarms: 0,
    dashboards: 0,
    keys: 0,
    secrets: 0,
    schedules: 0,
    tracedSchedules: 0,
    meteredRoutes: 0,
  };
  const run = { use: { ...API, of: 'reconciler' }, queues: 12, readUnits: 4, logBytes: 0, metrics: 0 };
  const month = (changes: Partial<typeof none>): number =>
    billOf(idleLines({ ...none, ...changes }, run)).dollars;

  it('of nothing costs nothing', () => {
    expect(month({})).toBe(0);
  });

  it('polls each mapping 657,000 times a month, for $0.26', () => {
    expect(POLLS_OF_MONTH).toBe(657_000);
    expect(month({ mappings: 1 })).toBeCloseTo(0.2628);
  });

  it('pays for alarms, dashboards, keys and secrets by the piece', () => {
    expect(month({ alarms: 10, compositeAlarms: 1, dashboards: 1, keys: 1, secrets: 2 })).toBeCloseTo(
      1 + 0.5 + 3 + 1 + 0.8,
    );
  });

  it('pays for a reconciler every minute: its schedule, invocations, compute, reads and logs', () => {
    const runs = 43_800;
    const log = (runs * PLATFORM_LOG_BYTES * 0.5) / 1_073_741_824;
    expect(month({ schedules: 1 })).toBeCloseTo(
      (runs * (1 + 0.2 + 4 * 0.125)) / 1_000_000 + runs * gbSeconds(10) * 0.000_013_333_4 + log,
    );
  });

  it('pays for the traces of the reconciler where it is traced', () => {
    const traced = month({ schedules: 1, tracedSchedules: 1 });
    expect(traced - month({ schedules: 1 })).toBeCloseTo(43_800 * 0.000_005);
  });

  it('looks into each dead-letter queue once a minute, and waits for ten of them at a time', () => {
    const stage = { ...none, schedules: 1, deadLetterQueues: 12 };
    expect(emptyingOfMonth(stage)).toBe(12 * 43_800);
    const waits = 43_800 * gbSeconds(2 * 5) * 0.000_013_333_4;
    expect(month(stage) - month({ schedules: 1 })).toBeCloseTo(12 * 43_800 * 0.000_000_4 + waits);
  });

  it('pays for the metric that the reconciler writes, and in a month with orders for all others', () => {
    expect(billOf(idleLines(none, { ...run, metrics: 1 })).dollars).toBeCloseTo(0.3);
    const custom = { goesWell: 8, goesWrong: 2 };
    expect(billOf(metricLines({ ...none, meteredRoutes: 3 }, custom)).dollars).toBeCloseTo(
      (8 + 2 + 18) * 0.3,
    );
  });
});
