import type { SQSClientConfig } from '@aws-sdk/client-sqs';
import type { HttpRequest, HttpResponse } from '@smithy/core/protocols';
import { type QueueName, queueSuffix } from '../../../lib/contract/names.ts';
import { declareQueues } from '../../../lib/local/engine.ts';
import { createEmbeddedQueues } from '../../../lib/local/queue/queue.ts';
import { strayingQueues } from '../../../lib/testing/world/straying-queues.ts';
import { startDynalite } from '../../support/dynalite.ts';
import { type EmbeddedSqs, embeddedSqs } from '../../support/embedded-sqs.ts';
import type { BackingOptions } from '../world/backing.ts';
import type { Aws, AwsQueues } from './adapters.ts';
import { type AwsExchange, type AwsReply, exchangeOf, responseOf } from './wire.ts';

/** An AWS of one's own in this process: dynalite, and the embedded queues behind SQS's protocol. */
export interface EmbeddedAws extends Aws {
  close(): Promise<void>;
}

/** @example const aws = await startEmbeddedAws(); await simulateAdapters(1, aws); await aws.close(); */
export async function startEmbeddedAws(): Promise<EmbeddedAws> {
  const database = await startDynalite();
  return {
    dynamodb: { endpoint: database.url, requestHandler: database.client.config.requestHandler },
    createTable: database.createTable,
    deleteTable: database.deleteTable,
    openQueues: async (options) => openQueues(options),
    close: database.close,
  };
}

const PREFIX = 'https://sqs.us-east-1.amazonaws.com/123456789012/stepline_sim_';

function openQueues(options: BackingOptions): AwsQueues {
  const queues = createEmbeddedQueues({ clock: options.time, random: options.chance });
  const straying = strayingQueues(queues, options);
  declareQueues(straying, options.places);
  const arrivals = countArrivals();
  const inject = (to: QueueName, body: string): void => {
    arrivals.add(to, body);
    straying.inject(to, body);
  };
  const service = embeddedSqs({ queues: { ...straying, inject }, queueUrlPrefix: PREFIX });
  return {
    sqs: { requestHandler: handlerOf((exchange) => answer(service, exchange)) },
    queueUrlPrefix: PREFIX,
    queues: straying,
    known: async (delivery) => delivery,
    arrived: arrivals.count,
    close: async () => queues.close(),
  };
}

/** Counts what comes into queues. */
export function countArrivals(): Arrivals {
  const counts = new Map<string, number>();
  const keyOf = (to: QueueName, body: string): string => `${queueSuffix(to)} ${body}`;
  return {
    add: (to, body) => {
      counts.set(keyOf(to, body), (counts.get(keyOf(to, body)) ?? 0) + 1);
    },
    count: (to, body) => counts.get(keyOf(to, body)) ?? 0,
  };
}

interface Arrivals {
  add(to: QueueName, body: string): void;
  count(to: QueueName, body: string): number;
}

/** What the SDK sends its requests by, in place of a network. */
export function handlerOf(
  reply: (exchange: AwsExchange & { readonly http: HttpRequest }) => Promise<AwsReply>,
): NonNullable<SQSClientConfig['requestHandler']> {
  return {
    handle: async (request: unknown): Promise<{ response: HttpResponse }> => ({
      response: responseOf(await reply(exchangeOf(request))),
    }),
    updateHttpClientConfig: () => undefined,
    httpHandlerConfigs: () => ({}),
  };
}

const isAction = (service: EmbeddedSqs, operation: string): operation is keyof EmbeddedSqs =>
  Object.hasOwn(service, operation);

/** As SQS answers: a refusal is 400 with its name. */
async function answer(service: EmbeddedSqs, { operation, input }: AwsExchange): Promise<AwsReply> {
  if (!isAction(service, operation)) return { status: 400, output: { __type: 'InvalidAction' } };
  try {
    return { status: 200, output: { ...(await service[operation](input)) } };
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    return { status: 400, output: { __type: `com.amazonaws.sqs#${name}`, message } };
  }
}
