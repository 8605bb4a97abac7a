/** One change of the database. */
export type Operation =
  | { readonly type: 'put'; readonly key: string; readonly value: string }
  | { readonly type: 'del'; readonly key: string };

export interface GroupCommitOptions {
  /** Writes all or nothing; with `sync` it resolves when that is on disk, without when the operating system has it. */
  write(operations: Operation[], sync: boolean): Promise<void>;
  /** Runs `action` soon: what is asked for until then shares one write. */
  schedule(action: () => void): void;
  /** Called when a write has failed, before its callers are told. */
  onFailure(): void;
  /** What was only handed over is flushed after so many milliseconds if nothing else flushes it; never if left out. */
  readonly flushHandedAfterMs?: number;
}

/**
 * Many writers, few flushes. Per key, changes reach the database in the order of the calls. When a write fails,
 * everything that waits fails with it: it may have been decided on what is now lost.
 */
export interface GroupCommit {
  /** Resolves when all of `operations` are on disk. */
  flush(operations: readonly Operation[]): Promise<void>;
  /** Resolves when the operating system has the change: it survives the process, and the machine only after the next flush. */
  hand(operation: Operation): Promise<void>;
  /** Resolves when nothing is waiting any more. */
  idle(): Promise<void>;
  /** Flushes so far. */
  readonly flushes: number;
}

interface Batch {
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

/** A key that holds nothing: writing it flushes what was handed over before. */
const MARK: Operation = { type: 'put', key: '!flushed', value: '' };

/**
 * Two lanes, each with one write under way: flushes, and changes that are only handed over. A handed change overtakes a
 * flush, which takes a hundred times as long on some disks, unless the flush holds its key.
 * @example const commits = createGroupCommit({ write, schedule: setImmediate, onFailure: () => cache.clear() });
 */
export function createGroupCommit(options: GroupCommitOptions): GroupCommit {
  let toFlush = newBatch();
  let flushing: Batch | undefined;
  let toHand = newBatch();
  let handing: Batch | undefined;
  /** A flush that waits holds a key that waits to be handed over. */
  let handFirst = false;
  let planned = false;
  let failed: { readonly batch: Batch; readonly error: unknown }[] = [];
  let unflushed: NodeJS.Timeout | undefined;
  let flushes = 0;

  const plan = (): void => {
    if (planned) return;
    planned = true;
    options.schedule(start);
  };

  function start(): void {
    planned = false;
    if (failed.length > 0) return;
    // Not while changes are being handed over: two writes under way may reach the database in any order.
    if (flushing === undefined && handing === undefined && !handFirst && toFlush.operations.size > 0) {
      flushing = toFlush;
      toFlush = newBatch();
      flushes += 1;
      clearTimeout(unflushed);
      unflushed = undefined;
      void run(flushing, true);
    }
    if (handing === undefined && toHand.operations.size > 0) {
      handing = toHand;
      toHand = newBatch();
      handFirst = false;
      void run(handing, false);
    }
  }

  async function run(batch: Batch, sync: boolean): Promise<void> {
    let error: { readonly is: unknown } | undefined;
    try {
      await options.write([...batch.operations.values()], sync);
    } catch (is) {
      error = { is };
    }
    if (sync) flushing = undefined;
    else handing = undefined;
    if (error !== undefined) failed.push({ batch, error: error.is });
    else batch.resolve();
    if (failed.length > 0) return fail();
    if (!sync) flushLater();
    if (toFlush.operations.size > 0 || toHand.operations.size > 0) plan();
  }

  /** Ends a failure once nothing is under way any more: then what the database holds is certain. */
  function fail(): void {
    const [first] = failed;
    if (first === undefined || flushing !== undefined || handing !== undefined) return;
    const lost = [...failed.map(({ batch }) => batch), toFlush, toHand];
    failed = [];
    toFlush = newBatch();
    toHand = newBatch();
    handFirst = false;
    options.onFailure();
    for (const batch of lost) batch.reject(first.error);
  }

  function flushLater(): void {
    if (options.flushHandedAfterMs === undefined || unflushed !== undefined) return;
    unflushed = setTimeout(() => {
      unflushed = undefined;
      void flush([MARK]);
    }, options.flushHandedAfterMs).unref();
  }

  function flush(operations: readonly Operation[]): Promise<void> {
    for (const operation of operations) {
      if (toHand.operations.has(operation.key)) handFirst = true;
      toFlush.operations.set(operation.key, operation);
    }
    plan();
    return toFlush.done;
  }

  return {
    flush,
    hand: (operation) => {
      const { key } = operation;
      if (toFlush.operations.has(key) || flushing?.operations.has(key)) return flush([operation]);
      toHand.operations.set(key, operation);
      plan();
      return toHand.done;
    },
    idle: async () => {
      const waiting = (): Promise<void>[] =>
        [flushing, handing, toFlush, toHand].flatMap((batch) => (batch?.operations.size ? [batch.done] : []));
      for (let batches = waiting(); batches.length > 0; batches = waiting()) {
        await Promise.allSettled(batches);
      }
      clearTimeout(unflushed);
    },
    get flushes() {
      return flushes;
    },
  };
}
