import type { ClassicLevel } from 'classic-level';
import { EngineError, messageOf } from '../../engine/errors.ts';
import type { Operation } from './group-commit.ts';
import type { Range } from './keys.ts';

/** Where the store keeps its data. */
export type Where = { readonly kind: 'memory' } | { readonly kind: 'disk'; readonly directory: string };

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
  close(): Promise<void>;
}

type Snapshot = ReturnType<ClassicLevel['snapshot']>;

/** The part of abstract-level that both of its implementations share. */
interface Level {
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

/** Opens LevelDB on disk, or its likeness in memory. Errors: `CONFIGURATION` with what to do. */
export async function openDatabase(where: Where): Promise<Database> {
  const level = where.kind === 'memory' ? await memoryLevel() : await diskLevel(where.directory);
  return {
    write: (operations) => {
      // One call each: an array of operations is copied and checked at seven times the cost.
      const batch = level.batch();
      for (const operation of operations) {
        if (operation.type === 'put') batch.put(operation.key, operation.value);
        else batch.del(operation.key);
      }
      return batch.write({ sync: true });
    },
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
    close: () => level.close(),
  };
}

async function memoryLevel(): Promise<Level> {
  const { MemoryLevel } = await import('memory-level');
  const level = new MemoryLevel<string, string>({ storeEncoding: 'utf8' });
  await level.open();
  return level;
}

async function diskLevel(directory: string): Promise<Level> {
  const { ClassicLevel } = await import('classic-level');
  const level = new ClassicLevel<string, string>(directory);
  try {
    await level.open();
    return level;
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    const locked = cause instanceof Error && 'code' in cause && cause.code === 'LEVEL_LOCKED';
    const message = locked
      ? `the data directory ${directory} is in use: stop the other process, or pass another directory with --data`
      : `the data directory ${directory} cannot be opened (${messageOf(cause ?? error)}): make it writable, or pass another with --data`;
    throw new EngineError('CONFIGURATION', message, { cause: error });
  }
}
