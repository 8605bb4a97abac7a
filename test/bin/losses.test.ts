import { describe, expect, it } from 'vitest';
import { refusalOf, remainingOf, tooManyOf, tooManyToDestroy } from '../../bin/losses.ts';
import { versionLines } from '../../bin/open-versions.ts';
import { CEILINGS, LIMITS } from '../../lib/contract/limits.ts';
import type { OpenVersion } from '../../lib/ops/open-workflows.ts';
import { fullChain } from '../cdk/fixture-chains.ts';
import { synthesize } from '../cdk/synth.ts';
import { chains } from '../support/shipped-chains.ts';

it('what stays is every step of every version', () => {
  const { steps, versions } = remainingOf(chains);
  expect(steps.map(({ chain, step }) => `${chain}_${step}`)).toContain('order-processing_payment');
  expect([...(versions.get('order-processing')?.keys() ?? [])]).toEqual([1]);
});

const version = (changes: Partial<OpenVersion>): OpenVersion => ({
  ...{ chain: 'orders', version: 1, examples: [], expiresAt: 1_800_000_000_000 },
  ...{ processing: 0, failed: 0, compensating: 0, compensation_failed: 0 },
  ...changes,
});

describe('what npm run versions says', () => {
  const [orders] = chains;
  const line = (open: readonly OpenVersion[], ...of: readonly number[]): string =>
    versionLines(
      open,
      of.flatMap((one) => (orders === undefined ? [] : [{ ...orders, name: 'orders', version: one }])),
    ).join('\n');

  it('of a version that nothing needs any more', () => {
    expect(line([], 1, 2)).toBe(
      [
        'orders version 1: no open workflow. It may go: take it out of functions/chains/index.ts, run npm run lock, and deploy.',
        'orders version 2: no open workflow. It is the newest: workflows begin with it.',
      ].join('\n'),
    );
  });

  it('of one that workflows need', () => {
    expect(line([version({ processing: 2, examples: ['wf_1', 'wf_2'] })], 1, 10)).toBe(
      [
        'orders version 1: 2 workflows that are processing (wf_1, wf_2). It may go once they have completed, were cancelled or taken back; the last of them expires on 2027-01-15.',
        'orders version 10: no open workflow. It is the newest: workflows begin with it.',
      ].join('\n'),
    );
  });

  it('of one by which workflows are taken back', () => {
    const open = version({ compensating: 1, compensation_failed: 2, examples: ['wf_1', 'wf_2', 'wf_3'] });
    expect(line([open], 1, 2)).toContain(
      'orders version 1: 1 workflow that is taken back and 2 workflows that could not be taken back and can be resumed (wf_1, wf_2, wf_3).',
    );
  });

  it('of one that is not there', () => {
    expect(line([version({ failed: 1, examples: ['wf_1'] })], 2)).toContain(
      'orders version 1: 1 workflow that failed and can be resumed (wf_1). It is not in functions/chains/index.ts: put it back, or cancel them.\n',
    );
  });
});

it('a refusal says what would be lost, what to do, and how to lose it', () => {
  const step = { chain: 'orders', step: 'mail' };
  expect(
    refusalOf('dev', {
      added: [],
      steps: [step],
      messages: [{ ...step, messages: 1, deadLetters: 0 }],
      gone: [version({ processing: 1, failed: 12, examples: ['wf_1', 'wf_2', 'wf_3'] })],
      changed: [version({ version: 2, failed: 1, examples: ['wf_4'] })],
    }),
  ).toBe(
    [
      'This deployment of stage "dev" would take away what is still needed:',
      '  orders version 1 goes, and is needed by 1 workflow that is processing and 12 workflows that failed and can be resumed (wf_1, wf_2, wf_3, …)',
      '  orders version 2 has other steps than 1 workflow that failed and can be resumed (wf_4) began with',
      '  orders, step mail: 1 message in its queue and 0 dead letters',
      'Put these definitions back into functions/chains/index.ts, beside the new ones, until their workflows have ended: wait for those that are processing or taken back, and resume or cancel the failed ones.',
      'To lose all of it: -c losses=accepted',
    ].join('\n'),
  );
});

it('nothing is refused where nothing is lost', () => {
  const steps = [{ chain: 'orders', step: 'mail' }];
  expect(refusalOf('dev', { added: [], steps, messages: [], gone: [], changed: [] })).toBeUndefined();
});

it('more steps than CloudFormation makes and removes at once are refused before it begins', () => {
  const some = (count: number) =>
    Array.from({ length: count }, (_, at) => ({ chain: 'orders', step: `step-${at}` }));
  expect(tooManyOf({ added: some(100), steps: some(80) })).toBeUndefined();
  expect(tooManyOf({ added: some(100), steps: some(81) })).toBe(
    'This deployment would make 100 steps and remove 81 steps. CloudFormation creates, changes or deletes 2500 resources at once, which is 180 steps. Do it in parts: change functions/chains/index.ts by some of the chains at a time, and deploy after each.',
  );
});

it('a stage that is too large to be removed at once is refused, with what to do', () => {
  const many = (count: number) =>
    Array.from({ length: count }, (_, at) => ({ ...fullChain, name: `chain-${at}` }));
  const fits = Math.floor(LIMITS.stepsAtOnce / fullChain.steps.length);
  expect(tooManyToDestroy(many(fits))).toBeUndefined();
  expect(tooManyToDestroy(many(fits + 1))).toMatch(
    /^This stage has \d+ steps\. CloudFormation .* Take chains out of functions\/chains\/index\.ts and deploy, until 180 steps are left; then destroy\.$/,
  );
});

it('what one deployment may make fits into what CloudFormation takes, with all that is not of a step', async () => {
  const full = await synthesize('prod', { chains: [fullChain], places: ['test/cdk/fixture-chains.ts'] });
  const count = full.templates.reduce((sum, one) => sum + Object.keys(one.toJSON().Resources).length, 0);
  const perStep = Math.ceil(
    Object.keys(full.nested.get('long')?.toJSON().Resources).length / LIMITS.stepsPerStack,
  );
  const others = count - perStep * LIMITS.stepsPerStack;
  expect(LIMITS.stepsAtOnce * perStep + others).toBeLessThanOrEqual(CEILINGS.resourcesAtOnce.most);
});
