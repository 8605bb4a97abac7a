import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Answer, Job } from './thread.ts';

type Done = Exclude<Answer, { kind: 'progress' | 'line' | 'crashed' }>;

interface PoolOptions {
  /** As many as there are processors, if left out. */
  readonly threads?: number;
  /** Given how many schedules have ended since the last time. */
  readonly onProgress?: (schedules: number) => void;
  /** Given what came of each job as it ends. */
  readonly onDone?: (answer: Done) => void;
  /** Given each line of a job that is to be traced. */
  readonly onLine?: (line: string) => void;
}

/**
 * Does jobs in threads of the bundled simulator, one job each at a time.
 * Errors: rejects when a thread ends, or when a promise was rejected that nobody waited for: a server would have ended.
 * @returns what came of the jobs, in the order in which they ended
 */
export async function runJobs(
  bundle: string,
  jobs: Iterable<Job>,
  options: PoolOptions = {},
): Promise<Done[]> {
  const { threads = availableParallelism(), onDone } = options;
  const waiting = jobs[Symbol.iterator]();
  const done: Done[] = [];

  const work = async (thread: Worker): Promise<void> => {
    for (let next = waiting.next(); !next.done; next = waiting.next()) {
      const answer = await ask(thread, next.value, options);
      done.push(answer);
      onDone?.(answer);
    }
  };
  const started = Array.from(
    { length: threads },
    // Schedules are short and make much that is short-lived.
    () => new Worker(bundle, { resourceLimits: { maxYoungGenerationSizeMb: 192 } }),
  );
  try {
    await Promise.all(started.map(work));
  } finally {
    await Promise.all(started.map((thread) => thread.terminate()));
  }
  return done;
}

function ask(thread: Worker, job: Job, { onProgress, onLine }: PoolOptions): Promise<Done> {
  return new Promise((resolve, reject) => {
    const settle = (action: () => void): void => {
      thread.off('message', hear).off('error', fail).off('exit', end);
      action();
    };
    const hear = (answer: Answer): void => {
      if (answer.kind === 'progress') onProgress?.(answer.schedules);
      else if (answer.kind === 'line') onLine?.(answer.line);
      else if (answer.kind === 'crashed') {
        settle(() => reject(new Error(`during ${answer.during}: ${answer.error}`)));
      } else settle(() => resolve(answer));
    };
    const fail = (error: Error): void => settle(() => reject(error));
    const end = (code: number): void => settle(() => reject(new Error(`a thread ended with ${code}`)));
    thread.on('message', hear).on('error', fail).on('exit', end);
    thread.postMessage(job);
  });
}

/** Ranges of seeds, one job each. */
export function* seedJobs(from: number, count: number, each: number): Generator<Job> {
  for (let seed = from; seed < from + count; seed += each) {
    yield { kind: 'seeds', from: seed, count: Math.min(each, from + count - seed) };
  }
}
