import { createHash } from 'node:crypto';
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  QueueDoesNotExist,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  type SQSClient,
  SQSServiceException,
} from '@aws-sdk/client-sqs';
import type { AwsClientStub } from 'aws-sdk-client-mock';
import * as z from 'zod';
import { parseQueueSuffix, type QueueName } from '../../lib/contract/names.ts';
import type { EmbeddedQueues } from '../../lib/local/queue/queue.ts';

/** Requests of SQS by their name, each from its input to its output; what SQS would refuse is thrown as the SDK throws it. */
export type EmbeddedSqs = Readonly<Record<SqsAction, (input: unknown) => Promise<object>>>;
export type SqsAction =
  | 'SendMessage'
  | 'SendMessageBatch'
  | 'ChangeMessageVisibility'
  | 'ReceiveMessage'
  | 'DeleteMessage';

export interface EmbeddedSqsOptions {
  readonly queues: EmbeddedQueues;
  readonly queueUrlPrefix: string;
  /** Called before every request. */
  readonly onRequest?: () => Promise<void>;
}

const BATCH_BYTES = 1_048_576;

const content = {
  MessageBody: z.string().min(1),
  MessageGroupId: z
    .string()
    .regex(/^[!-~]{1,128}$/)
    .optional(),
};
// Strict, so that a parameter that SQS does not have is refused.
const sendInput = z.strictObject({ QueueUrl: z.string(), ...content });
const batchEntry = z.strictObject({ Id: z.string().regex(/^[\w-]{1,80}$/), ...content });
const batchInput = z.strictObject({ QueueUrl: z.string(), Entries: z.array(batchEntry).min(1).max(10) });
const visibilityInput = z.strictObject({
  QueueUrl: z.string(),
  ReceiptHandle: z.string().min(1),
  VisibilityTimeout: z.int().min(0).max(43_200),
});

const receiveInput = z.strictObject({
  QueueUrl: z.string(),
  MaxNumberOfMessages: z.int().min(1).max(10),
  WaitTimeSeconds: z.literal(0),
  MessageSystemAttributeNames: z.array(z.string()),
});
const deleteInput = z.strictObject({ QueueUrl: z.string(), ReceiptHandle: z.string().min(1) });

/**
 * The part of SQS's API that Stepline uses, over the embedded queues.
 * @example
 * const sqs = embeddedSqs({ queues, queueUrlPrefix });
 * connectMock(mockClient(SQSClient), sqs);
 */
export function embeddedSqs({ queues, queueUrlPrefix, onRequest }: EmbeddedSqsOptions): EmbeddedSqs {
  const queueOf = (url: string): QueueName => {
    const name = url.startsWith(queueUrlPrefix)
      ? parseQueueSuffix(url.slice(queueUrlPrefix.length))
      : undefined;
    if (name === undefined || !isDeclared(queues, name)) {
      throw new QueueDoesNotExist({ message: 'The specified queue does not exist.', $metadata: {} });
    }
    return name;
  };
  const add = (to: QueueName, body: string): object => {
    queues.inject(to, body);
    return { MessageId: 'any', MD5OfMessageBody: createHash('md5').update(body).digest('hex') };
  };
  return {
    SendMessage: async (input) => {
      await onRequest?.();
      const { QueueUrl, MessageBody } = checked(sendInput, input);
      return add(queueOf(QueueUrl), MessageBody);
    },
    SendMessageBatch: async (input) => {
      await onRequest?.();
      const { QueueUrl, Entries } = checked(batchInput, input);
      const to = queueOf(QueueUrl);
      if (new Set(Entries.map(({ Id }) => Id)).size < Entries.length)
        throw refusal('BatchEntryIdsNotDistinct');
      const bytes = Entries.reduce((sum, { MessageBody }) => sum + Buffer.byteLength(MessageBody), 0);
      if (bytes > BATCH_BYTES) throw refusal('BatchRequestTooLong');
      const Successful = Entries.map(({ Id, MessageBody }) => ({ Id, ...add(to, MessageBody) }));
      return { Successful, Failed: [] };
    },
    ChangeMessageVisibility: async (input) => {
      await onRequest?.();
      const { QueueUrl, ReceiptHandle, VisibilityTimeout } = checked(visibilityInput, input);
      const delivery = { queue: queueOf(QueueUrl), receiptHandle: ReceiptHandle, receiveCount: 1, body: '' };
      await queues.setVisibility(delivery, VisibilityTimeout * 1_000).catch((error) => {
        throw refusal('InvalidParameterValue', String(error));
      });
      return {};
    },
    ReceiveMessage: async (input) => {
      await onRequest?.();
      const { QueueUrl, MaxNumberOfMessages } = checked(receiveInput, input);
      const received = queues.receive(queueOf(QueueUrl), MaxNumberOfMessages);
      // As SQS answers: without a list where there is nothing.
      if (received.length === 0) return {};
      return {
        Messages: received.map(({ messageId, receiptHandle, body, receiveCount }) => ({
          MessageId: messageId,
          ReceiptHandle: receiptHandle,
          Body: body,
          MD5OfBody: createHash('md5').update(body).digest('hex'),
          Attributes: { ApproximateReceiveCount: String(receiveCount) },
        })),
      };
    },
    DeleteMessage: async (input) => {
      await onRequest?.();
      const { QueueUrl, ReceiptHandle } = checked(deleteInput, input);
      queues.acknowledge(queueOf(QueueUrl), ReceiptHandle);
      return {};
    },
  };
}

/** Lets a mocked client answer as `sqs` does. */
export function connectMock(client: AwsClientStub<SQSClient>, sqs: EmbeddedSqs): void {
  client.on(SendMessageCommand).callsFake(sqs.SendMessage);
  client.on(SendMessageBatchCommand).callsFake(sqs.SendMessageBatch);
  client.on(ChangeMessageVisibilityCommand).callsFake(sqs.ChangeMessageVisibility);
  client.on(ReceiveMessageCommand).callsFake(sqs.ReceiveMessage);
  client.on(DeleteMessageCommand).callsFake(sqs.DeleteMessage);
}

function isDeclared(queues: EmbeddedQueues, name: QueueName): boolean {
  try {
    queues.depth(name);
    return true;
  } catch {
    return false;
  }
}

function checked<Input>(schema: z.ZodType<Input>, input: unknown): Input {
  const { success, data, error } = schema.safeParse(input);
  if (success) return data;
  throw refusal('InvalidParameterValue', z.prettifyError(error));
}

const refusal = (name: string, message = name): SQSServiceException =>
  new SQSServiceException({ name, message, $fault: 'client', $metadata: {} });
