import { expect, it } from 'vitest';
import * as z from 'zod';
import { stageApp } from '../../lib/cdk/app.ts';
import { measure, refuseBeyondCeiling, templatesOf } from '../../lib/cdk/ceiling.ts';
import { settingsOf } from '../../lib/cdk/settings.ts';
import type { ChainSource } from '../../lib/cdk/stage.ts';
import { target } from '../../lib/chain/index.ts';
import { emptyChain, withStep } from '../../lib/chain/validate.ts';
import { CEILINGS, LIMITS } from '../../lib/contract/limits.ts';
import { stages } from './fixture-stages.ts';
import { ENVIRONMENT, testApp } from './synth.ts';

const CHAINS = 40;
const STEPS = 25;

/** Names as long as they may be: they fill templates, policies and environments. */
const named = (name: string, at: number, length: number): string =>
  `${name}-${String(at).padStart(3, '0')}`.padEnd(length, 'x');

const chainOf = (at: number): ChainSource => {
  const name = named('chain', at, LIMITS.chainNameLength);
  const steps = Array.from({ length: STEPS }, (_, step) => named('step', step, LIMITS.stepNameLength));
  const definition = steps.reduce(
    (chain, step) => withStep(chain, step, { request: () => target('payments').post('/charges') }),
    emptyChain(name, { version: 1, start: `/api/${name}`, input: z.strictObject({}) }),
  );
  return { definition, file: 'test/cdk/thousand.test.ts', exportName: `chain${at}` };
};

it('a stage of 1,000 steps in 40 chains is within every bound that nobody can raise, and says which quotas to raise', {
  timeout: 900_000,
}, () => {
  const settings = settingsOf({ ...stages, prod: { ...ENVIRONMENT, ...stages.prod } }, 'prod');
  const chains = Array.from({ length: CHAINS }, (_, at) => chainOf(at));
  // Nobody waits here for cdk-nag: it looks at each resource alone, and the shipped chains have all kinds.
  const app = stageApp(
    { name: 'prod', settings, chains, reserves: true },
    testApp({ stage: 'prod' }),
    () => undefined,
  );
  const readings = measure(templatesOf(app, app.synth().directory));
  console.log(
    readings
      .map(({ bound, value, about }) => `${bound}: ${value} of ${CEILINGS[bound].most} (${about})`)
      .join('\n'),
  );
  const said = refuseBeyondCeiling(readings);
  const beyond = readings.filter(({ bound, value }) => value > CEILINGS[bound].most);
  expect(beyond.map(({ bound }) => bound).sort()).toEqual(['resourcesAtOnce', 'roles']);
  expect(said.join('\n')).toContain(`${(CHAINS * STEPS + 7).toLocaleString('en')} of 1,000`);
});
