import { LIMITS } from '../../contract/limits.ts';
import { DEFAULT_TENANT } from '../../contract/names.ts';
import type { WorkflowMeta } from '../../engine/state.ts';
import type { Database, Files } from './database.ts';
import type { GroupCommit, Operation } from './group-commit.ts';
import { itemsOf } from './keys.ts';

/*
 * LevelDB keeps what was overwritten: in its log until the memory table is written out, and in tables until these happen to
 * be merged, which for a quiet store is never. So whenever something was erased, all tables are merged some time later.
 */

/** Present from the first erasure until the files were rewritten after it, over every restart. */
const ERASED = '!erased';

/** Keys before and after all others. A table with both spans all tables, so that each is merged with it. */
const EDGES: readonly Operation[] = ['!edge', '~edge'].map((key) => ({ type: 'put', key, value: '' }));
const [FIRST, LAST] = ['!', '~~'];

/** The files must not keep what the store has erased. */
export interface Erasure {
  /** What is written together with `meta`, which takes the place of `before`. */
  changes(before: WorkflowMeta | undefined, meta: WorkflowMeta): readonly Operation[];
  /**
   * Rewrites the files, if anything was erased since the last time. Others write meanwhile. It ends early once `goesOn` says
   * no; what it left is for the next time.
   */
  purge(goesOn: () => boolean): Promise<void>;
}

/** @example const erasure = createErasure(database, commits); */
export function createErasure(
  { get, files }: Pick<Database, 'get' | 'files'>,
  commits: GroupCommit,
): Erasure {
  // Memory keeps nothing of what was overwritten.
  return files === undefined ? NOTHING : erasureOf(get(ERASED) !== undefined, files, commits);
}

const NOTHING: Erasure = { changes: () => [], purge: async () => undefined };

function erasureOf(found: boolean, files: Files, commits: GroupCommit): Erasure {
  let pending = found;
  let running = Promise.resolve();

  async function purge(goesOn: () => boolean): Promise<void> {
    if (!pending || !goesOn()) return;
    pending = false;
    let done = false;
    try {
      done = await rewrite(files, commits, goesOn);
    } finally {
      pending ||= !done;
    }
    if (!pending) await commits.flush([{ type: 'del', key: ERASED }]);
  }
  return {
    changes: (before, meta) => {
      if (meta.erased !== true || before?.erased === true || pending) return [];
      pending = true;
      return [{ type: 'put', key: ERASED, value: '' }];
    },
    purge: (goesOn) => {
      const turn = running.then(() => purge(goesOn));
      running = turn.catch(() => undefined);
      return turn;
    },
  };
}

/** Answers whether it came to the end. */
async function rewrite(
  { compact, size }: Files,
  commits: GroupCommit,
  goesOn: () => boolean,
): Promise<boolean> {
  // What was erased by now is written before this is, and comes out of the log with the memory table.
  await commits.flush(EDGES);
  await compact(FIRST, FIRST);
  // What went straight to the lowest level would not be merged again: something has to come upon it.
  await commits.flush(EDGES);
  for (const [from, to] of pieces(await size(FIRST, LAST))) {
    if (!goesOn()) return false;
    await compact(from, to);
  }
  return true;
}

const HEX = '0123456789abcdef';

/** Parts of all keys, so that a large store is not rewritten in one go: ids of workflows are drawn, and spread evenly. */
function pieces(bytes: number): readonly (readonly [string, string])[] {
  if (bytes <= LIMITS.purgePieceBytes) return [[FIRST, LAST]];
  const starts = [...HEX].map((digit) => itemsOf({ tenant: DEFAULT_TENANT, workflowId: `wf_${digit}` }));
  const borders = [FIRST, ...starts.slice(1), LAST];
  return borders.slice(1).map((to, at) => [borders[at] ?? FIRST, to]);
}
