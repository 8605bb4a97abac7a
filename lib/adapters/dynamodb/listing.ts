import * as z from 'zod';
import { LIMITS } from '../../contract/limits.ts';
import {
  duePartition,
  ENDED,
  INDEX_NAMES,
  KEYS,
  LISTING_GROUPS,
  listingGroup,
  listingPartition,
  META_KEY,
  parsePartitionKey,
  STATUS_ATTRIBUTES,
} from '../../contract/table.ts';
import { LISTING_POSITION } from '../../contract/wire.ts';
import type { ListFilter, Store } from '../../engine/ports.ts';
import { mergePages, type Page, pageOf, type ReadStatuses, type ShardPage } from './listing-page.ts';
import { type Expression, equals, type Table } from './table.ts';

/**
 * Rows that a query of one shard looks at for a filter, which is applied after the limit, by DynamoDB or here: a limit of 1
 * would take a request for each row that it hides. 200 rows of about 200 bytes are 5 read units.
 */
const FILTERED_ROWS = 200;

/**
 * Rows of which a page with a status that the index does not tell reads the status, at half a read unit each for a META of
 * up to 4 KB: five requests one after the other, where the page is not full before.
 */
const EXAMINED_ROWS = 500;

const indexRow = z.object({
  pk: z.string(),
  position: z.string().regex(LISTING_POSITION),
  chain: z.string(),
  [ENDED]: z.string().exactOptional(),
});

/**
 * One page of a tenant's workflows: at most 16 queries, all at once, and then the statuses that they do not tell: one
 * request, or up to 5 where a healthy status is asked for.
 */
export async function listWorkflows(table: Table, filter: ListFilter): Promise<Page> {
  const groups = filter.status === undefined ? LISTING_GROUPS : [listingGroup(filter.status)];
  const partitions = groups.flatMap((group) =>
    Array.from({ length: LIMITS.indexShards }, (_, shard) => listingPartition(filter.tenant, group, shard)),
  );
  const pages = await Promise.all(partitions.map((partition) => listShard(table, partition, filter)));
  const most = isInTable(filter.status) ? EXAMINED_ROWS : filter.limit;
  return await pageOf(mergePages(pages, most), filter, (rows) => readStatuses(table, rows));
}

/** Whether a status is one that the index does not tell. */
const isInTable = (status: ListFilter['status']): boolean =>
  status !== undefined && listingGroup(status) === 'healthy';

const statusItem = z.object({ pk: z.string(), status: z.string() });

async function readStatuses(table: Table, rows: Parameters<ReadStatuses>[0]): ReturnType<ReadStatuses> {
  const keys = rows.map(({ pk }) => ({ [KEYS.partition]: pk, [KEYS.sort]: META_KEY }));
  const items = await table.batchGet(keys, STATUS_ATTRIBUTES);
  return new Map(items.map((item) => statusItem.parse(item)).map(({ pk, status }) => [pk, status]));
}

async function listShard(table: Table, partition: string, filter: ListFilter): Promise<ShardPage> {
  const { after, limit, chain, status } = filter;
  const wanted = filterOf(filter);
  const output = await table.query({
    IndexName: INDEX_NAMES.listing,
    KeyConditionExpression: `#listing = :listing${after === undefined ? '' : ' AND #position < :after'}`,
    ExpressionAttributeNames: {
      '#listing': KEYS.listing,
      ...(after === undefined ? {} : { '#position': KEYS.position }),
      ...wanted?.names,
    },
    ExpressionAttributeValues: {
      ':listing': partition,
      ...(after === undefined ? {} : { ':after': after }),
      ...wanted?.values,
    },
    ...(wanted === undefined ? {} : { FilterExpression: wanted.text }),
    ScanIndexForward: false,
    Limit: chain === undefined && status === undefined ? limit : Math.max(limit, FILTERED_ROWS),
  });
  const rows = (output.Items ?? []).map((item) => indexRow.parse(item));
  if (output.LastEvaluatedKey === undefined) return { rows };
  return { rows, stoppedAt: indexRow.pick({ position: true }).parse(output.LastEvaluatedKey).position };
}

/** What of a filter the index can tell. */
function filterOf({ chain, status }: ListFilter): Expression | undefined {
  const attributes = {
    ...(chain === undefined ? {} : { chain }),
    ...(status === undefined || isInTable(status) ? {} : { [ENDED]: status }),
  };
  return Object.keys(attributes).length === 0 ? undefined : equals(attributes);
}

const dueRow = z.object({ pk: z.string(), dueAt: z.number() });

/** Workflows of one shard that are due, oldest first. */
export async function listDueWorkflows(
  table: Table,
  ...[shard, now, limit]: Parameters<Store['listDue']>
): ReturnType<Store['listDue']> {
  const output = await table.query({
    IndexName: INDEX_NAMES.due,
    KeyConditionExpression: '#due = :due AND #dueAt <= :now',
    ExpressionAttributeNames: { '#due': KEYS.due, '#dueAt': KEYS.dueAt },
    ExpressionAttributeValues: { ':due': duePartition(shard), ':now': now },
    Limit: limit,
  });
  return (output.Items ?? []).map((item) => {
    const { pk, dueAt } = dueRow.parse(item);
    return { ...parsePartitionKey(pk), dueAt };
  });
}
