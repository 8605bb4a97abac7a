import type { ClassicLevel } from 'classic-level';
import { EngineError, messageOf } from '../../engine/errors.ts';
import { makePrivate } from './files/private.ts';
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
  /** Undefined in memory. */
  readonly files?: Files;
  /** What of the directory could not be made private, in words for the user. */
  readonly notes: readonly string[];
  close(): Promise<void>;
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
  if (where.kind === 'memory') return over(await memoryLevel());
  const { directory } = where;
  const notes = await makePrivate(directory).catch((error: unknown) => cannotOpen(directory, error));
  const level = await diskLevel(directory);
  const files: Files = {
    compact: (from, to) => level.compactRange(from, to),
    size: (from, to) => level.approximateSize(from, to),
  };
  return { ...over(level), files, notes };
}

function over(level: Level): Database {
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
    notes: [],
    close: () => level.close(),
  };
}

async function memoryLevel(): Promise<Level> {
  const { MemoryLevel } = await import('memory-level');
  const level = new MemoryLevel<string, string>({ storeEncoding: 'utf8' });
  await level.open();
  return level;
}

async function diskLevel(directory: string): Promise<ClassicLevel> {
  const { ClassicLevel } = await import('classic-level');
  const level = new ClassicLevel<string, string>(directory);
  try {
    await level.open();
    return level;
  } catch (error) {
    return cannotOpen(directory, error);
  }
}

function cannotOpen(directory: string, error: unknown): never {
  const cause = error instanceof Error ? error.cause : undefined;
  const locked = cause instanceof Error && 'code' in cause && cause.code === 'LEVEL_LOCKED';
  const message = locked
    ? `the data directory ${directory} is in use: stop the other process, or pass another directory with --data`
    : `the data directory ${directory} cannot be opened (${messageOf(cause ?? error)}): make it writable, or pass another with --data`;
  throw new EngineError('CONFIGURATION', message, { cause: error });
}
