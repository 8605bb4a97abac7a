import { messageOf } from '../engine/call.ts';
import { EngineError } from '../engine/errors.ts';
import type { MetaExpectation, StepExpectation, Store, Written } from '../engine/ports.ts';
import type { StepRecord, WorkflowKey, WorkflowMeta, WorkflowState } from '../engine/state.ts';
import {
  CACHE_LIMITS,
  type Cache,
  type CacheLimits,
  createCache,
  type Entry,
  newEntry,
  resize,
} from './embedded-cache.ts';
import { copyMeta, copyStep } from './embedded-copies.ts';
import { type Database, openDatabase, type Where } from './embedded-database.ts';
import { type Indexes, openIndexes } from './embedded-index.ts';
import { itemsOf, META, rangeOf, stepItem } from './embedded-keys.ts';
import { beginRun, endRun, noteRecovered, type Recovery } from './embedded-system.ts';
import { createGroupCommit, type GroupCommit, type Operation } from './group-commit.ts';

/** The table of one process, on disk or in memory. */
export interface EmbeddedStore extends Store {
  /** Every workflow in the due index, whatever its due time. */
  unfinished(): AsyncIterable<WorkflowKey>;
  readonly recovery: Recovery;
  /** Notes that what an earlier run left was put back: the next opening is not told of it again. */
  recovered(): Promise<void>;
  /** Since the opening: items written, workflows loaded, bytes of JSON of both; flushes; workflows in memory. */
  stats(): StoreStats;
  /** Saves what is under way and lets the directory go. Errors: `STORE_UNAVAILABLE` if that could not be saved. */
  close(): Promise<void>;
}

export interface StoreStats {
  readonly writes: number;
  readonly reads: number;
  readonly bytesWritten: number;
  readonly bytesRead: number;
  readonly flushes: number;
  readonly cached: number;
}

/** A claim that only the operating system has reaches the disk after this long at the latest. */
const FLUSH_CLAIMS_AFTER_MS = 50;

/**
 * Opens the store. A directory is made if need be, and locked: one process at a time.
 * Errors: `CONFIGURATION` when another process holds it or it cannot be opened.
 * @example const store = await openEmbeddedStore({ kind: 'disk', directory: '.stepline' });
 */
export async function openEmbeddedStore(where: Where): Promise<EmbeddedStore> {
  const database = await openDatabase(where);
  try {
    return await storeOver(database, { onDisk: where.kind === 'disk' });
  } catch (error) {
    await database.close();
    throw error;
  }
}

interface Options {
  readonly onDisk: boolean;
  readonly cache?: CacheLimits;
}

interface State {
  readonly database: Database;
  readonly cache: Cache;
  readonly commits: GroupCommit;
  readonly indexes: Indexes;
  /** Workflows that are being read from the database. */
  readonly reading: Map<string, Promise<void>>;
  readonly counts: { writes: number; reads: number; bytesWritten: number; bytesRead: number };
  /** Nobody has said yet that the claims which may be lost are accounted for. */
  claimsLost: boolean;
  closed: boolean;
}

/** The store over an open database. */
export async function storeOver(database: Database, options: Options): Promise<EmbeddedStore> {
  const recovery = await beginRun(database);
  const cache = createCache(options.cache ?? CACHE_LIMITS);
  const state: State = {
    database,
    cache,
    commits: createGroupCommit({
      write: (operations, sync) => database.write(operations, sync),
      // What one turn of the event loop brings shares a flush; memory has nothing to wait for.
      schedule: options.onDisk ? setImmediate : queueMicrotask,
      onFailure: cache.dropUnsettled,
      ...(options.onDisk ? { flushHandedAfterMs: FLUSH_CLAIMS_AFTER_MS } : {}),
    }),
    indexes: await openIndexes(database),
    reading: new Map(),
    counts: { writes: 0, reads: 0, bytesWritten: 0, bytesRead: 0 },
    claimsLost: recovery.machineRestarted,
    closed: false,
  };
  return {
    create: (meta) => guarded(state, () => create(state, meta)),
    load: (key) => guarded(state, () => load(state, key)),
    writeMeta: (meta, expected) => guarded(state, () => writeMeta(state, meta, expected)),
    // Expiry is the table's business on AWS; one machine keeps what it has.
    writeStep: (key, record, expected) => guarded(state, () => writeStep(state, key, record, expected)),
    list: (filter) => guarded(state, () => state.indexes.list(filter)),
    listDue: (shard, now, limit) => guarded(state, () => state.indexes.listDue(shard, now, limit)),
    unfinished: () => state.indexes.allDue(),
    recovery,
    recovered: () => guarded(state, () => recovered(state)),
    stats: () => ({ ...state.counts, flushes: state.commits.flushes, cached: cache.size }),
    close: () => guarded(state, () => close(state)),
  };
}

/** Says of every failure of the database that the store is not available. */
async function guarded<Result>(state: State, action: () => Promise<Result>): Promise<Result> {
  if (state.closed) throw new EngineError('STORE_UNAVAILABLE', 'the store is closed');
  try {
    return await action();
  } catch (cause) {
    throw new EngineError('STORE_UNAVAILABLE', `the embedded store failed: ${messageOf(cause)}`, { cause });
  }
}

async function recovered(state: State): Promise<void> {
  if (!state.claimsLost) return;
  await noteRecovered(state.database);
  state.claimsLost = false;
}

async function close(state: State): Promise<void> {
  state.closed = true;
  try {
    await state.commits.idle();
    await endRun(state.database, state.claimsLost);
  } finally {
    await state.database.close();
  }
}

