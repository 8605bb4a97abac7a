import { ConditionalCheckFailedException, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, GetCommand, PutCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it } from 'vitest';
import { metaToItem, stepToItem } from '../../../lib/adapters/dynamodb/items.ts';
import { createDynamoDbStore } from '../../../lib/adapters/dynamodb/store.ts';
import type { Consumed } from '../../../lib/adapters/dynamodb/table.ts';
import { LIMITS } from '../../../lib/contract/limits.ts';
import { ABSENT, completedOf, metaOf, START } from '../../ports/store/fixtures.ts';
import { attributesOf, CLAIM, CLAIMED, META, METHODS, storedItem } from './fixtures.ts';

const offline = { region: 'us-east-1', credentials: { accessKeyId: 'none', secretAccessKey: 'none' } };
const documents = mockClient(DynamoDBDocumentClient);
const store = createDynamoDbStore({ client: new DynamoDBClient(offline), tableName: 'table' });
beforeEach(() => {
  documents.reset();
});

/** What the SDK throws for a failed condition, with the item if the server gave it. */
const inTheWay = (item?: Record<string, unknown>) =>
  new ConditionalCheckFailedException({
    message: 'The conditional request failed',
    $metadata: {},
    ...(item === undefined ? {} : { Item: attributesOf(item) }),
  });

