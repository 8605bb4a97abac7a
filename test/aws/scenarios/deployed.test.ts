import { afterAll, beforeAll, describe } from 'vitest';
import { scenarios } from '../../e2e/scenarios.ts';
import { bootstrap, type Deployment, deploy, standingTargets } from '../deployment/deployment.ts';
import { behind, type Deployed, deployedStage } from '../deployment/stage.ts';
import { openVaults } from '../deployment/vaults.ts';
import { createUser } from '../ministack/iam.ts';
import { startMiniStack } from '../ministack/ministack.ts';
import { onMiniStack } from '../ministack/suite.ts';
import { accessScenarios } from './access.ts';
import { changeScenarios } from './changes.ts';
import { lambdaScenarios } from './lambda.ts';
import { probeScenarios } from './probe.ts';
import { secretScenarios } from './secrets.ts';

/** The deployed stage, where every function is held to its role and every caller to his policy, over TLS. */
onMiniStack('deployed', () => {
  let deployed: Deployed;

  beforeAll(async () => {
    const [demo, vaults] = [await standingTargets(), await openVaults()];
    const aws = await startMiniStack({ auth: true });
    const what: Deployment = {
      targets: { ...demo.baseUrls, ...vaults.baseUrls },
      authorization: { type: 'iam' },
    };
    await bootstrap(aws, what);
    const outputs = await deploy(aws, what);
    const caller = await createUser(aws, 'shop', [
      { Effect: 'Allow', Action: 'execute-api:Invoke', Resource: '*' },
    ]);
    deployed = { aws, back: behind(aws), outputs, demo, vaults, caller, what };
  });
  afterAll(async () => {
    if (deployed === undefined) return;
    deployed.back.close();
    await deployed.aws.stop();
    await deployed.vaults.close();
    await deployed.demo.close();
  });

  const current = (): Deployed => deployed;
  const open = async () =>
    await deployedStage(deployed.outputs.apiUrl, deployed.caller, await deployed.demo.renew(), deployed.back);

  scenarios('plays the scenarios', { open, together: false });
  describe('lets in', () => accessScenarios(current, open));
  describe('on Lambda and SQS', () => lambdaScenarios(current, open));
  describe('secrets', () => secretScenarios(current, open));
  describe('npm run probe', () => probeScenarios(current));
  // Last: it changes what is deployed, and then destroys it.
  describe('a change', () => changeScenarios(current, open));
});
