import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { chains } from '../functions/chains/index.ts';
import { SettingsError, settingsOf, stageName } from '../lib/cdk/settings.ts';
import type { StageName } from '../lib/cdk/stage.ts';
import { stepPlaces } from '../lib/chain/places.ts';
import { missingSecrets } from '../lib/ops/missing-secrets.ts';
import { stages } from './stages.ts';

/*
 * npm run deploy | diff | destroy -- --stage dev [options of the CDK CLI]
 */

const COMMANDS = ['deploy', 'diff', 'destroy'] as const;
type Command = (typeof COMMANDS)[number];

interface Request {
  readonly command: Command;
  readonly stage: StageName;
  /** What the CDK CLI is given as it is. */
  readonly rest: readonly string[];
}

/** Errors: `SettingsError`, which says how the command is called. */
function readArguments([name, ...words]: readonly string[]): Request {
  const command = COMMANDS.find((known) => known === name);
  if (command === undefined) throw new SettingsError(`Write one of: npm run ${COMMANDS.join(', npm run ')}.`);
  const usage = `Write: npm run ${command} -- --stage dev`;
  const at = words.findIndex((word) => word === '--stage' || word.startsWith('--stage='));
  const word = words[at];
  if (word === undefined) throw new SettingsError(`No stage is given. ${usage}`);
  const joined = word.startsWith('--stage=');
  const stage = stageName(joined ? word.slice('--stage='.length) : words[at + 1]);
  const rest = [...words.slice(0, at), ...words.slice(at + (joined ? 1 : 2))];
  if (rest.some((other) => /(^|=)stage=|^--stage/.test(other))) {
    throw new SettingsError(`The stage is given twice. ${usage}`);
  }
  if (command === 'destroy' && stage === 'prod') {
    throw new SettingsError(
      'prod is not destroyed by a command: its workflows are records. Whoever means it switches termination protection off by hand.',
    );
  }
  return { command, stage, rest };
}

/** A secret that is missing would show at the first call only, as a failed step. */
async function refuseWithoutSecrets(stage: StageName): Promise<void> {
  const settings = settingsOf(stages, stage);
  const called = new Set(stepPlaces(chains).flatMap(({ targets = [] }) => targets));
  const targets = Object.fromEntries(Object.entries(settings.targets).filter(([name]) => called.has(name)));
  const missing = await missingSecrets(targets, settings.region).catch((error: unknown) => {
    const why = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    throw new SettingsError(
      `AWS does not say whether the secrets of stage "${stage}" are there: ${why}. Sign in (aws sso login), and set AWS_REGION or region in bin/stages.ts.`,
    );
  });
  if (missing.length === 0) return;
  const lines = missing.map(
    ({ target, reference, remedy }) =>
      `  targets.${target}.secret: there is no "${reference.name}" (${reference.store}). Make it: ${remedy}`,
  );
  throw new SettingsError([`Secrets of stage "${stage}" are missing:`, ...lines].join('\n'));
}

async function runCdk({ command, stage, rest }: Request): Promise<number> {
  const cdk = join(dirname(createRequire(import.meta.url).resolve('aws-cdk/package.json')), 'bin/cdk');
  const child = spawn(process.execPath, [cdk, command, '-c', `stage=${stage}`, ...rest], {
    stdio: 'inherit',
  });
  await once(child, 'exit');
  return child.exitCode ?? 1;
}

try {
  const request = readArguments(process.argv.slice(2));
  if (request.command === 'deploy') await refuseWithoutSecrets(request.stage);
  process.exitCode = await runCdk(request);
} catch (error) {
  if (!(error instanceof SettingsError)) throw error;
  process.stderr.write(`stepline: ${error.message}\n`);
  process.exitCode = 2;
}
