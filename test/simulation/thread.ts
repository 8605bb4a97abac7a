import { parentPort } from 'node:worker_threads';
import { addRequestCounts, noRequestCounts, type RequestCounts } from './adapters/request-counts.ts';
import { addCounts, type Counts, noCounts } from './counts.ts';
import { type Exhausted, exhaust, type Share, type SmallGraph } from './faults/exhaustive.ts';
import { breaksPromise, type Outcome, type SimulateOptions, simulate } from './simulate.ts';

/** After which schedule to stop: the first that violates anything, or the first that breaks a promise. */
type Until = 'violation' | 'promise';

/** What a thread is asked to do. */
export type Job =
  | {
      readonly kind: 'seeds';
      readonly from: number;
      readonly count: number;
      readonly until?: Until;
      /** Whether each line of what happens is wanted. */
      readonly trace?: boolean;
    }
  | ({ readonly kind: 'exhaust'; readonly graph: SmallGraph } & Share);

/** What it answers: one end for each job, with its progress and its trace before it. */
export type Answer =
  | { readonly kind: 'progress'; readonly schedules: number }
  | { readonly kind: 'line'; readonly line: string }
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
let simulateSeed: (seed: number, options: SimulateOptions) => Promise<Outcome> = simulate;

/** Has the seeds of this thread run otherwise. */
export function simulateWith(other: typeof simulateSeed): void {
  simulateSeed = other;
}

const tracing: SimulateOptions = { trace: (line) => say({ kind: 'line', line }) };

async function seeds({
  from,
  count,
  until,
  trace = false,
}: Extract<Job, { kind: 'seeds' }>): Promise<Answer> {
  const counts = noCounts();
  const requests = noRequestCounts();
  const broken: Outcome[] = [];
  let untold = 0;
  for (let seed = from; seed < from + count; seed += 1) {
    during = `seed ${seed}`;
    const outcome = await simulateSeed(seed, trace ? tracing : {});
    addCounts(counts, outcome.counts);
    if (outcome.requests !== undefined) addRequestCounts(requests, outcome.requests);
    if (outcome.violations.length > 0) broken.push(outcome);
    untold += 1;
    if (outcome.violations.length > 0 && until === 'violation') break;
    if (breaksPromise(outcome) && until === 'promise') break;
    if (untold === STRIDE) {
      say({ kind: 'progress', schedules: untold });
      untold = 0;
      // Virtual time leaves the event loop no turn of its own.
      await new Promise(setImmediate);
    }
  }
  say({ kind: 'progress', schedules: untold });
  return { kind: 'seeds', counts, requests, broken };
}

async function exhausted({ graph, ...share }: Extract<Job, { kind: 'exhaust' }>): Promise<Answer> {
  during = `the faults of the ${graph}`;
  return { kind: 'exhaust', ...(await exhaust(graph, share)) };
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
