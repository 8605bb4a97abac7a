import type { Database, RangeQuery } from '../../local/store/database.ts';

/** What the embedded store needs of a database, for a handful of workflows: LevelDB's likeness costs a third of a schedule. */
export function plainDatabase(): Database {
  const values = new Map<string, string>();
  const keysIn = ({ gte, lt, reverse = false, limit = Infinity }: RangeQuery): string[] => {
    const keys: string[] = [];
    for (const key of values.keys()) if (key >= gte && key < lt) keys.push(key);
    keys.sort();
    if (reverse) keys.reverse();
    return keys.length <= limit ? keys : keys.slice(0, limit);
  };
  return {
    write: async (operations) => {
      for (const operation of operations) {
        if (operation.type === 'put') values.set(operation.key, operation.value);
        else values.delete(operation.key);
      }
    },
    get: (key) => values.get(key),
    entries: async (range) => keysIn(range).map((key) => [key, values.get(key) ?? '']),
    keys: async (ranges) => ranges.map(keysIn),
    async *eachKey(range) {
      yield* keysIn(range);
    },
    notes: [],
    close: async () => values.clear(),
  };
}
