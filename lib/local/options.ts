import { parseArgs } from 'node:util';
import { isBackoffScale } from '../chain/settings.ts';
import { LOG_LEVELS, type LogLevel } from '../contract/names.ts';

export interface Options {
  readonly port: number;
  /** Directory of the store; undefined for memory only. */
  readonly data: string | undefined;
  /** Goes on although acknowledged writes are missing from the directory. */
  readonly acceptLoss: boolean;
  readonly sample: boolean;
  /** Definitions may differ from those that are locked: that is said, and not refused. */
  readonly dev: boolean;
  /** Path of a JSON file with the targets; undefined for the demo targets. */
  readonly targets: string | undefined;
  /** Targets that are demo ones although there is such a file. */
  readonly demo: readonly string[];
  /** Origins of pages that may call the API, as a browser writes them. */
  readonly allowedOrigins: readonly string[];
  readonly logLevel: LogLevel;
  /** What waits between attempts are multiplied with: 1, or less in tests. */
  readonly backoffScale: number;
}

/** The option that lets a page in, as it is written. */
export const ALLOW_ORIGIN = '--allow-origin';

export const HELP = `Stepline on one machine: the same chains, engine and handlers as on AWS.

  npm start -- [options]

  --port N          listen on this port of 127.0.0.1 (3000; the demo targets take the ports after it)
  --data DIR        keep the workflows in this directory (.stepline)
  --accept-loss     start although the directory has lost writes, and say which workflows are gone
  --memory          keep the workflows in memory only
  --no-sample       do not run the sample order
  --dev             say where a chain has other steps than chains.lock.json holds, and start all the same
  --targets FILE    call these targets instead of the demo ones: JSON, for example
                    { "payments": { "baseUrl": "https://pay.example", "headers": { "authorization": "env:PAYMENTS_KEY" } } }
                    where env:NAME reads an environment variable
  --demo A,B        with --targets: let demo targets stand in for these
  --allow-origin O  let pages of this origin call the API, for example http://localhost:5173; several: with commas, or once for each
  --log-level L     ${LOG_LEVELS.join(', ')} (info)
  --backoff-scale N for tests: multiply the waits between attempts with this, above 0 and at most 1 (1)
  --help            show this text
`;

/** An option that cannot be used; the message says what to write instead. */
export class OptionError extends Error {
  override readonly name = 'OptionError';
}

/**
 * Reads the command line.
 * @returns 'help' if it was asked for
 * @example readOptions(['--port', '4000', '--memory'])
 */
export function readOptions(args: readonly string[]): Options | 'help' {
  const values = parse(args);
  if (values.help === true) return 'help';
  if (values.memory === true && values.data !== undefined) {
    throw new OptionError('--memory and --data exclude each other: choose one');
  }
  if (values.memory === true && values['accept-loss'] === true) {
    throw new OptionError('--memory and --accept-loss exclude each other: memory has nothing to lose');
  }
  if (values.data === '') {
    throw new OptionError('--data is ""; it must name a directory. For none at all write --memory');
  }
  return {
    port: readPort(values.port ?? '3000'),
    data: values.memory === true ? undefined : (values.data ?? '.stepline'),
    acceptLoss: values['accept-loss'] === true,
    sample: values['no-sample'] !== true,
    dev: values.dev === true,
    targets: values.targets,
    demo: readDemo(values.demo, values.targets),
    allowedOrigins: [
      ...new Set((values['allow-origin'] ?? []).flatMap((text) => text.split(',')).map(readOrigin)),
    ],
    logLevel: readLevel(values['log-level'] ?? 'info'),
    backoffScale: readScale(values['backoff-scale'] ?? '1'),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        port: { type: 'string' },
        data: { type: 'string' },
        memory: { type: 'boolean' },
        'accept-loss': { type: 'boolean' },
        'no-sample': { type: 'boolean' },
        dev: { type: 'boolean' },
        targets: { type: 'string' },
        demo: { type: 'string' },
        'allow-origin': { type: 'string', multiple: true },
        'log-level': { type: 'string' },
        'backoff-scale': { type: 'string' },
        help: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    throw new OptionError(`${error instanceof Error ? error.message : String(error)}. See --help`);
  }
}

function readPort(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new OptionError(`--port is "${text}"; it must be a number from 0 to 65535 (0: any free port)`);
}

function readDemo(text: string | undefined, targets: string | undefined): readonly string[] {
  if (text === undefined) return [];
  if (targets === undefined) {
    throw new OptionError('--demo goes with --targets: without a file of targets, all of them are demo ones');
  }
  const names = text.split(',').map((name) => name.trim());
  if (names.includes('')) {
    throw new OptionError(`--demo is "${text}"; it must be names of targets, such as --demo mail,sms`);
  }
  return [...new Set(names)];
}

/** A browser compares origins letter by letter: scheme, host and port, and nothing after them. */
function readOrigin(written: string): string {
  const text = written.trim();
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    throw new OptionError(
      `${ALLOW_ORIGIN} is "${text}"; it must be the origin of your page, such as http://localhost:5173`,
    );
  }
  if (url.origin !== text) throw new OptionError(`${ALLOW_ORIGIN} is "${text}"; write ${url.origin}`);
  return text;
}

function readScale(text: string): number {
  const scale = Number(text);
  if (isBackoffScale(scale)) return scale;
  throw new OptionError(
    `--backoff-scale is "${text}"; it must be a number above 0 and at most 1, such as 0.01`,
  );
}

function readLevel(text: string): LogLevel {
  const level = LOG_LEVELS.find((known) => known === text);
  if (level === undefined) {
    throw new OptionError(`--log-level is "${text}"; it must be one of ${LOG_LEVELS.join(', ')}`);
  }
  return level;
}
