import { App } from 'aws-cdk-lib';
import { chains } from '../functions/chains/index.ts';
import { EXECUTIONS_CONTEXT, main, RESERVE_CONTEXT, steplineApp } from '../lib/cdk/app.ts';
import { SettingsError, stageName } from '../lib/cdk/settings.ts';
import { AccountUnknown, reservePlan } from './account.ts';
import { comparedWithLock } from './locked.ts';
import { refuseWithoutSecrets, SECRETS_CONTEXT, SecretsUnknown } from './secrets.ts';
import { stages } from './stages.ts';

await main(async () => {
  const app = new App();
  const { changed, notes } = comparedWithLock(chains);
  if (changed.length > 0) throw new SettingsError(changed.join('\n'));
  for (const line of notes) say(line);
  await lookAtAccount(app);
  await steplineApp({ chains, places: ['functions/chains'], stages }, app);
  await lookForSecrets(app);
  return app;
});

/** Only where the CDK CLI found somebody who is signed in: everybody else synthesizes as well. */
function signedIn(): boolean {
  return process.env.CDK_DEFAULT_ACCOUNT !== undefined;
}

function say(line: string): void {
  process.stderr.write(`stepline: ${line}\n`);
}

async function lookAtAccount(app: App): Promise<void> {
  if (app.node.tryGetContext(RESERVE_CONTEXT.name) !== undefined || !signedIn()) return;
  try {
    const { made, says, executions } = await reservePlan(stageName(app.node.tryGetContext('stage')));
    for (const line of says) say(line);
    app.node.setContext(RESERVE_CONTEXT.name, made ? RESERVE_CONTEXT.made : RESERVE_CONTEXT.none);
    app.node.setContext(EXECUTIONS_CONTEXT, String(executions));
  } catch (error) {
    // Whoever may not look may still synthesize.
    if (!(error instanceof AccountUnknown)) throw error;
    say(`${error.message} Nothing is reserved now.`);
  }
}

async function lookForSecrets(app: App): Promise<void> {
  const unchecked = app.node.tryGetContext(SECRETS_CONTEXT.name) === SECRETS_CONTEXT.unchecked;
  if (unchecked || !signedIn()) return;
  try {
    await refuseWithoutSecrets(stageName(app.node.tryGetContext('stage')));
  } catch (error) {
    // Whoever may not look may still synthesize.
    if (!(error instanceof SecretsUnknown)) throw error;
    say(error.message);
  }
}
