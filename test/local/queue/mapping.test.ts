import { createHash } from 'node:crypto';
import type { SQSEvent } from 'aws-lambda';
import { describe, expect, it } from 'vitest';
import { systemRandom } from '../../../lib/adapters/system.ts';
import type { QueueName } from '../../../lib/contract/names.ts';
import { type Invoke, startMapping } from '../../../lib/local/queue/mapping.ts';
import { createEmbeddedQueues, type EmbeddedQueues } from '../../../lib/local/queue/queue.ts';
import { manualClock, settle } from '../../support/manual-clock.ts';

const QUEUE: QueueName = { chain: 'orders', step: 'payment', kind: 'step' };

function make(invoke: Invoke, more: { batchSize?: number; maxConcurrency?: number } = {}) {
  const clock = manualClock();
  const queues = createEmbeddedQueues({ clock, random: systemRandom });
  queues.declare(QUEUE, { visibilityTimeout: 60, maxReceiveCount: 10, retention: 86_400 });
  const options = { queues, queue: QUEUE, batchSize: 10, clock, functionTimeout: 10 };
  return { clock, queues, mapping: startMapping({ ...options, invoke, ...more }) };
}

const send = (queues: EmbeddedQueues, count: number): Promise<void> =>
  queues.send(
    Array.from({ length: count }, (_, at) => ({
      to: QUEUE,
      message: {
        tenant: 'default',
        workflowId: `wf_${at}`,
        chain: 'orders',
        version: 1,
        step: 'payment',
        action: 'do',
        epoch: 0,
        trip: 0,
      } as const,
    })),
  );

const workflowsOf = ({ Records }: SQSEvent): string[] =>
  Records.map(({ body }) => String(JSON.parse(body).workflowId));

/** Invocations that a test ends by hand. */
function gate(): { invoke: Invoke; events: SQSEvent[]; end: ((answer?: unknown) => void)[] } {
  const events: SQSEvent[] = [];
  const end: ((answer?: unknown) => void)[] = [];
  const invoke: Invoke = (event) => {
    events.push(event);
    return new Promise((resolve) => end.push(resolve));
  };
  return { invoke, events, end };
}

