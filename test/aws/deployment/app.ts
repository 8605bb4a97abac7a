import { App, Tags } from 'aws-cdk-lib';
import { chains as ownChains } from '../../../functions/chains/index.ts';
import { main, steplineApp } from '../../../lib/cdk/app.ts';
import type { Stages } from '../../../lib/cdk/settings.ts';
import { BACKOFF_SCALE, fixtureChains } from '../../e2e/fixture-chains.ts';
import { chains as shippedChains } from '../../support/shipped-chains.ts';
import { deployment } from './deployment.ts';
import { awsChains, changedChains, SECRETS } from './fixture-chains.ts';

/** Of a target that a deployment does not use. */
const NOWHERE = 'http://127.0.0.1:9';

/**
 * The CDK app of the acceptance suite: the shipped chains and those of the tests, with targets on this machine. The context
 * `deployment` says what differs between the suite's deployments.
 */
await main(async () => {
  const app = new App();
  const { targets, authorization, changed, listed, existing, paused } = deployment.parse(
    JSON.parse(String(app.node.tryGetContext('deployment'))),
  );
  const dev: Stages['dev'] = {
    targets: {
      ...Object.fromEntries(
        Object.entries(targets).map(([name, baseUrl]) => [name, { baseUrl, secret: 'none' }]),
      ),
      vault: { baseUrl: targets.vault ?? NOWHERE, secret: SECRETS.vault },
      parameters: { baseUrl: targets.parameters ?? NOWHERE, secret: SECRETS.parameters },
    },
    secrets: { signing: SECRETS.signing },
    authorization,
    throttling: { rate: 1_000, burst: 1_000 },
    logLevel: 'debug',
    logRetentionDays: 1,
    onCall: 'nobody',
    runbookUrl: 'https://docs.example.com/runbook.md',
    removal: 'destroy',
    concurrency: 5,
    backoffScale: BACKOFF_SCALE,
    emulator: true,
    ...(existing === undefined ? {} : { existing }),
    ...(paused === undefined ? {} : { paused }),
  };
  // MiniStack forgets the attributes of what an update of a nested stack leaves alone; a tag is a change to everything.
  const which = [changed ? 'second' : 'first', existing?.table ?? 'own', paused ? 'paused' : 'running'];
  Tags.of(app).add('deployment', which.join('-'));
  return await steplineApp(
    {
      chains: [
        ...(listed ? ownChains : [...shippedChains, ...fixtureChains, ...awsChains]),
        ...(changed ? changedChains : []),
      ],
      places: ['functions/chains', 'test/e2e/fixture-chains.ts', 'test/aws/deployment/fixture-chains.ts'],
      stages: { dev, staging: dev, prod: { ...dev, removal: 'retain' } },
    },
    app,
  );
});
