/** One change of the database. */
export type Operation =
  | { readonly type: 'put'; readonly key: string; readonly value: string }
  | { readonly type: 'del'; readonly key: string };

export interface GroupCommitOptions {
  /** Writes all or nothing; resolves when that is on disk. */
  write(operations: Operation[]): Promise<void>;
  /** Runs `action` soon: what is asked for until then shares one write. */
  schedule(action: () => void): void;
  /** Called once, when a write has failed, before its callers are told. */
  onFailure(error: unknown): void;
}

/**
 * Many writers, few flushes: one write at a time, and what comes meanwhile shares the next. Per key, changes reach the
 * database in the order of the calls.
 *
 * The first write that fails is the last. Nobody knows what of it is on disk, and what waits may have been decided on it:
 * everything that waits and all that is asked for later fails with the same error, until the database is opened anew.
 */
export interface GroupCommit {
  /** Resolves when all of `operations` are on disk. */
  flush(operations: readonly Operation[]): Promise<void>;
  /** Resolves when nothing is waiting any more. */
  idle(): Promise<void>;
  /** Flushes so far. */
  flushes(): number;
}

interface Batch {
  /** The last change of each key. */
  readonly operations: Map<string, Operation>;
  readonly done: Promise<void>;
  resolve(): void;
  reject(error: unknown): void;
}

function newBatch(): Batch {
  let resolve = (): void => undefined;
  let reject = (_: unknown): void => undefined;
  const done = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  // Whoever asked is told through the same promise; a batch that nobody waits for must not end the process.
  done.catch(() => undefined);
  return { operations: new Map(), done, resolve, reject };
}

/** @example const commits = createGroupCommit({ write, schedule: setImmediate, onFailure: stop }); */
export function createGroupCommit(options: GroupCommitOptions): GroupCommit {
  let waiting = newBatch();
  let writing: Batch | undefined;
  let planned = false;
  let broken: { readonly by: unknown } | undefined;
  let flushes = 0;

  const plan = (): void => {
    if (planned || writing !== undefined) return;
    planned = true;
    options.schedule(() => {
      planned = false;
      void write();
    });
  };

  async function write(): Promise<void> {
    const batch = waiting;
    waiting = newBatch();
    writing = batch;
    flushes += 1;
    try {
      await options.write([...batch.operations.values()]);
      writing = undefined;
      batch.resolve();
      if (waiting.operations.size > 0) plan();
    } catch (error) {
      writing = undefined;
      broken = { by: error };
      options.onFailure(error);
      batch.reject(error);
      waiting.reject(error);
    }
  }

  return {
    flush: (operations) => {
      if (broken !== undefined) return Promise.reject(broken.by);
      for (const operation of operations) waiting.operations.set(operation.key, operation);
      plan();
      return waiting.done;
    },
    idle: async () => {
      while (broken === undefined) {
        const batch = waiting.operations.size > 0 ? waiting : writing;
        if (batch === undefined) return;
        await batch.done.catch(() => undefined);
      }
    },
    flushes: () => flushes,
  };
}
