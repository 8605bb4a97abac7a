import { LIMITS } from '../../contract/limits.ts';
import { EngineError, messageOf } from '../../engine/errors.ts';
import type { Store, Written } from '../../engine/ports.ts';
import type { StepRecord, WorkflowKey, WorkflowMeta, WorkflowState } from '../../engine/state.ts';
import { type Attempts, NO_ATTEMPTS, type Suspect } from './attempts.ts';
import {
  CACHE_LIMITS,
  type Cache,
  type CacheLimits,
  createCache,
  type Entry,
  newEntry,
  resize,
} from './cache.ts';
import { type Change, keepStep, metaChanged, metaCreated, stepChanged } from './changes.ts';
import { copyMeta, copyStep } from './copies.ts';
import type { Database, Where } from './database.ts';
import { createErasure, type Erasure } from './erasure.ts';
import { createGroupCommit, type GroupCommit, type Operation } from './group-commit.ts';
import { type Indexes, openIndexes } from './indexes.ts';
import { itemsOf, META, rangeOf, stepItem } from './keys.ts';
import { mend } from './mending.ts';
import { openDatabase } from './opening.ts';
import { openPace } from './pace.ts';
import { beginRun, endRun, noteRecovered, type Recovery } from './system.ts';
import { createWakes, type Wakes } from './wakes.ts';

/** The table of one process, on disk or in memory. */
export interface EmbeddedStore extends Store {
  /** Every workflow in the due index, whatever its due time. */
  unfinished(): AsyncIterable<WorkflowKey>;
  /** Every failed workflow. */
  failed(): AsyncIterable<WorkflowKey>;
  readonly recovery: Recovery;
  /** Notes that what an earlier run left was put back: the next opening is not told of it again. */
  recovered(): Promise<void>;
  /**
   * Resolves with the cause when a write has failed. What memory shows may be lost then, so from that moment everything is
   * refused; whatever was answered before is on disk, and the next opening finds it.
   */
  readonly broken: Promise<unknown>;
  /** Which attempts run, for the next life of the process. */
  readonly attempts: Attempts;
  readonly suspects: readonly Suspect[];
  /** What the user should know of the directory. */
  readonly notes: readonly string[];
  /** Calls `wake` at each write of a workflow, before a load shows it; the returned function ends that. */
  onWrite(key: WorkflowKey, wake: () => void): () => void;
  /** Rewrites the files, so that what was erased is not in them any more; nothing where nothing was. */
  purge(): Promise<void>;
  /** Flushes since the opening, and workflows in memory. */
  stats(): StoreStats;
  /** Saves what is under way and lets the directory go. Errors: `STORE_UNAVAILABLE` if that could not be saved. */
  close(): Promise<void>;
}

export interface StoreStats {
  readonly flushes: number;
  readonly cached: number;
}

/**
 * Opens the store. A directory is made if need be, and locked: one process at a time.
 * Errors: `CONFIGURATION` when another process holds it, it cannot be opened, or writes are missing and that is not accepted.
 * @example const store = await openEmbeddedStore({ kind: 'disk', directory: '.stepline' });
 */
export async function openEmbeddedStore(where: Where): Promise<EmbeddedStore> {
  const database = await openDatabase(where);
  try {
    // What one turn of the event loop brings shares a flush; memory has nothing to wait for.
    return await storeOver(database, { schedule: where.kind === 'disk' ? setImmediate : soon });
  } catch (error) {
    await database.close();
    throw error;
  }
}

const DONE = Promise.resolve();
/** As `queueMicrotask`, which makes a resource of its own for each call: a tenth of all that a workflow costs in memory. */
const soon = (action: () => void): void => void DONE.then(action);

interface Options {
  /** Runs `action` soon: what is written until then shares one flush. */
  schedule(action: () => void): void;
  readonly cache?: CacheLimits;
}

interface State {
  readonly database: Database;
  readonly cache: Cache;
  readonly commits: GroupCommit;
  readonly indexes: Indexes;
  readonly erasure: Erasure;
  readonly wakes: Wakes;
  /** Workflows that are being read from the database. */
  readonly reading: Map<string, Promise<void>>;
  /** Nobody has said yet that the claims which may be lost are accounted for. */
  claimsLost: boolean;
  closed: boolean;
  broken: boolean;
}

