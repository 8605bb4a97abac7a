import { randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildTestServer } from '../support/build.ts';
import { HELP, readSoakOptions, SoakOptionError, type SoakOptions } from './options.ts';
import { complaints, lastTable, progressLine, ratesTable, resultTable } from './report.ts';
import { soak } from './soak.ts';
import { drawRates } from './weather.ts';

const say = (line = ''): void => {
  process.stdout.write(`${line}\n`);
};

/** npm passes on a Ctrl-C that the terminal has sent already: within this many milliseconds it is the same one. */
const ONE_SIGNAL_MS = 1_000;
/** Lines of one run that say what is wrong: the first tell enough. */
const COMPLAINTS_SHOWN = 50;

/** The first Ctrl-C ends faults, kills and load; a second one ends the wait for what has not ended. */
function stopOnSignal(): { readonly enough: AbortController; readonly impatient: AbortController } {
  const enough = new AbortController();
  const impatient = new AbortController();
  let first = 0;
  const stop = (): void => {
    if (!enough.signal.aborted) {
      first = performance.now();
      say('ending early: faults and kills stop; the comparison follows once everything has ended');
      enough.abort();
    } else if (performance.now() - first > ONE_SIGNAL_MS) impatient.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, stop);
  return { enough, impatient };
}

/** @returns the exit code */
async function main(options: SoakOptions): Promise<number> {
  const { minutes, seed, rate } = options;
  buildTestServer();
  const directory = await mkdtemp(join(tmpdir(), 'stepline-soak-'));
  say(`${minutes} minutes, seed ${seed}, ${rate} starts a second, in ${directory}\n`);
  say(`${ratesTable(drawRates(seed))}\n`);
  let wrong: readonly string[];
  try {
    const result = await soak({
      ...options,
      ...stopOnSignal(),
      directory,
      progress: (state) => say(progressLine(state)),
    });
    say(`\n${resultTable(result)}\n\n${lastTable(result)}\n`);
    wrong = complaints(result);
  } catch (error) {
    wrong = [error instanceof Error ? (error.stack ?? error.message) : String(error)];
  }
  if (wrong.length === 0) {
    await rm(directory, { recursive: true });
    say('Nothing was lost, done twice, out of order or shown wrongly.');
    return 0;
  }
  for (const line of wrong.slice(0, COMPLAINTS_SHOWN)) say(line);
  if (wrong.length > COMPLAINTS_SHOWN) say(`and ${wrong.length - COMPLAINTS_SHOWN} more`);
  say(`\nKept for a look: ${directory} (store, ledger, what the server printed)`);
  return 1;
}

try {
  const options = readSoakOptions(process.argv.slice(2), randomInt(2 ** 32));
  if (options === 'help') say(HELP);
  else process.exitCode = await main(options);
} catch (error) {
  if (!(error instanceof SoakOptionError)) throw error;
  process.stderr.write(`soak: ${error.message}\n`);
  process.exitCode = 2;
}
