import * as z from 'zod';
import type { LogLevel } from '../../../lib/contract/names.ts';
import { startAnswer, workflowAnswer } from '../../../lib/contract/wire.ts';
import { SAMPLE } from '../../../lib/local/sample.ts';
import { about, request } from '../../functions/stage.ts';
import { median } from '../statistics.ts';
import { type CostStage, openCostStage, STEPS } from './cost-stage.ts';
import { readLogs } from './written-logs.ts';

/** How the orders are run. `batchSize`: messages of one receive, of one invocation and of one delete. */
export interface Mode {
  readonly orders: number;
  readonly batchSize: number;
  readonly logLevel: LogLevel;
}

/** One function over all its invocations. */
export interface FunctionUse {
  /** `start`, `get`, `reconciler`, or a step's name. */
  readonly of: string;
  readonly isStep: boolean;
  readonly invocationsPerOrder: number;
  readonly messagesPerInvocation: number;
  /** Requests to AWS that a message waits for, one after the other. */
  readonly roundTrips: number;
  /** Milliseconds of processor time of an invocation: the median of the later half, when the code has warmed up. */
  readonly cpuMs: number;
}

/** What one order asked of AWS, on average. */
export interface Operations {
  readonly functions: readonly FunctionUse[];
  readonly sends: number;
  readonly receives: number;
  readonly deletes: number;
  readonly writes: number;
  readonly reads: number;
  /** Indexes included. */
  readonly writeUnits: number;
  readonly indexWriteUnits: number;
  readonly readUnits: number;
  /** Bytes that are billed while the order is kept. */
  readonly storedBytes: number;
  /** Of those the table's own, which backups hold. */
  readonly tableBytes: number;
  /** Bytes of log lines and of metrics that the functions wrote. */
  readonly eventBytes: number;
  readonly metricBytes: number;
  /** Metrics that CloudWatch bills a month each, however many orders there are. */
  readonly metrics: number;
  /** Bytes of JSON: the order as it is sent, and the steps' results as they are saved. */
  readonly payloadBytes: number;
}

const answered = z.object({ statusCode: z.int(), body: z.string() });

/** Errors: throws with what an API function answered, where that is a refusal. */
function bodyOf(answer: unknown): string {
  const { statusCode, body } = answered.parse(answer);
  if (statusCode >= 300) throw new Error(`${statusCode}: ${body}`);
  return body;
}

/**
 * Runs orders to their end as Lambda would, the functions bundled as they are deployed, and counts what they asked of AWS.
 * @param bundles a directory that `bundleTo` filled
 * @example await measureOrders(bundles, { orders: 40, batchSize: 1, logLevel: 'info' })
 */
export async function measureOrders(bundles: string, mode: Mode): Promise<Operations> {
  const stage = await openCostStage(bundles, mode.logLevel);
  let counted: Omit<Operations, 'eventBytes' | 'metricBytes' | 'metrics'>;
  let output = '';
  try {
    for (let left = mode.orders; left > 0; left -= mode.batchSize) {
      await runBatch(stage, Math.min(left, mode.batchSize), mode.batchSize);
    }
    counted = await countedOf(stage, mode.orders);
  } finally {
    output = await stage.close();
  }
  const { eventBytes, metricBytes, metrics } = readLogs(output);
  return {
    ...counted,
    eventBytes: eventBytes / mode.orders,
    metricBytes: metricBytes / mode.orders,
    metrics: metrics.size,
  };
}

/** So many orders side by side. */
async function runBatch(stage: CostStage, orders: number, batchSize: number): Promise<void> {
  const ids: string[] = [];
  for (let n = 0; n < orders; n += 1) {
    const body = bodyOf(await stage.invoke('start', request({ body: SAMPLE.body })));
    ids.push(startAnswer.parse(JSON.parse(body)).workflowId);
  }
  for (const step of STEPS) {
    for (let left = orders; left > 0; ) left -= await delivered(stage, step, batchSize);
  }
  for (const id of ids) {
    const body = bodyOf(await stage.invoke('get', about(id)));
    const { status } = workflowAnswer.parse(JSON.parse(body));
    if (status !== 'completed') throw new Error(`order ${id} is ${status}`);
  }
}

async function delivered(stage: CostStage, step: string, batchSize: number): Promise<number> {
  const messages = await stage.deliver(step, batchSize);
  if (messages === 0) throw new Error(`the queue of ${step} is empty too early`);
  return messages;
}

async function countedOf(stage: CostStage, orders: number) {
  const { dynamoDb, sqs } = stage;
  const stored = await stage.stored();
  return {
    functions: ['start', 'get', ...STEPS].map((of) => useOf(stage, of, orders)),
    sends: sqs.sends / orders,
    receives: sqs.receives / orders,
    deletes: sqs.deletes / orders,
    writes: dynamoDb.writes / orders,
    reads: dynamoDb.reads / orders,
    writeUnits: (dynamoDb.writeUnits + stage.indexUnits()) / orders,
    indexWriteUnits: stage.indexUnits() / orders,
    readUnits: dynamoDb.readUnits / orders,
    storedBytes: (stored.table + stored.indexes) / orders,
    tableBytes: stored.table / orders,
    payloadBytes: Buffer.byteLength(JSON.stringify(SAMPLE.body)) + stored.results / orders,
  };
}

function useOf({ invocations }: CostStage, of: string, orders: number): FunctionUse {
  const mine = invocations.filter((one) => one.of === of);
  const messages = mine.reduce((sum, one) => sum + one.messages, 0);
  return {
    of,
    isStep: STEPS.includes(of),
    invocationsPerOrder: mine.length / orders,
    messagesPerInvocation: messages / mine.length,
    roundTrips: median(mine.map(({ roundTrips }) => roundTrips)),
    cpuMs: median(mine.slice(Math.floor(mine.length / 2)).map(({ cpuMs }) => cpuMs)),
  };
}

/**
 * What a query costs at least, eventually consistent; dynalite says 0 where nothing is found.
 * Source: Amazon DynamoDB Developer Guide, read and write operations.
 */
const LEAST_READ_UNITS = 0.5;

/** One run of the reconciler that finds nothing due. */
export interface IdleRun {
  readonly use: FunctionUse;
  readonly readUnits: number;
  readonly logBytes: number;
}

/** @example await measureIdleRun(bundles, 40) */
export async function measureIdleRun(bundles: string, runs: number): Promise<IdleRun> {
  const stage = await openCostStage(bundles, 'info');
  let use: FunctionUse;
  let readUnits = 0;
  let output = '';
  try {
    for (let run = 0; run < runs; run += 1) await stage.invoke('reconciler', {});
    use = useOf(stage, 'reconciler', runs);
    readUnits = Math.max(stage.dynamoDb.readUnits, stage.dynamoDb.reads * LEAST_READ_UNITS) / runs;
  } finally {
    output = await stage.close();
  }
  return { use, readUnits, logBytes: Buffer.byteLength(output) / runs };
}