/** The store over an open database. */
export async function storeOver(database: Database, options: Options): Promise<EmbeddedStore> {
  const { lost, attempts = NO_ATTEMPTS } = database;
  const losses = lost === undefined ? [] : await mend(database, lost);
  const recovery = await beginRun(database, lost !== undefined);
  const cache = createCache(options.cache ?? CACHE_LIMITS);
  let tellBroken = (_: unknown): void => undefined;
  const broken = new Promise<unknown>((resolve) => {
    tellBroken = resolve;
  });
  const commits = createGroupCommit({
    write: database.write,
    schedule: options.schedule,
    onFailure: (cause) => {
      state.broken = true;
      tellBroken(cause);
    },
  });
  const state: State = {
    database,
    cache,
    commits,
    indexes: await openIndexes(database),
    erasure: createErasure(database, commits),
    wakes: createWakes(),
    reading: new Map(),
    claimsLost: recovery.claimsLost,
    closed: false,
    broken: false,
  };
  const pace = openPace(database, state.commits);
  return {
    create: (meta) => guarded(state, () => create(state, meta)),
    load: (key) => guarded(state, () => load(state, key)),
    writeMeta: (meta, expected) =>
      guarded(state, () => write(state, meta, metaChanged(state.indexes, meta, expected))),
    // Expiry is the table's business on AWS; one machine keeps what it has.
    writeStep: (key, record, expected) =>
      guarded(state, () => write(state, key, stepChanged(record, expected))),
    list: (filter) => guarded(state, () => state.indexes.list(filter)),
    listDue: (shard, now, limit) => guarded(state, () => state.indexes.listDue(shard, now, limit)),
    loadPace: () => guarded(state, () => pace.loadPace()),
    writePace: (next, expected) => guarded(state, () => pace.writePace(next, expected)),
    unfinished: () => state.indexes.allDue(),
    failed: () => state.indexes.allFailed(),
    recovery,
    recovered: () => guarded(state, () => recovered(state)),
    broken,
    attempts,
    suspects: attempts.suspects,
    notes: [...database.notes, ...losses],
    onWrite: (key, wake) => state.wakes.add(itemsOf(key), wake),
    purge: () => guarded(state, () => state.erasure.purge(() => !state.closed && !state.broken)),
    stats: () => ({ flushes: state.commits.flushes(), cached: cache.size() }),
    close: () => close(state).catch(unavailable),
  };
}

/** Says of every failure of the database that the store is not available. */
function guarded<Result>(state: State, action: () => Promise<Result>): Promise<Result> {
  const refused = refusalOf(state);
  return refused === undefined ? action().catch(unavailable) : Promise.reject(refused);
}

function refusalOf({ closed, broken }: State): EngineError | undefined {
  const message = closed ? 'the store is closed' : broken ? BROKEN : undefined;
  return message === undefined ? undefined : new EngineError('STORE_UNAVAILABLE', message);
}

const BROKEN = 'the embedded store failed to write; what memory shows may be lost, so it answers no more';

function unavailable(cause: unknown): never {
  if (cause instanceof EngineError) throw cause;
  throw new EngineError('STORE_UNAVAILABLE', `the embedded store failed: ${messageOf(cause)}`, { cause });
}

async function recovered(state: State): Promise<void> {
  if (!state.claimsLost) return;
  await noteRecovered(state.database);
  state.claimsLost = false;
}

async function close(state: State): Promise<void> {
  if (state.closed) throw new Error('it is closed already');
  state.closed = true;
  try {
    await state.commits.idle();
    if (state.broken) throw new EngineError('STORE_UNAVAILABLE', BROKEN);
    await saveClaims(state);
    await purgeAtLast(state);
    await endRun(state.database, state.claimsLost);
  } finally {
    await state.database.close();
  }
}

/** Nobody knows when the next run comes. A large store is not worth waiting for: the next run finds what is left to do. */
async function purgeAtLast({ erasure, broken }: State): Promise<void> {
  const end = performance.now() + LIMITS.purgeAtCloseMs;
  await erasure.purge(() => !broken && performance.now() < end);
}

/** A run that closes the store says that it lost no claim: so none may be in memory alone. */
async function saveClaims({ cache, commits }: State): Promise<void> {
  const operations = [...cache.held()].flatMap((entry) => claims(entry));
  if (operations.length > 0) await commits.flush(operations);
}

/** Brings a workflow into memory; an entry with nothing in it if there is no such workflow. */
function bring(state: State, items: string): Promise<void> {
  const known = state.reading.get(items);
  if (known !== undefined) return known;
  const reading = read(state, items).finally(() => state.reading.delete(items));
  state.reading.set(items, reading);
  return reading;
}

