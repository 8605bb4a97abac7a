import { type QueueName, queueSuffix } from '../../contract/names.ts';
import type { EmbeddedDelivery, EmbeddedQueues } from '../../local/queue/queue.ts';
import type { Chaos } from '../faults/chaos.ts';
import type { Time } from './time.ts';

/** What leads queues astray, and what counts and tells of it. */
export interface StrayingOptions {
  readonly time: Time;
  readonly chaos: Chaos;
  readonly counts: { emptiedQueues: number };
  readonly trace: (line: () => string) => void;
}

/** What is known of a queue that was declared by way of those that stray. */
interface Declared {
  readonly redriveTo: QueueName;
  readonly maxReceiveCount: number;
  /** Handles of what was received and not deleted; those that are no longer the newest delete nothing. */
  readonly received: Set<string>;
}

/**
 * Queues that keep SQS's promise and no more: a message may come late, twice, or be received by nobody, and a queue may lose
 * all that is in it. A redrive is a message too, for the queues that are declared here.
 */
export function strayingQueues(
  queues: EmbeddedQueues,
  { time, chaos, counts, trace }: StrayingOptions,
): EmbeddedQueues {
  const declared = new Map<string, Declared>();
  const arrive = (queue: QueueName, body: string, delay: number): void => {
    if (delay === 0) queues.inject(queue, body);
    else time.after(delay, () => queues.inject(queue, body));
  };
  const inject = (queue: QueueName, body: string): void => {
    const fault = chaos.message();
    if (fault.kind === 'lost') {
      trace(() => `a message to ${queueSuffix(queue)} is lost`);
      return;
    }
    arrive(queue, body, fault.delay);
    if (fault.again !== undefined) arrive(queue, body, fault.delay + fault.again);
    const known = declared.get(queueSuffix(queue));
    const losesAll = known && chaos.losesAll();
    if (known !== undefined && losesAll !== undefined) time.after(losesAll, () => loseAll(queue, known));
  };
  const receive = (queue: QueueName, max: number): EmbeddedDelivery[] => {
    const known = declared.get(queueSuffix(queue));
    const deliveries = queues.receive(queue, max);
    if (known === undefined) return deliveries;
    const kept = deliveries.filter((delivery) => {
      if (delivery.receiveCount > known.maxReceiveCount) return false;
      known.received.add(delivery.receiptHandle);
      return true;
    });
    if (kept.length === deliveries.length) return kept;
    for (const delivery of deliveries.filter((one) => !kept.includes(one))) {
      queues.acknowledge(queue, delivery.receiptHandle);
      inject(known.redriveTo, delivery.body);
    }
    return [...kept, ...receive(queue, max - kept.length)];
  };
  const loseAll = (queue: QueueName, { received }: Declared): void => {
    const { visible, inFlight, delayed } = queues.depth(queue);
    if (visible + inFlight + delayed === 0) return;
    counts.emptiedQueues += 1;
    trace(() => `${queueSuffix(queue)} loses all: ${visible} visible, ${inFlight + delayed} hidden`);
    for (const receiptHandle of received) queues.acknowledge(queue, receiptHandle);
    received.clear();
    for (let left = queues.receive(queue, 10); left.length > 0; left = queues.receive(queue, 10)) {
      for (const { receiptHandle } of left) queues.acknowledge(queue, receiptHandle);
    }
  };
  return {
    ...queues,
    declare: (name, { redriveTo, ...settings }) => {
      queues.declare(name, settings);
      // Nothing takes messages from the parking queue: what came there has raised its alarm.
      if (redriveTo === undefined) return;
      const { maxReceiveCount } = settings;
      declared.set(queueSuffix(name), { redriveTo, maxReceiveCount, received: new Set() });
    },
    inject,
    receive,
    acknowledge: (queue, receiptHandle) => {
      if (chaos.acknowledgementLost()) return trace(() => `a deletion in ${queueSuffix(queue)} is lost`);
      declared.get(queueSuffix(queue))?.received.delete(receiptHandle);
      queues.acknowledge(queue, receiptHandle);
    },
  };
}
