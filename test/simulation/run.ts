import { execFileSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { bundleSimulator } from './bundle.ts';
import { addCounts, COUNTED, noCounts } from './counts.ts';
import { play, SMALL_GRAPHS, type SmallGraph } from './exhaustive.ts';
import { huntAll, noteSeeds, WITHIN } from './hunt.ts';
import type { Violation } from './oracle.ts';
import { readPlan } from './planned.ts';
import { runJobs, seedJobs } from './pool.ts';
import { addRequestCounts, noRequestCounts, REQUESTS_COUNTED } from './request-counts.ts';
import { type Outcome, simulate } from './simulate.ts';

const USAGE = `npm run sim -- --seed N               one schedule, with everything that happens in it
npm run sim -- --runs N [--from N]    many schedules, from seed --from (1) on, on every processor
                                      either with --adapters: over the real adapters, on dynalite, with faults at every request
npm run sim -- --plan "line: 7 loses its reply, 12 is lost"
                                      one chain (${Object.keys(SMALL_GRAPHS).join(', ')}) with the faults named, each by its moment
npm run sim -- --mutants                which schedule catches each wrong protocol; noted in mutants.json
`;

const say = (line = ''): void => {
  process.stdout.write(`${line}\n`);
};

class UsageError extends Error {}

function whole(name: string, text: string | undefined, least: number): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,15}$/.test(text) && Number(text) >= least) return Number(text);
  throw new UsageError(`--${name} is "${text}": it must be a whole number of at least ${least}`);
}

const show = ({ at, what }: Violation): string => `  after ${(at / 1_000).toFixed(3)} s: ${what}`;

/** @returns whether nothing was violated */
function judged(violations: readonly Violation[]): boolean {
  say();
  if (violations.length === 0) say('Nothing was violated.');
  else say(`Violated:\n${violations.map(show).join('\n')}`);
  return violations.length === 0;
}

async function one(seed: number, adapters: boolean): Promise<boolean> {
  if (!adapters) return judged((await simulate(seed, { trace: say })).violations);
  // The SDK is loaded for those who use it.
  const { startEmbeddedAws } = await import('./embedded-aws.ts');
  const { simulateAdapters } = await import('./adapters.ts');
  const aws = await startEmbeddedAws();
  try {
    return judged((await simulateAdapters(seed, aws, { trace: say })).violations);
  } finally {
    await aws.close();
  }
}

async function planned(text: string): Promise<boolean> {
  const [graph = '', faults = ''] = text.split(/: ?(.*)/s);
  if (!isSmallGraph(graph))
    throw new UsageError(`--plan names no chain: ${Object.keys(SMALL_GRAPHS).join(', ')}`);
  return judged((await play(graph, readPlan(faults), say)).violations);
}

const isSmallGraph = (name: string): name is SmallGraph => Object.hasOwn(SMALL_GRAPHS, name);

/** Seeds to a job: long enough to be worth a message, short enough to share out evenly. */
const EACH = 500;
const EACH_OF_ADAPTERS = 10;
/** Broken schedules that are told in full. */
const MOST_SHOWN = 10;

async function many(from: number, runs: number, adapters: boolean): Promise<boolean> {
  const bundle = adapters
    ? await bundleSimulator('run-adapters', [], 'adapters-thread.ts')
    : await bundleSimulator('run');
  // What runs is what is there now, whatever is committed meanwhile.
  const what = commit();
  const began = performance.now();
  const bar = progressBar(runs, began);
  const answers = await runJobs(bundle, seedJobs(from, runs, adapters ? EACH_OF_ADAPTERS : EACH), {
    onProgress: bar.add,
  });
  bar.end();
  const seconds = (performance.now() - began) / 1_000;
  const counts = noCounts();
  const requests = noRequestCounts();
  const broken: Outcome[] = [];
  for (const answer of answers) {
    addCounts(counts, answer.counts);
    if (answer.kind !== 'seeds') continue;
    broken.push(...answer.broken);
    addRequestCounts(requests, answer.requests);
  }
  broken.sort((a, b) => a.seed - b.seed);
  for (const { seed, about, violations } of broken.slice(0, MOST_SHOWN)) {
    say(
      `seed ${seed}: ${about}\n${violations.map(show).join('\n')}\n  replay: npm run sim -- --seed ${seed}${adapters ? ' --adapters' : ''}\n`,
    );
  }
  say(`seeds ${from} to ${from + runs - 1} at ${what}`);
  for (const name of COUNTED) say(row(name, counts[name]));
  if (adapters) {
    for (const name of REQUESTS_COUNTED) say(row(name, requests[name]));
  }
  say(`${'schedules/s'.padEnd(16)}${(runs / seconds).toFixed(0).padStart(16)}`);
  say(`${'violations'.padEnd(16)}${String(broken.length).padStart(16)}`);
  return broken.length === 0;
}

