import {
  type BatchResultErrorEntry,
  SendMessageBatchCommand,
  type SendMessageBatchCommandInput,
  SendMessageCommand,
  type SendMessageCommandInput,
} from '@aws-sdk/client-sqs';
import { beforeEach, describe, expect, it } from 'vitest';
import { LIMITS } from '../../../lib/contract/limits.ts';
import { EngineError } from '../../../lib/engine/errors.ts';
import {
  alone,
  failureOf,
  many,
  message,
  numberOf,
  numbersAlone,
  numbersTogether,
  outgoing,
  PAYMENT,
  PAYMENT_URL,
  queue,
  resetSqs,
  SHIPMENT,
  SHIPMENT_URL,
  sqs,
  throttled,
} from './fixtures.ts';

beforeEach(resetSqs);

/** Batches are answered with HTTP 200; `fate` says what becomes of each entry, by its workflow's number. */
function batches(fate: (number: number) => Omit<BatchResultErrorEntry, 'Id'> | 'silence' | undefined): void {
  sqs.on(SendMessageBatchCommand).callsFake(({ Entries = [] }: SendMessageBatchCommandInput) => {
    const fates = Entries.map(({ Id, MessageBody }) => ({ Id, fate: fate(numberOf(MessageBody)) }));
    return {
      Successful: fates.flatMap(({ Id, fate }) => (fate === undefined ? [{ Id }] : [])),
      Failed: fates.flatMap(({ Id, fate }) =>
        fate === undefined || fate === 'silence' ? [] : [{ Id, ...fate }],
      ),
    };
  });
}

/** Single sends of these workflows fail, the first `times` times or always. */
function refuseAlone(numbers: readonly number[], times = Number.POSITIVE_INFINITY): void {
  const tries = new Map<number, number>();
  sqs.on(SendMessageCommand).callsFake(({ MessageBody }: SendMessageCommandInput) => {
    const number = numberOf(MessageBody);
    const tried = tries.get(number) ?? 0;
    tries.set(number, tried + 1);
    if (numbers.includes(number) && tried < times) throw throttled();
    return {};
  });
}

const BUSY = { Code: 'InternalError', Message: 'try again', SenderFault: false };

describe('an entry that SQS failed while it answered 200', () => {
  it('is sent again alone, and the others are not', async () => {
    batches((number) => (number === 1 ? BUSY : undefined));
    await queue.send(many(3));
    expect(numbersTogether()).toEqual([[0, 1, 2]]);
    expect(alone()).toEqual([
      { QueueUrl: PAYMENT_URL, MessageBody: JSON.stringify(message(1)), MessageGroupId: 'acme' },
    ]);
  });

  it('is sent a second time alone, and then is given up', async () => {
    batches((number) => (number === 1 ? BUSY : undefined));
    refuseAlone([1], 1);
    await queue.send(many(3));
    expect(numbersAlone()).toEqual([1, 1]);

    refuseAlone([1]);
    sqs.resetHistory();
    await expect(queue.send(many(3))).rejects.toMatchObject({ code: 'QUEUE_UNAVAILABLE' });
    expect(numbersAlone()).toEqual([1, 1]);
  });

  it('is not sent again where the fault is ours', async () => {
    batches((number) =>
      number === 1 ? { Code: 'InvalidMessageContents', Message: 'no', SenderFault: true } : undefined,
    );
    const error = await failureOf(queue.send(many(3)));
    expect(error).toMatchObject({ code: 'QUEUE_UNAVAILABLE' });
    expect(error.message).toContain('InvalidMessageContents: no');
    expect(alone()).toEqual([]);
  });

  it('is sent again where it is neither among the sent nor among the failed', async () => {
    batches((number) => (number === 2 ? 'silence' : undefined));
    await queue.send(many(3));
    expect(numbersAlone()).toEqual([2]);
  });

  it('is sent again where the answer says nothing at all', async () => {
    sqs.on(SendMessageBatchCommand).resolves({});
    await queue.send(many(2));
    expect(numbersAlone()).toEqual([0, 1]);
  });
});

