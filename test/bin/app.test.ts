import { expect, it, type TestContext } from 'vitest';
import { stages } from '../../bin/stages.ts';
import { chains } from '../../functions/chains/index.ts';
import { stepPlaces } from '../../lib/chain/places.ts';
import { registry } from '../../lib/chain/registry.ts';
import { STAGE_NAMES } from '../../lib/contract/names.ts';
import { synthesize } from '../cdk/synth.ts';

/** What `npm run deploy` would put on AWS: the one test of `bin/stages.ts` and of all the chains that are listed. */
it.for(STAGE_NAMES)(
  'the stage %s can be synthesized with every chain that is listed',
  async (stage, context) => {
    skipWithoutTargets(context, stage);
    const { nested } = await synthesize(stage, { chains, stages });
    expect([...nested.keys()].sort()).toEqual([...registry(chains).names].sort());
  },
);

/**
 * A chain runs on one machine before a stage knows where its targets are: that is told and breaks nothing. CI must have them,
 * as what it passes is deployed.
 */
function skipWithoutTargets(context: TestContext, stage: (typeof STAGE_NAMES)[number]): void {
  const called = stepPlaces(chains).flatMap(({ targets = [] }) => targets);
  const missing = [...new Set(called)].filter((name) => !(name in stages[stage].targets));
  if (missing.length === 0) return;
  const why = `the stage ${stage} cannot be deployed before bin/stages.ts has the targets ${missing.join(', ')}`;
  if (process.env.CI === 'true') throw new Error(why);
  context.skip(why);
}
