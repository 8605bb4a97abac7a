import { createHash } from 'node:crypto';
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { LIMITS } from '../../contract/limits.ts';
import { DEFAULT_TENANT, PARKING, type QueueName, queueSuffix } from '../../contract/names.ts';
import type { StepMessage } from '../../contract/wire.ts';
import { EngineError } from '../../engine/errors.ts';
import type { Outgoing, Queue } from '../../engine/ports.ts';
import { createSqsSender, type Send, unavailable } from './sender.ts';

export interface SqsOptions {
  readonly client: SQSClient;
  /** A queue's URL is this and the queue's suffix, e.g. `https://sqs.eu-central-1.amazonaws.com/123456789012/stepline_dev_`. */
  readonly queueUrlPrefix: string;
}

/**
 * The queues on SQS: standard queues, fair by tenant where there are several.
 * Errors beside the port's own: `CONFIGURATION` for a message above `LIMITS.messageBytes`; the others of its call are sent.
 * @example createSqsQueue({ client: new SQSClient({}), queueUrlPrefix: 'https://sqs.eu-central-1.amazonaws.com/123456789012/stepline_dev_' })
 */
export function createSqsQueue({ client, queueUrlPrefix }: SqsOptions): Queue {
  const urlOf = (name: QueueName): string => `${queueUrlPrefix}${queueSuffix(name)}`;
  const post = createSqsSender(client);
  const ask = async <Answer>(url: string, request: () => Promise<Answer>): Promise<Answer> => {
    try {
      return await request();
    } catch (error) {
      throw unavailable(url, error);
    }
  };
  return {
    send: (outgoing) => sendAll(outgoing, (one) => sendOne(post, urlOf(one.to), one)),
    park: (body) => post(urlOf(PARKING), { body }),
    granularityMs: GRANULARITY_MS,
    setVisibility: async ({ queue, receiptHandle }, ms) => {
      const QueueUrl = urlOf(queue);
      const VisibilityTimeout = wholeSeconds(ms);
      const command = new ChangeMessageVisibilityCommand({
        QueueUrl,
        ReceiptHandle: receiptHandle,
        VisibilityTimeout,
      });
      await ask(QueueUrl, () => client.send(command));
    },
    receive: async (queue, max) => {
      const QueueUrl = urlOf(queue);
      const command = new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: max,
        // Not left to the queue, which may be set to wait.
        WaitTimeSeconds: 0,
        MessageSystemAttributeNames: ['ApproximateReceiveCount'],
      });
      const { Messages = [] } = await ask(QueueUrl, () => client.send(command));
      return Messages.map(({ ReceiptHandle: receiptHandle = '', Body: body = '', Attributes }) => ({
        ...{ queue, receiptHandle, body },
        receiveCount: Number(Attributes?.ApproximateReceiveCount ?? 1),
      }));
    },
    acknowledge: async (queue, receiptHandle) => {
      const QueueUrl = urlOf(queue);
      const command = new DeleteMessageCommand({ QueueUrl, ReceiptHandle: receiptHandle });
      await ask(QueueUrl, () => client.send(command));
    },
  };
}

/** Tries all, then fails with the first failure; of several messages it says how many failed. */
async function sendAll(
  outgoing: readonly Outgoing[],
  sendOne: (one: Outgoing) => Promise<void>,
): Promise<void> {
  const settled = await Promise.allSettled(outgoing.map(sendOne));
  const failures = settled.filter((one) => one.status === 'rejected').map(({ reason }) => reason);
  const [first] = failures;
  if (failures.length === 0) return;
  if (outgoing.length === 1) throw first;
  const code = first instanceof EngineError ? first.code : 'QUEUE_UNAVAILABLE';
  const why = first instanceof Error ? first.message : String(first);
  throw new EngineError(code, `${failures.length} of ${outgoing.length} messages; the first: ${why}`, {
    cause: new AggregateError(failures),
  });
}

async function sendOne(post: Send, url: string, { to, message }: Outgoing): Promise<void> {
  const body = JSON.stringify(message);
  const bytes = Buffer.byteLength(body);
  if (bytes > LIMITS.messageBytes) {
    throw new EngineError(
      'CONFIGURATION',
      `a message for ${queueSuffix(to)} has ${bytes} bytes, at most ${LIMITS.messageBytes} are sent; only the tenant's name can be that long`,
    );
  }
  const group = groupOf(message);
  await post(url, { body, ...(group === undefined ? {} : { group }) });
}

/** What SQS takes as a message group: up to 128 printable ASCII characters without a space. */
const GROUP = /^[!-~]{1,128}$/;

/**
 * The tenant; where its name is no message group, a digest that is the same every time. Undefined where there is only one
 * tenant: nobody could hold up anybody else, and a fair queue may cost more.
 */
function groupOf({ tenant }: StepMessage): string | undefined {
  if (tenant === DEFAULT_TENANT) return undefined;
  return GROUP.test(tenant) ? tenant : createHash('sha256').update(tenant).digest('hex');
}

/** A visibility timeout has whole seconds. Source: Amazon SQS API Reference, ChangeMessageVisibility. */
const GRANULARITY_MS = 1_000;

/** Rounded up, so that a message never comes back before its time. */
const wholeSeconds = (ms: number): number =>
  Math.min(LIMITS.visibility, Math.max(0, Math.ceil(ms / GRANULARITY_MS)));
