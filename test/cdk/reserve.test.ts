import { beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { planReserve, reserveOf, type SizedStage, waitPlacesOf } from '../../lib/cdk/reserve.ts';
import { settingsOf } from '../../lib/cdk/settings.ts';
import { ENV, type SettledStage } from '../../lib/contract/names.ts';
import { chains } from '../support/shipped-chains.ts';
import { stages } from './fixture-stages.ts';
import { textOf } from './grants.ts';
import { type Synthesized, synthesized, synthesizedWith } from './synth.ts';

const stage = (name: SettledStage): SizedStage => ({
  settings: settingsOf(stages, name),
  chains: chains.map((definition) => ({ definition })),
});

let made: Synthesized;
beforeAll(async () => {
  made = await synthesizedWith('dev', { reserve: 'made', executions: '1000' });
}, 180_000);

const mapping = z.object({
  FunctionName: z.unknown(),
  ScalingConfig: z.object({ MaximumConcurrency: z.number() }),
});
const variables = z.object({ Environment: z.object({ Variables: z.record(z.string(), z.unknown()) }) });
const fn = z.object({ FunctionName: z.string(), ReservedConcurrentExecutions: z.number().optional() });

describe('the reserve of a stage', () => {
  it('is of start, step-failed and reconciler, and of no step', () => {
    const reserving = made
      .all('AWS::Lambda::Function')
      .map(({ properties }) => fn.parse(properties))
      .filter(({ ReservedConcurrentExecutions }) => ReservedConcurrentExecutions !== undefined);
    const { start, stepFailed, reconciler } = reserveOf(stage('dev'));
    expect(
      Object.fromEntries(
        reserving.map(({ FunctionName, ReservedConcurrentExecutions }) => [
          FunctionName,
          ReservedConcurrentExecutions,
        ]),
      ),
    ).toEqual({
      stepline_dev_start: start,
      'stepline_dev_step-failed': stepFailed,
      stepline_dev_reconciler: reconciler,
    });
    const taken = made
      .all('AWS::Lambda::EventSourceMapping')
      .map(({ properties }) => mapping.parse(properties))
      .filter(({ FunctionName }) => textOf(FunctionName).includes('StepFailed'))
      .reduce((sum, { ScalingConfig }) => sum + ScalingConfig.MaximumConcurrency, 0);
    // A mapping that is throttled uses up receives of dead letters, and they are few.
    expect(taken).toBeGreaterThan(0);
    expect(taken).toBeLessThan(stepFailed);
  });

  it('lets through all starts that the throttling of the stage lets through', () => {
    for (const name of ['dev', 'staging', 'prod'] as const) {
      const { burst } = settingsOf(stages, name).throttling;
      expect(reserveOf(stage(name)).start).toBeGreaterThan(burst);
    }
  });

  it('is not made unless the app is told to', async () => {
    for (const { properties } of (await synthesized('dev')).all('AWS::Lambda::Function')) {
      expect(properties).not.toHaveProperty('ReservedConcurrentExecutions');
    }
  });
});

describe('the reads that wait', () => {
  const settings = settingsOf(stages, 'dev');

  it('are a tenth of what the account allows at most, whatever the stage says', () => {
    expect(waitPlacesOf({ settings, executions: 1_000 })).toBe(100);
    expect(waitPlacesOf({ settings, executions: 19 })).toBe(1);
    expect(waitPlacesOf({ settings: { ...settings, waiting: 40 }, executions: 1_000 })).toBe(40);
    expect(waitPlacesOf({ settings: { ...settings, waiting: 400 }, executions: 1_000 })).toBe(100);
    expect(waitPlacesOf({ settings: { ...settings, waiting: 0 }, executions: 1_000 })).toBe(0);
  });

  it('are as many as the stage says where nobody knows the account, or one', () => {
    expect(waitPlacesOf({ settings, executions: undefined })).toBe(1);
    expect(waitPlacesOf({ settings: { ...settings, waiting: 40 }, executions: undefined })).toBe(40);
  });

  it('are told to the function that shows workflows, as the app is told of the account', async () => {
    const places = made
      .all('AWS::Lambda::Function')
      .flatMap(({ properties }) => Object.entries(variables.parse(properties).Environment.Variables))
      .filter(([name]) => name === ENV.waitPlaces);
    expect(places).toEqual([[ENV.waitPlaces, '100']]);
    await expect(synthesizedWith('dev', { executions: 'many' })).rejects.toThrow(
      'Write a whole number, such as -c executions=1000.',
    );
  });
});

describe('the plan for an account', () => {
  it('that has room makes the reserve, and says what stays', () => {
    const { made, says } = planReserve(stage('dev'), { limit: 1_000, reservedByOthers: 100 });
    expect(made).toBe(true);
    expect(says).toEqual([
      'Executions are kept for the functions that the steps must not starve: 1000 of the account - 100 reserved by others - 163 (start 150 + step-failed 11 + reconciler 2) = 737, which stay for all other functions of the account.',
    ]);
  });

  it('leaves 100 unreserved, or reserves nothing', () => {
    const dev = stage('dev');
    expect(planReserve(dev, { limit: 263, reservedByOthers: 0 })).toMatchObject({ made: true });
    expect(planReserve(dev, { limit: 262, reservedByOthers: 0 })).toMatchObject({ made: false });
    expect(planReserve(dev, { limit: 1_000, reservedByOthers: 738 })).toMatchObject({ made: false });
  });

  it('that is new reserves nothing, and says what to ask AWS for', () => {
    const { made, says } = planReserve(stage('dev'), { limit: 10, reservedByOthers: 0 });
    expect(made).toBe(false);
    expect(says[0]).toContain(
      'Nothing is reserved for start, step-failed and reconciler: 10 of the account - 163 (start 150 + step-failed 11 + reconciler 2) = -153, and AWS wants 100 to stay unreserved.',
    );
    expect(says[0]).toContain('Ask AWS for 263 (Service Quotas, AWS Lambda, Concurrent executions)');
    expect(planReserve(stage('dev'), { limit: 263, reservedByOthers: 0 }).made).toBe(true);
    expect(says[1]).toContain('may take 120 executions at once, but they share 10 with');
  });

  it('of a stage whose steps may take more than stays says how much, and what would be enough', () => {
    const { made, says } = planReserve(stage('staging'), { limit: 1_000, reservedByOthers: 0 });
    expect(made).toBe(true);
    const [, beyond = ''] = says;
    expect(beyond).toContain('may take 600 executions at once, but they share 387 with');
    const limit = Number(/Ask AWS for (\d+)/.exec(beyond)?.[1]);
    expect(planReserve(stage('staging'), { limit, reservedByOthers: 0 }).says).toHaveLength(1);
    expect(planReserve(stage('staging'), { limit: limit - 1, reservedByOthers: 0 }).says).toHaveLength(2);
  });
});
