import { beforeAll, describe, expect, it } from 'vitest';
import { measure, type Reading, refuseBeyondCeiling, type TemplateFile } from '../../lib/cdk/ceiling.ts';
import { CEILINGS, LIMITS } from '../../lib/contract/limits.ts';
import { fullChain, fullUndone } from './fixture-chains.ts';
import { bodiesOf, type Synthesized, synthesize, synthesized } from './synth.ts';

const file = (name: string, body: object): TemplateFile => ({ name, text: JSON.stringify(body) });
const figureOf = (readings: readonly Reading[], bound: Reading['bound']): number =>
  readings.find((one) => one.bound === bound)?.value ?? Number.NaN;
const many = (count: number, body: object) =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [`R${at}`, body]));

describe('what is measured', () => {
  it('is the largest template, the fullest stack, and the sum of what an account counts', () => {
    const readings = measure([
      file('one', { Resources: many(3, { Type: 'AWS::IAM::Role' }), Parameters: { P: {} } }),
      file('two', { Resources: many(2, { Type: 'AWS::CloudWatch::Alarm' }), Outputs: { O: {}, Q: {} } }),
    ]);
    expect(readings.find(({ bound }) => bound === 'stackResources')).toEqual({
      bound: 'stackResources',
      about: 'one',
      value: 3,
    });
    expect(figureOf(readings, 'roles')).toBe(3);
    expect(figureOf(readings, 'alarms')).toBe(2);
    expect(figureOf(readings, 'stackParameters')).toBe(1);
    expect(figureOf(readings, 'stackOutputs')).toBe(2);
    expect(figureOf(readings, 'resourcesAtOnce')).toBe(5);
  });

  it('of a role is each managed policy that names it', () => {
    const policy = { Type: 'AWS::IAM::ManagedPolicy', Properties: { Roles: [{ Ref: 'A' }] } };
    const other = { Type: 'AWS::IAM::ManagedPolicy', Properties: { Roles: [{ Ref: 'B' }] } };
    expect(
      measure([file('one', { Resources: { ...many(11, policy), Other: other } })]).find(
        ({ bound }) => bound === 'managedPolicies',
      ),
    ).toEqual({ bound: 'managedPolicies', about: 'one, {"Ref":"A"}', value: 11 });
  });

  it('of an environment is every name and value, and room for what is filled in', () => {
    const environment = { Variables: { NAME: 'ä'.repeat(10), TABLE: { Ref: 'Table' } } };
    const body = {
      Resources: { F: { Type: 'AWS::Lambda::Function', Properties: { Environment: environment } } },
    };
    expect(figureOf(measure([file('one', body)]), 'environmentBytes')).toBe(4 + 20 + 5 + 128);
  });
});

describe('a stage beyond a bound', () => {
  const hard = measure([]).flatMap(({ bound }) => (CEILINGS[bound].kind === 'hard' ? [bound] : []));

  it.each(hard)('of %s is refused, with the number and what to do', (bound) => {
    const { most, remedy } = CEILINGS[bound];
    const at = (value: number) => refuseBeyondCeiling([{ bound, about: 'it', value }]);
    expect(() => at(most)).not.toThrow();
    expect(() => at(most + 1)).toThrow(
      `${(most + 1).toLocaleString('en')} of ${most.toLocaleString('en')} (it). ${remedy}`,
    );
  });

  it('that AWS raises is told, with the number', () => {
    const said = refuseBeyondCeiling([{ bound: 'roles', about: 'the stage', value: 1_008 }]);
    expect(said.at(-1)).toContain('roles in the account: 1,008 of 1,000 (the stage). Ask AWS for more');
  });
});

describe('the shipped chains', () => {
  let dev: Synthesized;
  beforeAll(async () => {
    dev = await synthesized('dev');
  }, 120_000);

  it('are far from every bound', () => {
    const readings = measure(bodiesOf(dev));
    expect(readings.map(({ bound }) => bound).sort()).toEqual(Object.keys(CEILINGS).sort());
    for (const { bound, value } of readings) {
      expect(value, bound).toBeLessThan(CEILINGS[bound].most / 2);
    }
  });
});

describe('a chain of as many steps as a stack holds', () => {
  it.each([
    ['nothing', fullChain],
    ['all', fullUndone],
  ])('of which %s can be undone is within every bound', async (_, chain) => {
    const full = await synthesize('dev', { chains: [chain], places: ['test/cdk/fixture-chains.ts'] });
    expect(refuseBeyondCeiling(measure(bodiesOf(full)))).toHaveLength(1);
    expect(chain.steps).toHaveLength(LIMITS.stepsPerStack);
  });
});
