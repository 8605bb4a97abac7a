import { describe, expect, it } from 'vitest';
import { stepPlaces } from '../../../../lib/chain/places.ts';
import { stages } from '../../../cdk/fixture-stages.ts';
import { chains } from '../../../support/shipped-chains.ts';
import { countResources } from './resources.ts';
import { countStage, countTemplates } from './templates.ts';

const NOTHING = {
  mappings: 0,
  deadLetterQueues: 0,
  alarms: 0,
  compositeAlarms: 0,
  dashboards: 0,
  keys: 0,
  secrets: 0,
  schedules: 0,
  tracedSchedules: 0,
  meteredRoutes: 0,
};
const statistic = { MetricStat: { Metric: { MetricName: 'Errors' } } };

const ROOT = {
  AWSTemplateFormatVersion: '2010-09-09',
  Resources: {
    Nested: { Type: 'AWS::CloudFormation::Stack', Properties: { TemplateURL: 'nested' } },
    Key: { Type: 'AWS::KMS::Key', Properties: {} },
    Board: { Type: 'AWS::CloudWatch::Dashboard', Properties: { DashboardBody: { 'Fn::Join': ['', []] } } },
    EveryMinute: { Type: 'AWS::Scheduler::Schedule', Properties: { ScheduleExpression: 'rate(1 minute)' } },
    Table: { Type: 'AWS::DynamoDB::Table', Properties: {} },
  },
};
const NESTED = {
  Resources: {
    Queue: { Type: 'AWS::SQS::Queue', Properties: { QueueName: 'stepline_dev_a_b' } },
    Dead: { Type: 'AWS::SQS::Queue', Properties: { QueueName: 'stepline_dev_a_b_dlq' } },
    Failed: { Type: 'AWS::SQS::Queue', Properties: { QueueName: 'stepline_dev_step-failed' } },
    Mapping: { Type: 'AWS::Lambda::EventSourceMapping', Properties: { BatchSize: 10 } },
    DeadMapping: { Type: 'AWS::Lambda::EventSourceMapping', Properties: { BatchSize: 10 } },
    Alarm: { Type: 'AWS::CloudWatch::Alarm', Properties: { MetricName: 'Age', Threshold: 1 } },
  },
};

describe('what a stage is made of', () => {
  it('is counted over all its templates, nested stacks included', () => {
    expect(countResources([ROOT, NESTED])).toEqual({
      ...NOTHING,
      mappings: 2,
      deadLetterQueues: 1,
      alarms: 1,
      dashboards: 1,
      keys: 1,
      schedules: 1,
    });
  });

  it('has an alarm on an expression for each metric in it, the expression not being one', () => {
    const Metrics = [{ Expression: 'a / b' }, { Id: 'a', ...statistic }, { Id: 'b', ...statistic }];
    const template = { Resources: { Alarm: { Type: 'AWS::CloudWatch::Alarm', Properties: { Metrics } } } };
    expect(countResources([template]).alarms).toBe(2);
  });

  it('has composite alarms apart', () => {
    const template = { Resources: { Any: { Type: 'AWS::CloudWatch::CompositeAlarm' } } };
    expect(countResources([template])).toEqual({ ...NOTHING, compositeAlarms: 1 });
  });

  it('has a secret for each name in the targets of its functions, whoever made it', () => {
    const reads = (...names: readonly string[]) => {
      const secret = (name: string) => ({ store: 'secrets-manager', name, header: 'authorization' });
      const targets = names.map((name) => [name, { baseUrl: 'https://a.example', secret: secret(name) }]);
      const Variables = {
        STEPLINE_TARGETS: JSON.stringify(Object.fromEntries(targets)),
        TABLE: { Ref: 'T' },
      };
      return { Type: 'AWS::Lambda::Function', Properties: { Environment: { Variables } } };
    };
    const templates = [
      { Resources: { A: reads('a', 'b'), Made: { Type: 'AWS::SecretsManager::Secret' } } },
      { Resources: { B: reads('b'), C: { Type: 'AWS::Lambda::Function' } } },
    ];
    expect(countResources(templates)).toEqual({ ...NOTHING, secrets: 2 });
  });

  it('has no secret that costs anything in the Parameter Store', () => {
    const secret = { store: 'ssm', name: '/a', header: 'authorization' };
    const STEPLINE_TARGETS = JSON.stringify({ a: { baseUrl: 'https://a.example', secret } });
    const Properties = { Environment: { Variables: { STEPLINE_TARGETS } } };
    const template = { Resources: { A: { Type: 'AWS::Lambda::Function', Properties } } };
    expect(countResources([template]).secrets).toBe(0);
  });

  it('has routes with metrics of their own where the API’s stage says so', () => {
    const api = (DetailedMetricsEnabled: boolean) => ({
      Resources: {
        Stage: {
          Type: 'AWS::ApiGatewayV2::Stage',
          Properties: { DefaultRouteSettings: { DetailedMetricsEnabled } },
        },
        Get: { Type: 'AWS::ApiGatewayV2::Route' },
        Post: { Type: 'AWS::ApiGatewayV2::Route' },
      },
    });
    expect([true, false].map((on) => countResources([api(on)]).meteredRoutes)).toEqual([2, 0]);
  });

  it('has a rule as a schedule only where it has one', () => {
    const rule = (Properties: object) => ({ Resources: { Rule: { Type: 'AWS::Events::Rule', Properties } } });
    expect(countResources([rule({ ScheduleExpression: 'rate(1 minute)' })]).schedules).toBe(1);
    expect(countResources([rule({ EventPattern: {} })]).schedules).toBe(0);
  });

  it('is nothing where there are no templates or empty ones', () => {
    expect(countResources([])).toEqual(NOTHING);
    expect(countResources([{ Outputs: {} }])).toEqual(NOTHING);
  });

  it('has a schedule as a traced one where its function is', () => {
    const scheduled = (Mode: string) => ({
      Resources: {
        Fn: { Type: 'AWS::Lambda::Function', Properties: { TracingConfig: { Mode } } },
        Other: { Type: 'AWS::Lambda::Function', Properties: { TracingConfig: { Mode: 'Active' } } },
        Rule: {
          Type: 'AWS::Events::Rule',
          Properties: {
            ScheduleExpression: 'rate(1 minute)',
            Targets: [{ Arn: { 'Fn::GetAtt': ['Fn', 'Arn'] } }],
          },
        },
      },
    });
    const traced = (Mode: string) => countResources([scheduled(Mode)]).tracedSchedules;
    expect(['Active', 'PassThrough'].map(traced)).toEqual([1, 0]);
  });

  it('is of the stage dev what its chains and settings make of it', async () => {
    const { counts, from } = await countStage('dev', { chains, stages });
    const places = stepPlaces(chains);
    expect(from).toContain('dev');
    expect(counts).toMatchObject({
      mappings: places.length + 1,
      deadLetterQueues: places.length,
      keys: 1,
      schedules: 1,
      tracedSchedules: 0,
    });
    expect(counts.secrets).toBe(new Set(places.flatMap(({ targets = [] }) => targets)).size);
    expect(counts.alarms).toBeGreaterThan(places.length);
    expect(counts.dashboards).toBeGreaterThanOrEqual(1);
    // Detailed metrics of the API are switched off: each route would cost as much as a chain.
    expect(counts.meteredRoutes).toBe(0);
  });

  it('is told to be missing where a directory has no templates', () => {
    expect(() => countTemplates('no such directory')).toThrow('no templates');
  });

  it.each([[null], ['text'], [{ Resources: { Broken: {} } }]])('cannot be told from %j', (template) => {
    expect(() => countResources([template])).toThrow();
  });
});
