import { describe, expect, it } from 'vitest';
import { billOf } from './bill.ts';
import { durable, express, standard } from './competitors.ts';
import { idleLines, POLLS_OF_MONTH } from './idle.ts';
import type { FunctionUse, Operations } from './orders.ts';
import { durationMs, gbSeconds, keepingLines, logLines, runningLines } from './stepline.ts';
import { PLATFORM_LOG_BYTES } from './written-logs.ts';

const API: FunctionUse = {
  of: 'start',
  isStep: false,
  invocationsPerOrder: 1,
  messagesPerInvocation: 1,
  roundTrips: 2,
  cpuMs: 0,
};
const STEP: FunctionUse = { ...API, of: 'payment', isStep: true, roundTrips: 4 };
const OPERATIONS: Operations = {
  functions: [API, { ...API, of: 'get' }, STEP, { ...STEP, of: 'shipment' }, { ...STEP, of: 'confirmation' }],
  sends: 3,
  receives: 3,
  deletes: 3,
  writes: 8,
  reads: 4,
  writeUnits: 12,
  indexWriteUnits: 4,
  readUnits: 4,
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
  const lines = runningLines(OPERATIONS);

  it('has its start and one look at its status as API calls', () => {
    expect(quantityOf(lines, 'API calls')).toBe(2);
    expect(quantityOf(lines, 'invocations')).toBe(5);
  });

  it('has compute for every invocation', () => {
    expect(quantityOf(lines, 'compute: steps')).toBeCloseTo(3 * 0.22 * 0.25);
    expect(quantityOf(lines, 'compute: start')).toBeCloseTo(2 * 0.01 * 0.25);
  });

  it('has a tenth of the step invocations where each of them takes ten messages', () => {
    const functions = OPERATIONS.functions.map((use) =>
      use.isStep ? { ...use, invocationsPerOrder: 0.1 } : use,
    );
    expect(quantityOf(runningLines({ ...OPERATIONS, functions }), 'invocations: steps')).toBeCloseTo(0.3);
  });

  it('has the surcharge on every request of a message', () => {
    expect(quantityOf(lines, 'SQS: fair')).toBe(9);
  });

  it('keeps a GB for three months less a day or so', () => {
    expect(billOf(keepingLines(OPERATIONS)).dollars).toBeCloseTo(0.25 * (90 / (365 / 12)));
  });

  it('has logs of its own and of Lambda', () => {
    const bytes = logLines(OPERATIONS).reduce((sum, { quantity }) => sum + quantity * 1_073_741_824, 0);
    expect(bytes).toBeCloseTo(2_000 + 5 * PLATFORM_LOG_BYTES);
  });
});

describe('the same chain elsewhere', () => {
  it('costs $100 in four transitions of Standard, and its API', () => {
    expect(million(standard(WORKLOAD).running)).toBeCloseTo(100 + 2 + 0.2);
  });

  it('costs an execution and 600 ms of 64 MB on Express, and its start', () => {
    expect(million(express(WORKLOAD).running)).toBeCloseTo(1 + 0.6 * 0.0625 * 16.67 + 1);
  });

  it('costs $32 in four durable operations, and compute for the whole time', () => {
    const compute = gbSeconds(3 * 200 + 4 * 5) * 13.3334;
    expect(million(durable(WORKLOAD).running)).toBeCloseTo(32 + compute + 0.2 + 2 + 0.4);
  });
});

describe('an idle stage', () => {
  const none = {
    mappings: 0,
    alarms: 0,
    compositeAlarms: 0,
    dashboards: 0,
    keys: 0,
    secrets: 0,
    schedules: 0,
  };
  const run = { use: { ...API, of: 'reconciler' }, readUnits: 4, logBytes: 0 };
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
});
