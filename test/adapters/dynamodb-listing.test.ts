import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergePages, type Row, type ShardPage } from '../../lib/adapters/dynamodb-listing.ts';
import { listingPosition } from '../../lib/contract/wire.ts';
import { hex } from '../contract/store-fixtures.ts';

interface Stored extends Row {
  readonly shard: number;
  /** Whether the filter lets it through. */
  readonly wanted: boolean;
}

const SHARDS = 4;

const stored = (createdAt: number, shard: number, wanted = true): Stored => {
  const workflowId = `wf_${hex(`${createdAt} ${shard}`)}`;
  return {
    position: listingPosition(createdAt, workflowId),
    workflow: { workflowId, chain: 'order-processing', status: 'completed', createdAt },
    shard,
    wanted,
  };
};

/** One query of a shard: newest first, a filter applied to the few rows that were looked at. */
function queryShard(
  rows: readonly Stored[],
  shard: number,
  after: string | undefined,
  look: number,
): ShardPage {
  const newestFirst = rows
    .filter((row) => row.shard === shard && (after === undefined || row.position < after))
    .sort((a, b) => (a.position < b.position ? 1 : -1));
  const seen = newestFirst.slice(0, look);
  const last = seen.at(-1);
  const page = { rows: seen.filter(({ wanted }) => wanted) };
  // DynamoDB says where it stopped even where nothing follows.
  return last === undefined || seen.length < look ? page : { ...page, stoppedAt: last.position };
}

function walk(rows: readonly Stored[], limit: number, look: number): string[][] {
  const pages: string[][] = [];
  let after: string | undefined;
  for (let turns = 0; turns <= rows.length + 1; turns += 1) {
    const from = after;
    const shards = Array.from({ length: SHARDS }, (_, shard) => queryShard(rows, shard, from, look));
    const { workflows, next } = mergePages(shards, limit);
    pages.push(workflows.map(({ workflowId }) => workflowId));
    if (next === undefined) return pages;
    after = next;
  }
  throw new Error('the listing does not end');
}

describe('a listing over shards', () => {
  const anyRows = fc
    .uniqueArray(fc.tuple(fc.nat(40), fc.nat(SHARDS - 1)), { maxLength: 40, selector: String })
    .chain((places) =>
      fc.tuple(...places.map(([at, shard]) => fc.boolean().map((wanted) => stored(at, shard, wanted)))),
    );

  it('shows every wanted workflow exactly once, newest first, whatever a page and a query hold', () => {
    fc.assert(
      fc.property(
        anyRows,
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 9 }),
        (rows, limit, look) => {
          const pages = walk(rows, limit, look);
          const wanted = rows
            .filter((row) => row.wanted)
            .sort((a, b) => (a.position < b.position ? 1 : -1))
            .map(({ workflow }) => workflow.workflowId);
          expect(pages.flat()).toEqual(wanted);
          for (const page of pages) expect(page.length).toBeLessThanOrEqual(limit);
        },
      ),
    );
  });

  it('goes on after a page on which the filter hid everything', () => {
    const rows = [stored(9, 0, false), stored(8, 0, false), stored(1, 0)];
    expect(walk(rows, 5, 1)).toEqual([[], [], [stored(1, 0).workflow.workflowId], []]);
  });

  it('shows once a workflow that was just moving from one group to the other', () => {
    const moving = stored(5, 0);
    expect(mergePages([{ rows: [moving] }, { rows: [moving] }], 5)).toEqual({ workflows: [moving.workflow] });
  });

  it('is empty where there is nothing', () => {
    expect(mergePages([{ rows: [] }, { rows: [] }], 5)).toEqual({ workflows: [] });
  });
});
