import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  type SendMessageBatchCommandInput,
  SendMessageCommand,
} from '@aws-sdk/client-sqs';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { LIMITS } from '../../../lib/contract/limits.ts';
import { DEFAULT_TENANT } from '../../../lib/contract/names.ts';
import {
  alone,
  failureOf,
  many,
  message,
  numbersAlone,
  numbersTogether,
  outgoing,
  PAYMENT,
  PAYMENT_URL,
  PREFIX,
  queue,
  resetSqs,
  SHIPMENT,
  SHIPMENT_URL,
  sqs,
  throttled,
  together,
} from './fixtures.ts';

beforeEach(resetSqs);

describe('a message', () => {
  it('is one request with its queue, its identifiers and its tenant as the message group', async () => {
    await queue.send([outgoing(1)]);
    expect(together()).toEqual([]);
    expect(alone()).toEqual([
      { QueueUrl: PAYMENT_URL, MessageBody: JSON.stringify(message(1)), MessageGroupId: 'acme' },
    ]);
  });

  it('has identifiers for a body and nothing else', async () => {
    await queue.send([outgoing(1)]);
    const fields = Object.keys(JSON.parse(alone()[0]?.MessageBody ?? ''));
    expect(fields.sort()).toEqual(
      ['action', 'chain', 'epoch', 'step', 'tenant', 'trip', 'version', 'workflowId'].sort(),
    );
  });

  it('stays under 1 KB with the longest names', async () => {
    const longest = message(1, {
      // Each of these takes two bytes in JSON.
      tenant: '"'.repeat(128),
      chain: 'c'.repeat(LIMITS.chainNameLength),
      step: 's'.repeat(LIMITS.stepNameLength),
      version: Number.MAX_SAFE_INTEGER,
      epoch: Number.MAX_SAFE_INTEGER,
    });
    await queue.send([{ to: PAYMENT, message: longest }]);
    expect(Buffer.byteLength(alone()[0]?.MessageBody ?? '')).toBeLessThan(LIMITS.messageBytes);
  });

  it('goes to the dead-letter queue of its step, or to another step', async () => {
    await queue.send([outgoing(1, { ...PAYMENT, kind: 'deadLetter' }), outgoing(2, SHIPMENT)]);
    const urls = alone().map(({ QueueUrl }) => QueueUrl);
    expect(urls.sort()).toEqual([`${PREFIX}order-processing_payment_dlq`, SHIPMENT_URL]);
  });
});