/** The newest state of a workflow, from memory or from disk; with nothing in it if there is no such workflow. */
async function resident(state: State, key: WorkflowKey): Promise<Entry> {
  const items = itemsOf(key);
  for (;;) {
    const entry = state.cache.get(items);
    if (entry !== undefined) return entry;
    let reading = state.reading.get(items);
    if (reading === undefined) {
      reading = read(state, items).finally(() => state.reading.delete(items));
      state.reading.set(items, reading);
    }
    await reading;
  }
}

async function read({ database, cache }: State, items: string): Promise<void> {
  const entry = newEntry(items);
  for (const [key, value] of await database.entries(rangeOf(items))) {
    const item = key.slice(items.length);
    resize(entry, item, Buffer.byteLength(value));
    // The database checks its own sums, and nothing but this store writes it: what it holds is what was saved.
    if (item === META) entry.meta = JSON.parse(value);
    else keep(entry, JSON.parse(value));
  }
  cache.hold(entry);
  cache.rest(entry);
}

const keep = ({ steps }: Entry, record: StepRecord): void => {
  steps.set(record.step, record);
};

/** Strongly consistent, and never ahead of the disk but for claims. */
async function load(state: State, key: WorkflowKey): Promise<WorkflowState | undefined> {
  const { counts } = state;
  for (;;) {
    const entry = await resident(state, key);
    if (entry.flush === undefined) {
      counts.reads += 1;
      counts.bytesRead += entry.bytes;
      if (entry.meta === undefined) return undefined;
      const steps = new Map<string, StepRecord>();
      for (const [name, record] of entry.steps) steps.set(name, copyStep(record));
      return { meta: copyMeta(entry.meta), steps };
    }
    await settled(entry.flush);
  }
}

const settled = (flush: Promise<void>): Promise<void> => flush.catch(() => undefined);

/** How an item changes: what it is now, whether it may be changed, and what is written with it. */
interface Change<Item> {
  readonly item: string;
  readonly record: Item;
  current(entry: Entry): Item | undefined;
  holds(current: Item | undefined): boolean;
  copy(current: Item): Item;
  apply(entry: Entry): readonly Operation[];
  readonly handOver?: true;
}

/** A condition that fails on something that is not on disk yet is asked again when that is decided. */
async function write<Item>(state: State, key: WorkflowKey, change: Change<Item>): Promise<Written<Item>> {
  for (;;) {
    const entry = await resident(state, key);
    // A failure may have dropped the entry in this very moment: what it holds may be lost.
    if (state.cache.get(entry.items) !== entry) continue;
    const current = change.current(entry);
    if (change.holds(current)) {
      await save(state, entry, change);
      return { written: true };
    }
    if (entry.flush === undefined) return { written: false, current: current && change.copy(current) };
    await settled(entry.flush);
  }
}

async function save<Item>(state: State, entry: Entry, change: Change<Item>): Promise<void> {
  const { cache, commits, counts } = state;
  const value = JSON.stringify(change.record);
  const bytes = Buffer.byteLength(value);
  counts.writes += 1;
  counts.bytesWritten += bytes;
  cache.hold(entry);
  const indexed = change.apply(entry);
  resize(entry, change.item, bytes);
  const operation: Operation = { type: 'put', key: entry.items + change.item, value };
  if (change.handOver) {
    entry.handing += 1;
    await commits.hand(operation).finally(() => {
      entry.handing -= 1;
    });
  } else {
    const flush = commits.flush([operation, ...indexed]);
    entry.flush = flush;
    await flush.finally(() => {
      if (entry.flush === flush) entry.flush = undefined;
    });
  }
  cache.rest(entry);
}

async function create(state: State, meta: WorkflowMeta): Promise<Written<WorkflowMeta>> {
  const items = itemsOf(meta);
  // A new id is the rule: asking for one key is quicker than reading a collection that is not there.
  const known = state.cache.get(items) !== undefined || state.reading.has(items);
  if (!known && state.database.get(items + META) === undefined) state.cache.hold(newEntry(items));
  return await write(
    state,
    meta,
    metaChange(state, meta, (current) => current === undefined),
  );
}

const writeMeta = (
  state: State,
  meta: WorkflowMeta,
  expected: MetaExpectation,
): Promise<Written<WorkflowMeta>> =>
  write(
    state,
    meta,
    metaChange(
      state,
      meta,
      (current) =>
        current !== undefined &&
        current.status === expected.status &&
        current.epoch === expected.epoch &&
        (expected.dueAt === undefined || current.dueAt === expected.dueAt),
    ),
  );

const metaChange = (
  { indexes }: State,
  meta: WorkflowMeta,
  holds: (current: WorkflowMeta | undefined) => boolean,
): Change<WorkflowMeta> => ({
  item: META,
  record: meta,
  current: (entry) => entry.meta,
  holds,
  copy: copyMeta,
  apply: (entry) => {
    const changes = indexes.changes(entry.meta, meta);
    entry.meta = copyMeta(meta);
    return changes;
  },
});

const writeStep = (
  state: State,
  key: WorkflowKey,
  record: StepRecord,
  expected: StepExpectation,
): Promise<Written<StepRecord>> =>
  write(state, key, {
    item: stepItem(record.step),
    record,
    current: (entry) => entry.steps.get(record.step),
    holds: (current) =>
      'absent' in expected
        ? current === undefined
        : current?.status === expected.status && current.token === expected.token,
    copy: copyStep,
    apply: (entry) => {
      keep(entry, copyStep(record));
      return [];
    },
    // What comes after a claim is a call, not another worker: it need not wait for the disk.
    ...(record.status === 'running' ? { handOver: true } : {}),
  });
