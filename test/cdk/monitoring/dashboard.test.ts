import { NestedStack, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { Api } from '../../../lib/cdk/api.ts';
import { Foundation } from '../../../lib/cdk/foundation.ts';
import { chainSources } from '../../../lib/cdk/modules.ts';
import { StageDashboard } from '../../../lib/cdk/monitoring/dashboard/dashboard.ts';
import { pagesOf } from '../../../lib/cdk/monitoring/pages.ts';
import { settingsOf } from '../../../lib/cdk/settings.ts';
import { registry } from '../../../lib/chain/registry.ts';
import { chains } from '../../support/shipped-chains.ts';
import { stages } from '../fixture-stages.ts';
import { ENVIRONMENT, synthesized, testApp } from '../synth.ts';
import { alarmsOf, askedByWidget, dashboardsOf, kindOf, type Widget } from './monitored.ts';

const dev = await synthesized('dev');
const [page = [], ...others] = dashboardsOf(dev);
const headings = page.flatMap(({ properties: { markdown } }) => markdown ?? []);
const titled = (title: string, widgets: readonly Widget[] = page): readonly Widget[] =>
  widgets.filter(({ properties }) => properties.title === title);
/** The widgets below a heading, up to the next one. */
const below = (heading: string): readonly Widget[] => {
  const from = page.findIndex(({ properties: { markdown } }) => markdown === heading);
  const rest = page.slice(from + 1);
  const end = rest.findIndex(({ type }) => type === 'text');
  return end === -1 ? rest : rest.slice(0, end);
};

describe('the dashboard of a stage', () => {
  it('is one, named like the stage, and the stack says where', () => {
    expect(others).toEqual([]);
    expect(dev.all('AWS::CloudWatch::Dashboard').map(({ properties }) => properties.DashboardName)).toEqual([
      'stepline_dev_dashboard',
    ]);
    dev.main.resourceCountIs('AWS::CloudWatch::Dashboard', 0);
    dev.main.hasOutput('DashboardUrl', {
      Value:
        'https://eu-central-1.console.aws.amazon.com/cloudwatch/home?region=eu-central-1#dashboards/dashboard/stepline_dev_dashboard',
    });
  });

  it('leads to the runbook', () => {
    expect(headings[0]).toContain(`[Runbook](${stages.dev.runbookUrl})`);
  });

  it('shows on top which alarms sound now, the loud ones apart, and none is left out', () => {
    const [critical, warnings] = page.filter(({ type }) => type === 'alarm');
    expect(critical?.y).toBe(2);
    expect(warnings?.y).toBe(2);
    for (const widget of [critical, warnings]) expect(widget?.properties.states).toEqual(['ALARM']);
    const shown = [...(critical?.properties.alarms ?? []), ...(warnings?.properties.alarms ?? [])];
    const known = alarmsOf(dev).map(
      ({ AlarmName }) => `arn:aws:cloudwatch:eu-central-1:123456789012:alarm:${AlarmName}`,
    );
    expect([...shown].sort()).toEqual([...known].sort());
    const loud = (critical?.properties.alarms ?? []).map((arn) => kindOf({ AlarmName: arn }));
    expect(new Set(loud)).toContain('message-parked');
    expect(new Set(loud)).not.toContain('workflow-failed');
  });

  it('then whether workflows get on, over all chains', () => {
    const names = registry(chains).current.map(({ name }) => name);
    const asked = titled('Workflows').flatMap(askedByWidget);
    for (const metric of ['WorkflowsStarted', 'WorkflowsCompleted', 'WorkflowsFailed']) {
      const summed = asked.filter(({ name }) => name === metric).map(({ dimensions }) => dimensions.chain);
      expect(summed.sort()).toEqual([...names].sort());
    }
    expect(page.some(({ properties: { title } }) => title?.startsWith('The latest step'))).toBe(true);
  });

  it('beside them how many are taken back, of all chains, and how many could not be', () => {
    const names = registry(chains).current.map(({ name }) => name);
    const asked = titled('Workflows that are taken back').flatMap(askedByWidget);
    for (const metric of ['WorkflowsCompensating', 'WorkflowsCompensated']) {
      const summed = asked.filter(({ name }) => name === metric).map(({ dimensions }) => dimensions.chain);
      expect(summed.sort()).toEqual([...names].sort());
    }
    expect(asked.filter(({ name }) => name === 'CompensationsFailed').map((one) => one.dimensions)).toEqual([
      { stage: 'dev' },
    ]);
    const [counts, takenBack] = ['Workflows', 'Workflows that are taken back'].map(
      (title) => titled(title)[0],
    );
    expect(takenBack?.y).toBe(counts?.y);
  });

  it('has the API, what all chains share, and one row for each chain, in this order', () => {
    const expected = ['## API', '## Shared', ...registry(chains).current.map(({ name }) => `## ${name}`)];
    expect(headings.slice(1)).toEqual(expected);
  });

  it('shows in every graph of a chain each step, in its order', () => {
    for (const { name, steps } of registry(chains).current) {
      const graphs = below(`## ${name}`);
      expect(graphs.map(({ properties: { title } }) => title)).toEqual([
        'Messages in the queue',
        'Age of the oldest message',
        'Attempts',
        'Attempts that failed',
        'Duration of an attempt, p50',
        'Duration of an attempt, p95',
        'Duration of an attempt, p99',
        'Dead letters: handled; moved by SQS',
      ]);
      for (const graph of graphs) {
        const about = askedByWidget(graph).map(
          ({ dimensions: { step, QueueName } }) => step ?? String(QueueName).split('_')[3],
        );
        expect([...new Set(about)]).toEqual(steps.map((step) => step.name));
      }
    }
  });

  it('has no two widgets on the same place, and none beyond its 24 columns', () => {
    const taken = new Set<string>();
    for (const { x, y, width, height } of page) {
      expect(x + width).toBeLessThanOrEqual(24);
      for (let column = x; column < x + width; column += 1) {
        for (let line = y; line < y + height; line += 1) {
          expect(taken.has(`${column},${line}`)).toBe(false);
          taken.add(`${column},${line}`);
        }
      }
    }
  });
});

/** The dashboards of a stage with so many chains of so many steps. */
async function dashboardsOfMany(count: number, steps: number) {
  const stack = new Stack(testApp(), 'many', { env: ENVIRONMENT });
  const sources = await chainSources(chains, ['functions/chains']);
  const stage = { name: 'dev', settings: settingsOf(stages, 'dev'), chains: sources } as const;
  const foundation = new Foundation(stack, 'Foundation', { stage });
  const api = new Api(stack, 'Api', { foundation });
  const many = Array.from({ length: count }, (_, chain) => ({
    chainName: `chain-${chain}`,
    steps: Array.from({ length: steps }, (_, step) => ({ place: { step: `step-${step}` } })),
    alarms: Array.from({ length: steps }, (_, step) => ({
      alarmName: `stepline_dev_chain-${chain}_step-${step}_throttles`,
      severity: 'warning' as const,
    })),
  }));
  new StageDashboard(stack, 'Dashboard', { foundation, api, chains: many });
  const nested = stack.node.findAll().filter((one) => one instanceof NestedStack);
  return dashboardsOf({ templates: [stack, ...nested].map((one) => Template.fromStack(one)) });
}

describe('the dashboards of many chains', () => {
  it.each([
    [1, 1, 1],
    [4, 3, 1],
    [120, 3, 3],
    [200, 1, 5],
    [3, 200, 4],
  ])('%i of %i steps: %i of them, each within what CloudWatch takes', async (count, steps, pages) => {
    const made = await dashboardsOfMany(count, steps);
    expect(made).toHaveLength(pages);
    for (const widgets of made) {
      expect(widgets.length).toBeLessThanOrEqual(500);
      expect(widgets.flatMap(askedByWidget).length).toBeLessThanOrEqual(2_500);
      for (const widget of widgets) {
        expect(askedByWidget(widget).length).toBeLessThanOrEqual(500);
        expect((widget.properties.alarms ?? []).length).toBeLessThanOrEqual(100);
      }
    }
    const shown = made
      .flat()
      .flatMap(({ properties: { markdown } }) => markdown?.match(/^## chain-\d+/) ?? []);
    expect(shown).toHaveLength(count);
  });

  it('lead to one another', async () => {
    for (const [first] of await dashboardsOfMany(120, 3)) {
      expect(first?.properties.markdown).toContain('[stepline_dev_dashboard](https://');
      expect(first?.properties.markdown).toContain('[stepline_dev_dashboard-3](https://');
    }
  });
});

describe('pages', () => {
  it.each<[string, readonly number[], number, readonly (readonly number[])[]]>([
    ['keep the order, and begin anew where one is full', [5, 5, 3], 0, [[5, 5], [3]]],
    ['give what is too heavy a page of its own', [2, 30, 2], 0, [[2], [30], [2]]],
    ['have less room on the first one where it carries more', [5, 5, 3], 6, [[], [5, 5], [3]]],
    ['are one where there is nothing', [], 0, [[]]],
  ])('%s', (_what, items, taken, expected) => {
    expect(pagesOf(items, (item) => item, 10, taken)).toEqual(expected);
  });
});