describe('the event source mapping', () => {
  it('invokes with what is visible, in batches of the given size, and deletes what was handled', async () => {
    const seen: string[][] = [];
    const { queues } = make(async (event) => void seen.push(workflowsOf(event)), { batchSize: 2 });
    await send(queues, 5);
    await settle();
    expect(seen).toEqual([['wf_0', 'wf_1'], ['wf_2', 'wf_3'], ['wf_4']]);
    expect(queues.depth(QUEUE)).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
  });

  it('takes what was sent before it was started', async () => {
    const first = make(async () => undefined);
    await first.mapping.stop();
    await send(first.queues, 1);
    const { invoke, events } = gate();
    const { queues, clock } = first;
    startMapping({ queues, queue: QUEUE, batchSize: 1, invoke, clock, functionTimeout: 1 });
    await settle();
    expect(events).toHaveLength(1);
  });

  it('gives records as Lambda gives them', async () => {
    const { invoke, events } = gate();
    const { clock, queues } = make(invoke);
    await send(queues, 1);
    await settle();
    const [record] = events[0]?.Records ?? [];
    if (record === undefined) throw new Error('there is no record');
    expect(record).toMatchObject({
      messageId: expect.stringMatching(/./),
      receiptHandle: expect.stringMatching(/./),
      body: expect.stringContaining('"workflowId":"wf_0"'),
      messageAttributes: {},
      eventSource: 'aws:sqs',
      awsRegion: 'local',
      attributes: {
        ApproximateReceiveCount: '1',
        SentTimestamp: String(clock.now()),
        SenderId: 'local',
        ApproximateFirstReceiveTimestamp: String(clock.now()),
      },
    });
    // Made only for whoever asks, and for each message its own.
    expect(record.eventSourceARN).toBe('arn:aws:sqs:local:000000000000:stepline_local_orders_payment');
    expect(record.md5OfBody).toBe(createHash('md5').update(record.body).digest('hex'));
  });

  it('names in each record the queue that it came from', async () => {
    const { invoke, events } = gate();
    const { clock, queues } = make(async () => undefined);
    const queue: QueueName = { chain: 'orders', step: 'payment', kind: 'deadLetter' };
    queues.declare(queue, { visibilityTimeout: 60, maxReceiveCount: 10, retention: 86_400 });
    queues.inject(queue, 'a body');
    startMapping({ queues, queue, batchSize: 1, invoke, clock, functionTimeout: 1 });
    await settle();
    expect(events[0]?.Records.map(({ eventSourceARN }) => eventSourceARN)).toEqual([
      'arn:aws:sqs:local:000000000000:stepline_local_orders_payment_dlq',
    ]);
  });

  it('keeps a message that is reported as failed for its visibility timeout, and that one alone', async () => {
    const seen: string[][] = [];
    const { clock, queues } = make(async (event) => {
      seen.push(workflowsOf(event));
      const failed = event.Records.filter(({ body }) => body.includes('wf_1'));
      return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
    });
    await send(queues, 3);
    await settle();
    expect(queues.depth(QUEUE)).toEqual({ visible: 0, inFlight: 1, delayed: 0 });
    await clock.advance(60_000);
    expect(seen).toEqual([['wf_0', 'wf_1', 'wf_2'], ['wf_1']]);
  });

  it.each([
    ['a throw', () => Promise.reject(new Error('broken'))],
    ['an unknown identifier', async () => ({ batchItemFailures: [{ itemIdentifier: 'no such message' }] })],
    ['an identifier that is missing', async () => ({ batchItemFailures: [{ id: 'x' }] })],
    ['an entry that is no object', async () => ({ batchItemFailures: ['x'] })],
    ['failures that are no list', async () => ({ batchItemFailures: 'x' })],
    ['an answer that is no object', async () => 'fine'],
  ])('fails the whole batch for %s', async (_, invoke) => {
    const { queues } = make(invoke);
    await send(queues, 3);
    await settle();
    expect(queues.depth(QUEUE)).toEqual({ visible: 0, inFlight: 3, delayed: 0 });
  });

  it.each([
    ['nothing', undefined],
    ['null', null],
    ['an empty object', {}],
    ['no list of failures', { batchItemFailures: null }],
    ['an empty list of failures', { batchItemFailures: [] }],
  ])('deletes the whole batch for an answer of %s', async (_, answer) => {
    const { queues } = make(async () => answer);
    await send(queues, 3);
    await settle();
    expect(queues.depth(QUEUE)).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
  });

  it('runs no more invocations at a time than it may, and goes on when one ends', async () => {
    const { invoke, events, end } = gate();
    const { queues } = make(invoke, { batchSize: 1, maxConcurrency: 2 });
    await send(queues, 3);
    await settle();
    expect(events).toHaveLength(2);
    end[0]?.();
    await settle();
    expect(events).toHaveLength(3);
  });

  it('fails an invocation that outlives the function timeout, and ignores its late answer', async () => {
    const { invoke, events, end } = gate();
    const { clock, queues } = make(invoke, { maxConcurrency: 1 });
    await send(queues, 1);
    await clock.advance(10_000);
    expect(queues.depth(QUEUE)).toEqual({ visible: 0, inFlight: 1, delayed: 0 });
    end[0]?.();
    await clock.advance(49_999);
    expect(events).toHaveLength(1);
    expect(queues.depth(QUEUE).inFlight).toBe(1);
    await clock.advance(1);
    expect(events[1]?.Records[0]?.attributes.ApproximateReceiveCount).toBe('2');
  });

  it('tells the time that is left for an invocation, never less than none', async () => {
    const left: number[] = [];
    let ask = (): void => undefined;
    const { clock, queues } = make((_, context) => {
      ask = () => left.push(context.getRemainingTimeInMillis());
      return new Promise(() => undefined);
    });
    await send(queues, 1);
    for (const ms of [0, 4_000, 7_000]) {
      await clock.advance(ms);
      ask();
    }
    expect(left).toEqual([10_000, 6_000, 0]);
  });

  it('stops receiving at once and resolves when what runs has ended', async () => {
    const { invoke, events, end } = gate();
    const { queues, mapping } = make(invoke, { batchSize: 1, maxConcurrency: 1 });
    await send(queues, 2);
    await settle();
    let stopped = false;
    const stopping = mapping.stop().then(() => {
      stopped = true;
    });
    await settle();
    expect(stopped).toBe(false);
    end[0]?.();
    await stopping;
    await settle();
    expect(events).toHaveLength(1);
    expect(queues.depth(QUEUE)).toEqual({ visible: 1, inFlight: 0, delayed: 0 });
  });
});
