import { describe, expect, it } from 'vitest';
import { ALARM_KINDS, SEEN_WITHIN } from '../../../lib/cdk/monitoring/alarms/kinds.ts';
import { registry } from '../../../lib/chain/registry.ts';
import { LIMITS } from '../../../lib/contract/limits.ts';
import { STAGE_NAMES } from '../../../lib/contract/names.ts';
import { chains } from '../../support/shipped-chains.ts';
import { stages } from '../fixture-stages.ts';
import { type Synthesized, synthesized } from '../synth.ts';
import { type AlarmProperties, alarmsOf, askedByAlarm, kindOf } from './monitored.ts';

const dev = await synthesized('dev');
const lean = await synthesized('staging');
const alarms = alarmsOf(dev);
const STEP = ['step-error-rate', 'function-errors', 'throttles'];
const CHAIN = ['workflow-failed'];
const LEAN_CHAIN = ['workflow-failed', 'step-error-rate'];
const ALWAYS_SHARED = [
  ...[
    'message-parked',
    'dead-letter-unhandled',
    'compensation-failed',
    'repairs',
    'overdue',
    'step-unclaimed',
  ],
  ...['unexpected-errors', 'reconciler-missing', 'api-throttled'],
];
const SHARED = [
  ...ALWAYS_SHARED,
  ...['api-5xx', 'api-5xx-hour', 'table-refuses', 'reconciler_function-errors'],
  ...['step-failed_function-errors', 'step-failed_throttles', 'step-failed_recursion-dropped'],
];
const LEAN_SHARED = [...ALWAYS_SHARED, 'api-errors'];

const names = (some: readonly AlarmProperties[]): readonly string[] =>
  some.map(({ AlarmName }) => AlarmName.replace(/^stepline_(dev|staging)_/, '')).sort();
const alarmNamed = (name: string): AlarmProperties => {
  const found = alarms.find(({ AlarmName }) => AlarmName === `stepline_dev_${name}`);
  if (found === undefined) throw new Error(`there is no alarm ${name}`);
  return found;
};
/** Statistic and name of what an alarm watches. */
const watched = (name: string): readonly string[] =>
  askedByAlarm(alarmNamed(name)).map(
    ({ namespace, name: metric, statistic }) => `${namespace} ${metric} ${statistic}`,
  );

