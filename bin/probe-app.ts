import { App } from 'aws-cdk-lib';
import { main, stageApp } from '../lib/cdk/app.ts';
import { chainSources } from '../lib/cdk/modules.ts';
import { probeSettings } from '../lib/cdk/probe.ts';
import { settingsOf, stageName } from '../lib/cdk/settings.ts';
import { PROBE_STAGE } from '../lib/contract/names.ts';
import { probeChains } from '../lib/probe/chains.ts';
import { onEmulator } from '../lib/probe/emulator.ts';
import { stages } from './stages.ts';

/*
 * The CDK app of `npm run probe`: the stage `probe`, made with the settings of the stage that the context names.
 */
await main(async () => {
  const app = new App();
  const settings = settingsOf(stages, stageName(app.node.tryGetContext('stage')));
  const chains = await chainSources(probeChains, ['lib/probe/chains.ts']);
  return stageApp(
    { name: PROBE_STAGE, settings: probeSettings(settings, onEmulator(process.env)), chains },
    app,
  );
});
