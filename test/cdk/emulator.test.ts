import { NestedStack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { chainSources } from '../../lib/cdk/modules.ts';
import { settingsOf } from '../../lib/cdk/settings.ts';
import { SteplineStack } from '../../lib/cdk/stack.ts';
import { chains } from '../support/shipped-chains.ts';
import { stages } from './fixture-stages.ts';
import { alarmsOf, dashboardsOf, kindOf } from './monitoring/monitored.ts';
import { testApp } from './synth.ts';

const stack = new SteplineStack(testApp(), 'emulated', {
  stage: {
    name: 'dev',
    settings: settingsOf({ ...stages, dev: { ...stages.dev, emulator: true } }, 'dev'),
    chains: await chainSources(chains, ['functions/chains']),
  },
});
const nested = stack.node.findAll().filter((one) => one instanceof NestedStack);
const templates = [stack, ...nested].map((one) => Template.fromStack(one));

/** MiniStack refuses a whole template for one resource that it does not know. */
describe('an emulator', () => {
  it('is given no saved queries', () => {
    for (const template of templates) template.resourceCountIs('AWS::Logs::QueryDefinition', 0);
  });

  it('is given every alarm but those that calculate', () => {
    const alarms = alarmsOf({ templates });
    expect(alarms.filter(({ Metrics }) => Metrics !== undefined)).toEqual([]);
    expect([...new Set(alarms.map(kindOf))].sort()).toEqual([
      ...['api-throttled', 'compensation-failed', 'dead-letter-unhandled', 'function-errors'],
      'message-parked',
      ...['overdue', 'reconciler-missing', 'recursion-dropped', 'repairs', 'step-unclaimed'],
      'throttles',
      ...['unexpected-errors', 'workflow-failed'],
    ]);
  });

  it('is given the dashboard', () => {
    expect(dashboardsOf({ templates })).toHaveLength(1);
  });
});
