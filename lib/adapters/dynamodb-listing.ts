import * as z from 'zod';
import { LIMITS } from '../contract/limits.ts';
import { WORKFLOW_STATUSES } from '../contract/names.ts';
import {
  duePartition,
  INDEX_NAMES,
  KEYS,
  LISTING_GROUPS,
  listingGroup,
  listingPartition,
  parsePartitionKey,
} from '../contract/table.ts';
import { LISTING_POSITION } from '../contract/wire.ts';
import type { ListedWorkflow, ListFilter, Store } from '../engine/ports.ts';
import { type Expression, equals, type Table } from './dynamodb-table.ts';

/**
 * Rows that a filtered query of one shard looks at: a filter is applied after the limit, so that a limit of 1 would
 * take a request for each row that the filter hides. 200 rows of about 200 bytes are 5 read units.
 */
const FILTERED_ROWS = 200;

const listedRow = z.object({
  pk: z.string(),
  position: z.string().regex(LISTING_POSITION),
  chain: z.string(),
  status: z.enum(WORKFLOW_STATUSES),
});

/** A workflow and its place. Places are ordered as text, the same in every shard. */
export interface Row {
  readonly position: string;
  readonly workflow: ListedWorkflow;
}

/** What one query of a shard found, newest first. */
export interface ShardPage {
  readonly rows: readonly Row[];
  /** The last place that was looked at, where the shard goes on beyond it. */
  readonly stoppedAt?: string;
}

type Page = Awaited<ReturnType<Store['list']>>;

/**
 * One page of several shards. A shard that stopped may hold rows just beyond the place where it did, so the page ends
 * at the newest such place: nothing older is shown before that shard has been read on.
 */
export function mergePages(pages: readonly ShardPage[], limit: number): Page {
  const horizon = pages.reduce((newest, { stoppedAt = '' }) => (stoppedAt > newest ? stoppedAt : newest), '');
  // By place, because a workflow that is just moving from one group to the other may be seen in both.
  const rows = new Map<string, ListedWorkflow>();
  for (const { position, workflow } of pages.flatMap((page) => page.rows)) {
    if (position >= horizon) rows.set(position, workflow);
  }
  const newestFirst = [...rows].sort(([a], [b]) => (a < b ? 1 : -1));
  const page = newestFirst.slice(0, limit);
  const workflows = page.map(([, workflow]) => workflow);
  const last = page.at(-1)?.[0];
  if (newestFirst.length > limit && last !== undefined) return { workflows, next: last };
  return horizon === '' ? { workflows } : { workflows, next: horizon };
}

/** One page of a tenant's workflows: at most 16 queries, all at once. */
export async function listWorkflows(table: Table, filter: ListFilter): Promise<Page> {
  const groups = filter.status === undefined ? LISTING_GROUPS : [listingGroup(filter.status)];
  const partitions = groups.flatMap((group) =>
    Array.from({ length: LIMITS.indexShards }, (_, shard) => listingPartition(filter.tenant, group, shard)),
  );
  const pages = await Promise.all(partitions.map((partition) => listShard(table, partition, filter)));
  return mergePages(pages, filter.limit);
}

async function listShard(table: Table, partition: string, filter: ListFilter): Promise<ShardPage> {
  const { after, limit } = filter;
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
    Limit: wanted === undefined ? limit : Math.max(limit, FILTERED_ROWS),
  });
  const rows = (output.Items ?? []).map(toRow);
  if (output.LastEvaluatedKey === undefined) return { rows };
  return { rows, stoppedAt: listedRow.pick({ position: true }).parse(output.LastEvaluatedKey).position };
}

function filterOf({ chain, status }: ListFilter): Expression | undefined {
  if (chain === undefined && status === undefined) return undefined;
  return equals({ ...(chain === undefined ? {} : { chain }), ...(status === undefined ? {} : { status }) });
}

function toRow(item: unknown): Row {
  const { pk, position, chain, status } = listedRow.parse(item);
  const { workflowId } = parsePartitionKey(pk);
  // The position begins with the time: projecting it as well would make every index write larger.
  const createdAt = Number(position.slice(0, position.indexOf('-')));
  return { position, workflow: { workflowId, chain, status, createdAt } };
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
