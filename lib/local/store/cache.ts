import { isTerminal } from '../../contract/names.ts';
import type { StepRecord, WorkflowMeta } from '../../engine/state.ts';

/** A workflow's newest state in memory, writes under way included. Records in it are never changed, only replaced. */
export interface Entry {
  /** What its keys begin with: names it among all. */
  readonly items: string;
  meta: WorkflowMeta | undefined;
  readonly steps: Map<string, StepRecord>;
  /** Absent until the first one. */
  undos?: Map<string, StepRecord>;
  lookups?: Map<string, StepRecord>;
  /** Characters of JSON of each item, by the item's name, and of all. */
  readonly sizes: Map<string, number>;
  bytes: number;
  /** The last flush that holds something of it. */
  flush: Promise<void> | undefined;
  /** Names of steps whose claims are in memory only. */
  readonly claimed: Set<string>;
}

export const newEntry = (items: string): Entry => ({
  items,
  meta: undefined,
  steps: new Map(),
  sizes: new Map(),
  bytes: 0,
  flush: undefined,
  claimed: new Set(),
});

/** Notes an item's size; answers how it changed the whole. */
export function resize(entry: Entry, item: string, bytes: number): void {
  entry.bytes += bytes - (entry.sizes.get(item) ?? 0);
  entry.sizes.set(item, bytes);
}

/** All unfinished workflows, and the finished ones that were used last. */
export interface Cache {
  get(items: string): Entry | undefined;
  /** Keeps an entry in memory until it rests. */
  hold(entry: Entry): void;
  /** Nothing of the entry is under way: if its workflow is finished it may go. */
  rest(entry: Entry): void;
  /** Those that do not rest. */
  held(): Iterable<Entry>;
  size(): number;
}

export interface CacheLimits {
  readonly finished: number;
  readonly finishedBytes: number;
}

/** Enough to answer clients that poll for the end of theirs; results may be large, so bytes count too. */
export const CACHE_LIMITS: CacheLimits = { finished: 256, finishedBytes: 16 * 1_024 * 1_024 };

const isSettled = ({ flush, claimed }: Entry): boolean => flush === undefined && claimed.size === 0;
const isFinished = ({ meta }: Entry): boolean =>
  meta === undefined || (isTerminal(meta.status) && meta.dueAt === undefined);

/** @example const cache = createCache(CACHE_LIMITS); */
export function createCache(limits: CacheLimits): Cache {
  const held = new Map<string, Entry>();
  /** Least recently used first. */
  const finished = new Map<string, Entry>();
  let bytes = 0;

  const forget = (entry: Entry): void => {
    if (finished.delete(entry.items)) bytes -= entry.bytes;
  };
  return {
    get: (items) => {
      const unfinished = held.get(items);
      if (unfinished !== undefined) return unfinished;
      const entry = finished.get(items);
      if (entry !== undefined && finished.delete(items)) finished.set(items, entry);
      return entry;
    },
    hold: (entry) => {
      forget(entry);
      held.set(entry.items, entry);
    },
    rest: (entry) => {
      if (held.get(entry.items) !== entry || !isFinished(entry) || !isSettled(entry)) return;
      held.delete(entry.items);
      finished.set(entry.items, entry);
      bytes += entry.bytes;
      for (const oldest of finished.values()) {
        const fits = finished.size <= limits.finished && bytes <= limits.finishedBytes;
        // The newest stays, however large: whoever asked for it is about to use it.
        if (fits || oldest === entry) break;
        forget(oldest);
      }
    },
    held: () => held.values(),
    size: () => held.size + finished.size,
  };
}
