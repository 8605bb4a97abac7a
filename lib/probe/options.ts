import { parseArgs } from 'node:util';
import { didYouMean } from '../chain/suggest.ts';

export interface Options {
  /** As it was given: whether there is such a stage is not looked at here. */
  readonly stage: string;
  /** Leave the stage `probe` where it is. */
  readonly keep: boolean;
  /** Remove what an earlier run left, and check nothing. */
  readonly remove: boolean;
  /** Names of the checks to run; empty for all. */
  readonly only: readonly string[];
}

/** The command line is wrong; the message says what to write. */
export class OptionError extends Error {
  override readonly name = 'OptionError';
}

const USAGE = 'Write: npm run probe -- --stage dev';

export const HELP = `npm run probe -- --stage dev   checks what only AWS can show, on a stage of its own

  --only NAME[,NAME]   run these checks alone
  --keep               do not remove the stack stepline-probe afterwards
  --remove             remove the stack that an earlier run left, and check nothing
  --help               show this text

Checks:`;

/**
 * Reads the command line. Errors: `OptionError`.
 * @example readOptions(['--stage', 'dev', '--only', 'retry'], checks).only // ['retry']
 */
export function readOptions(
  words: readonly string[],
  checks: readonly { readonly name: string }[],
): Options | 'help' {
  const { help, stage, keep = false, remove = false, only } = parsed(words);
  if (help) return 'help';
  if (stage === undefined) throw new OptionError(`No stage is given. ${USAGE}`);
  if (remove && (keep || only !== undefined)) {
    throw new OptionError('--remove cannot be combined with --keep or --only: it checks nothing.');
  }
  const known = checks.map(({ name }) => name);
  const names = only === undefined ? [] : only.split(',').map((name) => name.trim());
  const stranger = names.find((name) => !known.includes(name));
  if (stranger !== undefined) {
    throw new OptionError(
      `There is no check "${stranger}". ${didYouMean(stranger, known)}The checks are ${known.join(', ')}.`,
    );
  }
  return { stage, keep, remove, only: names };
}

function parsed(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      options: {
        stage: { type: 'string' },
        keep: { type: 'boolean' },
        remove: { type: 'boolean' },
        only: { type: 'string' },
        help: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    throw new OptionError(`${error instanceof Error ? error.message : error} ${USAGE}`);
  }
}
