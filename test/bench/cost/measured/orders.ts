import * as z from 'zod';
import { startAnswer, workflowAnswer } from '../../../../lib/contract/wire.ts';
import { SAMPLE } from '../../../../lib/local/sample.ts';
import { about, request } from '../../../functions/stage.ts';
import { type CostStage, openCostStage, STEPS, type StageOptions, TENANT_CLAIM } from './cost-stage.ts';
import { type FunctionUse, useOf } from './function-use.ts';
import { readLogs } from './written-logs.ts';

/** How the orders are run. `batchSize`: messages of one receive, of one invocation and of one delete. */
export interface Mode extends StageOptions {
  readonly orders: number;
  readonly batchSize: number;
}

/** What one run of the chain with its start asked of AWS, on average. */
export interface Operations {
  /** The start and the steps. */
  readonly functions: readonly FunctionUse[];
  /** One look at the status. It is no part of a run: nobody needs to look. */
  readonly look: FunctionUse;
  readonly sends: number;
  readonly receives: number;
  readonly deletes: number;
  /** Of those the requests that carry a message with a group. */
  readonly grouped: number;
  readonly writes: number;
  /** Indexes included. */
  readonly writeUnits: number;
  readonly indexWriteUnits: number;
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

/** The function that answers a look at the status. */
const LOOK = 'get';

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
  const stage = await openCostStage(bundles, mode);
  let counted: Omit<Operations, 'eventBytes' | 'metricBytes' | 'metrics'>;
  let output = '';
  try {
    for (let from = 0; from < mode.orders; from += mode.batchSize) {
      await runBatch(stage, mode, from, Math.min(mode.orders, from + mode.batchSize));
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

/** The orders from one number to another, side by side. */
async function runBatch(stage: CostStage, { batchSize, tenants }: Mode, from: number, to: number) {
  const placed: { readonly id: string; readonly by: ReturnType<typeof tokenOf> }[] = [];
  for (let n = from; n < to; n += 1) {
    const by = tokenOf(n, tenants);
    const body = bodyOf(await stage.invoke('start', request({ ...by, body: SAMPLE.body })));
    placed.push({ by, id: startAnswer.parse(JSON.parse(body)).workflowId });
  }
  for (const step of STEPS) {
    for (let left = placed.length; left > 0; ) left -= await delivered(stage, step, batchSize);
  }
  for (const { id, by } of placed) {
    const body = bodyOf(await stage.invoke(LOOK, about(id, by)));
    const { status } = workflowAnswer.parse(JSON.parse(body));
    if (status !== 'completed') throw new Error(`order ${id} is ${status}`);
  }
}

/** What a request has of its JWT. */
const tokenOf = (order: number, tenants: number | undefined) =>
  tenants === undefined
    ? {}
    : {
        requestContext: { authorizer: { jwt: { claims: { [TENANT_CLAIM]: `tenant-${order % tenants}` } } } },
      };

async function delivered(stage: CostStage, step: string, batchSize: number): Promise<number> {
  const messages = await stage.deliver(step, batchSize);
  if (messages === 0) throw new Error(`the queue of ${step} is empty too early`);
  return messages;
}

async function countedOf(stage: CostStage, orders: number) {
  const { dynamoDb, sqs } = stage;
  const stored = await stage.stored();
  return {
    functions: ['start', ...STEPS].map((of) => useOf(stage, of, orders)),
    look: useOf(stage, LOOK, orders),
    sends: sqs.sends / orders,
    receives: sqs.receives / orders,
    deletes: sqs.deletes / orders,
    grouped: sqs.grouped / orders,
    writes: dynamoDb.writes / orders,
    writeUnits: (dynamoDb.writeUnits + stage.indexUnits()) / orders,
    indexWriteUnits: stage.indexUnits() / orders,
    storedBytes: (stored.table + stored.indexes) / orders,
    tableBytes: stored.table / orders,
    payloadBytes: Buffer.byteLength(JSON.stringify(SAMPLE.body)) + stored.results / orders,
  };
}
