import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { SQSClient, type SQSClientConfig } from '@aws-sdk/client-sqs';
import { StandardRetryStrategy } from '@smithy/core/retry';
import { BOUNDS } from '../../../functions/compose.ts';
import { createDynamoDbStore } from '../../../lib/adapters/dynamodb/store.ts';
import { createSqsQueue } from '../../../lib/adapters/sqs/queue.ts';
import { type QueueName, queueSuffix } from '../../../lib/contract/names.ts';
import type { Delivery, Outgoing, Queue } from '../../../lib/engine/ports.ts';
import type { EmbeddedQueues } from '../../../lib/local/queue/queue.ts';
import type { Backing } from '../../../lib/testing/world/backing.ts';
import type { Chaos } from '../faults/chaos.ts';
import { type AwsService, NO_FAULT } from '../faults/request.ts';
import { checkedStore } from '../oracle/checked-store.ts';
import { type Outcome, type SimulateOptions, simulate } from '../simulate.ts';
import type { BackingOptions } from '../world/backing.ts';
import { type Calls, createCalls } from './calls.ts';
import { noRequestCounts, type RequestCounts } from './request-counts.ts';
import { chaosOfRequests } from './request-faults.ts';
import { createRequestLayer, type RequestLayer } from './request-layer.ts';

/** What stands behind the clients of the SDK. */
export interface Aws {
  readonly dynamodb: Pick<DynamoDBClientConfig, 'endpoint' | 'requestHandler'>;
  /** Makes an empty table and returns its name. */
  createTable(): Promise<string>;
  deleteTable(name: string): Promise<void>;
  openQueues(options: BackingOptions): Promise<AwsQueues>;
}

/** The queues of one schedule. */
export interface AwsQueues {
  readonly sqs: Pick<SQSClientConfig, 'endpoint' | 'requestHandler'>;
  readonly queueUrlPrefix: string;
  /** What the mappings receive from. */
  readonly queues: EmbeddedQueues;
  /** The delivery as the service knows it. */
  known(delivery: Delivery): Promise<Delivery>;
  /** How often a body came into a queue. */
  arrived(to: QueueName, body: string): number;
  close(): Promise<void>;
}

/** How one schedule over the adapters went. */
export interface AdapterOutcome extends Outcome {
  readonly requests: RequestCounts;
}

/**
 * The schedule of a seed over the real adapters and SDK clients, with faults at every request.
 * @example const { violations } = await simulateAdapters(7, aws, { trace: console.log });
 */
export async function simulateAdapters(
  seed: number,
  aws: Aws,
  options: Pick<SimulateOptions, 'trace'> = {},
): Promise<AdapterOutcome> {
  const requests = noRequestCounts();
  const outcome = await simulate(seed, {
    ...options,
    chaos: chaosOfRequests,
    longest: LONGEST,
    backing: (of) => openAdapters(aws, of, requests),
  });
  return { ...outcome, requests };
}

/** Requests take real time: schedules are kept short, so that there can be many. Milliseconds. */
const LONGEST = 15 * 60_000;

const ACCESS = {
  region: 'us-east-1',
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
};

/** The SDK's own way of trying again, as often as in production; the wait is part of the fault, in virtual time. */
const patience = (): StandardRetryStrategy =>
  new StandardRetryStrategy({
    maxAttempts: BOUNDS.maxAttempts,
    backoff: { setDelayBase: () => undefined, computeNextBackoffDelay: () => 0 },
  });

async function openAdapters(aws: Aws, options: BackingOptions, counts: RequestCounts): Promise<Backing> {
  const { time, oracle, trace } = options;
  let calm = false;
  const request: Chaos['request'] = (...of) =>
    calm ? NO_FAULT : (options.chaos.request?.(...of) ?? NO_FAULT);
  const chaos = { ...options.chaos, request };
  const calls = createCalls(time);
  const layer = (service: AwsService): RequestLayer =>
    createRequestLayer({ service, time, chaos, calls, counts, trace, report: oracle.report });
  const tableName = await aws.createTable();
  const dynamodb = new DynamoDBClient({ ...ACCESS, ...aws.dynamodb, retryStrategy: patience() });
  const tableLayer = layer('dynamodb');
  dynamodb.middlewareStack.add((next) => (args) => tableLayer.command(() => next(args)), {
    step: 'initialize',
  });
  dynamodb.middlewareStack.add(
    (next) => (args) => tableLayer.attempt(args.request, (request) => next({ ...args, request })),
    { step: 'deserialize', priority: 'low' },
  );
  const queues = await aws.openQueues(options);
  const sqs = new SQSClient({ ...ACCESS, ...queues.sqs, retryStrategy: patience() });
  const queueLayer = layer('sqs');
  sqs.middlewareStack.add((next) => (args) => queueLayer.command(() => next(args)), { step: 'initialize' });
  sqs.middlewareStack.add(
    (next) => (args) => queueLayer.attempt(args.request, (request) => next({ ...args, request })),
    { step: 'deserialize', priority: 'low' },
  );
  const { queueUrlPrefix } = queues;
  const queue = createSqsQueue({ client: sqs, queueUrlPrefix });
  return {
    store: checkedStore(
      createDynamoDbStore({ client: dynamodb, tableName }),
      oracle,
      () => counts.shortPages,
    ),
    queues: queues.queues,
    perform: calls.perform,
    witness: calls.witness,
    send: checkedSend(queue, queues, options, togetherIn(calls, options)),
    park: (body) => queue.park(body),
    setVisibility: async (delivery, ms) => await queue.setVisibility(await queues.known(delivery), ms),
    granularityMs: queue.granularityMs,
    // Received as the mappings receive: only the embedded queues know when in virtual time.
    receive: queues.queues.receive,
    acknowledge: queues.queues.acknowledge,
    calm: () => {
      calm = true;
    },
    close: async () => {
      await queues.close();
      await aws.deleteTable(tableName);
    },
  };
}

/** Lets messages wait for others at times, as those of one busy process do: only so are there requests of several. */
const togetherIn =
  (calls: Calls, { chance }: BackingOptions) =>
  (): Promise<void> =>
    calls.together(() => (chance.happens(0.5) ? Math.round(chance.magnitude(100, TOGETHER)) : 0));

/** Milliseconds. */
const TOGETHER = 3_000;

/** Once a send has succeeded, every one of its messages is in its queue. */
function checkedSend(
  queue: Queue,
  queues: AwsQueues,
  { oracle }: BackingOptions,
  together: () => Promise<void>,
): Queue['send'] {
  const count = ({ to, message }: Outgoing): number => queues.arrived(to, JSON.stringify(message));
  return async (outgoing) => {
    const before = outgoing.map(count);
    await together();
    await queue.send(outgoing);
    for (const [index, one] of outgoing.entries()) {
      if (count(one) === before[index]) oracle.report(`a message to ${queueSuffix(one.to)} was never sent`);
    }
  };
}