describe('the alarms of a stage', () => {
  it.each(registry(chains).current.map(({ name, steps }) => [name, steps] as const))(
    'stand for the chain %s beside its queues: its own, and those of each step',
    (name, steps) => {
      const template = dev.nested.get(name);
      const own = template === undefined ? [] : alarmsOf({ templates: [template] });
      const expected = [
        ...CHAIN.map((kind) => `${name}_${kind}`),
        ...steps.flatMap((step) => STEP.map((kind) => `${name}_${step.name}_${kind}`)),
      ];
      expect(names(own)).toEqual([...expected].sort());
    },
  );

  it('stand for what all chains share in the stack of the stage', () => {
    expect(names(alarmsOf({ templates: [dev.main] }))).toEqual([...SHARED].sort());
  });

  it('are on a lean stage one of each kind and chain, and none of a step', () => {
    for (const { name } of registry(chains).current) {
      const template = lean.nested.get(name);
      const own = template === undefined ? [] : alarmsOf({ templates: [template] });
      expect(names(own)).toEqual(LEAN_CHAIN.map((kind) => `${name}_${kind}`).sort());
    }
    expect(names(alarmsOf({ templates: [lean.main] }))).toEqual([...LEAN_SHARED].sort());
  });

  it('are of every kind that there is, and of no other', () => {
    const kinds = [...alarms, ...alarmsOf(lean)].map(kindOf);
    expect([...new Set(kinds)].sort()).toEqual(Object.keys(ALARM_KINDS).sort());
  });

  it('have names that differ, of at most 255 characters', () => {
    expect(new Set(names(alarms)).size).toBe(alarms.length);
    for (const { AlarmName } of alarms) expect(AlarmName.length).toBeLessThanOrEqual(255);
  });

  it.each(STAGE_NAMES)(
    'in %s all tell on-call, and the critical ones also when it is over',
    async (stage) => {
      const made: Synthesized = await synthesized(stage);
      for (const alarm of alarmsOf(made)) {
        expect(alarm.AlarmActions, alarm.AlarmName).toHaveLength(1);
        expect(JSON.stringify(alarm.AlarmActions), alarm.AlarmName).toMatch(/OnCall/);
        const over = severityOf(alarm) === 'critical' ? alarm.AlarmActions : undefined;
        expect(alarm.OKActions, alarm.AlarmName).toEqual(over);
      }
    },
  );

  it('say how loud they are in their description and as a tag', () => {
    for (const alarm of alarms) {
      const severity = severityOf(alarm);
      expect(['critical', 'warning'], alarm.AlarmName).toContain(severity);
      expect(alarm.AlarmDescription).toMatch(new RegExp(`^${severity}: `));
    }
  });

  it('lead to their heading in the runbook', () => {
    for (const alarm of alarms) {
      expect(alarm.AlarmDescription.endsWith(`Runbook: ${stages.dev.runbookUrl}#${kindOf(alarm)}`)).toBe(
        true,
      );
      expect(alarm.AlarmDescription.length).toBeLessThanOrEqual(1_024);
    }
  });

  it('wake somebody only for what cannot wait', () => {
    const all = [...alarms, ...alarmsOf(lean)];
    const loud = all.filter((alarm) => severityOf(alarm) === 'critical').map(kindOf);
    expect([...new Set(loud)].sort()).toEqual([
      ...[
        'api-5xx',
        'api-5xx-hour',
        'api-errors',
        'compensation-failed',
        'dead-letter-unhandled',
        'message-parked',
      ],
      ...['overdue', 'reconciler-missing', 'step-unclaimed'],
    ]);
  });

  it('stay within what CloudWatch evaluates: ten metrics, and a day at most', () => {
    for (const alarm of alarms) {
      const { Metrics, Period, EvaluationPeriods, DatapointsToAlarm = EvaluationPeriods } = alarm;
      const periods = [Period, ...(Metrics ?? []).map(({ MetricStat }) => MetricStat?.Period)].filter(
        (period) => period !== undefined,
      );
      expect(new Set(periods).size, alarm.AlarmName).toBe(1);
      for (const period of periods) {
        expect(period % 60).toBe(0);
        expect(period * EvaluationPeriods).toBeLessThanOrEqual(86_400);
      }
      expect(askedByAlarm(alarm).length).toBeLessThanOrEqual(10);
      expect(DatapointsToAlarm).toBeLessThanOrEqual(EvaluationPeriods);
    }
  });
});

const severityOf = ({ Tags }: AlarmProperties): string | undefined =>
  Tags.find(({ Key }) => Key === 'severity')?.Value;

