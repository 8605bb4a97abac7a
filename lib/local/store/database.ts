import type { ClassicLevel } from 'classic-level';
import type { Attempts } from './attempts.ts';
import type { Operation } from './group-commit.ts';
import type { Range } from './keys.ts';

/** Where the store keeps its data. */
export type Where = { readonly kind: 'memory' } | ({ readonly kind: 'disk' } & OnDisk);

export interface OnDisk {
  readonly directory: string;
  /** Goes on although writes that were acknowledged are lost. */
  readonly acceptLoss?: boolean;
}

export interface RangeQuery extends Range {
  readonly reverse?: boolean;
  readonly limit?: number;
}

/** What the store needs of a sorted key-value database. */
export interface Database {
  /** All or nothing; resolves when the disk has it. */
  write(operations: Operation[]): Promise<void>;
  get(key: string): string | undefined;
  entries(range: RangeQuery): Promise<[string, string][]>;
  /** The keys of each range, all as of one moment. */
  keys(ranges: readonly RangeQuery[]): Promise<string[][]>;
  /** The keys of a range one after another, as of the moment of the call. */
  eachKey(range: RangeQuery): AsyncIterable<string>;
  /** Undefined in memory. */
  readonly files?: Files;
  /** Undefined in memory. */
  readonly attempts?: Attempts;
  /** What of the directory could not be made private, in words for the user. */
  readonly notes: readonly string[];
  /** There where writes were lost, and that was accepted. */
  readonly lost?: Lost;
  close(): Promise<void>;
}

/** What is known of writes that are lost. */
export interface Lost {
  /** Workflows of which something may be lost, as far as they could be read. */
  readonly ids: readonly string[];
}

/** The files of a database on disk. */
export interface Files {
  /** Merges what the files hold of these keys, so that nothing that was overwritten is left there. */
  compact(from: string, to: string): Promise<void>;
  /** About how many bytes they take. */
  size(from: string, to: string): Promise<number>;
}

type Snapshot = ReturnType<ClassicLevel['snapshot']>;

/** The part of abstract-level that both of its implementations share. */
export interface Level {
  batch(): {
    put(key: string, value: string): unknown;
    del(key: string): unknown;
    write(options: { readonly sync: boolean }): Promise<void>;
  };
  getSync(key: string): string | undefined;
  iterator(options: RangeQuery): { all(): Promise<[string, string][]> };
  keys(options: RangeQuery & { snapshot?: Snapshot }): AsyncIterable<string> & { all(): Promise<string[]> };
  snapshot(): Snapshot;
  close(): Promise<void>;
}

/** A database over LevelDB, or its likeness. */
export function over(level: Level): Database {
  return {
    write: (operations) => batchOf(level, operations).write({ sync: true }),
    get: (key) => level.getSync(key),
    entries: (range) => level.iterator(range).all(),
    keys: async (ranges) => {
      const snapshot = level.snapshot();
      try {
        return await Promise.all(ranges.map((range) => level.keys({ ...range, snapshot }).all()));
      } finally {
        await snapshot.close();
      }
    },
    eachKey: (range) => level.keys(range),
    notes: [],
    close: () => level.close(),
  };
}

/** One call each: an array of operations is copied and checked at seven times the cost. */
export function batchOf(level: Pick<Level, 'batch'>, operations: readonly Operation[]) {
  const batch = level.batch();
  for (const operation of operations) {
    if (operation.type === 'put') batch.put(operation.key, operation.value);
    else batch.del(operation.key);
  }
  return batch;
}
