import { NestedStack, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { stageApp } from '../../lib/cdk/app.ts';
import { chainSources } from '../../lib/cdk/modules.ts';
import { probeSettings } from '../../lib/cdk/probe.ts';
import { settingsOf } from '../../lib/cdk/settings.ts';
import { PROBE_STAGE } from '../../lib/contract/names.ts';
import { probeChains } from '../../lib/probe/chains.ts';
import { billOf } from '../bench/cost/bill/bill.ts';
import { POLLS_OF_MONTH } from '../bench/cost/bill/idle.ts';
import { DAYS_OF_MONTH } from '../bench/cost/bill/stepline.ts';
import { customMetrics } from '../bench/cost/stage/custom-metrics.ts';
import { countResources, type Resources } from '../bench/cost/stage/resources.ts';
import { stages } from '../cdk/fixture-stages.ts';
import { ENVIRONMENT, testApp } from '../cdk/synth.ts';

const resource = z.looseObject({
  Type: z.string(),
  DeletionPolicy: z.string().optional(),
  Properties: z.record(z.string(), z.unknown()).default({}),
});
const template = z.looseObject({ Resources: z.record(z.string(), resource) });

const HOURS_OF_MONTH = DAYS_OF_MONTH * 24;

/** Properties that name something in the account. */
const NAME_PROPERTIES = ['FunctionName', 'QueueName', 'TableName', 'TopicName', 'AlarmName', 'LogGroupName'];

describe('the stage probe beside prod', () => {
  let templates: readonly unknown[];
  let resources: readonly z.infer<typeof resource>[];
  let counts: Resources;
  beforeAll(async () => {
    const app = testApp({ stage: 'prod' }, true);
    const settings = { ...probeSettings(settingsOf(stages, 'prod'), false), ...ENVIRONMENT };
    const chains = await chainSources(probeChains, ['lib/probe/chains.ts']);
    stageApp({ name: PROBE_STAGE, settings, chains }, app);
    const stacks = app.node.findAll().filter((node) => node instanceof Stack || node instanceof NestedStack);
    templates = stacks.map((stack) => Template.fromStack(stack).toJSON());
    resources = templates.flatMap((one) => Object.values(template.parse(one).Resources));
    counts = countResources(templates);
  }, 120_000);

  it('is a stack of its own, each of whose names says so', () => {
    const names = resources.flatMap(({ Properties }) =>
      NAME_PROPERTIES.flatMap((name) => (typeof Properties[name] === 'string' ? [Properties[name]] : [])),
    );
    expect(names.length).toBeGreaterThan(100);
    expect(names.filter((name) => !/(^|\/)stepline_probe/.test(name))).toEqual([]);
  });

  it('reads no secret, and tells nobody', () => {
    expect(counts.secrets).toBe(0);
    expect(resources.filter(({ Type }) => Type === 'AWS::SNS::Subscription')).toEqual([]);
  });

  it('keeps nothing when it is removed', () => {
    expect(resources.filter(({ DeletionPolicy = 'Delete' }) => DeletionPolicy !== 'Delete')).toEqual([]);
    expect(resources.filter(({ Properties }) => Properties.DeletionProtectionEnabled === true)).toEqual([]);
  });

  it('costs at most a quarter of a dollar, as docs/reliability.md says, if it stands for an hour', () => {
    const { goesWell, goesWrong } = customMetrics(probeChains, 'lean');
    // What CloudWatch and KMS bill by the hour, and the receives of the mappings, which find nothing.
    const { dollars } = billOf(
      [
        { label: 'alarms', price: 'alarmMetric', quantity: counts.alarms },
        { label: 'composite alarms', price: 'compositeAlarm', quantity: counts.compositeAlarms },
        { label: 'dashboards', price: 'dashboard', quantity: counts.dashboards },
        { label: 'keys', price: 'kmsKey', quantity: counts.keys },
        { label: 'custom metrics', price: 'customMetric', quantity: goesWell + goesWrong },
        { label: 'polls', price: 'sqsRequest', quantity: counts.mappings * POLLS_OF_MONTH },
      ],
      1 / HOURS_OF_MONTH,
    );
    expect(dollars).toBeGreaterThan(0.02);
    expect(dollars).toBeLessThan(0.25);
  });
});