describe('the message group', () => {
  it('is none where there is one tenant', async () => {
    await queue.send([{ to: PAYMENT, message: message(1, { tenant: DEFAULT_TENANT }) }]);
    expect(alone()[0]).not.toHaveProperty('MessageGroupId');
  });

  const groupOf = async (tenant: string): Promise<string> => {
    sqs.resetHistory();
    await queue.send([{ to: PAYMENT, message: message(1, { tenant }) }]);
    return alone()[0]?.MessageGroupId ?? '';
  };

  it.each(['acme', 'a', 'a#b', '!~', 'x'.repeat(128)])('is the tenant %j itself', async (tenant) => {
    expect(await groupOf(tenant)).toBe(tenant);
  });

  it.each(['two words', 'Ünï', '日本', 'tab\there', 'line\n', 'x'.repeat(129)])(
    'of a tenant that SQS would refuse (%j) is a digest, the same every time',
    async (tenant) => {
      const group = await groupOf(tenant);
      expect(group).toMatch(/^[0-9a-f]{64}$/);
      expect(await groupOf(tenant)).toBe(group);
      expect(await groupOf(`${tenant} `)).not.toBe(group);
    },
  );

  it('is one that SQS takes, whatever the tenant', async () => {
    const tenants = fc.string({ minLength: 1, maxLength: 150, unit: 'binary' });
    await fc.assert(
      fc.asyncProperty(tenants, async (tenant) => {
        expect(await groupOf(tenant)).toMatch(/^[A-Za-z0-9!"#$%&'()*+,\-./:;<=>?@[\\\]^_`{|}~]{1,128}$/);
      }),
    );
  });
});

describe('messages of one turn to one queue', () => {
  it('share one request, each with an id of its own and its tenant', async () => {
    const tenants = ['acme', 'other', 'acme'];
    await queue.send(tenants.map((tenant, n) => ({ to: PAYMENT, message: message(n, { tenant }) })));
    expect(alone()).toEqual([]);
    expect(together()).toEqual([
      {
        QueueUrl: PAYMENT_URL,
        Entries: tenants.map((tenant, n) => ({
          Id: String(n),
          MessageBody: JSON.stringify(message(n, { tenant })),
          MessageGroupId: tenant,
        })),
      },
    ]);
  });

  it.each([
    [10, [10], 0],
    [11, [10], 1],
    [12, [10, 2], 0],
    [35, [10, 10, 10, 5], 0],
  ])('are at most ten a request: %i', async (count, sizes, single) => {
    await queue.send(many(count));
    expect(numbersTogether().map(({ length }) => length)).toEqual(sizes);
    expect(numbersAlone()).toHaveLength(single);
    const all = [...numbersTogether().flat(), ...numbersAlone()];
    expect(all.sort((a, b) => a - b)).toEqual(many(count).map((_, number) => number));
  });

  it('share it whoever asks for them', async () => {
    await Promise.all([queue.send([outgoing(1)]), queue.send([outgoing(2)]), queue.send([outgoing(3)])]);
    expect(numbersTogether()).toEqual([[1, 2, 3]]);
  });

  it('do not wait for those of a later turn', async () => {
    await queue.send([outgoing(1)]);
    await queue.send([outgoing(2)]);
    expect(together()).toEqual([]);
    expect(numbersAlone()).toEqual([1, 2]);
  });

  it('do not share with those to another queue', async () => {
    await queue.send([...many(2), ...many(3, SHIPMENT)]);
    expect(together().map(({ QueueUrl }) => QueueUrl)).toEqual([PAYMENT_URL, SHIPMENT_URL]);
    expect(numbersTogether()).toEqual([
      [0, 1],
      [0, 1, 2],
    ]);
  });

  it('are no request at all where there are none', async () => {
    await queue.send([]);
    expect(sqs.calls()).toEqual([]);
  });
});

describe('parking', () => {
  it('sends the body as it is, in no group', async () => {
    await queue.park('{ not json \u2028 ü');
    expect(alone()).toEqual([{ QueueUrl: `${PREFIX}parking`, MessageBody: '{ not json \u2028 ü' }]);
  });

  it('says that the queue is unavailable where it is', async () => {
    sqs.on(SendMessageCommand).rejects(throttled());
    expect(await failureOf(queue.park('x'))).toMatchObject({
      code: 'QUEUE_UNAVAILABLE',
      message: 'queue stepline_test_parking: RequestThrottled: Rate exceeded',
    });
  });

  it('of bodies that are too large for one request together takes several', async () => {
    // A request holds 1 MiB, and so may each of the bodies be.
    sqs.on(SendMessageBatchCommand).callsFake(({ Entries = [] }: SendMessageBatchCommandInput) => {
      const bytes = Entries.reduce((sum, { MessageBody = '' }) => sum + Buffer.byteLength(MessageBody), 0);
      if (bytes > 1_048_576) throw new Error('BatchRequestTooLong');
      return { Successful: Entries.map(({ Id }) => ({ Id })) };
    });
    const bodies = [1_048_576, 600_000, 400_000, 48_576, 1, 500_000].map((size, n) => String(n).repeat(size));
    await Promise.all(bodies.map((body) => queue.park(body)));
    const sent = [...together().flatMap(({ Entries = [] }) => Entries), ...alone()];
    expect(sent.map(({ MessageBody }) => MessageBody?.length).sort()).toEqual(
      bodies.map(({ length }) => length).sort(),
    );
    expect(together().map(({ Entries }) => Entries?.length)).toEqual([3, 2]);
  });
});

describe('visibility', () => {
  const delivery = { queue: PAYMENT, receiptHandle: 'handle 1', receiveCount: 3, body: '{}' };
  const asked = () =>
    sqs.commandCalls(ChangeMessageVisibilityCommand).map(({ args }) => args[0].input.VisibilityTimeout);

  it('is changed for the one message in its queue', async () => {
    await queue.setVisibility(delivery, 30_000);
    await queue.setVisibility({ ...delivery, queue: { ...PAYMENT, kind: 'deadLetter' } }, 60_000);
    expect(sqs.commandCalls(ChangeMessageVisibilityCommand).map(({ args }) => args[0].input)).toEqual([
      { QueueUrl: PAYMENT_URL, ReceiptHandle: 'handle 1', VisibilityTimeout: 30 },
      { QueueUrl: `${PAYMENT_URL}_dlq`, ReceiptHandle: 'handle 1', VisibilityTimeout: 60 },
    ]);
  });

  it.each([
    [0, 0],
    [1, 1],
    [1_000, 1],
    [29_200, 30],
    [-5, 0],
    [43_200_000, 43_200],
    [43_199_500, 43_200],
    [43_200_001, 43_200],
    [Number.POSITIVE_INFINITY, 43_200],
  ])('of %d ms is asked for as %i whole seconds', async (ms, whole) => {
    await queue.setVisibility(delivery, ms);
    expect(asked()).toEqual([whole]);
  });

  it('that SQS does not change is a failure that names the queue', async () => {
    const gone = Object.assign(new Error('not in flight'), { name: 'MessageNotInflight' });
    sqs.on(ChangeMessageVisibilityCommand).rejects(gone);
    const error = await failureOf(queue.setVisibility(delivery, 30_000));
    expect(error).toMatchObject({ code: 'QUEUE_UNAVAILABLE', retriable: true });
    expect(error.message).toBe(
      'queue stepline_test_order-processing_payment: MessageNotInflight: not in flight',
    );
  });
});

describe('what is in a queue', () => {
  const received = { ReceiptHandle: 'handle 1', Body: '{}', Attributes: { ApproximateReceiveCount: '3' } };

  it('is received at once, with how often it was', async () => {
    sqs.on(ReceiveMessageCommand).resolves({ Messages: [received] });
    expect(await queue.receive(PAYMENT, 10)).toEqual([
      { queue: PAYMENT, receiptHandle: 'handle 1', receiveCount: 3, body: '{}' },
    ]);
    expect(sqs.commandCalls(ReceiveMessageCommand).map(({ args }) => args[0].input)).toEqual([
      {
        QueueUrl: PAYMENT_URL,
        MaxNumberOfMessages: 10,
        WaitTimeSeconds: 0,
        MessageSystemAttributeNames: ['ApproximateReceiveCount'],
      },
    ]);
  });

  it('is nothing where SQS tells of no messages', async () => {
    sqs.on(ReceiveMessageCommand).resolves({});
    expect(await queue.receive(PAYMENT, 10)).toEqual([]);
  });

  it('is deleted one message at a time, by its handle', async () => {
    await queue.acknowledge(PAYMENT, 'handle 1');
    expect(sqs.commandCalls(DeleteMessageCommand).map(({ args }) => args[0].input)).toEqual([
      { QueueUrl: PAYMENT_URL, ReceiptHandle: 'handle 1' },
    ]);
  });

  it('that SQS does not give, or does not delete, is a failure that names the queue', async () => {
    const denied = Object.assign(new Error('not yours'), { name: 'AccessDenied' });
    sqs.on(ReceiveMessageCommand).rejects(denied).on(DeleteMessageCommand).rejects(denied);
    for (const asked of [queue.receive(PAYMENT, 10), queue.acknowledge(PAYMENT, 'handle 1')]) {
      const error = await failureOf(Promise.resolve(asked));
      expect(error).toMatchObject({ code: 'QUEUE_UNAVAILABLE', retriable: true });
      expect(error.message).toBe('queue stepline_test_order-processing_payment: AccessDenied: not yours');
    }
  });
});
