import { App } from 'aws-cdk-lib';
import type { ChainDefinition } from '../chain/definition.ts';
import { DefinitionError } from '../chain/definition-error.ts';
import { measure, refuseBeyondCeiling, templatesOf } from './ceiling.ts';
import { chainSources } from './modules.ts';
import { acknowledgements, checkWithNag } from './nag.ts';
import { SettingsError, type Stages, settingsOf, stageName } from './settings.ts';
import { SteplineStack } from './stack.ts';
import type { Stage } from './stage.ts';

/** The context that says whether the stage reserves executions: `-c reserve=made` or `none`. Without it none are reserved. */
export const RESERVE_CONTEXT = { name: 'reserve', made: 'made', none: 'none' } as const;

/** The context that says how many executions the account allows at once, such as `-c executions=1000`. */
export const EXECUTIONS_CONTEXT = 'executions';

export interface Deployment {
  readonly chains: readonly ChainDefinition[];
  /** Files that export the chains, and folders of such files. */
  readonly places: readonly string[];
  readonly stages: Stages;
}

/**
 * The CDK app of the stage that the context names (`-c stage=dev`).
 * Errors: `SettingsError` and `DefinitionError`, which say what to write instead.
 * @example (await steplineApp({ chains, places: ['functions/chains'], stages })).synth();
 */
export async function steplineApp({ chains, places, stages }: Deployment, app = new App()): Promise<App> {
  const name = stageName(app.node.tryGetContext('stage'));
  const sources = await chainSources(chains, places);
  const reserves = app.node.tryGetContext(RESERVE_CONTEXT.name) === RESERVE_CONTEXT.made;
  const executions = executionsIn(app.node.tryGetContext(EXECUTIONS_CONTEXT));
  return stageApp({ name, settings: settingsOf(stages, name), chains: sources, reserves, executions }, app);
}

function executionsIn(given: unknown): number | undefined {
  if (given === undefined) return undefined;
  const count = Number(given);
  if (Number.isInteger(count) && count > 0) return count;
  throw new SettingsError(
    `-c ${EXECUTIONS_CONTEXT}=${String(given)} is no number of executions. Write a whole number, such as -c ${EXECUTIONS_CONTEXT}=1000.`,
  );
}

/**
 * The CDK app of one stage.
 * @param check what looks at it whenever it is synthesized
 */
export function stageApp(stage: Stage, app = new App(), check: (app: App) => void = checkWithNag): App {
  const { name, settings } = stage;
  const account = settings.account ?? process.env.CDK_DEFAULT_ACCOUNT;
  const region = settings.region ?? process.env.CDK_DEFAULT_REGION;
  new SteplineStack(app, `stepline-${name}`, {
    stage,
    description: `Stepline, stage ${name}`,
    ...(account === undefined || region === undefined ? {} : { env: { account, region } }),
    terminationProtection: settings.removal === 'retain',
    tags: { application: 'stepline', stage: name },
  });
  check(app);
  return app;
}

/** Builds and synthesizes a CDK app. An error that its user can mend is shown as a message, without a stack trace. */
export async function main(build: () => Promise<App>): Promise<void> {
  try {
    const app = await build();
    const { directory } = app.synth();
    for (const line of refuseBeyondCeiling(measure(templatesOf(app, directory))))
      process.stderr.write(`stepline: ${line}\n`);
    const stays = acknowledgements(app);
    process.stderr.write(`cdk-nag: ${stays.length} findings acknowledged; see lib/cdk for each reason\n`);
  } catch (error) {
    if (!(error instanceof SettingsError || error instanceof DefinitionError)) throw error;
    process.stderr.write(`stepline: ${error.message}\n`);
    process.exitCode = 1;
  }
}
