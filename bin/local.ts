import { chains } from '#chains';
import { DefinitionError } from '../lib/chain/definition-error.ts';
import { EngineError, messageOf } from '../lib/engine/errors.ts';
import { HELP, OptionError, type Options, readOptions } from '../lib/local/options.ts';
import { type LocalProcess, startLocal } from '../lib/local/process.ts';
import { isHarmless, runSample, type Sample, sampleCurl, sampleFor } from '../lib/local/sample.ts';
import { comparedWithLock } from './locked.ts';

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** Demo targets that the greeting names. */
const NAMED = 4;

function greet(
  { baseUrl, routes, demo, engine, notes }: LocalProcess,
  { data }: Options,
  sample: Sample | undefined,
): void {
  const kept = data === undefined ? 'workflows in memory only' : `workflows kept in ${data}`;
  say(`Stepline listens on ${baseUrl} (${kept})`);
  for (const note of notes) say(`note: ${note}`);
  const { goOn, wait } = engine.recovered;
  if (goOn > 0) say(`${goOn} unfinished workflow(s) of an earlier run go on`);
  for (const { count, example, message, next } of wait) {
    say(`note: ${count} unfinished workflow(s) wait, such as ${example}: ${message}. ${next}`);
  }
  say('');
  for (const route of routes) say(`  ${route}`);
  if (demo !== undefined) {
    const { url } = demo.admin;
    const names = Object.keys(demo.targets);
    const broken = names.find((name) => name === 'shipping') ?? names[0];
    say(`\nDemo targets (${names.slice(0, NAMED).join(', ')}${names.length > NAMED ? ', …' : ''}):`);
    say(`  see what they did   curl -s ${url}/ledger`);
    say(`  break one           curl -s -X PUT ${url}/faults/${broken} -d '{"status":503}'`);
    say(`  mend it             curl -s -X DELETE ${url}/faults/${broken}`);
  }
  say(sample === undefined ? '' : `\nTry it:\n  ${sampleCurl(baseUrl, sample)}\n`);
}

/** The first signal lets running calls end; a second one does not wait. */
function stopOnSignal(local: LocalProcess, running: AbortController): void {
  let stopping = false;
  const stop = async (signal: string): Promise<void> => {
    if (stopping) process.exit(1);
    stopping = true;
    say(
      `${signal}: waiting for running calls to end (a second ${signal} stops at once); what is left goes on at the next start`,
    );
    running.abort();
    await local.stop().catch(endAsBroken);
    process.exit(0);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop(signal));
}

/** What was answered is on disk, and what was running goes on at the next start: so the process ends at once. */
function endAsBroken(cause: unknown): never {
  process.stderr.write(
    `stepline: the data directory cannot be written (${messageOf(cause)}): free or mend the disk, then start again; nothing that was answered is lost\n`,
  );
  process.exit(1);
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') {
    say(HELP);
    return;
  }
  const { changed, notes } = comparedWithLock(chains);
  if (changed.length > 0 && !options.dev) throw new OptionError(changed.join('\n'));
  for (const line of [...changed, ...notes]) say(`note: ${line}`);
  const local = await startLocal(chains, options, { readable: process.stdout.isTTY === true, say });
  const running = new AbortController();
  stopOnSignal(local, running);
  // An error that nobody caught ends the process as ever, and an exit of a step's own does: which attempt it was is noted on the way out.
  process.on('exit', local.engine.atExit);
  void local.broken.then(endAsBroken);
  const { chains: known } = local.engine.service;
  const sample = await sampleFor(known);
  greet(local, options, sample);
  if (!options.sample || !isHarmless(sample, known, Object.keys(local.demo?.targets ?? {}))) return;
  await runSample(local.baseUrl, say, running.signal).catch((error: unknown) => {
    if (!running.signal.aborted)
      say(`the sample order failed: ${error instanceof Error ? error.message : error}`);
  });
}

try {
  await main();
} catch (error) {
  // Only what the user can mend is a message; anything else is a defect, and shows where.
  if (!(error instanceof OptionError || error instanceof EngineError || error instanceof DefinitionError)) {
    throw error;
  }
  process.stderr.write(`stepline: ${error.message}\n`);
  process.exitCode = 2;
}
