/** Who is told of the next writes of a workflow. Nobody in most lives: then a write pays for one look at an empty map. */
export interface Wakes {
  /** Calls `wake` at each write, before it is durable; the returned function ends that. */
  add(items: string, wake: () => void): () => void;
  /** @param items the prefix that all keys of the workflow share */
  wake(items: string): void;
}

export function createWakes(): Wakes {
  const waiting = new Map<string, Set<() => void>>();
  return {
    add: (items, wake) => {
      const all = waiting.get(items) ?? new Set();
      waiting.set(items, all.add(wake));
      return () => {
        all.delete(wake);
        if (all.size === 0 && waiting.get(items) === all) waiting.delete(items);
      };
    },
    wake: (items) => {
      if (waiting.size === 0) return;
      for (const wake of waiting.get(items) ?? []) wake();
    },
  };
}