async function read(state: State, items: string): Promise<void> {
  const { cache, database } = state;
  const entry = newEntry(items);
  const found = await database.entries(rangeOf(items));
  // A write that was decided on this would go nowhere, and its caller would not hear of it.
  const refused = refusalOf(state);
  if (refused !== undefined) throw refused;
  for (const [key, value] of found) {
    const item = key.slice(items.length);
    resize(entry, item, value.length);
    // The files were looked at when they were opened, and nothing but this store writes them: what they hold is what was saved.
    if (item === META) entry.meta = JSON.parse(value);
    else keepStep(entry, JSON.parse(value));
  }
  cache.hold(entry);
  cache.rest(entry);
}

/** Strongly consistent, and never ahead of the disk but for claims. */
async function load(state: State, key: WorkflowKey): Promise<WorkflowState | undefined> {
  const items = itemsOf(key);
  for (;;) {
    const entry = state.cache.get(items);
    if (entry === undefined) await bring(state, items);
    else if (entry.flush !== undefined) await entry.flush;
    else return copyOf(entry);
  }
}

function copyOf({ meta, steps, undos, lookups }: Entry): WorkflowState | undefined {
  if (meta === undefined) return undefined;
  const copied = { meta: copyMeta(meta), steps: copiesOf(steps) };
  if (undos === undefined && lookups === undefined) return copied;
  return {
    ...copied,
    ...(undos === undefined ? {} : { undos: copiesOf(undos) }),
    ...(lookups === undefined ? {} : { lookups: copiesOf(lookups) }),
  };
}

function copiesOf(records: ReadonlyMap<string, StepRecord>): ReadonlyMap<string, StepRecord> {
  const copies = new Map<string, StepRecord>();
  for (const [name, record] of records) copies.set(name, copyStep(record));
  return copies;
}

/** A condition that fails on something that is not on disk yet is asked again when that is decided. */
async function write<Item>(state: State, key: WorkflowKey, change: Change<Item>): Promise<Written<Item>> {
  const items = itemsOf(key);
  for (;;) {
    const entry = state.cache.get(items);
    if (entry === undefined) {
      await bring(state, items);
      continue;
    }
    const current = change.current(entry);
    if (change.holds(current)) {
      const durable = save(state, entry, change);
      if (durable !== undefined) await durable;
      return WRITTEN;
    }
    if (entry.flush === undefined) return { written: false, current: current && change.copy(current) };
    await entry.flush;
  }
}

const WRITTEN = { written: true } as const;

/** Answers what the caller has to wait for, if anything. */
function save<Item>(state: State, entry: Entry, change: Change<Item>): Promise<void> | undefined {
  const { cache, commits } = state;
  const { claim } = change;
  const mayBeLost = claim?.mayBeLost(entry) === true;
  cache.hold(entry);
  const before = entry.meta;
  const indexed = change.apply(entry);
  state.wakes.wake(entry.items);
  const erased =
    change.item === META && entry.meta !== undefined ? state.erasure.changes(before, entry.meta) : [];
  if (claim !== undefined && mayBeLost) {
    // What comes after a claim is a call, not another worker: it need not wait for the disk.
    entry.claimed.add(claim.step);
    return undefined;
  }
  const flush = commits.flush([
    put(entry, change.item, change.record),
    ...indexed,
    ...erased,
    ...claims(entry, change.item),
  ]);
  entry.flush = flush;
  const durable = flush.then(() => {
    if (entry.flush === flush) entry.flush = undefined;
    cache.rest(entry);
  });
  if (change.item === META || claim !== undefined) return durable;
  // Nobody sees what a worker saves of a step before it is on disk: loads wait. Should that fail, the store says so itself.
  durable.catch(() => undefined);
  return undefined;
}

function put(entry: Entry, item: string, record: unknown): Operation {
  const value = JSON.stringify(record);
  resize(entry, item, value.length);
  return { type: 'put', key: entry.items + item, value };
}

/** The claims that are in memory only, which reach the disk with the next write; that of `item` is what is being written. */
function claims(entry: Entry, item?: string): Operation[] {
  if (entry.claimed.size === 0) return [];
  const operations: Operation[] = [];
  for (const name of entry.claimed) {
    const claimed = stepItem({ step: name });
    if (claimed !== item) operations.push(put(entry, claimed, entry.steps.get(name)));
  }
  entry.claimed.clear();
  return operations;
}

async function create(state: State, meta: WorkflowMeta): Promise<Written<WorkflowMeta>> {
  const items = itemsOf(meta);
  // A new id is the rule: asking for one key is quicker than reading a collection that is not there.
  const known = state.cache.get(items) !== undefined || state.reading.has(items);
  if (!known && state.database.get(items + META) === undefined) state.cache.hold(newEntry(items));
  return await write(state, meta, metaCreated(state.indexes, meta));
}
