import type { ListedWorkflow, ListFilter } from '../../engine/ports.ts';
import type { WorkflowKey, WorkflowMeta } from '../../engine/state.ts';
import type { Database } from './database.ts';
import type { Operation } from './group-commit.ts';
import {
  DUE,
  dueKey,
  dueRange,
  LISTINGS,
  listingKey,
  listingOf,
  listingOfKey,
  passes,
  rangeOf,
  readDueKey,
  readListingKey,
  tenantListings,
  workflowOfKey,
} from './keys.ts';

type Due = WorkflowKey & { readonly dueAt: number };

/** The listing and the due index, kept in the same database and written together with the items they speak of. */
export interface Indexes {
  /** What changes when `meta` takes the place of `before`. */
  changes(before: WorkflowMeta | undefined, meta: WorkflowMeta): Operation[];
  list(
    filter: ListFilter,
  ): Promise<{ readonly workflows: readonly ListedWorkflow[]; readonly next?: string }>;
  listDue(shard: number, now: number, limit: number): Promise<readonly Due[]>;
  /** Every workflow in the due index, whatever its time. */
  allDue(): AsyncGenerator<WorkflowKey>;
  /** Every failed workflow, of all tenants. */
  allFailed(): AsyncGenerator<WorkflowKey>;
}

/** Learns which listing ranges exist: at most one for each tenant, chain and status, ever used. */
export async function openIndexes(database: Database): Promise<Indexes> {
  const listings = new Set<string>();
  const all = rangeOf(LISTINGS);
  for (let { gte } = all; ; ) {
    const [[key] = []] = await database.keys([{ ...all, gte, limit: 1 }]);
    if (key === undefined) break;
    const listing = listingOfKey(key);
    listings.add(listing);
    gte = rangeOf(listing).lt;
  }
  return {
    changes: (before, meta) => {
      listings.add(listingOf(meta));
      return [
        ...moved(before && listingKey(before), listingKey(meta)),
        ...moved(dueKeyOf(before), dueKeyOf(meta)),
      ];
    },
    list: (filter) => list(database, listings, filter),
    listDue: async (shard, now, limit) => {
      const [keys = []] = await database.keys([{ ...dueRange(shard, now), limit }]);
      return keys.map(readDueKey);
    },
    async *allDue() {
      for await (const key of database.eachKey(rangeOf(DUE))) yield readDueKey(key);
    },
    async *allFailed() {
      for (const listing of [...listings].filter(
        (one) => passes(one, { status: 'failed' }) || passes(one, { status: 'compensation_failed' }),
      )) {
        for await (const key of database.eachKey(rangeOf(listing))) yield workflowOfKey(key);
      }
    },
  };
}

const dueKeyOf = (meta: WorkflowMeta | undefined): string | undefined =>
  meta?.dueAt === undefined ? undefined : dueKey(meta, meta.dueAt);

function moved(from: string | undefined, to: string | undefined): Operation[] {
  if (from === to) return [];
  const operations: Operation[] = [];
  if (from !== undefined) operations.push({ type: 'del', key: from });
  if (to !== undefined) operations.push({ type: 'put', key: to, value: '' });
  return operations;
}

/** Merges the newest of every range that the filter leaves. */
async function list(
  database: Database,
  listings: ReadonlySet<string>,
  filter: ListFilter,
): Promise<{ readonly workflows: readonly ListedWorkflow[]; readonly next?: string }> {
  const { tenant, limit, after } = filter;
  const mine = tenantListings(tenant);
  const ranges = [...listings]
    .filter((listing) => listing.startsWith(mine) && passes(listing, filter))
    .map((listing) => ({
      ...rangeOf(listing),
      ...(after === undefined ? {} : { lt: listing + after }),
      reverse: true,
      limit: limit + 1,
    }));
  const found = (await database.keys(ranges)).flat().map(readListingKey);
  found.sort((a, b) => (a.position < b.position ? 1 : -1));
  const page = found.slice(0, limit);
  const last = page.at(-1);
  return {
    workflows: page.map(({ position: _, ...listed }) => listed),
    ...(last !== undefined && found.length > limit ? { next: last.position } : {}),
  };
}
