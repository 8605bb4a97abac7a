import { parseArgs } from 'node:util';

export interface SoakOptions {
  readonly minutes: number;
  readonly seed: number;
  /** Starts a second. */
  readonly rate: number;
}

export const HELP = `Runs the one-process engine with faults on, kills it at random, and compares its answers with what its targets did.

  npm run soak -- [options]

  --minutes N   how long faults and kills go on (5), fractions too; the comparison afterwards takes a while
  --seed N      a whole number that decides rates, faults, kills and load (random if left out; it is printed)
  --rate N      workflows started a second (20)
  --help        show this text

Runs with the same seed draw the same faults, but meet them at other moments. Ctrl-C ends faults and kills early; the comparison
follows. It first waits up to three minutes for what has not ended; a second Ctrl-C ends that wait, and what has not ended counts as
lost. The exit code is 0 if nothing was lost, done twice, out of order or shown wrongly. Otherwise it is 1, and the data is kept.
`;

/** An option that cannot be used; the message says what to write instead. */
export class SoakOptionError extends Error {
  override readonly name = 'SoakOptionError';
}

const MINUTES_MOST = 7 * 24 * 60;
const SEED_MOST = 2 ** 32 - 1;
const RATE_MOST = 1_000;

/**
 * Reads the command line.
 * @param anySeed the seed where none is given
 * @returns 'help' if it was asked for
 * @example readSoakOptions(['--minutes', '10', '--seed', '7'], 1)
 */
export function readSoakOptions(args: readonly string[], anySeed: number): SoakOptions | 'help' {
  const values = parse(args);
  if (values.help === true) return 'help';
  return {
    minutes: number('--minutes', values.minutes ?? '5', 0.1, MINUTES_MOST),
    seed: whole('--seed', values.seed ?? String(anySeed), SEED_MOST),
    rate: number('--rate', values.rate ?? '20', 0.1, RATE_MOST),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        minutes: { type: 'string' },
        seed: { type: 'string' },
        rate: { type: 'string' },
        help: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    throw new SoakOptionError(`${error instanceof Error ? error.message : String(error)}. See --help`);
  }
}

function number(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && value >= least && value <= most) return value;
  throw new SoakOptionError(`${option} is "${text}"; it must be a number from ${least} to ${most}`);
}

function whole(option: string, text: string, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= most) return value;
  throw new SoakOptionError(`${option} is "${text}"; it must be a whole number from 0 to ${most}`);
}
