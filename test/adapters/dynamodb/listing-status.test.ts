import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { BatchGetCommand, DynamoDBDocumentClient, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it } from 'vitest';
import { metaToItem } from '../../../lib/adapters/dynamodb/items.ts';
import { createDynamoDbStore } from '../../../lib/adapters/dynamodb/store.ts';
import type { Consumed } from '../../../lib/adapters/dynamodb/table.ts';
import { WORKFLOW_STATUSES, type WorkflowStatus } from '../../../lib/contract/names.ts';
import { LISTING_GROUPS, listingPartition, partitionKey } from '../../../lib/contract/table.ts';
import { listingPosition } from '../../../lib/contract/wire.ts';
import type { WorkflowMeta } from '../../../lib/engine/state.ts';
import { idsOf, metaOf, START } from '../../ports/store/fixtures.ts';
import { storedItem } from './fixtures.ts';

const offline = { region: 'us-east-1', credentials: { accessKeyId: 'none', secretAccessKey: 'none' } };
const client = new DynamoDBClient(offline);
const documents = mockClient(DynamoDBDocumentClient);
const store = createDynamoDbStore({ client, tableName: 'table' });
beforeEach(() => {
  documents.reset();
});

const pkOf = (meta: WorkflowMeta): string => partitionKey(meta.tenant, meta.workflowId);
const keyOf = (meta: WorkflowMeta) => ({ pk: pkOf(meta), sk: 'META' });
const statusOf = (meta: WorkflowMeta) => ({ pk: pkOf(meta), status: meta.status });
const shift = (count: number, status: WorkflowStatus): WorkflowMeta[] =>
  Array.from({ length: count }, (_, n) => metaOf(n, { status, createdAt: START - n }));

/** The first shard of each group shows these entries of the index, as they were when the workflows were so. */
function indexShows(shown: Partial<Record<(typeof LISTING_GROUPS)[number], readonly WorkflowMeta[]>>): void {
  documents.on(QueryCommand).resolves({ Items: [] });
  for (const group of LISTING_GROUPS) {
    const Items = (shown[group] ?? []).map((meta) => storedItem(metaToItem(meta)));
    documents
      .on(QueryCommand, { ExpressionAttributeValues: { ':listing': listingPartition('acme', group, 0) } })
      .resolves({ Items });
  }
}
const tableHolds = (...metas: readonly WorkflowMeta[]): void => {
  documents.on(BatchGetCommand).callsFake(({ RequestItems }: BatchGetCommand['input']) => {
    const asked = new Set((RequestItems?.table?.Keys ?? []).map(({ pk }) => pk));
    return { Responses: { table: metas.map(statusOf).filter(({ pk }) => asked.has(pk)) } };
  });
};
const batches = () =>
  documents.commandCalls(BatchGetCommand).map(({ args }) => args[0].input.RequestItems?.table);

