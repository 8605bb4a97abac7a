import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergePages, pageOf, type Row, type ShardPage } from '../../../lib/adapters/dynamodb/listing-page.ts';
import type { WorkflowStatus } from '../../../lib/contract/names.ts';
import { listingGroup, partitionKey } from '../../../lib/contract/table.ts';
import { listingPosition } from '../../../lib/contract/wire.ts';
import { hex } from '../../ports/store/fixtures.ts';

interface Stored {
  readonly row: Row;
  readonly workflowId: string;
  readonly shard: number;
  /** Whether the index's filter lets it through. */
  readonly passes: boolean;
  /** In the table; undefined where META is gone already. */
  readonly status: WorkflowStatus | undefined;
}

const SHARDS = 4;

const stored = (
  createdAt: number,
  shard: number,
  changes: Partial<Pick<Stored, 'passes' | 'status'>> = {},
): Stored => {
  const workflowId = `wf_${hex(`${createdAt} ${shard}`)}`;
  const { passes = true, status } = { status: 'completed' as const, ...changes };
  const row = {
    pk: partitionKey('acme', workflowId),
    position: listingPosition(createdAt, workflowId),
    chain: 'order-processing',
    ...(status !== undefined && listingGroup(status) === 'ended' ? { ended: status } : {}),
  };
  return { row, workflowId, shard, passes, status };
};

/** One query of a shard: newest first, a filter applied to the few rows that were looked at. */
function queryShard(
  all: readonly Stored[],
  shard: number,
  after: string | undefined,
  look: number,
): ShardPage {
  const newestFirst = all
    .filter((one) => one.shard === shard && (after === undefined || one.row.position < after))
    .sort((a, b) => (a.row.position < b.row.position ? 1 : -1));
  const seen = newestFirst.slice(0, look);
  const last = seen.at(-1);
  const page = { rows: seen.filter(({ passes }) => passes).map(({ row }) => row) };
  // DynamoDB says where it stopped even where nothing follows.
  return last === undefined || seen.length < look ? page : { ...page, stoppedAt: last.row.position };
}

interface Bounds {
  readonly limit: number;
  /** Rows that a query looks at. */
  readonly look: number;
  /** Rows that a page examines. */
  readonly most: number;
  readonly status?: WorkflowStatus;
}

/** What the table says, and whether it was asked of a workflow whose status the index tells. */
const statusesIn = (all: readonly Stored[]) => async (rows: readonly Row[]) => {
  expect(rows.filter(({ ended }) => ended !== undefined)).toEqual([]);
  const asked = new Set(rows.map(({ pk }) => pk));
  return new Map(
    all.flatMap(({ row: { pk }, status }) =>
      status === undefined || !asked.has(pk) ? [] : [[pk, status] as const],
    ),
  );
};

async function walk(all: readonly Stored[], { look, most, ...filter }: Bounds): Promise<string[][]> {
  const pages: string[][] = [];
  let after: string | undefined;
  for (let turns = 0; turns <= all.length + 1; turns += 1) {
    const from = after;
    const shards = Array.from({ length: SHARDS }, (_, shard) => queryShard(all, shard, from, look));
    const { workflows, next } = await pageOf(mergePages(shards, most), filter, statusesIn(all));
    pages.push(workflows.map(({ workflowId }) => workflowId));
    if (next === undefined) return pages;
    after = next;
  }
  throw new Error('the listing does not end');
}

describe('a listing over shards', () => {
  const status = fc.constantFrom('processing', 'completed', 'failed', undefined);
  const anyRows = fc
    .uniqueArray(fc.tuple(fc.nat(40), fc.nat(SHARDS - 1)), { maxLength: 40, selector: String })
    .chain((places) =>
      fc.tuple(
        ...places.map(([at, shard]) =>
          fc.record({ passes: fc.boolean(), status }).map((changes) => stored(at, shard, changes)),
        ),
      ),
    );
  const few = fc.integer({ min: 1, max: 9 });

  it('shows every wanted workflow exactly once, newest first, whatever a page and a query hold', async () => {
    await fc.assert(
      fc.asyncProperty(anyRows, few, few, few, status, async (all, limit, look, most, asked) => {
        const bounds = { limit, look, most, ...(asked === undefined ? {} : { status: asked }) };
        const pages = await walk(all, bounds);
        const wanted = all
          .filter((one) => one.passes && one.status !== undefined)
          .filter((one) => asked === undefined || one.status === asked)
          .sort((a, b) => (a.row.position < b.row.position ? 1 : -1))
          .map(({ workflowId }) => workflowId);
        expect(pages.flat()).toEqual(wanted);
        for (const page of pages) expect(page.length).toBeLessThanOrEqual(limit);
      }),
    );
  });

  it('goes on after a page on which the filter hid everything', async () => {
    const all = [stored(9, 0, { passes: false }), stored(8, 0, { passes: false }), stored(1, 0)];
    const pages = await walk(all, { limit: 5, look: 1, most: 5 });
    expect(pages).toEqual([[], [], [stored(1, 0).workflowId], []]);
  });

  it('goes on after a page on which every workflow was gone or of another status', async () => {
    const all = [stored(9, 0, { status: undefined }), stored(8, 1), stored(1, 0, { status: 'processing' })];
    const pages = await walk(all, { limit: 5, look: 5, most: 1, status: 'processing' });
    expect(pages).toEqual([[], [], [stored(1, 0).workflowId]]);
  });

  it('shows once, as the table has it, a workflow that was just moving from one group to the other', async () => {
    const failed = stored(5, 0, { status: 'failed' });
    const { ended: _, ...healthy } = failed.row;
    for (const rows of [
      [failed.row, healthy],
      [healthy, failed.row],
    ]) {
      const merged = mergePages([{ rows }], 5);
      expect(merged).toEqual({ rows: [healthy] });
      const { workflows } = await pageOf(merged, { limit: 5 }, statusesIn([failed]));
      expect(workflows).toMatchObject([{ workflowId: failed.workflowId, status: 'failed' }]);
    }
  });

  it('is empty where there is nothing', () => {
    expect(mergePages([{ rows: [] }, { rows: [] }], 5)).toEqual({ rows: [] });
  });
});
