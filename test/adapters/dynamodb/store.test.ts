import { DynamoDBClient, PutItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { metaToItem, stepToItem } from '../../../lib/adapters/dynamodb/items.ts';
import { createDynamoDbStore } from '../../../lib/adapters/dynamodb/store.ts';
import type { Consumed } from '../../../lib/adapters/dynamodb/table.ts';
import { shardOf } from '../../../lib/contract/table.ts';
import type { Store } from '../../../lib/engine/ports.ts';
import { ABSENT, completedOf, DAY, given, metaOf, START } from '../../ports/store/fixtures.ts';
import { startAwsServer } from '../../support/aws-server.ts';
import { type Dynalite, startDynalite } from '../../support/dynalite.ts';
import { attributesOf, CLAIM, CLAIMED, META, METHODS } from './fixtures.ts';

describe('what the store sends', () => {
  let database: Dynalite;
  let tableName: string;
  let store: Store;
  beforeAll(async () => {
    database = await startDynalite();
  });
  afterAll(() => database.close());
  beforeEach(async () => {
    tableName = await database.createTable();
    store = createDynamoDbStore({ client: database.client, tableName });
  });
  afterEach(() => database.deleteTable(tableName));

  /** The requests that `work` sends, as they go over the wire. */
  async function sent(work: () => Promise<unknown>) {
    const requests: { action: string; input: Record<string, unknown> }[] = [];
    const { middlewareStack } = database.client;
    middlewareStack.add(
      (next) => async (args) => {
        const { headers, body } = wire.parse(args.request);
        requests.push({
          action: headers['x-amz-target'].replace(/^.*\./, ''),
          input: z.record(z.string(), z.unknown()).parse(JSON.parse(new TextDecoder().decode(body))),
        });
        return await next(args);
      },
      { name: 'listen', step: 'finalizeRequest', priority: 'low' },
    );
    try {
      await work();
    } finally {
      middlewareStack.remove('listen');
    }
    return requests;
  }
  const wire = z.object({
    headers: z.looseObject({ 'x-amz-target': z.string() }),
    body: z.custom<Uint8Array>(),
  });

  const itemsPut = async (work: () => Promise<unknown>) =>
    (await sent(work)).filter(({ action }) => action === 'PutItem').map(({ input }) => input.Item);

  it('is queries, reads by key and conditional writes of one item each: no scan and no transaction', async () => {
    await given(store, META);
    const requests = await sent(async () => {
      for (const [, call] of METHODS) await call(store);
      for (const filter of [{ chain: 'order-processing' }, { status: 'failed' as const }]) {
        await store.list({ tenant: 'acme', limit: 5, ...filter });
      }
      await store.writeStep(META, CLAIM, ABSENT, META.expiresAt);
      await store.writeStep(META, completedOf('payment', 1), CLAIMED, META.expiresAt);
    });
    expect(new Set(requests.map(({ action }) => action))).toEqual(
      new Set(['PutItem', 'GetItem', 'Query', 'BatchGetItem']),
    );
    for (const { action, input } of requests) {
      if (action !== 'BatchGetItem') expect(input.TableName).toBe(tableName);
      if (action === 'PutItem') expect(input.ConditionExpression).toBeTruthy();
    }
  });

  it('is one write for a claim or an outcome, whatever else the workflow holds', async () => {
    await given(store, META);
    await store.writeStep(META, completedOf('shipment', 'x'.repeat(10_000)), ABSENT, META.expiresAt);
    const requests = await sent(() => store.writeStep(META, CLAIM, ABSENT, META.expiresAt));
    expect(requests.map(({ action }) => action)).toEqual(['PutItem']);
    expect(JSON.stringify(requests).length).toBeLessThan(2_000);
  });

  it('asks every write to show what stood in its way, and reads it strongly where the server does not', async () => {
    await given(store, META);
    const requests = await sent(() => store.create(META));
    expect(requests).toMatchObject([
      { action: 'PutItem', input: { ReturnValuesOnConditionCheckFailure: 'ALL_OLD' } },
      {
        action: 'GetItem',
        input: {
          ConsistentRead: true,
          Key: { pk: { S: `acme#${META.workflowId}` }, sk: { S: 'META' } },
        },
      },
    ]);
  });

  it('loads with one strongly consistent query of the workflow’s own items', async () => {
    const requests = await sent(() => store.load(META));
    expect(requests).toHaveLength(1);
    expect(requests[0]).toMatchObject({
      action: 'Query',
      input: { ConsistentRead: true, ExpressionAttributeValues: { ':pk': { S: `acme#${META.workflowId}` } } },
    });
    expect(requests[0]?.input).not.toHaveProperty('IndexName');
  });

  it('lists with at most 16 queries of the index, and 8 where a status is asked for', async () => {
    const all = await sent(() => store.list({ tenant: 'acme', limit: 7 }));
    expect(all).toHaveLength(16);
    for (const { input } of all) {
      expect(input).toMatchObject({ IndexName: 'listing', ScanIndexForward: false, Limit: 7 });
      expect(input).not.toHaveProperty('ConsistentRead');
    }
    for (const status of ['failed', 'completed'] as const) {
      expect(await sent(() => store.list({ tenant: 'acme', limit: 7, status }))).toHaveLength(8);
    }
  });

  it('reads one shard of what is due, and no more of it than was asked for', async () => {
    const requests = await sent(() => store.listDue(3, START, 100));
    expect(requests).toMatchObject([
      {
        action: 'Query',
        input: { IndexName: 'due', Limit: 100, ExpressionAttributeValues: { ':due': { S: 'due#3' } } },
      },
    ]);
  });

  it('writes META with the keys of both indexes and its time to live', async () => {
    const shard = shardOf(META.workflowId);
    expect(await itemsPut(() => store.create(META))).toMatchObject([
      {
        pk: { S: `acme#${META.workflowId}` },
        sk: { S: 'META' },
        listing: { S: `acme#healthy#${shard}` },
        position: { S: `00${START}-${META.workflowId}` },
        due: { S: `due#${shard}` },
        dueAt: { N: String(START + 135_000) },
        ttl: { N: String((START + 97 * DAY) / 1_000) },
      },
    ]);
  });

  it.each([
    ['processing', 'healthy'],
    ['completed', 'healthy'],
    ['failed', 'ended'],
    ['cancelled', 'ended'],
  ] as const)('lists a workflow that is %s among the %s', async (status, group) => {
    const [item] = await itemsPut(() => store.create(metaOf('one', { status })));
    expect(item).toMatchObject({ listing: { S: `acme#${group}#${shardOf(META.workflowId)}` } });
    expect(item).toHaveProperty('status', { S: status });
    if (group === 'ended') expect(item).toHaveProperty('ended', { S: status });
    else expect(item).not.toHaveProperty('ended');
  });

  it('leaves the listing’s entry as it is when a workflow completes', async () => {
    const entries = async () =>
      (await database.client.send(new ScanCommand({ TableName: tableName, IndexName: 'listing' }))).Items;
    await given(store, META);
    const before = await entries();
    expect(before).toHaveLength(1);
    const { dueAt: _, ...undue } = META;
    await store.writeMeta({ ...undue, status: 'completed' }, { status: 'processing', epoch: 0 });
    expect(await entries()).toEqual(before);
  });

  it('takes a workflow out of the due index by leaving both its keys out', async () => {
    const { dueAt: _, ...undue } = META;
    const [item] = await itemsPut(() => store.create({ ...undue, status: 'completed' }));
    expect(item).not.toHaveProperty('due');
    expect(item).not.toHaveProperty('dueAt');
    expect(item).toHaveProperty('listing');
  });

  it('writes a step without keys of an index, to expire before its workflow', async () => {
    const [item] = await itemsPut(() => store.writeStep(META, CLAIM, ABSENT, START + 90 * DAY));
    expect(item).toMatchObject({
      pk: { S: `acme#${META.workflowId}` },
      sk: { S: 'STEP#payment' },
      ttl: { N: String((START + 90 * DAY) / 1_000) },
    });
    for (const key of ['listing', 'position', 'due', 'dueAt']) expect(item).not.toHaveProperty(key);
  });

  it.each([
    ['undo', 'UNDO#payment'],
    ['lookup', 'LOOKUP#payment'],
  ] as const)(
    'names the item of a step’s %s after it, and nothing in it says so twice',
    async (action, sk) => {
      const record = { ...CLAIM, action };
      const [item] = await itemsPut(() => store.writeStep(META, record, ABSENT, META.expiresAt));
      expect(item).toMatchObject({ pk: { S: `acme#${META.workflowId}` }, sk: { S: sk } });
      for (const key of ['step', 'action', 'listing', 'due']) expect(item).not.toHaveProperty(key);
    },
  );

  describe('when a reply is lost and the SDK repeats the write', () => {
    /** The next request arrives, but its reply does not. */
    const loseReply = (): void => {
      let lost = false;
      database.client.middlewareStack.add(
        (next) => async (args) => {
          const result = await next(args);
          if (lost) return result;
          lost = true;
          throw Object.assign(new Error('socket hang up'), { name: 'TimeoutError' });
        },
        { name: 'lose', step: 'finalizeRequest', priority: 'low' },
      );
    };
    afterEach(() => {
      database.client.middlewareStack.remove('lose');
    });

    it('the start finds its own workflow in the way', async () => {
      loseReply();
      expect(await store.create(META)).toStrictEqual({ written: false, current: META });
    });

    it('the outcome finds its own step in the way', async () => {
      await given(store, META);
      await store.writeStep(META, CLAIM, ABSENT, META.expiresAt);
      const done = completedOf('payment', { orderId: 'o-1' });
      loseReply();
      expect(await store.writeStep(META, done, CLAIMED, META.expiresAt)).toStrictEqual({
        written: false,
        current: done,
      });
    });
  });

  describe('an item that cannot be read', () => {
    const put = (item: Record<string, unknown>) =>
      database.client.send(new PutItemCommand({ TableName: tableName, Item: attributesOf(item) }));
    const meta = metaToItem(META);
    const step = stepToItem(META, CLAIM, META.expiresAt);

    it.each<[string, string, Record<string, unknown>]>([
      ['an input that is not JSON', 'META', { ...meta, input: '{' }],
      ['an input that is no object', 'META', { ...meta, input: '[]' }],
      ['no nonce', 'META', { ...meta, nonce: undefined }],
      ['an error without a step', 'META', { ...meta, error: '{"code":"REFUSED"}' }],
      ['an attempt that is no number', 'STEP#payment', { ...step, attempt: 'one' }],
      ['attempts that are no list', 'STEP#payment', { ...step, attempts: '{}' }],
    ])('for %s makes the store unavailable and is named: %s', async (_, name, item) => {
      await put(meta);
      await put(item);
      await expect(store.load(META)).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
        message: expect.stringContaining(META.workflowId),
      });
      await expect(store.load(META)).rejects.toThrow(name);
    });

    it('is named by the write that finds it in the way', async () => {
      await put({ ...step, attempt: 'one' });
      const writing = store.writeStep(META, CLAIM, ABSENT, META.expiresAt);
      await expect(writing).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      await expect(writing).rejects.toThrow(/STEP#payment/);
    });

    it('never shows what it holds', async () => {
      await put({ ...meta, input: 'card 4111' });
      await expect(store.load(META)).rejects.toThrow(/META is broken at "input": not JSON$/);
    });
  });

  it('asks for the total that every request consumed where someone listens', async () => {
    const consumed: Consumed[] = [];
    const counting = createDynamoDbStore({
      client: database.client,
      tableName,
      onConsumed: (one) => consumed.push(one),
    });
    await given(store, META);
    const requests = await sent(async () => {
      for (const [, call] of METHODS) await call(counting);
    });
    for (const { input } of requests) expect(input.ReturnConsumedCapacity).toBe('TOTAL');
    // A failed condition tells nothing: here those of create, writeMeta and writeStep.
    const told = requests.filter(({ action }) => action !== 'PutItem');
    expect(consumed).toHaveLength(told.length);
    expect(new Set(consumed.map(({ kind }) => kind))).toEqual(new Set(['read']));
    consumed.splice(0);
    await counting.writeStep(META, CLAIM, ABSENT, META.expiresAt);
    expect(consumed).toEqual([{ kind: 'write', units: 1 }]);
  });

  it('asks for no figures where nobody listens', async () => {
    const requests = await sent(async () => {
      for (const [, call] of METHODS) await call(store);
    });
    for (const { input } of requests) expect(input).not.toHaveProperty('ReturnConsumedCapacity');
  });
});

describe('the item that a failed condition found', () => {
  it('is shown from the reply as DynamoDB sends it', async () => {
    const stored = metaOf('one', { status: 'cancelled', erased: true });
    const Item = attributesOf(metaToItem(stored));
    const server = await startAwsServer(async () => ({
      status: 400,
      body: {
        __type: 'com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException',
        message: 'The conditional request failed',
        Item,
      },
    }));
    const client = new DynamoDBClient({
      region: 'us-east-1',
      credentials: { accessKeyId: 'none', secretAccessKey: 'none' },
      endpoint: server.url,
    });
    try {
      const real = createDynamoDbStore({ client, tableName: 'table' });
      const written = await real.writeMeta(META, { status: 'processing', epoch: 0 });
      expect(written).toStrictEqual({ written: false, current: stored });
    } finally {
      client.destroy();
      await server.close();
    }
  });
});
