import { LIMITS } from '../../../lib/contract/limits.ts';
import type { Line } from './bill.ts';
import type { FunctionUse, Operations } from './orders.ts';
import { PLATFORM_LOG_BYTES } from './written-logs.ts';

/** What is assumed and not measured. Each is printed under the tables. */
export const ASSUMED = {
  /** Milliseconds that a target takes to answer. */
  callMs: 200,
  memoryMb: 256,
  /** Milliseconds of one request to DynamoDB or SQS from within the region. */
  roundTripMs: 5,
  /** Memory at which a function has one whole processor. Source: AWS Lambda Developer Guide, function memory. */
  mbOfOneProcessor: 1_769,
  keptDays: LIMITS.keepDays,
} as const;

export const DAYS_OF_MONTH = 365 / 12;
export const GB = 1_073_741_824;

/**
 * Milliseconds of one invocation on Lambda: the call, the requests to AWS, and the processor time that was measured here on
 * a whole processor, of which a small function has a part. Messages of a batch call at the same time.
 */
export const durationMs = ({ isStep, roundTrips, cpuMs }: FunctionUse): number =>
  (isStep ? ASSUMED.callMs : 0) +
  roundTrips * ASSUMED.roundTripMs +
  (cpuMs * ASSUMED.mbOfOneProcessor) / ASSUMED.memoryMb;

/** @example gbSeconds(1_000) // 0.25 */
export const gbSeconds = (ms: number): number => (ms / 1_000) * (ASSUMED.memoryMb / 1_024);

const sum = (uses: readonly FunctionUse[], of: (use: FunctionUse) => number): number =>
  uses.reduce((total, use) => total + of(use), 0);

/** What one workflow costs while it runs, its start and one look at its status included. */
export function runningLines(operations: Operations): readonly Line[] {
  const { functions, sends, receives, deletes, writeUnits, readUnits } = operations;
  const steps = functions.filter(({ isStep }) => isStep);
  const api = functions.filter(({ isStep }) => !isStep);
  const apiCalls = sum(api, ({ invocationsPerOrder }) => invocationsPerOrder);
  const compute = (uses: readonly FunctionUse[]): number =>
    sum(uses, (use) => use.invocationsPerOrder * gbSeconds(durationMs(use)));
  return [
    { label: 'API calls: start, one status', price: 'httpApiRequest', quantity: apiCalls },
    { label: 'invocations: start, one status', price: 'lambdaRequest', quantity: apiCalls },
    { label: 'compute: start, one status', price: 'lambdaGbSecond', quantity: compute(api) },
    {
      label: 'invocations: steps',
      price: 'lambdaRequest',
      quantity: sum(steps, ({ invocationsPerOrder }) => invocationsPerOrder),
    },
    { label: 'compute: steps', price: 'lambdaGbSecond', quantity: compute(steps) },
    { label: 'SQS: sends', price: 'sqsRequest', quantity: sends },
    { label: 'SQS: receives by the mappings', price: 'sqsRequest', quantity: receives },
    { label: 'SQS: deletes by the mappings', price: 'sqsRequest', quantity: deletes },
    { label: 'SQS: fair queues', price: 'sqsFairRequest', quantity: sends + receives + deletes },
    { label: 'DynamoDB: writes, indexes included', price: 'dynamoDbWriteUnit', quantity: writeUnits },
    { label: 'DynamoDB: reads', price: 'dynamoDbReadUnit', quantity: readUnits },
  ];
}

/** What it costs to keep the workflow. */
export const keepingLines = ({ storedBytes }: Operations): readonly Line[] => [
  {
    label: `DynamoDB: storage for ${ASSUMED.keptDays} days`,
    price: 'dynamoDbGbMonth',
    quantity: gbMonths(storedBytes),
  },
];

/** Backups, where the stage has them. */
export const backupLines = ({ tableBytes }: Operations): readonly Line[] => [
  {
    label: `DynamoDB: backups for ${ASSUMED.keptDays} days`,
    price: 'dynamoDbBackupGbMonth',
    quantity: gbMonths(tableBytes),
  },
];

/** @example gbMonths(GB) // GB-months of one GB that is kept for `ASSUMED.keptDays` */
export const gbMonths = (bytes: number): number => (bytes / GB) * (ASSUMED.keptDays / DAYS_OF_MONTH);

/** What its logs cost: the lines of events and of metrics that were written, and those that Lambda adds itself. */
export function logLines({ functions, eventBytes, metricBytes }: Operations): readonly Line[] {
  const invocations = sum(functions, ({ invocationsPerOrder }) => invocationsPerOrder);
  return [
    { label: 'logs: events', price: 'logGb', quantity: eventBytes / GB },
    { label: 'logs: metrics in the embedded format', price: 'logGb', quantity: metricBytes / GB },
    {
      label: 'logs: START, END and REPORT of Lambda',
      price: 'logGb',
      quantity: (invocations * PLATFORM_LOG_BYTES) / GB,
    },
  ];
}
