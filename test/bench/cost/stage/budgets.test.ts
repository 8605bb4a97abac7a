import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stages } from '../../../cdk/fixture-stages.ts';
import { bundleTo } from '../../../functions/deployment.ts';
import { chains } from '../../../support/shipped-chains.ts';
import { measureIdleRun } from '../measured/idle-run.ts';
import { BUDGETS, countIdleStages, type IdleCost, idleCosts, isWithin } from './budgets.ts';

/** As they are shipped in bin/stages.ts. */
const SHIPPED = {
  ...stages,
  dev: { ...stages.dev, monitoring: 'lean', encryption: 'aws-owned' },
  prod: { ...stages.prod, monitoring: 'full', encryption: 'customer-managed' },
} as const;

describe('an idle stage', () => {
  const bundles = mkdtempSync(join(tmpdir(), 'stepline-budgets-'));
  let costs: readonly IdleCost[];
  beforeAll(async () => {
    await bundleTo(bundles);
    const runs = {
      dev: await measureIdleRun(bundles, 10, 'debug'),
      prod: await measureIdleRun(bundles, 10, 'info'),
    };
    costs = idleCosts(await countIdleStages({ chains, stages: SHIPPED }, [200]), runs);
  }, 300_000);
  afterAll(() => rmSync(bundles, { recursive: true }));

  it.each(['dev', 'prod'] as const)('of the shipped chains costs in %s no more than its budget', (name) => {
    const [shipped] = costs.filter((one) => one.name === name && one.steps === 'shipped');
    expect(shipped?.budget).toBe(BUDGETS[name]);
    expect(shipped?.dollars).toBeLessThanOrEqual(BUDGETS[name]);
    // It is no empty bill: the polls alone are more than half of the smaller budget.
    expect(shipped?.dollars).toBeGreaterThan(BUDGETS.dev / 2);
  });

  it('pays by the step for polls and looks, and lean for nothing else but its chains', () => {
    const of = (name: 'dev' | 'prod', steps: IdleCost['steps'], label: string): number =>
      costs
        .find((one) => one.name === name && one.steps === steps)
        ?.bill.lines.find((line) => line.label === label)?.quantity ?? Number.NaN;
    expect(of('dev', 200, 'polls of the mappings')).toBe(201 * 657_000);
    expect(of('dev', 200, 'looks into the dead-letter queues')).toBe(200 * 43_800);
    // Two kinds of three metrics of each chain, and those of the stage.
    const ofStage = of('dev', 'shipped', 'alarms, for each metric') - 3 * 4;
    expect(of('dev', 200, 'alarms, for each metric')).toBe(3 * 67 + ofStage);
    expect(of('prod', 200, 'alarms, for each metric')).toBeGreaterThan(4 * 200);
  });

  it('above its budget is told from one within', () => {
    const [one] = costs;
    if (one === undefined) throw new Error('there is a stage');
    expect(isWithin({ ...one, dollars: 6, budget: 6 })).toBe(true);
    expect(isWithin({ ...one, dollars: 6.01, budget: 6 })).toBe(false);
    expect(isWithin({ ...one, dollars: 1_000, budget: undefined })).toBe(true);
  });
});
