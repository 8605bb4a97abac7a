import type { Template } from 'aws-cdk-lib/assertions';
import { expect, it } from 'vitest';
import { synthesized } from './synth.ts';

/** The template as text, without what changes with every line of code. */
const textOf = (template: Template | undefined): string =>
  `${JSON.stringify(template?.toJSON(), null, 1).replace(/\b[0-9a-f]{64}\b/g, '<hash>')}\n`;

/*
 * What `npx cdk deploy -c stage=dev` puts on AWS. A change here is a change there: look at it, then
 * `npx vitest run --config test/vitest.config.ts test/cdk/golden.test.ts --update`.
 */
it('the template of dev is the one that was looked at', async () => {
  const { main } = await synthesized('dev');
  await expect(textOf(main)).toMatchFileSnapshot('golden/stepline-dev.json');
});

it('the template of the order chain in dev is the one that was looked at', async () => {
  const { nested } = await synthesized('dev');
  await expect(textOf(nested.get('order-processing'))).toMatchFileSnapshot(
    'golden/stepline-dev.order-processing.json',
  );
});
