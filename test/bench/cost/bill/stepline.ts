import { LIMITS } from '../../../../lib/contract/limits.ts';
import { type FunctionUse, perOrder } from '../measured/function-use.ts';
import type { Operations } from '../measured/orders.ts';
import { PLATFORM_LOG_BYTES } from '../measured/written-logs.ts';
import type { Line } from './bill.ts';

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
  /** Part of the invocations that X-Ray samples beyond the first of each second. */
  sampled: 0.05,
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

const count = (): number => 1;
const compute = (use: FunctionUse): number => gbSeconds(durationMs(use));

/** The API in front of the chain. */
export const frontLines = ({ functions }: Operations): readonly Line[] => [
  { label: 'API call: start', price: 'httpApiRequest', quantity: perOrder(functions.filter(isApi), count) },
];

/** One run of the chain. The start function is part of it: without an API, too, it saves the workflow and queues the first step. */
export function chainLines(operations: Operations): readonly Line[] {
  const { functions, sends, receives, deletes, writeUnits } = operations;
  const start = functions.filter(isApi);
  const steps = functions.filter(({ isStep }) => isStep);
  const reads = perOrder(functions, ({ readUnits }) => readUnits);
  return [
    { label: 'invocation: start', price: 'lambdaRequest', quantity: perOrder(start, count) },
    { label: 'compute: start', price: 'lambdaGbSecond', quantity: perOrder(start, compute) },
    { label: 'invocations: steps', price: 'lambdaRequest', quantity: perOrder(steps, count) },
    { label: 'compute: steps', price: 'lambdaGbSecond', quantity: perOrder(steps, compute) },
    { label: 'SQS: sends', price: 'sqsRequest', quantity: sends },
    { label: 'SQS: receives by the mappings', price: 'sqsRequest', quantity: receives },
    { label: 'SQS: deletes by the mappings', price: 'sqsRequest', quantity: deletes },
    { label: 'DynamoDB: writes, indexes included', price: 'dynamoDbWriteUnit', quantity: writeUnits },
    { label: 'DynamoDB: reads', price: 'dynamoDbReadUnit', quantity: reads },
  ];
}

const isApi = ({ isStep }: FunctionUse): boolean => !isStep;

/** One look at the status. */
export const lookLines = ({ look }: Operations): readonly Line[] => [
  { label: 'API call', price: 'httpApiRequest', quantity: 1 },
  { label: 'invocation', price: 'lambdaRequest', quantity: 1 },
  { label: 'compute', price: 'lambdaGbSecond', quantity: compute(look) },
  { label: 'DynamoDB: read', price: 'dynamoDbReadUnit', quantity: look.readUnits },
];

/** What a stage with several tenants pays besides. */
export const tenantLines = ({ grouped }: Operations): readonly Line[] => [
  { label: 'SQS: fair queues', price: 'sqsFairRequest', quantity: grouped },
];

/** X-Ray, where so many of all invocations are sampled, 0 to 1. */
export const traceLines = ({ functions }: Operations, sampled: number): readonly Line[] => [
  { label: 'X-Ray: traces', price: 'trace', quantity: sampled * perOrder(functions, count) },
];

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
  const invocations = perOrder(functions, count);
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
