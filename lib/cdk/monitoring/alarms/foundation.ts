import type { Duration } from 'aws-cdk-lib';
import { type IMetric, MathExpression } from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import { PARKING, type QueueName, STEP_FAILED, type StageName } from '../../../contract/names.ts';
import { functionMetric, ourMetric, queueMetric, tableMetric } from '../metrics.ts';
import { StageAlarm, type WatchedStage } from './alarm.ts';
import { functionAlarms } from './function.ts';

/** What all chains of a stage share, as its alarms see it. */
export interface WatchedFoundation extends Construct, WatchedStage {
  readonly stepFailed: Construct;
  readonly reconciler: Construct;
}

/** The alarms of what all chains of a stage share. */
export function foundationAlarms(foundation: WatchedFoundation): readonly StageAlarm[] {
  const { name: stage, settings } = foundation.stage;
  const whole = { watched: foundation, parts: [], words: `the stage ${stage}` };
  const highest = (metric: string, queue: QueueName) => (period: Duration) =>
    queueMetric(metric, stage, queue, { statistic: 'Maximum', period });
  const always = [
    new StageAlarm(foundation, 'message-parked', {
      ...whole,
      metric: highest('ApproximateNumberOfMessagesVisible', PARKING),
    }),
    new StageAlarm(foundation, 'dead-letter-unhandled', {
      ...whole,
      metric: highest('ApproximateAgeOfOldestMessage', STEP_FAILED),
    }),
    new StageAlarm(foundation, 'compensation-failed', {
      ...whole,
      metric: (period) => ourMetric('compensationsFailed', { stage }, { statistic: 'Sum', period }),
    }),
    new StageAlarm(foundation, 'repairs', {
      ...whole,
      metric: (period) => ourMetric('repairs', { stage }, { statistic: 'Sum', period }),
    }),
    new StageAlarm(foundation, 'overdue', {
      ...whole,
      metric: (period) => ourMetric('overdue', { stage }, { statistic: 'Maximum', period }),
    }),
    new StageAlarm(foundation, 'unexpected-errors', {
      ...whole,
      metric: (period) => ourMetric('unexpectedErrors', { stage }, { statistic: 'Sum', period }),
    }),
    new StageAlarm(foundation, 'step-unclaimed', {
      ...whole,
      metric: (period) => ourMetric('oldestUnclaimed', { stage }, { statistic: 'Maximum', period }),
    }),
    new StageAlarm(foundation, 'reconciler-missing', {
      ...whole,
      // Lambda sends it for every run, 0 for a good one: a minute without any run has none.
      metric: (period) => functionMetric('Errors', stage, ['reconciler'], { statistic: 'Minimum', period }),
    }),
  ];
  if (settings.monitoring === 'lean') return always;
  return [
    ...always,
    new StageAlarm(foundation, 'table-refuses', { ...whole, metric: (period) => refused(stage, period) }),
    ...functionAlarms(foundation.stepFailed, foundation, about('step-failed'), [
      ...(['function-errors', 'throttles'] as const),
      // It queues steps again, so it is the one shared function that could call itself in a circle.
      'recursion-dropped',
    ]),
    // Where it is throttled its runs are missing, and nothing that it calls calls it.
    ...functionAlarms(foundation.reconciler, foundation, about('reconciler'), ['function-errors']),
  ];
}

const about = (name: string) => ({ parts: [name], words: `the function ${name}` });

/** What our functions ask of the table. */
const OPERATIONS = ['Query', 'PutItem', 'GetItem', 'BatchGetItem'] as const;

/** Requests that the table throttled or failed, of all functions. A metric that has no data counts as zero. */
const refused = (stage: StageName, period: Duration): IMetric => {
  const reading = { statistic: 'Sum', period };
  const metrics = OPERATIONS.flatMap((operation) =>
    (['ThrottledRequests', 'SystemErrors'] as const).map(
      (name) => [`${name}_${operation}`.toLowerCase(), tableMetric(name, stage, operation, reading)] as const,
    ),
  );
  return new MathExpression({
    expression: `SUM([${metrics.map(([id]) => `FILL(${id}, 0)`).join(', ')}])`,
    usingMetrics: Object.fromEntries(metrics),
    label: 'throttled or failed requests',
    period,
  });
};
