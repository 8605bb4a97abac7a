import { describe, expect, it } from 'vitest';
import { systemRandom } from '../../../lib/adapters/system.ts';
import type { QueueName } from '../../../lib/contract/names.ts';
import type { StepMessage } from '../../../lib/contract/wire.ts';
import {
  createEmbeddedQueues,
  type EmbeddedDelivery,
  type EmbeddedQueues,
  type QueueSettings,
} from '../../../lib/local/queue/queue.ts';
import { type ManualClock, manualClock } from '../../support/manual-clock.ts';

const STEP: QueueName = { chain: 'orders', step: 'payment', kind: 'step' };
const DEAD: QueueName = { chain: 'orders', step: 'payment', kind: 'deadLetter' };
const SETTINGS: QueueSettings = { visibilityTimeout: 30, maxReceiveCount: 3, retention: 3_600 };
const HOUR = 3_600_000;

const message = (workflowId = 'wf_1'): StepMessage => ({
  tenant: 'default',
  workflowId,
  chain: 'orders',
  version: 1,
  step: 'payment',
  action: 'do',
  epoch: 0,
  trip: 0,
});

function make(settings: Partial<QueueSettings> = {}): { clock: ManualClock; queues: EmbeddedQueues } {
  const clock = manualClock();
  const queues = createEmbeddedQueues({ clock, random: systemRandom });
  queues.declare(DEAD, { ...SETTINGS, retention: 7_200 });
  queues.declare(STEP, { ...SETTINGS, redriveTo: DEAD, ...settings });
  return { clock, queues };
}

const send = (queues: EmbeddedQueues, count = 1): Promise<void> =>
  queues.send(Array.from({ length: count }, (_, at) => ({ to: STEP, message: message(`wf_${at}`) })));

function receiveOne(queues: EmbeddedQueues, queue: QueueName = STEP): EmbeddedDelivery {
  const [delivery] = queues.receive(queue, 1);
  if (delivery === undefined) throw new Error('nothing was received');
  return delivery;
}