describe('a failure', () => {
  it('of a single message names the queue and the cause, and may pass', async () => {
    sqs.on(SendMessageCommand).rejects(throttled());
    const error = await failureOf(queue.send([outgoing(1)]));
    expect(error).toMatchObject({ code: 'QUEUE_UNAVAILABLE', retriable: true });
    expect(error.message).toBe(
      'queue stepline_test_order-processing_payment: RequestThrottled: Rate exceeded',
    );
    expect(error.cause).toMatchObject({ name: 'RequestThrottled' });
  });

  it('of a whole request says how many of how many messages were not sent', async () => {
    sqs.on(SendMessageBatchCommand).rejects(throttled());
    const error = await failureOf(queue.send([...many(4), ...many(1, SHIPMENT)]));
    expect(error).toMatchObject({ code: 'QUEUE_UNAVAILABLE', retriable: true });
    expect(error.message).toBe(
      '4 of 5 messages; the first: queue stepline_test_order-processing_payment: RequestThrottled: Rate exceeded',
    );
    expect(error.cause).toMatchObject({
      errors: Array.from({ length: 4 }, () => expect.any(EngineError)),
    });
    expect(alone().map(({ QueueUrl }) => QueueUrl)).toEqual([SHIPMENT_URL]);
  });

  it('of half a request whose repeats fail too says how many of how many', async () => {
    batches((number) => (number % 2 === 1 ? BUSY : undefined));
    refuseAlone([1, 3, 5, 7, 9]);
    const error = await failureOf(queue.send(many(10)));
    expect(error.code).toBe('QUEUE_UNAVAILABLE');
    expect(error.message).toMatch(/^5 of 10 messages; /);
  });

  it('of one message among several says so too', async () => {
    batches((number) => (number === 1 ? BUSY : undefined));
    refuseAlone([1]);
    const error = await failureOf(queue.send(many(3)));
    expect(error.code).toBe('QUEUE_UNAVAILABLE');
    expect(error.message).toMatch(/^1 of 3 messages; the first: queue stepline_test_/);
  });

  it('of one request leaves the other request of the same turn alone', async () => {
    sqs.on(SendMessageBatchCommand).callsFake(({ Entries = [] }: SendMessageBatchCommandInput) => {
      if (Entries.some(({ MessageBody }) => numberOf(MessageBody) === 0)) throw throttled();
      return { Successful: Entries.map(({ Id }) => ({ Id })) };
    });
    const senders = many(20).map((one) => queue.send([one]));
    const settled = await Promise.allSettled(senders);
    expect(settled.map(({ status }) => status)).toEqual([
      ...Array.from({ length: 10 }, () => 'rejected'),
      ...Array.from({ length: 10 }, () => 'fulfilled'),
    ]);
  });

  it('of another’s message in the same request is not mine', async () => {
    batches((number) => (number === 1 ? BUSY : undefined));
    refuseAlone([1]);
    const [mine, other, third] = await Promise.allSettled([
      queue.send([outgoing(0)]),
      queue.send([outgoing(1)]),
      queue.send([outgoing(2)]),
    ]);
    expect(numbersTogether()).toEqual([[0, 1, 2]]);
    expect(mine.status).toBe('fulfilled');
    expect(other).toMatchObject({ status: 'rejected', reason: { code: 'QUEUE_UNAVAILABLE' } });
    expect(third.status).toBe('fulfilled');
  });
});

describe('a message above 1 KB', () => {
  const bare = Buffer.byteLength(JSON.stringify(message(1, { tenant: '' })));
  const tenantFor = (bytes: number): string =>
    'ä'.repeat((bytes - bare) / 2) + 'x'.repeat((bytes - bare) % 2);

  it('is sent at exactly the limit', async () => {
    const just = message(1, { tenant: tenantFor(LIMITS.messageBytes) });
    await queue.send([{ to: PAYMENT, message: just }]);
    expect(Buffer.byteLength(alone()[0]?.MessageBody ?? '')).toBe(LIMITS.messageBytes);
  });

  it('is a matter of configuration; the others of its call are sent', async () => {
    const tooLong = message(1, { tenant: tenantFor(LIMITS.messageBytes + 1) });
    const sending = queue.send([outgoing(0), { to: PAYMENT, message: tooLong }, outgoing(2)]);
    const error = await failureOf(sending);
    expect(error).toMatchObject({ code: 'CONFIGURATION', retriable: false });
    expect(error.message).toMatch(/order-processing_payment has 1025 bytes, at most 1024 .* tenant/);
    expect(numbersTogether()).toEqual([[0, 2]]);
  });
});
