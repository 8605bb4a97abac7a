import { execFileSync } from 'node:child_process';
import { describePoint, faultsByKind, planProblems } from '../../lib/testing/faults/planned.ts';
import { addRequestCounts, noRequestCounts, REQUESTS_COUNTED } from './adapters/request-counts.ts';
import { bundleSimulator } from './bundle.ts';
import { addCounts, COUNTED, noCounts } from './counts.ts';
import { play } from './faults/exhaustive.ts';
import { huntAll, noteSeeds, traceMutant, WITHIN } from './mutants/hunt.ts';
import type { Violation } from './oracle/seen/ledger.ts';
import { runJobs, seedJobs } from './pool.ts';
import { progressBar } from './progress.ts';
import { breaksPromise, type Outcome, simulate } from './simulate.ts';
import { type Command, readCommand, USAGE, UsageError } from './usage.ts';

type Asked<Kind extends Command['kind']> = Extract<Command, { kind: Kind }>;

const say = (line = ''): void => {
  process.stdout.write(`${line}\n`);
};

const show = ({ at, breaks, what }: Violation): string =>
  `  after ${(at / 1_000).toFixed(3)} s, a ${breaks === 'promise' ? 'promise' : 'rule'} is broken: ${what}`;

/** @returns whether nothing was violated */
function judged(violations: readonly Violation[]): boolean {
  say();
  if (violations.length === 0) say('Nothing was violated.');
  else say(`Violated:\n${violations.map(show).join('\n')}`);
  return violations.length === 0;
}

async function one({ seed, adapters }: Asked<'seed'>): Promise<boolean> {
  if (!adapters) return judged((await simulate(seed, { trace: say })).violations);
  // The SDK is loaded for those who use it.
  const { startEmbeddedAws } = await import('./adapters/embedded-aws.ts');
  const { simulateAdapters } = await import('./adapters/adapters.ts');
  const aws = await startEmbeddedAws();
  try {
    return judged((await simulateAdapters(seed, aws, { trace: say })).violations);
  } finally {
    await aws.close();
  }
}

async function planned({ graph, plan }: Asked<'plan'>): Promise<boolean> {
  // Which moments there are depends on the faults before them: only a run can tell.
  const { points } = await play(graph, plan);
  const problems = planProblems(plan, points);
  if (problems.length > 0) {
    const moments = points.map((point, at) => `#${at} ${describePoint(point)}`).join(', ');
    throw new UsageError(`--plan is wrong: ${problems.join('\n')}\nThe moments of this run: ${moments}`);
  }
  const { violations } = await play(graph, plan, say);
  if (plan.length === 0) {
    say('\nFaults, each of which --plan takes with the number of such a moment:');
    for (const [what, faults] of faultsByKind(points)) say(`  ${what}: ${faults.join(', ')}`);
  }
  return judged(violations);
}

/** Seeds to a job: long enough to be worth a message, short enough to share out evenly. */
const EACH = 50;
const EACH_OF_ADAPTERS = 10;
/** Broken schedules that are told in full. */
const MOST_SHOWN = 10;

async function many({ from, runs, adapters }: Asked<'runs'>): Promise<boolean> {
  const bundle = adapters
    ? await bundleSimulator('run-adapters', [], 'adapters/thread.ts')
    : await bundleSimulator('run');
  // What runs is what is there now, whatever is committed meanwhile.
  const what = commit();
  const now = (): number => performance.now();
  const began = now();
  const bar = progressBar(runs, now);
  const counts = noCounts();
  const requests = noRequestCounts();
  const broken: Outcome[] = [];
  await runJobs(bundle, seedJobs(from, runs, adapters ? EACH_OF_ADAPTERS : EACH), {
    onProgress: bar.add,
    // At once: nobody should have to wait an hour for what the first minute has found.
    onDone: (answer) => {
      addCounts(counts, answer.counts);
      if (answer.kind !== 'seeds') return;
      addRequestCounts(requests, answer.requests);
      for (const outcome of answer.broken) {
        broken.push(outcome);
        if (broken.length <= MOST_SHOWN) say(inWords(outcome, adapters));
      }
    },
  });
  bar.end();
  const seconds = (now() - began) / 1_000;
  if (broken.length > MOST_SHOWN) say(`\nand ${broken.length - MOST_SHOWN} schedules more`);
  if (broken.length > 0) say();
  say(`seeds ${from} to ${from + runs - 1} at ${what}`);
  for (const name of COUNTED) say(row(name, counts[name]));
  if (adapters) {
    for (const name of REQUESTS_COUNTED) say(row(name, requests[name]));
  }
  const harmful = broken.filter(breaksPromise).length;
  say(row('schedules/s', Math.round(runs / seconds)));
  say(row('violations', broken.length));
  if (broken.length > 0) say(`${harmful} of these schedules break a promise, the others a rule alone`);
  return broken.length === 0;
}

const inWords = ({ seed, about, violations }: Outcome, adapters: boolean): string =>
  [
    `\nseed ${seed}: ${about}`,
    ...violations.map(show),
    `  replay: npm run sim -- --seed ${seed}${adapters ? ' --adapters' : ''}`,
  ].join('\n');

const row = (name: string, count: number): string =>
  `${name.padEnd(20)}${count.toLocaleString('en').padStart(12)}`;

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

/** First schedule that catches it, first that breaks a promise. @returns whether every mutant was caught, and did harm */
async function mutants(): Promise<boolean> {
  const all = await huntAll(({ mutant, by, harm }) => {
    const seed = (outcome: Outcome | undefined): string => String(outcome?.seed ?? 'never').padStart(6);
    const what = harm?.violations.find(({ breaks }) => breaks === 'promise')?.what;
    say(`${seed(by)} ${seed(harm)}  ${mutant.name}: ${what ?? by?.violations[0]?.what ?? 'not caught'}`);
  });
  const missing = noteSeeds(all);
  const caught = all.filter(({ by }) => by !== undefined).length;
  say(`\n${caught} of ${all.length} wrong protocols caught within ${WITHIN} schedules`);
  for (const problem of missing) say(problem);
  if (missing.length > 0) say('mutants.json is left as it was.');
  return missing.length === 0;
}

async function obey(command: Command): Promise<boolean> {
  switch (command.kind) {
    case 'help':
      process.stdout.write(USAGE);
      return true;
    case 'seed':
      return await one(command);
    case 'runs':
      return await many(command);
    case 'plan':
      return await planned(command);
    case 'mutants':
      return await mutants();
    case 'mutant':
      return judged(await traceMutant(command.mutant, command.seed, say));
  }
}

// Whoever reads may have seen enough, of a pipe into `head` say: what was violated is in the exit code all the same.
process.stdout.on('error', (error) => {
  if (!('code' in error && error.code === 'EPIPE')) throw error;
});
try {
  process.exitCode = (await obey(readCommand(process.argv.slice(2)))) ? 0 : 1;
} catch (error) {
  const misused = error instanceof UsageError;
  process.stderr.write(
    misused
      ? `${error.message}\n\nnpm run sim -- --help says what there is.\n`
      : `${error instanceof Error ? error.stack : error}\n`,
  );
  process.exitCode = misused ? 2 : 1;
}
