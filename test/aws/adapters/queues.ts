import {
  CreateQueueCommand,
  DeleteMessageCommand,
  DeleteQueueCommand,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { createSqsQueue } from '../../../lib/adapters/sqs/queue.ts';
import { type QueueName, queueSuffix } from '../../../lib/contract/names.ts';
import type { Delivery } from '../../../lib/engine/ports.ts';
import { CONTRACT_SETTINGS, DEAD_LETTERS, type QueueDriver, STEP } from '../../ports/queue/contract.ts';
import { ACCOUNT, type MiniStack, REGION } from '../ministack/ministack.ts';

const PARKING: QueueName = { kind: 'parking' };

/** Time in SQS is time in another process: what is due at the same instant is not quite due there. */
const MARGIN_MS = 50;

/** The contract's three queues, new and empty, under a name of their own. */
export async function createQueues(client: SQSClient, aws: MiniStack, prefix: string): Promise<QueueDriver> {
  const queueUrlPrefix = `${aws.endpoint}/${ACCOUNT}/${prefix}`;
  const urlOf = (name: QueueName): string => `${queueUrlPrefix}${queueSuffix(name)}`;
  const create = (name: QueueName, redriveTo?: QueueName) =>
    client.send(
      new CreateQueueCommand({
        QueueName: `${prefix}${queueSuffix(name)}`,
        Attributes: {
          VisibilityTimeout: String(CONTRACT_SETTINGS.visibilityTimeout),
          MessageRetentionPeriod: String(CONTRACT_SETTINGS.retention),
          ...(redriveTo === undefined ? {} : { RedrivePolicy: redrivePolicy(prefix, redriveTo) }),
        },
      }),
    );
  await create(PARKING);
  await create(DEAD_LETTERS, PARKING);
  await create(STEP, DEAD_LETTERS);

  const receive = async (name: QueueName, max: number): Promise<Delivery[]> => {
    const { Messages = [] } = await client.send(
      new ReceiveMessageCommand({
        QueueUrl: urlOf(name),
        MaxNumberOfMessages: Math.min(max, 10),
        MessageSystemAttributeNames: ['ApproximateReceiveCount'],
      }),
    );
    return Messages.map(({ Body = '', ReceiptHandle = '', Attributes }) => ({
      queue: name,
      body: Body,
      receiptHandle: ReceiptHandle,
      receiveCount: Number(Attributes?.ApproximateReceiveCount),
    }));
  };
  return {
    queue: createSqsQueue({ client, queueUrlPrefix }),
    receive,
    acknowledge: async ({ queue, receiptHandle }) => {
      await client.send(new DeleteMessageCommand({ QueueUrl: urlOf(queue), ReceiptHandle: receiptHandle }));
    },
    elapse: (ms) => new Promise((resolve) => setTimeout(resolve, ms + MARGIN_MS)),
    parked: async () => (await receive(PARKING, 10)).map(({ body }) => body),
    close: async () => {
      for (const name of [STEP, DEAD_LETTERS, PARKING])
        await client.send(new DeleteQueueCommand({ QueueUrl: urlOf(name) }));
    },
  };
}

const redrivePolicy = (prefix: string, to: QueueName): string =>
  JSON.stringify({
    deadLetterTargetArn: `arn:aws:sqs:${REGION}:${ACCOUNT}:${prefix}${queueSuffix(to)}`,
    maxReceiveCount: CONTRACT_SETTINGS.maxReceiveCount,
  });
