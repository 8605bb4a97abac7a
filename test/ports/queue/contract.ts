import { afterEach, beforeEach, describe, expect } from 'vitest';
import type { QueueName } from '../../../lib/contract/names.ts';
import type { StepMessage } from '../../../lib/contract/wire.ts';
import type { Delivery, Outgoing, Queue } from '../../../lib/engine/ports.ts';
import { type Deviations, itBut } from '../deviations.ts';

/**
 * Drives one implementation of `Queue` from both ends. It has the queues `STEP`, `DEAD_LETTERS` and the parking queue,
 * made with `CONTRACT_SETTINGS`, and all of them are empty.
 */
export interface QueueDriver {
  readonly queue: Queue;
  /** What is visible now, at most `max` messages; may wait a little where a service needs it. */
  receive(name: QueueName, max: number): Promise<Delivery[]>;
  acknowledge(delivery: Delivery): Promise<void>;
  /** Lets `ms` milliseconds pass: by a clock of its own, or truly. */
  elapse(ms: number): Promise<void>;
  /** Bodies in the parking queue. */
  parked(): Promise<readonly string[]>;
  close(): Promise<void>;
}

export const STEP: QueueName = { chain: 'contract', step: 'first', kind: 'step' };
export const DEAD_LETTERS: QueueName = { chain: 'contract', step: 'first', kind: 'deadLetter' };
const MISSING: QueueName = { chain: 'contract', step: 'nowhere', kind: 'step' };

/** Seconds; small, so that a real service can be held to them too. */
export const CONTRACT_SETTINGS = { visibilityTimeout: 2, maxReceiveCount: 2, retention: 60 } as const;
const HIDDEN_MS = CONTRACT_SETTINGS.visibilityTimeout * 1_000;

const messageOf = (number: number): StepMessage => ({
  tenant: 'default',
  workflowId: `wf_${String(number).padStart(32, '0')}`,
  chain: 'contract',
  version: 1,
  step: 'first',
  action: 'do',
  epoch: 0,
  trip: 0,
});
const outgoing = (count: number, to: QueueName = STEP): Outgoing[] =>
  Array.from({ length: count }, (_, number) => ({ to, message: messageOf(number) }));
const idOf = ({ body }: Delivery): unknown => JSON.parse(body).workflowId;

