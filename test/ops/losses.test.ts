import {
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ListQueuesCommand,
  QueueDoesNotExist,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { mockClient } from 'aws-sdk-client-mock';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { createDynamoDbStore } from '../../lib/adapters/dynamodb/store.ts';
import type { WorkflowMeta } from '../../lib/engine/state.ts';
import { lossesOf, type Remaining } from '../../lib/ops/losses.ts';
import { metaOf } from '../ports/store/fixtures.ts';
import { type Dynalite, startDynalite } from '../support/dynalite.ts';

const sqs = mockClient(SQSClient);
let database: Dynalite;
let table: string;
beforeAll(async () => {
  database = await startDynalite();
  process.env.AWS_ENDPOINT_URL_DYNAMODB = database.url;
  process.env.AWS_ACCESS_KEY_ID = 'none';
  process.env.AWS_SECRET_ACCESS_KEY = 'none';
});
afterAll(() => database.close());
beforeEach(async () => {
  sqs.reset();
  table = await database.createTable();
});
afterEach(() => database.deleteTable(table));

/** The queues of a stage, and how many messages wait in each. */
function queues(waiting: Readonly<Record<string, number>>): void {
  const prefix = 'https://sqs.eu-central-1.amazonaws.com/123456789012/';
  sqs.on(ListQueuesCommand).resolves({
    QueueUrls: Object.keys(waiting).map((name) => `${prefix}stepline_dev_${name}`),
  });
  sqs.on(GetQueueUrlCommand).rejects(new QueueDoesNotExist({ message: 'no', $metadata: {} }));
  for (const [name, count] of Object.entries(waiting)) {
    const QueueUrl = `${prefix}stepline_dev_${name}`;
    sqs.on(GetQueueUrlCommand, { QueueName: `stepline_dev_${name}` }).resolves({ QueueUrl });
    sqs.on(GetQueueAttributesCommand, { QueueUrl }).resolves({
      Attributes: {
        ApproximateNumberOfMessages: String(count),
        ApproximateNumberOfMessagesNotVisible: '0',
        ApproximateNumberOfMessagesDelayed: '0',
      },
    });
  }
}

const NOTHING = { orders_payment: 0, orders_payment_dlq: 0, orders_mail: 0, orders_mail_dlq: 0, parking: 3 };

async function save(...workflows: readonly Partial<WorkflowMeta>[]): Promise<void> {
  const store = createDynamoDbStore({ client: database.client, tableName: table });
  for (const [at, changes] of workflows.entries()) {
    const meta = metaOf(`one ${at}`, { chain: 'orders', version: 1, ...changes });
    const goesOn = meta.status === 'processing' || meta.status === 'compensating';
    const ended = goesOn ? meta : withoutDue(meta);
    expect(await store.create(ended)).toEqual({ written: true });
  }
}
const withoutDue = ({ dueAt: _, ...meta }: WorkflowMeta): WorkflowMeta => meta;

/** The hash of every definition that stays. */
const SHAPE = 'as-it-is';
const remaining = (steps: readonly string[], versions: readonly number[]): Remaining => ({
  steps: steps.map((step) => ({ chain: 'orders', step })),
  versions: new Map([['orders', new Map(versions.map((version) => [version, SHAPE]))]]),
});
const place = (tenant?: string) => ({
  queuePrefix: 'stepline_dev_',
  tableName: table,
  tenant,
  region: 'eu-central-1',
});
const look = (of: Remaining, tenant?: string) => lossesOf(place(tenant), of);
const ALL = ['payment', 'mail'];

it('where all stays nothing is lost', async () => {
  queues({ ...NOTHING, orders_payment: 7 });
  await save({}, { shape: SHAPE }, { status: 'failed' }, { status: 'completed', version: 9 });
  expect(await look(remaining(ALL, [1]))).toEqual({
    added: [],
    steps: [],
    messages: [],
    gone: [],
    changed: [],
  });
});

it('a version that goes strands its workflows, though all its steps stay', async () => {
  queues(NOTHING);
  await save({}, { version: 2 }, { version: 2, status: 'failed' }, { version: 2, status: 'cancelled' });
  expect(await look(remaining(ALL, [1]))).toMatchObject({
    gone: [{ chain: 'orders', version: 2, processing: 1, failed: 1 }],
    changed: [],
  });
});

it('a version that has other steps strands the workflows that began with those it had', async () => {
  queues(NOTHING);
  await save({ shape: 'as-it-was' }, { shape: SHAPE }, { shape: 'as-it-was', status: 'failed' }, {});
  expect(await look(remaining(ALL, [1]))).toMatchObject({
    gone: [],
    changed: [{ chain: 'orders', version: 1, processing: 1, failed: 1 }],
  });
});

it('a version that goes strands what is taken back by it, and what could not be', async () => {
  queues(NOTHING);
  const statuses = ['compensating', 'compensating', 'compensation_failed', 'compensated'] as const;
  await save(...statuses.map((status) => ({ version: 2, status })));
  const found = [
    {
      version: 2,
      processing: 0,
      failed: 0,
      compensating: 2,
      compensation_failed: 1,
      examples: { length: 3 },
    },
  ];
  expect((await look(remaining(ALL, [1]))).gone).toMatchObject(found);
  expect((await look(remaining(ALL, [1]), metaOf('any').tenant)).gone).toMatchObject(found);
});

it('on a stage with one tenant only the listings of that one are read, and the same is found', async () => {
  queues(NOTHING);
  await save({}, { status: 'failed' }, { status: 'failed' });
  await save({ workflowId: `wf_${'a'.repeat(32)}`, tenant: 'other', status: 'failed' });
  const [{ tenant }] = [metaOf('any')];
  expect((await look(remaining(ALL, [2]), tenant)).gone).toMatchObject([{ processing: 1, failed: 2 }]);
  expect((await look(remaining(ALL, [2]))).gone).toMatchObject([{ processing: 1, failed: 3 }]);
});

it('a step that goes takes the messages of its queues along', async () => {
  queues({ ...NOTHING, orders_mail: 2, orders_mail_dlq: 1, orders_payment: 9 });
  expect(await look(remaining(['payment', 'receipt'], [2]))).toEqual({
    added: [{ chain: 'orders', step: 'receipt' }],
    steps: [{ chain: 'orders', step: 'mail' }],
    messages: [{ chain: 'orders', step: 'mail', messages: 2, deadLetters: 1 }],
    gone: [],
    changed: [],
  });
});

it('a chain that goes strands the workflows that are processing or may be resumed, and no others', async () => {
  queues(NOTHING);
  await save(
    ...[{}, {}, { status: 'failed' as const }],
    ...[{ status: 'completed' as const }, { status: 'cancelled' as const }, { chain: 'others' }],
  );
  const { steps, messages, gone } = await look({
    steps: [],
    versions: new Map([['others', new Map([[1, SHAPE]])]]),
  });
  expect(steps).toHaveLength(2);
  expect(messages).toEqual([]);
  expect(gone).toEqual([
    {
      chain: 'orders',
      version: 1,
      processing: 2,
      failed: 1,
      compensating: 0,
      compensation_failed: 0,
      examples: [expect.stringMatching(/^wf_/), expect.any(String), expect.any(String)],
      expiresAt: metaOf('any').expiresAt,
    },
  ]);
});

it('a step that goes strands the workflows of versions that go, and not those of a version that stays', async () => {
  queues(NOTHING);
  await save({ version: 1 }, { version: 2 }, { version: 2, status: 'failed' });
  const { gone } = await look(remaining(['payment'], [2]));
  expect(gone).toMatchObject([{ chain: 'orders', version: 1, processing: 1, failed: 0 }]);
  expect((await look(remaining(['payment'], [1, 2]))).gone).toEqual([]);
});

it('more workflows than one read takes are counted, and three are named', async () => {
  queues(NOTHING);
  await save(...Array.from({ length: 230 }, () => ({})));
  const [lost] = (await look(remaining(['payment'], [2]))).gone;
  expect(lost).toMatchObject({ processing: 230, failed: 0 });
  expect(lost?.examples).toHaveLength(3);
});

it('a stage without a table has no workflows to lose', async () => {
  queues(NOTHING);
  const nowhere = { ...place(), tableName: 'no-such-table' };
  expect(await lossesOf(nowhere, remaining(['payment'], [1]))).toMatchObject({ messages: [], gone: [] });
});

it('is not taken for nothing where AWS does not answer', async () => {
  sqs.on(ListQueuesCommand).rejects(new Error('no credentials'));
  await expect(look(remaining([], []))).rejects.toThrow('no credentials');
});
