import { parseArgs } from 'node:util';

/** What `npm run bench` and `npm run cost` may be asked for. */
export interface BenchOptions {
  /** JSON in place of the tables. */
  readonly json: boolean;
  /** The project's own goals too; one that is missed makes the exit code 1. */
  readonly goals: boolean;
}

export interface CostOptions extends BenchOptions {
  /** Directory of templates to count beside the stages `dev` and `prod` as they are synthesized here. */
  readonly templates: string | undefined;
}

/** The command line is wrong; the message says what to write instead. */
export class BenchOptionError extends Error {
  override readonly name = 'BenchOptionError';
}

const COMMON = `  --json            JSON in place of the tables (with npm run --silent, npm prints nothing beside it)
  --goals           compare with the project's own goals too; the exit code is 1 if one is missed
  --help            show this text
`;

export const BENCH_HELP = `Measures this machine: orders a second and how long they take, beside two plain Node servers that save
nothing, and what a workflow asks of its table and queues. It takes some minutes.

  npm run bench -- [options]

${COMMON}`;

export const COST_HELP = `Prints what a million workflows and an idle month of a stage cost on AWS, with every price and assumption,
beside Step Functions and Lambda durable functions. It calls nothing of AWS, and takes a minute or two. The exit code is 1 if an idle
stage of the shipped chains costs more than its budget.

  npm run cost -- [options]

  --templates DIR   count the templates in this directory too (npx cdk synth makes them)
${COMMON}`;

const common = {
  json: { type: 'boolean', default: false },
  goals: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

/**
 * Reads the command line of `npm run bench`. Errors: `BenchOptionError`.
 * @example readBenchOptions(['--json']) // { json: true, goals: false }
 */
export function readBenchOptions(words: readonly string[]): BenchOptions | 'help' {
  const { json, goals, help } = parsed(() => parseArgs({ args: [...words], options: common }).values);
  return help ? 'help' : { json, goals };
}

/**
 * Reads the command line of `npm run cost`. Errors: `BenchOptionError`.
 * @example readCostOptions(['--templates', 'cdk.out']) // { json: false, goals: false, templates: 'cdk.out' }
 */
export function readCostOptions(words: readonly string[]): CostOptions | 'help' {
  const options = { ...common, templates: { type: 'string' } } as const;
  const { json, goals, help, templates } = parsed(() => parseArgs({ args: [...words], options }).values);
  return help ? 'help' : { json, goals, templates };
}

function parsed<Values>(parse: () => Values): Values {
  try {
    return parse();
  } catch (error) {
    throw new BenchOptionError(`${error instanceof Error ? error.message : error}. See --help`);
  }
}
