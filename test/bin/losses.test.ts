import { expect, it } from 'vitest';
import { refusalOf, remainingOf, tooManyOf } from '../../bin/losses.ts';
import { CEILINGS, LIMITS } from '../../lib/contract/limits.ts';
import { fullChain } from '../cdk/fixture-chains.ts';
import { synthesize } from '../cdk/synth.ts';
import { chains } from '../support/shipped-chains.ts';

it('what stays is every step of every version', () => {
  const { steps, versions } = remainingOf(chains);
  expect(steps.map(({ chain, step }) => `${chain}_${step}`)).toContain('order-processing_payment');
  expect(versions.get('order-processing')).toEqual([1]);
});

it('a refusal says what would be lost, what to do, and how to lose it', () => {
  const step = { chain: 'orders', step: 'mail' };
  expect(
    refusalOf('dev', {
      added: [],
      steps: [step],
      messages: [{ ...step, messages: 1, deadLetters: 0 }],
      workflows: [{ chain: 'orders', processing: 1, failed: 12, examples: ['wf_1', 'wf_2', 'wf_3'] }],
    }),
  ).toBe(
    [
      'This deployment of stage "dev" would delete queues of steps that are still needed:',
      '  orders: no version is left for 1 workflow that is processing and 12 that failed and could be resumed (wf_1, wf_2, wf_3, …)',
      '  orders, step mail: 1 message in its queue and 0 dead letters',
      'Put these definitions back into functions/chains/index.ts, beside the new ones, until their workflows have ended: wait for those that are processing, and resume or cancel the failed ones.',
      'To lose all of it: -c losses=accepted',
    ].join('\n'),
  );
});

it('nothing is refused where nothing is lost', () => {
  const steps = [{ chain: 'orders', step: 'mail' }];
  expect(refusalOf('dev', { added: [], steps, messages: [], workflows: [] })).toBeUndefined();
});

it('more new steps than CloudFormation makes at once are refused before it begins', () => {
  const added = (count: number) =>
    Array.from({ length: count }, (_, at) => ({ chain: 'orders', step: `step-${at}` }));
  expect(tooManyOf({ added: added(150) })).toBeUndefined();
  expect(tooManyOf({ added: added(151) })).toMatch(
    /^This deployment would make 151 new steps.*begin with some of the chains/,
  );
});

it('what one deployment may make fits into what CloudFormation takes, with all that is not of a step', async () => {
  const full = await synthesize('prod', { chains: [fullChain], places: ['test/cdk/fixture-chains.ts'] });
  const count = full.templates.reduce((sum, one) => sum + Object.keys(one.toJSON().Resources).length, 0);
  const perStep = Math.ceil(
    Object.keys(full.nested.get('long')?.toJSON().Resources).length / LIMITS.stepsPerStack,
  );
  const others = count - perStep * LIMITS.stepsPerStack;
  expect(LIMITS.newStepsPerDeployment * perStep + others).toBeLessThanOrEqual(CEILINGS.resourcesAtOnce.most);
});