describe('the embedded queues', () => {
  it('delete nothing for a stale receipt: the newer receiver keeps the message', async () => {
    const { clock, queues } = make();
    await send(queues);
    const stale = receiveOne(queues);
    await clock.advance(30_000);
    receiveOne(queues);
    queues.acknowledge(STEP, stale.receiptHandle);
    expect(queues.depth(STEP)).toEqual({ visible: 0, inFlight: 1, delayed: 0 });
    await clock.advance(30_000);
    expect(receiveOne(queues).receiveCount).toBe(3);
  });

  it('delete a message that became visible again by the newest receipt', async () => {
    const { clock, queues } = make();
    await send(queues, 2);
    const late = receiveOne(queues);
    await clock.advance(30_000);
    queues.acknowledge(STEP, late.receiptHandle);
    expect(queues.depth(STEP)).toEqual({ visible: 1, inFlight: 0, delayed: 0 });
    expect(queues.receive(STEP, 10).map(({ messageId }) => messageId)).not.toContain(late.messageId);
  });

  it('refuse a visibility for a message that is no longer in flight', async () => {
    const { clock, queues } = make();
    await send(queues);
    const late = receiveOne(queues);
    await clock.advance(30_000);
    await expect(queues.setVisibility(late, 10_000)).rejects.toThrow(/not in flight/);
  });

  it('hide a message for twelve hours in all, counted from its receive', async () => {
    const { clock, queues } = make({ retention: 86_400 });
    await send(queues);
    const delivery = receiveOne(queues);
    await queues.setVisibility(delivery, 12 * HOUR);
    await clock.advance(11 * HOUR);
    await expect(queues.setVisibility(delivery, 2 * HOUR)).rejects.toThrow(/43200 s in all/);
    await clock.advance(HOUR - 1);
    expect(queues.receive(STEP, 1)).toEqual([]);
    await clock.advance(1);
    expect(receiveOne(queues).receiveCount).toBe(2);
  });

  it('hide a message to the millisecond', async () => {
    const { clock, queues } = make();
    await send(queues);
    await queues.setVisibility(receiveOne(queues), 1_234.5);
    await clock.advance(1_234);
    expect(queues.receive(STEP, 1)).toEqual([]);
    await clock.advance(1);
    expect(receiveOne(queues).receiveCount).toBe(2);
  });

  it.each([-1, Number.NaN, 12 * HOUR + 1])('refuse a visibility of %d ms', async (ms) => {
    const { queues } = make();
    await send(queues);
    await expect(queues.setVisibility(receiveOne(queues), ms)).rejects.toThrow(/not from 0 to 43200000/);
  });

  it('forget a message at the end of its retention, also one that is hidden then', async () => {
    const { clock, queues } = make();
    await send(queues, 2);
    await queues.setVisibility(receiveOne(queues), 2 * HOUR);
    await clock.advance(HOUR);
    expect(queues.receive(STEP, 10)).toEqual([]);
    await clock.advance(2 * HOUR);
    expect(queues.receive(STEP, 10)).toEqual([]);
    expect(queues.depth(STEP)).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
  });

  it('keep for dead letters their id and their first sending time, from which their retention counts', async () => {
    const { clock, queues } = make({ maxReceiveCount: 1 });
    await send(queues);
    const { messageId, sentAt } = receiveOne(queues);
    await clock.advance(HOUR - 1);
    expect(queues.receive(STEP, 1)).toEqual([]);
    expect(receiveOne(queues, DEAD)).toMatchObject({ messageId, sentAt, receiveCount: 1 });
    await clock.advance(HOUR + 1);
    expect(queues.depth(DEAD)).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
  });

  it('count every receive without moving anything where no dead-letter queue is named', async () => {
    const { clock, queues } = make();
    await queues.send([{ to: DEAD, message: message() }]);
    for (let count = 1; count <= 5; count += 1) {
      expect(receiveOne(queues, DEAD).receiveCount).toBe(count);
      await clock.advance(30_000);
    }
  });

  it('hold back what is sent to a queue with a delay', async () => {
    const { clock, queues } = make({ delay: 5 });
    await send(queues);
    expect(queues.depth(STEP)).toEqual({ visible: 0, inFlight: 0, delayed: 1 });
    await clock.advance(5_000);
    expect(receiveOne(queues).receiveCount).toBe(1);
  });

  it('wake a listener on a send, on a timeout, on visibility 0 and on a redrive, until it ends listening', async () => {
    const { clock, queues } = make({ maxReceiveCount: 1 });
    const woken: string[] = [];
    const stop = queues.onVisible(STEP, () => woken.push('step'));
    queues.onVisible(DEAD, () => woken.push('dead'));
    await send(queues, 3);
    expect(woken.splice(0)).toEqual(['step']);
    const [first] = queues.receive(STEP, 2);
    if (first === undefined) throw new Error('nothing was received');
    await queues.setVisibility(first, 0);
    expect(woken.splice(0)).toEqual(['step']);
    await clock.advance(30_000);
    expect(woken.splice(0)).toEqual(['step']);
    queues.receive(STEP, 10);
    expect(woken.splice(0)).toEqual(['dead', 'dead']);
    stop();
    await send(queues);
    expect(woken).toEqual([]);
  });

  it('keep one timer at a time, however many messages are hidden', async () => {
    const { clock, queues } = make();
    await send(queues, 1_000);
    for (let count = 0; count < 100; count += 1) {
      const [first] = queues.receive(STEP, 10);
      if (first === undefined) throw new Error('nothing was received');
      await queues.setVisibility(first, (100 - count) * 1_000);
    }
    expect(clock.waiting).toBe(1);
    queues.close();
    expect(clock.waiting).toBe(0);
  });

  it('tell messages sent and received, each receive counted and a redrive not', async () => {
    const { clock, queues } = make({ maxReceiveCount: 1 });
    await send(queues, 2);
    queues.receive(STEP, 10);
    await clock.advance(30_000);
    queues.receive(STEP, 10);
    queues.receive(DEAD, 10);
    expect(queues.stats()).toEqual({ sent: 2, received: 4 });
  });

  it('give the bodies of a queue without receiving them', async () => {
    const { queues } = make();
    await send(queues, 2);
    expect(queues.contents(STEP).map((body) => JSON.parse(body).workflowId)).toEqual(['wf_0', 'wf_1']);
    expect(queues.depth(STEP).visible).toBe(2);
  });

  it('refuse a queue that is declared twice, and a redrive to a queue that does not exist', () => {
    const { queues } = make();
    expect(() => queues.declare(STEP, SETTINGS)).toThrow(/orders_payment is declared twice/);
    const other: QueueName = { chain: 'orders', step: 'shipment', kind: 'step' };
    expect(() => queues.declare(other, { ...SETTINGS, redriveTo: { kind: 'parking' } })).toThrow(
      /redrives to parking: declare that one before/,
    );
  });

  it('take nothing more once they are closed', async () => {
    const { queues } = make();
    queues.close();
    await expect(send(queues)).rejects.toMatchObject({ code: 'QUEUE_UNAVAILABLE' });
  });
});
