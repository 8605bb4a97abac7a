import { parentPort } from 'node:worker_threads';
import { addCounts, type Counts, noCounts } from './counts.ts';
import { type Exhausted, exhaust, type SmallGraph } from './exhaustive.ts';
import { addRequestCounts, noRequestCounts, type RequestCounts } from './request-counts.ts';
import { type Outcome, simulate } from './simulate.ts';

/** After which schedule to stop: the first that violates anything, or the first that breaks a promise. */
export type Until = 'violation' | 'promise';

/** What a thread is asked to do. */
export type Job =
  | { readonly kind: 'seeds'; readonly from: number; readonly count: number; readonly until?: Until }
  | { readonly kind: 'exhaust'; readonly graph: SmallGraph; readonly part: number; readonly parts: number };

/** What it answers: one `done` for each job, progress before it. */
export type Answer =
  | { readonly kind: 'progress'; readonly schedules: number }
  | {
      readonly kind: 'seeds';
      readonly counts: Counts;
      readonly requests: RequestCounts;
      readonly broken: readonly Outcome[];
    }
  | ({ readonly kind: 'exhaust' } & Exhausted)
  /** A promise that nobody waited for was rejected: in production the process would end. */
  | { readonly kind: 'crashed'; readonly during: string; readonly error: string };

/** Schedules after which a thread tells how far it is. */
const STRIDE = 50;

let during = 'nothing';
let simulateSeed: (seed: number) => Promise<Outcome> = (seed) => simulate(seed);

/** Has the seeds of this thread run otherwise. */
export function simulateWith(other: typeof simulateSeed): void {
  simulateSeed = other;
}

async function seeds({ from, count, until }: Extract<Job, { kind: 'seeds' }>): Promise<Answer> {
  const counts = noCounts();
  const requests = noRequestCounts();
  const broken: Outcome[] = [];
  for (let seed = from; seed < from + count; seed += 1) {
    during = `seed ${seed}`;
    const outcome = await simulateSeed(seed);
    addCounts(counts, outcome.counts);
    if (outcome.requests !== undefined) addRequestCounts(requests, outcome.requests);
    if (outcome.violations.length > 0) broken.push(outcome);
    const [promise, any] = [
      outcome.violations.some(({ breaks }) => breaks === 'promise'),
      outcome.violations.length > 0,
    ];
    if (until === 'promise' ? promise : until === 'violation' && any) break;
    if ((seed - from + 1) % STRIDE === 0) {
      say({ kind: 'progress', schedules: STRIDE });
      // Virtual time leaves the event loop no turn of its own.
      await new Promise(setImmediate);
    }
  }
  return { kind: 'seeds', counts, requests, broken };
}

async function exhausted({ graph, part, parts }: Extract<Job, { kind: 'exhaust' }>): Promise<Answer> {
  during = `the faults of the ${graph}`;
  return { kind: 'exhaust', ...(await exhaust(graph, part, parts)) };
}

const say = (answer: Answer): void => parentPort?.postMessage(answer);

process.on('unhandledRejection', (error) => {
  say({
    kind: 'crashed',
    during,
    error: error instanceof Error ? (error.stack ?? error.message) : String(error),
  });
});
parentPort?.on('message', (job: Job) => {
  const work = job.kind === 'seeds' ? seeds(job) : exhausted(job);
  work.then(say, (error: unknown) => say({ kind: 'crashed', during, error: String(error) }));
});