describe('an alarm', () => {
  it('tells of the first workflow that failed', () => {
    expect(watched('order-processing_workflow-failed')).toEqual(['Stepline WorkflowsFailed Sum']);
    expect(alarmNamed('order-processing_workflow-failed')).toMatchObject({
      Threshold: 1,
      EvaluationPeriods: 1,
    });
  });

  it('wakes somebody at the first workflow that could not be taken back, of whatever chain', () => {
    expect(watched('compensation-failed')).toEqual(['Stepline CompensationsFailed Sum']);
    const alarm = alarmNamed('compensation-failed');
    expect(alarm).toMatchObject({ Threshold: 1, EvaluationPeriods: 1 });
    expect(askedByAlarm(alarm)[0]?.dimensions).toEqual({ stage: 'dev' });
  });

  it('tells of dead letters that nobody takes by how long the oldest has waited, not by how many there are', () => {
    expect(watched('dead-letter-unhandled')).toEqual(['AWS/SQS ApproximateAgeOfOldestMessage Maximum']);
    const alarm = alarmNamed('dead-letter-unhandled');
    expect(askedByAlarm(alarm)[0]?.dimensions).toEqual({ QueueName: 'stepline_dev_step-failed' });
    const { Threshold, DatapointsToAlarm, EvaluationPeriods } = alarm;
    expect([Threshold, DatapointsToAlarm, EvaluationPeriods]).toEqual([600, 1, 1]);
  });

  it('tells at once of a message in the parking queue', () => {
    const alarm = alarmNamed('message-parked');
    expect(alarm).toMatchObject({ Threshold: 1, EvaluationPeriods: 1, Period: 60 });
    expect(askedByAlarm(alarm)[0]?.dimensions).toEqual({ QueueName: 'stepline_dev_parking' });
  });

  it('tells of a step that does not end from one look of the reconciler to the next, so that it does not come and go', () => {
    const alarm = alarmNamed('overdue');
    const longestGap = LIMITS.reconcileBackoffCap + LIMITS.reconcileInterval;
    expect(alarm.Period).toBeGreaterThan(longestGap);
    expect(alarm).toMatchObject({ Statistic: 'Maximum', EvaluationPeriods: 1, Threshold: 1 });
    // Nothing is told while nothing waits. That the reconciler is missing is told earlier than this could end.
    expect(alarm.TreatMissingData).toBe('notBreaching');
    const { looks, period } = ALARM_KINDS['reconciler-missing'];
    expect(looks.of * period).toBeLessThan(SEEN_WITHIN);
  });

  it('tells of a reconciler that does not run, or whose every run fails', () => {
    expect(watched('reconciler-missing')).toEqual(['AWS/Lambda Errors Minimum']);
    expect(alarmNamed('reconciler-missing')).toMatchObject({
      ComparisonOperator: 'GreaterThanOrEqualToThreshold',
      Threshold: 1,
      EvaluationPeriods: 5,
      TreatMissingData: 'breaching',
    });
  });

  it('tells of repairs that go on, not of one', () => {
    expect(watched('repairs')).toEqual(['Stepline Repairs Sum']);
    expect(alarmNamed('repairs')).toMatchObject({
      Period: SEEN_WITHIN,
      DatapointsToAlarm: 3,
      EvaluationPeriods: 3,
    });
  });

  it('tells of a share of failed attempts only where there are some', () => {
    const { Metrics } = alarmNamed('order-processing_payment_step-error-rate');
    const [expression] = (Metrics ?? []).flatMap(({ Expression }) => Expression ?? []);
    expect(expression).toBe('IF(attempts >= 10, 100 * FILL(failed, 0) / attempts, 0)');
  });

  it('tells of requests turned away, which only the access log tells from other mistakes', () => {
    dev.main.hasResourceProperties('AWS::Logs::MetricFilter', {
      FilterPattern: '{ $.status = "429" }',
      MetricTransformations: [
        { MetricNamespace: 'SteplineApi', MetricName: 'stepline_dev_turned-away', DefaultValue: 0 },
      ],
    });
    expect(watched('api-throttled')).toEqual(['SteplineApi stepline_dev_turned-away Sum']);
  });
});

describe('the topic of on-call', () => {
  it('takes what the alarms of this account tell, though its policy refuses what is not encrypted', () => {
    dev.main.hasResourceProperties('AWS::SNS::TopicPolicy', {
      PolicyDocument: {
        Statement: [
          { Effect: 'Deny', Action: 'sns:Publish' },
          {
            Effect: 'Allow',
            Action: 'sns:Publish',
            Principal: { Service: 'cloudwatch.amazonaws.com' },
            Condition: { StringEquals: { 'aws:SourceAccount': '123456789012' } },
          },
        ],
      },
    });
  });
});