describe('a failed condition', () => {
  it('shows the item that came with it, without another read', async () => {
    const stored = metaOf('one', { status: 'failed', epoch: 2, erased: true });
    documents.on(PutCommand).rejects(inTheWay(metaToItem(stored)));
    const written = await store.writeMeta(META, { status: 'processing', epoch: 0 });
    expect(written).toStrictEqual({ written: false, current: stored });
    const done = completedOf('payment', { nested: [1, null] });
    documents.on(PutCommand).rejects(inTheWay(stepToItem(META, done, META.expiresAt)));
    expect(await store.writeStep(META, CLAIM, ABSENT, META.expiresAt)).toStrictEqual({
      written: false,
      current: done,
    });
    expect(documents.commandCalls(GetCommand)).toEqual([]);
  });

  it('reads the item strongly where none came with it', async () => {
    documents.on(PutCommand).rejects(inTheWay());
    documents.on(GetCommand).resolves({ Item: storedItem(stepToItem(META, CLAIM, META.expiresAt)) });
    expect(await store.writeStep(META, completedOf('payment', 1), CLAIMED, META.expiresAt)).toStrictEqual({
      written: false,
      current: CLAIM,
    });
    expect(documents.commandCalls(GetCommand).map(({ args }) => args[0].input)).toEqual([
      {
        TableName: 'table',
        Key: { pk: `acme#${META.workflowId}`, sk: 'STEP#payment' },
        ConsistentRead: true,
      },
    ]);
  });

  it('is not known where that read fails', async () => {
    documents.on(PutCommand).rejects(inTheWay());
    documents.on(GetCommand).rejects(new Error('gone'));
    await expect(store.create(META)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });
});

describe('a table that fails', () => {
  const names = ['ProvisionedThroughputExceededException', 'ThrottlingException', 'TimeoutError'];
  const cases = METHODS.flatMap(([method, call]) => names.map((name) => [method, name, call] as const));

  it.each(cases)('makes %s fail with STORE_UNAVAILABLE for %s', async (_, name, call) => {
    const cause = Object.assign(new Error('slow down'), { name });
    documents.onAnyCommand().rejects(cause);
    await expect(call(store)).rejects.toMatchObject({
      name: 'EngineError',
      code: 'STORE_UNAVAILABLE',
      retriable: true,
      message: expect.stringContaining(`${name}: slow down`),
      cause,
    });
  });

  it('in the middle of a load fails the load: half a workflow is none', async () => {
    documents
      .on(QueryCommand)
      .resolvesOnce({ Items: [storedItem(metaToItem(META))], LastEvaluatedKey: { pk: 'a', sk: 'META' } })
      .rejects(new Error('gone'));
    await expect(store.load(META)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  it('gives a load in pages, the last of which may hold META and any of which may be empty', async () => {
    const keys = ['first', 'second', 'third'].map((sk) => ({ pk: 'p', sk }));
    documents
      .on(QueryCommand)
      .resolvesOnce({ Items: [storedItem(stepToItem(META, CLAIM, START))], LastEvaluatedKey: keys[0] })
      .resolvesOnce({ Items: [], LastEvaluatedKey: keys[1] })
      .resolvesOnce({ LastEvaluatedKey: keys[2] })
      .resolvesOnce({ Items: [storedItem(metaToItem(META))] });
    expect(await store.load(META)).toStrictEqual({ meta: META, steps: new Map([['payment', CLAIM]]) });
    const inputs = documents.commandCalls(QueryCommand).map(({ args }) => args[0].input);
    expect(inputs.map(({ ExclusiveStartKey }) => ExclusiveStartKey)).toEqual([undefined, ...keys]);
    expect(inputs.map(({ ConsistentRead }) => ConsistentRead)).toEqual([true, true, true, true]);
  });

  it('is asked by at most one request for each shard and group at a listing', async () => {
    documents.on(QueryCommand).resolves({ Items: [] });
    await store.list({ tenant: 'acme', limit: 1, chain: 'order-processing' });
    const partitions = documents
      .commandCalls(QueryCommand)
      .map(({ args }) => args[0].input.ExpressionAttributeValues?.[':listing']);
    expect(new Set(partitions).size).toBe(2 * LIMITS.indexShards);
    expect(partitions).toHaveLength(2 * LIMITS.indexShards);
  });
});

describe('what a newer version of Stepline wrote', () => {
  const holds = (...items: readonly Readonly<Record<string, unknown>>[]) =>
    documents.on(QueryCommand).resolves({ Items: items.map(storedItem) });
  const stored = metaToItem(META);

  it.each([
    ['a status of a workflow', [{ ...stored, status: 'suspended' }]],
    ['a status of a step', [stored, { ...stepToItem(META, CLAIM, START), status: 'waiting' }]],
    [
      'an answer of a lookup',
      [
        stored,
        {
          ...stepToItem(META, { ...completedOf('payment', null), action: 'lookup' }, START),
          answer: 'perhaps',
        },
      ],
    ],
    ['a kind of item', [stored, { ...stepToItem(META, CLAIM, START), sk: 'TIMER#payment' }]],
    [
      'the code of an error',
      [{ ...stored, error: '{"code":"NEW","message":"","effect":"none","step":"a","attempts":1}' }],
    ],
  ])('is no broken item, but waits for a deployment: %s', async (_, items) => {
    holds(...items);
    await expect(store.load(META)).rejects.toMatchObject({
      code: 'NEWER_VERSION',
      retriable: true,
      message: expect.stringContaining('that this version of Stepline does not know'),
    });
  });

  it('and stands in META is kept by every write', async () => {
    holds({ ...stored, promise: 'kept', due: 'due#1', listing: 'elsewhere' });
    documents.on(PutCommand).resolves({});
    const meta = (await store.load(META))?.meta;
    await store.writeMeta({ ...META, ...meta, status: 'completed' }, { status: 'processing', epoch: 0 });
    const [put] = documents.commandCalls(PutCommand);
    expect(put?.args[0].input.Item).toEqual({ ...stored, status: 'completed', promise: 'kept' });
  });

  it('is listed with its status as it is', async () => {
    const row = {
      pk: stored.pk,
      sk: 'META',
      position: stored.position,
      chain: META.chain,
      ended: 'compensated',
    };
    documents
      .on(QueryCommand)
      .resolvesOnce({ Items: [row] })
      .resolves({ Items: [] });
    const { workflows } = await store.list({ tenant: META.tenant, limit: 5 });
    expect(workflows).toMatchObject([{ status: 'compensated' }]);
  });
});

describe('what a request consumed', () => {
  it('is told as the table told it, a read or a write, and not where it told nothing', async () => {
    const consumed: Consumed[] = [];
    const counting = createDynamoDbStore({
      client: new DynamoDBClient(offline),
      tableName: 'table',
      onConsumed: (one) => consumed.push(one),
    });
    documents.on(PutCommand).resolves({ ConsumedCapacity: { CapacityUnits: 7 } });
    documents
      .on(QueryCommand)
      .resolvesOnce({ Items: [], LastEvaluatedKey: { pk: 'a' }, ConsumedCapacity: { CapacityUnits: 129.5 } })
      .resolvesOnce({ Items: [] });
    await counting.create(META);
    await counting.load(META);
    documents.on(PutCommand).rejects(inTheWay());
    documents.on(GetCommand).resolves({ ConsumedCapacity: { CapacityUnits: 0.5 } });
    await counting.create(META);
    expect(consumed).toEqual([
      { kind: 'write', units: 7 },
      { kind: 'read', units: 129.5 },
      { kind: 'read', units: 0.5 },
    ]);
  });
});