/** Holds an implementation of `Queue` to the behaviour that the engine relies on. */
export function queueContract(
  name: string,
  make: () => Promise<QueueDriver>,
  deviations: Deviations = {},
): void {
  describe(`queue contract: ${name}`, () => {
    const it = itBut(deviations);
    let driver: QueueDriver;
    beforeEach(async () => {
      driver = await make();
    });
    afterEach(() => driver.close());

    /** Everything visible, however many receives it takes. */
    const drain = async (queue: QueueName): Promise<Delivery[]> => {
      const all: Delivery[] = [];
      for (;;) {
        const some = await driver.receive(queue, 10);
        if (some.length === 0) return all;
        all.push(...some);
      }
    };
    const one = async (queue: QueueName): Promise<Delivery> => {
      const [delivery, ...others] = await driver.receive(queue, 1);
      expect(others).toEqual([]);
      if (delivery === undefined) throw new Error('nothing was received');
      return delivery;
    };

    it('delivers a message as it was sent, with its queue and a receive count of 1', async () => {
      await driver.queue.send(outgoing(1));
      const delivery = await one(STEP);
      expect(JSON.parse(delivery.body)).toEqual(messageOf(0));
      expect(delivery).toMatchObject({ queue: STEP, receiveCount: 1 });
    });

    it('sends nothing for an empty list', async () => {
      await driver.queue.send([]);
      expect(await driver.receive(STEP, 10)).toEqual([]);
    });

    it('sends more than ten messages in one go, and gives at most ten at a receive', async () => {
      await driver.queue.send(outgoing(25));
      const first = await driver.receive(STEP, 100);
      expect(first.length).toBeLessThanOrEqual(10);
      const all = [...first, ...(await drain(STEP))];
      expect(all.map(idOf).sort()).toEqual(outgoing(25).map(({ message }) => message.workflowId));
    });

    it('sends to several queues in one go', async () => {
      await driver.queue.send([...outgoing(1, STEP), ...outgoing(2, DEAD_LETTERS)]);
      expect(await drain(STEP)).toHaveLength(1);
      expect(await drain(DEAD_LETTERS)).toHaveLength(2);
    });

    it('tries every message before it reports that a queue is missing', async () => {
      const sending = driver.queue.send([...outgoing(1, MISSING), ...outgoing(2, STEP)]);
      await expect(sending).rejects.toMatchObject({ code: 'QUEUE_UNAVAILABLE' });
      expect(await drain(STEP)).toHaveLength(2);
    });

    it('hides a received message for the visibility timeout, then delivers it again', async () => {
      await driver.queue.send(outgoing(1));
      const first = await one(STEP);
      expect(await driver.receive(STEP, 10)).toEqual([]);
      await driver.elapse(HIDDEN_MS);
      const second = await one(STEP);
      expect(second).toMatchObject({ body: first.body, receiveCount: 2 });
      expect(second.receiptHandle).not.toBe(first.receiptHandle);
    });

    it('delivers an acknowledged message no more', async () => {
      await driver.queue.send(outgoing(1));
      await driver.acknowledge(await one(STEP));
      await driver.elapse(HIDDEN_MS);
      expect(await driver.receive(STEP, 10)).toEqual([]);
    });

    it('accepts a second acknowledgement', async () => {
      await driver.queue.send(outgoing(1));
      const delivery = await one(STEP);
      await driver.acknowledge(delivery);
      await expect(driver.acknowledge(delivery)).resolves.toBeUndefined();
    });

    it('hides a message for longer than its visibility timeout when told so', async () => {
      await driver.queue.send(outgoing(1));
      await driver.queue.setVisibility(await one(STEP), 2 * HIDDEN_MS);
      await driver.elapse(HIDDEN_MS);
      expect(await driver.receive(STEP, 10)).toEqual([]);
      await driver.elapse(HIDDEN_MS);
      expect(await one(STEP)).toMatchObject({ receiveCount: 2 });
    });

    it('hides a message for what it was told in milliseconds, rounded up to its granularity', async () => {
      const { granularityMs } = driver.queue;
      await driver.queue.send(outgoing(1));
      await driver.queue.setVisibility(await one(STEP), 1_100);
      await driver.elapse(1_000);
      expect(await driver.receive(STEP, 10)).toEqual([]);
      await driver.elapse(Math.ceil(1_100 / granularityMs) * granularityMs - 1_000);
      expect(await one(STEP)).toMatchObject({ receiveCount: 2 });
    });

    it('shows a message at once when its visibility is set to 0', async () => {
      await driver.queue.send(outgoing(1));
      await driver.queue.setVisibility(await one(STEP), 0);
      expect(await one(STEP)).toMatchObject({ receiveCount: 2 });
    });

    it('changes the visibility of one message of a batch alone', async () => {
      await driver.queue.send(outgoing(2));
      const [first, second] = await drain(STEP);
      if (first === undefined || second === undefined) throw new Error('two were sent');
      await driver.queue.setVisibility(second, 0);
      expect((await drain(STEP)).map(idOf)).toEqual([idOf(second)]);
    });

    it('refuses to hide a message for more than twelve hours', async () => {
      await driver.queue.send(outgoing(1));
      const delivery = await one(STEP);
      await expect(driver.queue.setVisibility(delivery, 43_201_000)).rejects.toMatchObject({
        code: 'QUEUE_UNAVAILABLE',
      });
    });

    it('moves a message to the dead-letter queue at the receive after the last that it may have', async () => {
      await driver.queue.send(outgoing(1));
      const { body } = await one(STEP);
      await driver.elapse(HIDDEN_MS);
      expect(await one(STEP)).toMatchObject({ receiveCount: CONTRACT_SETTINGS.maxReceiveCount });
      await driver.elapse(HIDDEN_MS);
      expect(await driver.receive(STEP, 10)).toEqual([]);
      expect(await one(DEAD_LETTERS)).toMatchObject({ queue: DEAD_LETTERS, body });
    });

    it('moves a dead letter that nobody can handle to the parking queue', async () => {
      await driver.queue.send(outgoing(1, DEAD_LETTERS));
      const { body } = await one(DEAD_LETTERS);
      for (let count = 1; count < CONTRACT_SETTINGS.maxReceiveCount; count += 1) {
        await driver.elapse(HIDDEN_MS);
        await one(DEAD_LETTERS);
      }
      await driver.elapse(HIDDEN_MS);
      expect(await driver.receive(DEAD_LETTERS, 10)).toEqual([]);
      expect(await driver.parked()).toEqual([body]);
    });

    it('parks a body as it is, readable or not', async () => {
      const bodies = ['{ not json', '{"trip":0}', 'ünï – ✓'];
      for (const body of bodies) await driver.queue.park(body);
      expect([...(await driver.parked())].sort()).toEqual([...bodies].sort());
    });
  });
}
