import type { App } from 'aws-cdk-lib';
import { chains } from '../functions/chains/index.ts';
import { main, steplineApp } from '../lib/cdk/app.ts';
import { stageName } from '../lib/cdk/settings.ts';
import { refuseWithoutSecrets, SECRETS_CONTEXT, SecretsUnknown } from './secrets.ts';
import { stages } from './stages.ts';

await main(async () => {
  const app = await steplineApp({ chains, places: ['functions/chains'], stages });
  await lookForSecrets(app);
  return app;
});

/** Only where the CDK CLI found somebody who is signed in: everybody else synthesizes as well. */
async function lookForSecrets(app: App): Promise<void> {
  const unchecked = app.node.tryGetContext(SECRETS_CONTEXT.name) === SECRETS_CONTEXT.unchecked;
  if (unchecked || process.env.CDK_DEFAULT_ACCOUNT === undefined) return;
  try {
    await refuseWithoutSecrets(stageName(app.node.tryGetContext('stage')));
  } catch (error) {
    // Whoever may not look may still synthesize.
    if (!(error instanceof SecretsUnknown)) throw error;
    process.stderr.write(`stepline: ${error.message}\n`);
  }
}
