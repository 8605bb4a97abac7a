import type { SQSEvent } from 'aws-lambda';
import * as z from 'zod';
import { type QueueName, queueSuffix } from '../../../../lib/contract/names.ts';
import type { EmbeddedQueues } from '../../../../lib/local/queue/queue.ts';
import { record } from '../../../functions/lambda-events.ts';
import { startAwsServer } from '../../../support/aws-server.ts';
import { embeddedSqs } from '../../../support/embedded-sqs.ts';

/** Requests as SQS bills them: one for each 64 KiB that a request carries, at least one. */
export interface SqsCounts {
  /** By the functions, through the SDK. */
  sends: number;
  /** Messages of those, alone or in batches. */
  sent: number;
  /** By the event source mapping. */
  receives: number;
  deletes: number;
  /** Receives by the functions themselves: the reconciler looks into the dead-letter queues. */
  polls: number;
  /** Of all these the requests that carry a message with a group, which makes the queue a fair one. */
  grouped: number;
}

export interface CountingSqs {
  readonly url: string;
  readonly queueUrlPrefix: string;
  readonly counts: SqsCounts;
  /**
   * What a mapping does: receives up to `batchSize` messages, hands them to `invoke`, and deletes them together.
   * Answers how many there were. Errors: throws if any of them is to come back.
   */
  deliver(
    queue: QueueName,
    batchSize: number,
    invoke: (event: SQSEvent) => Promise<unknown>,
  ): Promise<number>;
  close(): Promise<void>;
}

const CHUNK_BYTES = 65_536;
const ARN_PREFIX = 'arn:aws:sqs:us-east-1:000000000000:stepline_test_';

/** @example billedRequests(['{}']) // 1 */
export function billedRequests(bodies: readonly string[]): number {
  const bytes = bodies.reduce((sum, body) => sum + Buffer.byteLength(body), 0);
  return Math.max(1, Math.ceil(bytes / CHUNK_BYTES));
}

const message = z.object({ MessageBody: z.string(), MessageGroupId: z.string().optional() });
const sending = z.union([
  z.object({ Entries: z.array(message) }).transform(({ Entries }) => Entries),
  message.transform((one) => [one]),
]);
const nothingFailed = z.strictObject({ batchItemFailures: z.tuple([]) });

/** The embedded queues as an SQS server, and as the event source mapping's side of it. */
export async function countSqs(queues: EmbeddedQueues): Promise<CountingSqs> {
  const counts: SqsCounts = { sends: 0, sent: 0, receives: 0, deletes: 0, polls: 0, grouped: 0 };
  // The embedded queues know no groups. A body names its workflow and step, and so its message.
  const withGroup = new Set<string>();
  const count = (kind: 'sends' | 'receives' | 'deletes', bodies: readonly string[], billed: number): void => {
    counts[kind] += billed;
    if (bodies.some((body) => withGroup.has(body))) counts.grouped += billed;
  };
  const server = await startAwsServer(async ({ action, input }) => {
    if (action === 'ReceiveMessage') {
      counts.polls += 1;
      return { status: 200, body: await sqs[action](input) };
    }
    if (action !== 'SendMessage' && action !== 'SendMessageBatch')
      throw new Error(`${action} is not counted`);
    const body = await sqs[action](input);
    const messages = sending.parse(input);
    for (const { MessageBody, MessageGroupId } of messages) {
      if (MessageGroupId !== undefined) withGroup.add(MessageBody);
    }
    const bodies = messages.map(({ MessageBody }) => MessageBody);
    count('sends', bodies, billedRequests(bodies));
    counts.sent += bodies.length;
    return { status: 200, body };
  });
  const queueUrlPrefix = `${server.url}/000000000000/stepline_test_`;
  const sqs = embeddedSqs({ queues, queueUrlPrefix });
  return {
    url: server.url,
    queueUrlPrefix,
    counts,
    deliver: async (queue, batchSize, invoke) => {
      const batch = queues.receive(queue, batchSize);
      if (batch.length === 0) return 0;
      const bodies = batch.map(({ body }) => body);
      count('receives', bodies, billedRequests(bodies));
      const Records = batch.map(({ messageId, receiptHandle, body }) =>
        record(messageId, body, { receiptHandle, eventSourceARN: `${ARN_PREFIX}${queueSuffix(queue)}` }),
      );
      nothingFailed.parse(await invoke({ Records }));
      for (const { receiptHandle } of batch) queues.acknowledge(queue, receiptHandle);
      count('deletes', bodies, 1);
      return batch.length;
    },
    close: server.close,
  };
}
