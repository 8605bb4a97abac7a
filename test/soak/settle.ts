import { LIMITS } from '../../lib/contract/limits.ts';
import type { WorkflowAnswer } from '../../lib/contract/wire.ts';
import type { Book } from './book.ts';
import { forEach, pause } from './loop.ts';
import type { People } from './people.ts';

/** Milliseconds between two looks. */
const LOOK_MS = 250;
const AT_A_TIME = 20;

/**
 * Resumes what failed, until every workflow has been shown ended, or `givenUp` ends it.
 * @returns the workflow that was the last to end, with its timeline; undefined where all had ended before
 */
export async function settle(
  people: People,
  book: Book,
  givenUp: AbortSignal,
): Promise<WorkflowAnswer | undefined> {
  let last: string | undefined;
  for (let left = book.unsettled; left.length > 0 && !givenUp.aborted; left = book.unsettled) {
    [last] = left;
    await forEach(left, AT_A_TIME, async (id) => {
      if (!givenUp.aborted) await people.resume(id, false);
    });
    await pause(LOOK_MS, givenUp);
  }
  return last === undefined ? undefined : await people.read(last, true);
}

/** Every workflow of `ids` as it is shown now; one that is unknown is left out. */
export async function readAll(
  people: People,
  ids: readonly string[],
): Promise<ReadonlyMap<string, WorkflowAnswer>> {
  const shown = new Map<string, WorkflowAnswer>();
  await forEach(ids, AT_A_TIME, async (id) => {
    const answer = await people.read(id);
    if (answer !== undefined) shown.set(id, answer);
  });
  return shown;
}

/** The whole listing, with the status of each. */
export async function listAll(people: People): Promise<ReadonlyMap<string, string>> {
  const listed = new Map<string, string>();
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page = await people.page({ limit: LIMITS.listMost, ...(cursor === '' ? {} : { cursor }) });
    for (const { workflowId, status } of page?.workflows ?? []) listed.set(workflowId, status);
    cursor = page?.nextCursor ?? null;
  }
  return listed;
}
