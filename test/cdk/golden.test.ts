import type { Template } from 'aws-cdk-lib/assertions';
import { beforeAll, expect, it } from 'vitest';
import { notifications } from '../../functions/chains/notifications.ts';
import { orderProcessing } from '../../functions/chains/order-processing.ts';
import { type Synthesized, synthesize } from './synth.ts';

/** The template as text, without what changes with every line of code. */
const textOf = (template: Template | undefined): string =>
  `${JSON.stringify(template?.toJSON(), null, 1).replace(/\b[0-9a-f]{64}\b/g, '<hash>')}\n`;

/*
 * What `npx cdk deploy -c stage=dev` puts on AWS. A change here is a change there: look at it, then
 * `npx vitest run --config test/vitest.config.ts test/cdk/golden.test.ts --update`.
 */

/** A line and branches: whoever adds a chain leaves what is looked at as it is. */
let dev: Synthesized;
beforeAll(async () => {
  dev = await synthesize('dev', { chains: [orderProcessing, notifications] });
}, 120_000);

it('the template of dev is the one that was looked at', async () => {
  await expect(textOf(dev.main)).toMatchFileSnapshot('golden/stepline-dev.json');
});

it('the template of the order chain in dev is the one that was looked at', async () => {
  await expect(textOf(dev.nested.get('order-processing'))).toMatchFileSnapshot(
    'golden/stepline-dev.order-processing.json',
  );
});
