import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StepExpectation, Written } from '../../../lib/engine/ports.ts';
import type { StepRecord, WorkflowMeta } from '../../../lib/engine/state.ts';
import type { CacheLimits } from '../../../lib/local/store/cache.ts';
import type { Database } from '../../../lib/local/store/database.ts';
import type { Operation } from '../../../lib/local/store/group-commit.ts';
import { openDatabase } from '../../../lib/local/store/opening.ts';
import { type EmbeddedStore, storeOver } from '../../../lib/local/store/store.ts';
import { ABSENT, metaOf } from '../../ports/store/fixtures.ts';
import { closers } from '../../support/closers.ts';

/** A directory of its own, removed after the test. */
export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'stepline-local-'));
  closers.push(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** A write that waits until the test ends it. */
export interface HeldWrite {
  readonly operations: readonly Operation[];
  /** It comes to the database. */
  end(): Promise<void>;
  /** It fails, and nothing of it comes to the database. */
  fail(): void;
  /** It comes to the database, and fails all the same. */
  failAfter(): Promise<void>;
}

/** A database in memory that can be made to wait and to fail. */
export interface TestDatabase extends Database {
  /** While true, writes wait in `writes`. */
  holding: boolean;
  readonly writes: HeldWrite[];
  /** Ends the one write that is under way. */
  endWrite(): Promise<void>;
  failWrite(): void;
}

export const DISK_FULL = 'the disk is full';

export async function testDatabase(): Promise<TestDatabase> {
  const inner = await openDatabase({ kind: 'memory' });
  const writes: HeldWrite[] = [];
  const hold = (operations: Operation[]): Promise<void> =>
    new Promise((resolve, reject) => {
      const leave = (): void => {
        writes.splice(writes.indexOf(held), 1);
      };
      const held: HeldWrite = {
        operations,
        end: async () => {
          leave();
          await inner.write(operations);
          resolve();
        },
        fail: () => {
          leave();
          reject(new Error(DISK_FULL));
        },
        failAfter: async () => {
          leave();
          await inner.write(operations);
          reject(new Error(DISK_FULL));
        },
      };
      writes.push(held);
    });
  const only = (): HeldWrite => {
    const [write, ...others] = writes;
    if (write === undefined || others.length > 0) throw new Error(`${writes.length} writes are under way`);
    return write;
  };
  const database: TestDatabase = {
    ...inner,
    holding: false,
    writes,
    write: (operations) => (database.holding ? hold(operations) : inner.write(operations)),
    endWrite: () => only().end(),
    failWrite: () => only().fail(),
  };
  return database;
}

/** A store as it is on disk, over a database of the test. */
export const storeOnTest = (database: Database, cache?: CacheLimits): Promise<EmbeddedStore> =>
  storeOver(database, { schedule: setImmediate, ...(cache === undefined ? {} : { cache }) });

/** The next run of a process over the same data, once this one was killed: it has what is on disk. */
export const afterKill = (database: Database): Promise<EmbeddedStore> =>
  storeOnTest({
    ...database,
    write: (operations) => database.write(operations),
    entries: (range) => database.entries(range),
    close: async () => undefined,
  });

/** What a store says of an earlier run that closed it. */
export const NOTHING_LOST = { claimsLost: false };

/** The names of the items in a write, and what the indexes hold of it left out. */
export const itemsIn = ({ operations }: HeldWrite): string[] =>
  operations.flatMap(({ key }) => /^w\/.*\/(?<item>[^/]+)$/.exec(key)?.groups?.item ?? []);

export const writeStep = (
  store: EmbeddedStore,
  meta: WorkflowMeta,
  record: StepRecord,
  expected: StepExpectation = ABSENT,
): Promise<Written<StepRecord>> => store.writeStep(meta, record, expected, meta.expiresAt);

/** The expectation that finds this claim. */
export const running = (record: StepRecord): StepExpectation => ({ status: 'running', token: record.token });

/** A workflow of which nothing is left to do. */
export const endedOf = (seed: string | number, changes: Partial<WorkflowMeta> = {}): WorkflowMeta => {
  const { dueAt: _, ...meta } = metaOf(seed, { status: 'completed', ...changes });
  return meta;
};
