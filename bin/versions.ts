import { parseArgs } from 'node:util';
import { chains } from '../functions/chains/index.ts';
import { SettingsError, stageName } from '../lib/cdk/settings.ts';
import { namedMessageOf } from '../lib/engine/errors.ts';
import { byVersion, openWorkflows } from '../lib/ops/open-workflows.ts';
import { tablePlaceOf } from './losses.ts';
import { versionLines } from './open-versions.ts';

/*
 * npm run versions -- --stage dev: how many workflows still need each version of each chain, and which definitions may go.
 */

const USAGE = 'Write: npm run versions -- --stage dev';

/** Errors: `SettingsError`. */
async function tell(): Promise<void> {
  const stage = stageName(stageWord());
  const open = await openWorkflows(tablePlaceOf(stage)).catch((error: unknown) => {
    const why = namedMessageOf(error);
    throw new SettingsError(
      `The workflows of stage "${stage}" cannot be counted: ${why}. Sign in as somebody who may read its table and indexes (dynamodb:Scan, dynamodb:Query, dynamodb:BatchGetItem), and set AWS_REGION, or region in bin/stages.ts.`,
    );
  });
  for (const line of versionLines(byVersion(open), chains)) process.stdout.write(`${line}\n`);
}

function stageWord(): string {
  try {
    const { stage } = parseArgs({ options: { stage: { type: 'string' } } }).values;
    if (stage !== undefined) return stage;
  } catch (error) {
    throw new SettingsError(`${error instanceof Error ? error.message : String(error)}. ${USAGE}`);
  }
  throw new SettingsError(`No stage is given. ${USAGE}`);
}

try {
  await tell();
} catch (error) {
  if (!(error instanceof SettingsError)) throw error;
  process.stderr.write(`stepline: ${error.message}\n`);
  process.exitCode = 2;
}
