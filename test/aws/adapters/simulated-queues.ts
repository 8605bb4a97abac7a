import {
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageCommand,
  DeleteQueueCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import * as z from 'zod';
import {
  deadLetterQueue,
  PARKING,
  parseQueueSuffix,
  type QueueName,
  queueSuffix,
  STEP_FAILED,
  stepQueue,
} from '../../../lib/contract/names.ts';
import type { Delivery } from '../../../lib/engine/ports.ts';
import { declareQueues } from '../../../lib/local/engine.ts';
import { createEmbeddedQueues } from '../../../lib/local/queue/queue.ts';
import { strayingQueues } from '../../../lib/testing/world/straying-queues.ts';
import type { AwsQueues } from '../../simulation/adapters/adapters.ts';
import { countArrivals, handlerOf } from '../../simulation/adapters/embedded-aws.ts';
import { replyOf } from '../../simulation/adapters/wire.ts';
import type { BackingOptions } from '../../simulation/world/backing.ts';

/** The longest that SQS hides a message, in seconds: in real time none comes back by itself. */
const HIDDEN = 43_200;

/** A message that is in SQS, received by this file and kept in flight. */
interface Real {
  queue: QueueName;
  readonly body: string;
  id: string;
  handle: string;
  /** It is among the messages of virtual time. */
  injected: boolean;
  /** The newest delivery of the message in virtual time. */
  delivery: Delivery | undefined;
}

const sendInput = z.object({ QueueUrl: z.string() });
const visibilityInput = z.object({ ReceiptHandle: z.string(), VisibilityTimeout: z.number() });

/**
 * Queues whose every message lies in SQS, sent there by the adapter and received from there, while the embedded queues say
 * when it is delivered, in virtual time: SQS's own clock is real. What is received again is received again from SQS, what is
 * moved to a dead-letter queue is moved, what is deleted is deleted.
 * @param sqs a client without faults
 */
export async function openRealQueues(
  sqs: SQSClient,
  queueUrlPrefix: string,
  { time, oracle, places, ...options }: BackingOptions,
): Promise<AwsQueues> {
  const urlOf = (name: QueueName): string => `${queueUrlPrefix}${queueSuffix(name)}`;
  const names = [
    PARKING,
    STEP_FAILED,
    ...places.flatMap((place) => [deadLetterQueue(place), stepQueue(place)]),
  ];
  for (const name of names) {
    const QueueName = urlOf(name).slice(urlOf(name).lastIndexOf('/') + 1);
    await sqs.send(new CreateQueueCommand({ QueueName, Attributes: { VisibilityTimeout: String(HIDDEN) } }));
  }
  const base = createEmbeddedQueues({ clock: time, random: options.chance });
  declareQueues(base, places);
  const arrivals = countArrivals();
  /** Received and not delivered yet, by queue and body. */
  const waiting = new Map<string, Real[]>();
  const waitingIn = (queue: QueueName, body: string): Real[] => {
    const key = `${queueSuffix(queue)} ${body}`;
    const found = waiting.get(key) ?? [];
    waiting.set(key, found);
    return found;
  };
  const byMessageId = new Map<string, Real>();
  const byId = new Map<string, Real>();
  /** The handle by which SQS knows a delivery. */
  const handles = new Map<string, Promise<string>>();
  let last: Promise<unknown> = Promise.resolve();
  /** One thing at a time, while virtual time stands still. */
  const job = <Result>(work: () => Promise<Result>): Promise<Result> => {
    const mine = last.then(work);
    last = mine.catch((error: unknown) => oracle.report(`SQS refused what it must take: ${error}`));
    return time.during(mine);
  };

  /** Takes all that is visible in a queue. @returns what had not been seen before */
  const take = async (queue: QueueName): Promise<Real[]> => {
    const fresh: Real[] = [];
    for (;;) {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({ QueueUrl: urlOf(queue), MaxNumberOfMessages: 10 }),
      );
      if (Messages.length === 0) return fresh;
      for (const { MessageId: id = '', ReceiptHandle: handle = '', Body: body = '' } of Messages) {
        const known = byId.get(id);
        if (known !== undefined) known.handle = handle;
        else {
          const real: Real = { queue, body, id, handle, injected: false, delivery: undefined };
          byId.set(id, real);
          fresh.push(real);
        }
      }
    }
  };
  const hide = (real: Real, seconds: number) =>
    sqs.send(
      new ChangeMessageVisibilityCommand({
        QueueUrl: urlOf(real.queue),
        ReceiptHandle: real.handle,
        VisibilityTimeout: seconds,
      }),
    );
  const drop = ({ queue, handle }: Real) =>
    sqs.send(new DeleteMessageCommand({ QueueUrl: urlOf(queue), ReceiptHandle: handle }));
  const copyTo = async (queue: QueueName, body: string): Promise<Real> => {
    await sqs.send(new SendMessageCommand({ QueueUrl: urlOf(queue), MessageBody: body }));
    const [real, ...more] = await take(queue);
    if (real?.body !== body || more.length > 0)
      throw new Error(`${urlOf(queue)} does not give what was sent`);
    return real;
  };
  /** A message is delivered once more: from its queue, or from the one that it was moved to. */
  const again = async (real: Real, queue: QueueName): Promise<string> => {
    if (queueSuffix(real.queue) === queueSuffix(queue)) {
      const { handle } = real;
      await hide(real, 0);
      await take(queue);
      if (real.handle === handle) throw new Error('a message did not come again');
      return real.handle;
    }
    await drop(real);
    const moved = await copyTo(queue, real.body);
    byId.set(moved.id, real);
    real.queue = queue;
    real.id = moved.id;
    real.handle = moved.handle;
    return real.handle;
  };

  const straying = strayingQueues(
    {
      ...base,
      inject: (queue, body) => {
        const enter = (real: Real): void => {
          real.injected = true;
          base.inject(queue, body);
        };
        const waits = waitingIn(queue, body).find(({ injected }) => !injected);
        if (waits !== undefined) return enter(waits);
        // A second copy of a message: one more is sent, so that it has a handle of its own.
        void job(async () => {
          const copy = await copyTo(queue, body);
          waitingIn(queue, body).push(copy);
          enter(copy);
        });
      },
      receive: (queue, max) => {
        const deliveries = base.receive(queue, max);
        for (const delivery of deliveries) {
          const { messageId, receiptHandle } = delivery;
          const known = byMessageId.get(messageId);
          const real = known ?? taken(waitingIn(queue, delivery.body));
          if (real === undefined) {
            oracle.report(`a message is delivered that SQS has not: ${delivery.body}`);
            continue;
          }
          byMessageId.set(messageId, real);
          real.delivery = delivery;
          handles.set(
            receiptHandle,
            known === undefined ? Promise.resolve(real.handle) : job(() => again(real, queue)),
          );
        }
        return deliveries;
      },
      acknowledge: (queue, receiptHandle) => {
        base.acknowledge(queue, receiptHandle);
        const real = [...byMessageId.values()].find(
          ({ delivery }) => delivery?.receiptHandle === receiptHandle,
        );
        if (real !== undefined) void job(() => drop(real));
      },
    },
    { time, ...options },
  );

  const sqsHandler = handlerOf(async ({ http, operation, input }) => {
    const { response } = await sqs.config.requestHandler.handle(http);
    const reply = await replyOf(response);
    if (reply.status !== 200) return reply;
    if (operation !== 'ChangeMessageVisibility') {
      const url = sendInput.parse(input).QueueUrl;
      const queue = parseQueueSuffix(url.slice(queueUrlPrefix.length));
      if (queue === undefined) throw new Error(`${url} is no queue of ours`);
      for (const real of await job(() => take(queue))) {
        arrivals.add(queue, real.body);
        waitingIn(queue, real.body).push(real);
        straying.inject(queue, real.body);
      }
      return reply;
    }
    const { ReceiptHandle, VisibilityTimeout } = visibilityInput.parse(input);
    const real = [...byMessageId.values()].find(({ handle }) => handle === ReceiptHandle);
    if (real?.delivery === undefined) throw new Error('SQS changed a message that nobody received');
    const { delivery } = real;
    // In real time it must not come back by itself.
    await job(async () => {
      if (VisibilityTimeout === 0) await take(real.queue);
      else await hide(real, HIDDEN);
    });
    try {
      await base.setVisibility(delivery, VisibilityTimeout * 1_000);
      return reply;
    } catch (error) {
      return { status: 400, output: { __type: 'InvalidParameterValue', message: String(error) } };
    }
  });
  return {
    sqs: { endpoint: new URL(queueUrlPrefix).origin, requestHandler: sqsHandler },
    queueUrlPrefix,
    queues: straying,
    known: async (delivery) => ({
      ...delivery,
      receiptHandle: (await handles.get(delivery.receiptHandle)) ?? '',
    }),
    arrived: arrivals.count,
    close: async () => {
      base.close();
      await last;
      for (const name of names) await sqs.send(new DeleteQueueCommand({ QueueUrl: urlOf(name) }));
    },
  };
}

/** Takes the first of those that are among the messages of virtual time. */
function taken(waiting: Real[]): Real | undefined {
  const at = waiting.findIndex(({ injected }) => injected);
  return at < 0 ? undefined : waiting.splice(at, 1)[0];
}
