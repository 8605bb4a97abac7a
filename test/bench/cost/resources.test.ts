import { describe, expect, it } from 'vitest';
import { countResources } from './resources.ts';

const NOTHING = {
  mappings: 0,
  alarms: 0,
  compositeAlarms: 0,
  dashboards: 0,
  keys: 0,
  secrets: 0,
  schedules: 0,
};
const statistic = { MetricStat: { Metric: { MetricName: 'Errors' } } };

const ROOT = {
  AWSTemplateFormatVersion: '2010-09-09',
  Resources: {
    Nested: { Type: 'AWS::CloudFormation::Stack', Properties: { TemplateURL: 'nested' } },
    Key: { Type: 'AWS::KMS::Key', Properties: {} },
    Secret: { Type: 'AWS::SecretsManager::Secret' },
    Board: { Type: 'AWS::CloudWatch::Dashboard', Properties: { DashboardBody: { 'Fn::Join': ['', []] } } },
    EveryMinute: { Type: 'AWS::Scheduler::Schedule', Properties: { ScheduleExpression: 'rate(1 minute)' } },
    Table: { Type: 'AWS::DynamoDB::Table', Properties: {} },
  },
};
const NESTED = {
  Resources: {
    Queue: { Type: 'AWS::SQS::Queue' },
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
      alarms: 1,
      dashboards: 1,
      keys: 1,
      secrets: 1,
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

  it('has a rule as a schedule only where it has one', () => {
    const rule = (Properties: object) => ({ Resources: { Rule: { Type: 'AWS::Events::Rule', Properties } } });
    expect(countResources([rule({ ScheduleExpression: 'rate(1 minute)' })]).schedules).toBe(1);
    expect(countResources([rule({ EventPattern: {} })]).schedules).toBe(0);
  });

  it('is nothing where there are no templates or empty ones', () => {
    expect(countResources([])).toEqual(NOTHING);
    expect(countResources([{ Outputs: {} }])).toEqual(NOTHING);
  });

  it.each([[null], ['text'], [{ Resources: { Broken: {} } }]])('cannot be told from %j', (template) => {
    expect(() => countResources([template])).toThrow();
  });
});
