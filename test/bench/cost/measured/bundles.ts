import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ENV } from '../../../../lib/contract/names.ts';
import { type Deployable, deploy, FUNCTIONS, type FunctionName } from '../../../functions/deployment.ts';
import { median } from '../../statistics.ts';

/** One function's bundle, as it is deployed and without a source map. */
export interface BundleFigures {
  readonly name: FunctionName;
  readonly bytes: number;
  /** Milliseconds from the start of a process until the function is loaded. */
  readonly initMs: number;
  /** The same of a function that does nothing, measured in turn with this one. */
  readonly emptyMs: number;
  /** Median of the quotients of neighbours in time. */
  readonly ratio: number;
}

/** What any function needs in order to load; nothing is called. */
const ENVIRONMENT = {
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'none',
  AWS_SECRET_ACCESS_KEY: 'none',
  [ENV.tableName]: 'stepline_test',
  [ENV.waitPlaces]: '10',
  [ENV.queueUrlPrefix]: 'https://sqs.us-east-1.amazonaws.com/000000000000/stepline_test_',
  [ENV.stage]: 'test',
  [ENV.chain]: 'order-processing',
  [ENV.step]: 'payment',
  [ENV.targets]: '{}',
  [ENV.failuresTopicArn]: 'arn:aws:sns:us-east-1:000000000000:on-call',
  [ENV.runbookUrl]: 'https://example.com/runbook.md',
};

/** @param bundles a directory that `bundleTo` filled */
export async function measureBundles(bundles: string, rounds: number): Promise<readonly BundleFigures[]> {
  const figures: BundleFigures[] = [];
  for (const name of FUNCTIONS) {
    const pairs: { readonly mine: number; readonly empty: number }[] = [];
    for (let round = 0; round < rounds; round += 1) {
      // One after the other, so that what else the machine does falls on both.
      const empty = await initMs(bundles, 'empty');
      pairs.push({ empty, mine: await initMs(bundles, name) });
    }
    const { size } = await stat(join(bundles, `${name}.mjs`));
    figures.push({
      name,
      bytes: size,
      initMs: median(pairs.map(({ mine }) => mine)),
      emptyMs: median(pairs.map(({ empty }) => empty)),
      ratio: median(pairs.map(({ mine, empty }) => mine / empty)),
    });
  }
  return figures;
}

async function initMs(bundles: string, name: Deployable): Promise<number> {
  const begun = performance.now();
  const deployed = await deploy(bundles, name, ENVIRONMENT);
  const ms = performance.now() - begun;
  await deployed.close();
  return ms;
}