const row = (name: string, count: number): string =>
  `${name.padEnd(16)}${count.toLocaleString('en').padStart(16)}`;

/** The commit that was run, and whether anything was changed since. */
function commit(): string {
  try {
    const git = (...args: string[]): string => execFileSync('git', args, { encoding: 'utf8' }).trim();
    const changed = git('status', '--porcelain', '--untracked-files=no') === '' ? '' : ', with changes';
    return `commit ${git('rev-parse', '--short', 'HEAD')}${changed}`;
  } catch {
    return 'an unknown commit';
  }
}

function progressBar(total: number, began: number): { add(schedules: number): void; end(): void } {
  const { stderr } = process;
  let done = 0;
  let shown = 0;
  const width = 30;
  return {
    add: (schedules) => {
      done += schedules;
      const now = performance.now();
      if (now - shown < (stderr.isTTY ? 200 : 10_000)) return;
      shown = now;
      const filled = Math.round((width * done) / total);
      const rate = Math.round(done / ((now - began) / 1_000));
      const bar = `${'#'.repeat(filled)}${'.'.repeat(width - filled)}`;
      stderr.write(
        `${stderr.isTTY ? '\r' : ''}[${bar}] ${done} of ${total}, ${rate}/s${stderr.isTTY ? ' ' : '\n'}`,
      );
    },
    end: () => {
      if (stderr.isTTY) stderr.write('\n');
    },
  };
}

/** First schedule that catches it, first that breaks a promise. @returns whether every mutant was caught */
async function mutants(): Promise<boolean> {
  const all = await huntAll(({ mutant, by, harm }) => {
    const seed = (outcome: Outcome | undefined): string => String(outcome?.seed ?? 'never').padStart(6);
    const what = harm?.violations.find(({ breaks }) => breaks === 'promise')?.what;
    say(`${seed(by)} ${seed(harm)}  ${mutant.name}: ${what ?? by?.violations[0]?.what ?? 'not caught'}`);
  });
  noteSeeds(all);
  const free = all.filter(({ by }) => by === undefined);
  say(`\n${all.length - free.length} of ${all.length} wrong protocols caught within ${WITHIN} schedules`);
  return free.length === 0;
}

async function main(): Promise<boolean> {
  const { values } = parseArgs({
    options: {
      mutants: { type: 'boolean' },
      seed: { type: 'string' },
      runs: { type: 'string' },
      from: { type: 'string' },
      plan: { type: 'string' },
      adapters: { type: 'boolean', default: false },
    },
  });
  const seed = whole('seed', values.seed, 0);
  const runs = whole('runs', values.runs, 1);
  const from = whole('from', values.from, 0) ?? 1;
  if ([seed, runs, values.plan, values.mutants].filter((given) => given !== undefined).length !== 1) {
    throw new UsageError('give one of --seed, --runs, --plan and --mutants');
  }
  if (seed !== undefined) return await one(seed, values.adapters);
  if (values.mutants) return await mutants();
  if (values.plan !== undefined) return await planned(values.plan);
  return await many(from, runs ?? 1, values.adapters);
}

// Whoever reads has seen enough.
process.stdout.on('error', () => process.exit());
try {
  process.exitCode = (await main()) ? 0 : 1;
} catch (error) {
  const misused = error instanceof UsageError || (error instanceof TypeError && 'code' in error);
  process.stderr.write(
    misused ? `${error.message}\n\n${USAGE}` : `${error instanceof Error ? error.stack : error}\n`,
  );
  process.exitCode = 2;
}
