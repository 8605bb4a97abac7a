import { parseArgs } from 'node:util';
import { PlanError, type Planned, readPlan } from '../../lib/testing/faults/planned.ts';
import { SMALL_GRAPHS, type SmallGraph } from './faults/exhaustive.ts';
import type { Mutant } from './mutants/mutant.ts';
import { MUTANTS } from './mutants/mutants.ts';

/** What `npm run sim` is to do. */
export type Command =
  | { readonly kind: 'help' }
  | { readonly kind: 'seed'; readonly seed: number; readonly adapters: boolean }
  | { readonly kind: 'runs'; readonly from: number; readonly runs: number; readonly adapters: boolean }
  | { readonly kind: 'plan'; readonly graph: SmallGraph; readonly plan: readonly Planned[] }
  | { readonly kind: 'mutants' }
  | { readonly kind: 'mutant'; readonly mutant: Mutant; readonly seed: number };

/** The command line is wrong; the message says how. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const GRAPHS = SMALL_GRAPHS.join(', ');
/** Schedules where nothing is said, and where nothing but --adapters is: those take longer. */
const RUNS = 2_000;
const RUNS_OF_ADAPTERS = 200;

export const USAGE = `npm run sim                             ${RUNS} schedules on every processor
npm run sim -- --runs 100000            so many, from seed 1 on
npm run sim -- --runs 1000 --from 5001  from another seed on
npm run sim -- --seed 15                one schedule, with everything that happens in it

npm run sim -- --adapters               ${RUNS_OF_ADAPTERS} schedules over the real adapters, on dynalite, with faults at every request
npm run sim -- --seed 15 --adapters     one of them; --runs and --from go with it too

npm run sim -- --plan line              the chain ${GRAPHS} without faults: its numbered moments, and the faults that each can have
npm run sim -- --plan "line: 8 loses its reply, 11 is lost"
                                        the same with these faults, each at its moment

npm run sim -- --mutants                which schedule catches each wrong protocol; noted in mutants.json if all are caught
npm run sim -- --mutant "a lease is ignored" --seed 3
                                        one schedule of a wrong protocol, with everything that happens in it

The exit code is 0 if nothing was violated, 1 if something was, 2 for a command that is wrong.
`;

/** A seed is exact as a number, and so is a sum of two. */
const MOST = 999_999_999_999_999;

/**
 * Reads the command line. Errors: `UsageError`.
 * @example readCommand(['--seed', '15']) // { kind: 'seed', seed: 15, adapters: false }
 */
export function readCommand(words: readonly string[]): Command {
  const values = parsed(words);
  if (values.help) return { kind: 'help' };
  const seed = whole('seed', values.seed, 0);
  const runs = whole('runs', values.runs, 1);
  const from = whole('from', values.from, 0);
  const { adapters, plan, mutants, mutant } = values;
  const given = [
    ...(mutant === undefined && seed !== undefined ? ['--seed'] : []),
    ...(runs === undefined ? [] : ['--runs']),
    ...(plan === undefined ? [] : ['--plan']),
    ...(mutants ? ['--mutants'] : []),
    ...(mutant === undefined ? [] : ['--mutant']),
  ];
  const [first, second] = given;
  if (second !== undefined)
    throw new UsageError(`${first} and ${second} cannot be combined: give one of them`);
  if (from !== undefined && runs === undefined) throw new UsageError('--from can only be used with --runs');
  if (adapters && (plan !== undefined || mutants || mutant !== undefined)) {
    throw new UsageError(`--adapters cannot be combined with ${first}`);
  }
  if (mutant !== undefined) {
    if (seed === undefined) throw new UsageError('--mutant needs a --seed: mutants.json has one for each');
    return { kind: 'mutant', mutant: mutantOf(mutant), seed };
  }
  if (seed !== undefined) return { kind: 'seed', seed, adapters };
  if (mutants) return { kind: 'mutants' };
  if (plan !== undefined) return planOf(plan);
  return { kind: 'runs', from: from ?? 1, runs: runs ?? (adapters ? RUNS_OF_ADAPTERS : RUNS), adapters };
}

function parsed(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        mutants: { type: 'boolean', default: false },
        mutant: { type: 'string' },
        seed: { type: 'string' },
        runs: { type: 'string' },
        from: { type: 'string' },
        plan: { type: 'string' },
        adapters: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    const misused =
      error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS_');
    throw misused ? new UsageError(`${error.message}. See --help`) : error;
  }
}

function whole(name: string, text: string | undefined, least: number): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,15}$/.test(text) && Number(text) >= least) return Number(text);
  throw new UsageError(`--${name} is "${text}": it must be a whole number from ${least} to ${MOST}`);
}

function mutantOf(name: string): Mutant {
  const found = MUTANTS.find((mutant) => mutant.name === name);
  if (found !== undefined) return found;
  const names = MUTANTS.map((mutant) => `  ${mutant.name}`).join('\n');
  throw new UsageError(`there is no wrong protocol "${name}"; these are:\n${names}`);
}

/** A chain alone has no faults; a colon says that there are some. */
function planOf(text: string): Command {
  const [graph = '', faults] = text.split(/:(.*)/s);
  if (!isSmallGraph(graph)) throw new UsageError(`--plan names no chain: it must begin with ${GRAPHS}`);
  try {
    return { kind: 'plan', graph, plan: faults === undefined ? [] : readPlan(faults) };
  } catch (error) {
    throw error instanceof PlanError ? new UsageError(`--plan is wrong: ${error.message}`) : error;
  }
}

const isSmallGraph = (name: string): name is SmallGraph => SMALL_GRAPHS.some((graph) => graph === name);
