import { createHash } from 'node:crypto';
import type { Context, SQSEvent, SQSRecord, SQSRecordAttributes } from 'aws-lambda';
import { type QueueName, queueSuffix } from '../../contract/names.ts';
import type { Clock } from '../../engine/ports.ts';
import type { EmbeddedDelivery, EmbeddedQueues } from './queue.ts';

/** What the mapping calls: a Lambda handler of an SQS event. It should answer with an `SQSBatchResponse` or nothing. */
export type Invoke = (
  event: SQSEvent,
  context: Pick<Context, 'getRemainingTimeInMillis'>,
) => Promise<unknown>;

export interface MappingOptions {
  readonly queues: EmbeddedQueues;
  readonly queue: QueueName;
  readonly batchSize: number;
  /** Invocations that run at a time; 100 if left out. */
  readonly maxConcurrency?: number;
  readonly invoke: Invoke;
  readonly clock: Clock;
  /** Seconds after which an invocation counts as failed, whatever it does later. */
  readonly functionTimeout: number;
}

export interface Mapping {
  /** Receives no more; resolves when the running invocations have ended. */
  stop(): Promise<void>;
}

/** Cheaper than `queueMicrotask`, which makes a resource of its own for each call. */
const DONE = Promise.resolve();

/** What one process can usefully have under way for one step. */
const DEFAULT_CONCURRENCY = 100;

/**
 * The event source mapping of one queue, with Lambda's rules: messages named in the answer stay until their visibility
 * timeout, the others are deleted; a throw, an answer that cannot be read and a timeout fail the whole batch.
 * @example const mapping = startMapping({ queues, queue, batchSize: 10, invoke, clock, functionTimeout: 45 });
 */
export function startMapping(options: MappingOptions): Mapping {
  const { queues, queue, batchSize, maxConcurrency = DEFAULT_CONCURRENCY } = options;
  const running = new Set<Promise<void>>();
  let stopped = false;
  let woken = false;

  const take = (): void => {
    woken = false;
    while (!stopped && running.size < maxConcurrency) {
      const batch = queues.receive(queue, batchSize);
      if (batch.length === 0) return;
      const invocation = invokeOnce(options, batch).finally(() => {
        running.delete(invocation);
        wake();
      });
      running.add(invocation);
    }
  };
  // After the sender has gone on: sending must not run handlers.
  const wake = (): void => {
    if (woken || stopped) return;
    woken = true;
    void DONE.then(take);
  };

  const forget = queues.onVisible(queue, wake);
  wake();
  return {
    stop: async () => {
      stopped = true;
      forget();
      await Promise.all(running);
    },
  };
}

/** One invocation. Never throws. */
export async function invokeOnce(
  options: Omit<MappingOptions, 'batchSize' | 'maxConcurrency'>,
  batch: readonly EmbeddedDelivery[],
): Promise<void> {
  const { queues, queue, invoke, clock, functionTimeout } = options;
  const end = clock.now() + functionTimeout * 1_000;
  const context = { getRemainingTimeInMillis: () => Math.max(0, end - clock.now()) };
  const event = { Records: batch.map((delivery) => new LocalRecord(delivery)) };
  let cancel = (): void => undefined;
  const kept = await new Promise<ReadonlySet<string> | 'failed'>((resolve) => {
    cancel = clock.after(functionTimeout * 1_000, () => resolve('failed'));
    void outcome(invoke, event, context, batch).then(resolve);
  });
  cancel();
  if (kept === 'failed') return;
  for (const { messageId, receiptHandle } of batch) {
    if (!kept.has(messageId)) queues.acknowledge(queue, receiptHandle);
  }
}

/** Ids of the messages to keep, or `failed` for the whole batch. */
async function outcome(
  invoke: Invoke,
  event: SQSEvent,
  context: Pick<Context, 'getRemainingTimeInMillis'>,
  batch: readonly EmbeddedDelivery[],
): Promise<ReadonlySet<string> | 'failed'> {
  try {
    return failures(await invoke(event, context), batch);
  } catch {
    return 'failed';
  }
}

/** Lambda takes nothing, null and an empty list for success, and fails the batch for anything it cannot read. */
function failures(answer: unknown, batch: readonly EmbeddedDelivery[]): ReadonlySet<string> | 'failed' {
  const kept = new Set<string>();
  if (answer === undefined || answer === null) return kept;
  if (typeof answer !== 'object') return 'failed';
  const items = 'batchItemFailures' in answer ? answer.batchItemFailures : undefined;
  if (items === undefined || items === null) return kept;
  if (!Array.isArray(items)) return 'failed';
  const named: readonly unknown[] = items;
  for (const item of named) {
    const isObject = typeof item === 'object' && item !== null && 'itemIdentifier' in item;
    const known = isObject && batch.find(({ messageId }) => messageId === item.itemIdentifier);
    if (!known) return 'failed';
    kept.add(known.messageId);
  }
  return kept;
}

/** What Lambda gives of a message. What no handler of ours reads is made only for whoever asks. */
class LocalRecord implements SQSRecord {
  readonly messageId: string;
  readonly receiptHandle: string;
  readonly body: string;
  readonly attributes: SQSRecordAttributes;
  readonly messageAttributes = {};
  readonly eventSource = 'aws:sqs';
  readonly awsRegion = 'local';
  private readonly queue: QueueName;

  constructor(delivery: EmbeddedDelivery) {
    this.messageId = delivery.messageId;
    this.receiptHandle = delivery.receiptHandle;
    this.body = delivery.body;
    this.queue = delivery.queue;
    this.attributes = {
      ApproximateReceiveCount: String(delivery.receiveCount),
      SentTimestamp: String(delivery.sentAt),
      SenderId: 'local',
      ApproximateFirstReceiveTimestamp: String(delivery.firstReceivedAt),
    };
  }

  get md5OfBody(): string {
    return createHash('md5').update(this.body).digest('hex');
  }

  get eventSourceARN(): string {
    return `arn:aws:sqs:local:000000000000:stepline_local_${queueSuffix(this.queue)}`;
  }
}
