import { parsePartitionKey } from '../../contract/table.ts';
import type { ListedWorkflow, ListFilter, Store } from '../../engine/ports.ts';
import { BATCH_KEYS } from './table.ts';

/** A workflow as the index shows it. Places are ordered as text, the same in every shard. */
export interface Row {
  readonly pk: string;
  readonly position: string;
  readonly chain: string;
  /** The status of one that is listed among the ended; of all others the table knows it. */
  readonly ended?: string;
}

/** What one query of a shard found, newest first. */
export interface ShardPage {
  readonly rows: readonly Row[];
  /** The last place that was looked at, where the shard goes on beyond it. */
  readonly stoppedAt?: string;
}

export type Page = Awaited<ReturnType<Store['list']>>;

/** The statuses of workflows that the index does not tell, by partition key; of one that is gone there is none. */
export type ReadStatuses = (rows: readonly Row[]) => Promise<ReadonlyMap<string, string>>;

/**
 * The newest rows of several shards, `most` at most. A shard that stopped may hold rows just beyond the place where it did,
 * so they end at the newest such place: nothing older is shown before that shard has been read on.
 */
export function mergePages(pages: readonly ShardPage[], most: number): ShardPage {
  const horizon = pages.reduce((newest, { stoppedAt = '' }) => (stoppedAt > newest ? stoppedAt : newest), '');
  const byPlace = new Map<string, Row>();
  for (const row of pages.flatMap((page) => page.rows)) {
    if (row.position < horizon) continue;
    // One that is just moving from one group to the other may be seen in both: then the table tells where it is.
    const { ended: _, ...moving } = row;
    byPlace.set(row.position, byPlace.has(row.position) ? moving : row);
  }
  const newestFirst = [...byPlace.values()].sort((a, b) => (a.position < b.position ? 1 : -1));
  const rows = newestFirst.slice(0, most);
  const last = rows.at(-1);
  if (newestFirst.length > most && last !== undefined) return { rows, stoppedAt: last.position };
  return horizon === '' ? { rows } : { rows, stoppedAt: horizon };
}

/**
 * What a client sees of these rows: those of the wanted status, read from the table as far as it takes to fill the page. The
 * status in the table counts, whatever group the index showed the workflow in: the index is the later of the two.
 */
export async function pageOf(
  { rows, stoppedAt }: ShardPage,
  { status: wanted, limit }: Pick<ListFilter, 'status' | 'limit'>,
  readStatuses: ReadStatuses,
): Promise<Page> {
  const shown: (ListedWorkflow & Pick<Row, 'position'>)[] = [];
  let examined = 0;
  while (examined < rows.length && shown.length < limit) {
    const batch = rows.slice(examined, examined + BATCH_KEYS);
    examined += batch.length;
    const statuses = await readStatuses(batch.filter(({ ended }) => ended === undefined));
    for (const row of batch) {
      const status = row.ended ?? statuses.get(row.pk);
      // A workflow that expired may stay in the index a little longer than in the table.
      if (status === undefined) continue;
      if (wanted === undefined || status === wanted)
        shown.push({ ...listed(row, status), position: row.position });
    }
  }
  const page = shown.slice(0, limit);
  const end = examined < rows.length ? rows[examined - 1]?.position : stoppedAt;
  const next = shown.length > limit ? page.at(-1)?.position : end;
  const workflows = page.map(({ position: _, ...workflow }) => workflow);
  return next === undefined ? { workflows } : { workflows, next };
}

function listed({ pk, position, chain }: Row, status: string): ListedWorkflow {
  const { workflowId } = parsePartitionKey(pk);
  // The position begins with the time: projecting it as well would make every index write larger.
  return { workflowId, chain, status, createdAt: Number(position.slice(0, position.indexOf('-'))) };
}
