import type { WorkflowMeta } from '../../engine/state.ts';
import type { Database, Lost } from './database.ts';
import type { Operation } from './group-commit.ts';
import { DUE, dueKey, LISTINGS, listingKey, META, rangeOf, readDueKey, workflowOfKey } from './keys.ts';

/*
 * A write changes an item together with its places in the indexes. Where writes were lost, neither can be relied on: the items
 * that are left say what the indexes must hold, and what is left of a workflow without its META is of no use.
 */

const ITEMS = 'w/';
const PAGE = 1_000;
const SHOWN = 100;

/** Makes the indexes fit the items. @returns which workflows are gone, or may be as they were before, in words for the user */
export async function mend(database: Database, { ids }: Lost): Promise<readonly string[]> {
  const { wanted, known, orphans } = await readItems(database);
  const operations: Operation[] = orphans.map((key) => ({ type: 'del', key }));
  const named = new Set([...ids, ...orphans.map(idIn)]);
  for (const index of [LISTINGS, DUE]) {
    for await (const key of database.eachKey(rangeOf(index))) {
      if (wanted.delete(key)) continue;
      operations.push({ type: 'del', key });
      named.add((index === DUE ? readDueKey(key) : workflowOfKey(key)).workflowId);
    }
  }
  for (const key of wanted) operations.push({ type: 'put', key, value: '' });
  for (let at = 0; at < operations.length; at += PAGE) await database.write(operations.slice(at, at + PAGE));
  return toldOf(named, known);
}

/** What the indexes must hold, the workflows there are, and items of steps that have none. */
async function readItems(database: Database) {
  const wanted = new Set<string>();
  const known = new Set<string>();
  const orphans: string[] = [];
  for await (const [key, value] of itemsIn(database)) {
    if (key.endsWith(`/${META}`)) {
      const meta: WorkflowMeta = JSON.parse(value);
      known.add(meta.workflowId);
      wanted.add(listingKey(meta));
      if (meta.dueAt !== undefined) wanted.add(dueKey(meta, meta.dueAt));
      // META sorts before steps and undos, but after lookups.
    } else if (!known.has(idIn(key))) orphans.push(key);
  }
  return { wanted, known, orphans: orphans.filter((key) => !known.has(idIn(key))) };
}

/** The workflow that the key of an item is of. */
const idIn = (key: string): string => key.split('/')[2] ?? key;

async function* itemsIn(database: Database): AsyncGenerator<[string, string]> {
  const { gte, lt } = rangeOf(ITEMS);
  for (let from = gte; ; ) {
    const page = await database.entries({ gte: from, lt, limit: PAGE });
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    from = `${last[0]}\0`;
  }
}

function toldOf(named: ReadonlySet<string>, known: ReadonlySet<string>): readonly string[] {
  const gone = [...named].filter((one) => !known.has(one));
  const left = [...named].filter((one) => known.has(one));
  return [
    ...(gone.length > 0 ? [`gone: ${listed(gone)}`] : []),
    ...(left.length > 0 ? [`perhaps as before their last change: ${listed(left)}`] : []),
    ...(named.size === 0 ? ['which workflows this is about cannot be told'] : []),
  ];
}

function listed(ids: readonly string[]): string {
  const more = ids.length > SHOWN ? `, and ${ids.length - SHOWN} more` : '';
  return ids.slice(0, SHOWN).join(', ') + more;
}