describe('the status of a listed workflow', () => {
  it('is read, and nothing else of it, of the healthy ones that the page shows', async () => {
    const first = metaOf('first', { createdAt: START });
    const second = metaOf('second', { createdAt: START - 2 });
    const third = metaOf('third', { createdAt: START - 3 });
    const failed = metaOf('failed', { createdAt: START - 1, status: 'failed' });
    indexShows({ healthy: [first, second, third], ended: [failed] });
    tableHolds(first, { ...second, status: 'completed' }, third);
    const { workflows } = await store.list({ tenant: 'acme', limit: 3 });
    expect(workflows.map(({ status }) => status)).toEqual(['processing', 'failed', 'completed']);
    expect(batches()).toEqual([
      {
        Keys: [keyOf(first), keyOf(second)],
        ProjectionExpression: '#pk, #sk, #status',
        ExpressionAttributeNames: { '#pk': 'pk', '#sk': 'sk', '#status': 'status' },
      },
    ]);
  });

  it.each(WORKFLOW_STATUSES.filter((status) => !['processing', 'completed'].includes(status)))(
    'is told by the index where it is %s',
    async (status) => {
      indexShows({ ended: [metaOf('one', { status })] });
      for (const filter of [{}, { status }]) {
        const { workflows } = await store.list({ tenant: 'acme', limit: 5, ...filter });
        expect(workflows).toMatchObject([{ status }]);
      }
      expect(batches()).toEqual([]);
    },
  );

  it('is what the table says where the index is late', async () => {
    const meta = metaOf('one');
    indexShows({ healthy: [meta] });
    tableHolds({ ...meta, status: 'failed' });
    const all = await store.list({ tenant: 'acme', limit: 5 });
    expect(all.workflows).toMatchObject([{ status: 'failed' }]);
    for (const status of ['processing', 'completed'] as const) {
      expect(await store.list({ tenant: 'acme', limit: 5, status })).toEqual({ workflows: [] });
    }
  });

  it('is none of one that has gone from the table, which is not shown; the page goes on behind it', async () => {
    const metas = shift(3, 'completed');
    indexShows({ healthy: metas });
    tableHolds(...metas.slice(1));
    const { workflows, next } = await store.list({ tenant: 'acme', limit: 2 });
    expect(idsOf(workflows)).toEqual(idsOf(metas.slice(1, 2)));
    expect(next).toContain(metas[1]?.workflowId);
  });

  it('is looked for among five hundred workflows, by hundreds, and no further', async () => {
    const metas = shift(600, 'completed');
    indexShows({ healthy: metas });
    tableHolds(...metas);
    const { workflows, next } = await store.list({ tenant: 'acme', limit: 1, status: 'processing' });
    expect(workflows).toEqual([]);
    expect(next).toBe(listingPosition(START - 499, metas[499]?.workflowId ?? ''));
    expect(batches().map((batch) => batch?.Keys?.length)).toEqual([100, 100, 100, 100, 100]);
  });

  it('is looked for no further than the page has room', async () => {
    const metas = shift(600, 'completed');
    indexShows({ healthy: metas });
    tableHolds(...metas);
    const { workflows, next } = await store.list({ tenant: 'acme', limit: 20, status: 'completed' });
    expect(idsOf(workflows)).toEqual(idsOf(metas.slice(0, 20)));
    expect(next).toContain(metas[19]?.workflowId);
    expect(batches()).toHaveLength(1);
  });
});

describe('a batch of reads that is answered in part', () => {
  const metas = shift(3, 'completed');
  const [first, ...others] = metas;
  beforeEach(() => indexShows({ healthy: metas }));

  it('is asked again for the rest alone, and counted every time', async () => {
    const consumed: Consumed[] = [];
    const counting = createDynamoDbStore({
      client,
      tableName: 'table',
      onConsumed: (one) => consumed.push(one),
    });
    documents
      .on(BatchGetCommand)
      .resolvesOnce({
        Responses: { table: [first].flatMap((meta) => (meta === undefined ? [] : [statusOf(meta)])) },
        UnprocessedKeys: { table: { Keys: others.map(keyOf) } },
        ConsumedCapacity: [{ CapacityUnits: 0.5 }],
      })
      .resolvesOnce({ Responses: { table: others.map(statusOf) }, ConsumedCapacity: [{ CapacityUnits: 1 }] });
    const { workflows } = await counting.list({ tenant: 'acme', limit: 5 });
    expect(idsOf(workflows)).toEqual(idsOf(metas));
    expect(batches().map((batch) => batch?.Keys)).toEqual([metas.map(keyOf), others.map(keyOf)]);
    for (const batch of batches()) expect(batch?.ProjectionExpression).toBe('#pk, #sk, #status');
    expect(consumed).toEqual([
      { kind: 'read', units: 0.5 },
      { kind: 'read', units: 1 },
    ]);
  });

  it('makes the store unavailable after 16 requests', async () => {
    documents.on(BatchGetCommand).resolves({ UnprocessedKeys: { table: { Keys: others.map(keyOf) } } });
    await expect(store.list({ tenant: 'acme', limit: 5 })).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('2 of 3 items stay unread'),
    });
    expect(batches()).toHaveLength(16);
  });

  it('makes the store unavailable where it fails', async () => {
    documents.on(BatchGetCommand).rejects(new Error('slow down'));
    await expect(store.list({ tenant: 'acme', limit: 5 })).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('slow down'),
    });
  });
});
