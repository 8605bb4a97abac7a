import { setMaxListeners } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SettingsError, settingsOf, stageName } from '../lib/cdk/settings.ts';
import { physicalName } from '../lib/cdk/stage.ts';
import { PROBE_STAGE } from '../lib/contract/names.ts';
import type { Changes } from '../lib/probe/changes.ts';
import { checks } from '../lib/probe/checks/index.ts';
import { HELP, OptionError, type Options, readOptions } from '../lib/probe/options.ts';
import { exitCodeOf, type Finding } from '../lib/probe/report.ts';
import { apiUrlIn, openProbe, runChecks } from '../lib/probe/run.ts';
import { runCdk } from './run-cdk.ts';
import { stages } from './stages.ts';

/*
 * npm run probe -- --stage dev: what only AWS itself can show, on a stage of its own that is removed again.
 */

const STACK = `stepline-${PROBE_STAGE}`;

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** @param folder of this run alone: two that synthesize into one folder stand in each other's way */
const cdk = (stage: string, folder: string, words: readonly string[]): Promise<number> =>
  runCdk([
    ...words,
    ...['--app', 'node --import tsx bin/probe-app.ts', '--output', join(folder, 'cdk')],
    ...['-c', `stage=${stage}`],
  ]);

/** Deploys the stage `probe`; answers its API's URL, or undefined where that failed. */
async function deploy(stage: string, folder: string): Promise<string | undefined> {
  const file = join(folder, 'outputs.json');
  const words = ['deploy', '--require-approval', 'never', '--outputs-file', file];
  const code = await cdk(stage, folder, words);
  return code === 0 ? apiUrlIn(readFileSync(file, 'utf8'), STACK) : undefined;
}

async function remove(stage: string, folder: string): Promise<boolean> {
  say(`\nRemoving the stack ${STACK} …`);
  const removed = (await cdk(stage, folder, ['destroy', '--force'])) === 0;
  if (!removed) say(`${STACK} is still there. Remove it: npm run probe -- --stage ${stage} --remove`);
  return removed;
}

/** The first signal takes back what is changed, and removes the stage; a second one does not wait. */
function endOnSignal(controller: AbortController, pending: () => readonly string[], stage: string): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) {
        for (const command of pending()) say(`still changed: ${command}`);
        say(`${STACK} may still be there. Remove it: npm run probe -- --stage ${stage} --remove`);
        process.exit(1);
      }
      say(`${signal}: taking back what was changed; a second ${signal} ends at once`);
      controller.abort();
    });
  }
}

async function main(folder: string): Promise<number> {
  const options = readOptions(process.argv.slice(2), checks);
  if (options === 'help') {
    say(HELP);
    for (const { name, shows } of checks) say(`  ${name.padEnd(12)} ${shows}`);
    return 0;
  }
  const stage = stageName(options.stage);
  const { region } = settingsOf(stages, stage);
  if (options.remove) return (await remove(stage, folder)) ? 0 : 3;

  const controller = new AbortController();
  // Every wait of every check listens to it.
  setMaxListeners(0, controller.signal);
  let changes: Changes | undefined;
  endOnSignal(controller, () => changes?.pending() ?? [], stage);
  say(`Deploying the stack ${STACK} beside the stage ${stage}, which is not touched …`);
  let findings: readonly Finding[] = [];
  try {
    const apiUrl = await deploy(stage, folder);
    if (apiUrl === undefined) {
      say('The deployment failed: the lines above say why. Nothing was checked.');
    } else if (!controller.signal.aborted) {
      const prefix = `${physicalName(PROBE_STAGE)}_`;
      const open = await openProbe({ apiUrl, region, prefix, signal: controller.signal, say });
      changes = open.changes;
      findings = await check(options, open);
    }
  } finally {
    for (const command of changes?.pending() ?? []) say(`could not be taken back; do it by hand: ${command}`);
    if (options.keep) say(`\n${STACK} stays. Remove it: npm run probe -- --stage ${stage} --remove`);
    else if (!(await remove(stage, folder))) process.exitCode = 3;
  }
  return Math.max(exitCodeOf(findings), Number(process.exitCode ?? 0));
}

async function check(
  { only }: Options,
  { probe, close }: Awaited<ReturnType<typeof openProbe>>,
): Promise<readonly Finding[]> {
  const chosen = checks.filter(({ name }) => only.length === 0 || only.includes(name));
  say(`\nRunning ${chosen.length} checks at a time${probe.emulator ? ', on an emulator' : ''}:`);
  const lines: string[] = [];
  try {
    return await runChecks(probe, chosen, (line) => lines.push(line) && say(line));
  } finally {
    close();
    say(['', 'Report:', ...lines].join('\n'));
  }
}

const folder = mkdtempSync(join(tmpdir(), 'stepline-probe-'));
try {
  process.exitCode = await main(folder);
} catch (error) {
  if (!(error instanceof SettingsError || error instanceof OptionError)) throw error;
  process.stderr.write(`stepline: ${error.message}\n`);
  process.exitCode = 2;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
