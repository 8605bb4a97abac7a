import type { Duration } from 'aws-cdk-lib';
import { type IMetric, MathExpression } from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import { PARKING, type StageName } from '../../../contract/names.ts';
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
  const stage = foundation.stage.name;
  const whole = { watched: foundation, parts: [], words: `the stage ${stage}` };
  return [
    new StageAlarm(foundation, 'message-parked', {
      ...whole,
      metric: (period) =>
        queueMetric('ApproximateNumberOfMessagesVisible', stage, PARKING, { statistic: 'Maximum', period }),
    }),
    new StageAlarm(foundation, 'oldest-unfinished-step', {
      ...whole,
      metric: (period) => ourMetric('oldestUnfinished', { stage }, { statistic: 'Maximum', period }),
    }),
    new StageAlarm(foundation, 'unexpected-errors', {
      ...whole,
      metric: (period) => ourMetric('unexpectedErrors', { stage }, { statistic: 'Sum', period }),
    }),
    new StageAlarm(foundation, 'step-unclaimed', {
      ...whole,
      metric: (period) => ourMetric('oldestUnclaimed', { stage }, { statistic: 'Maximum', period }),
    }),
    new StageAlarm(foundation, 'table-refuses', { ...whole, metric: (period) => refused(stage, period) }),
    new StageAlarm(foundation, 'reconciler-missing', {
      ...whole,
      metric: (period) => goodRuns(stage, period),
    }),
    ...functionAlarms(foundation.stepFailed, foundation, about('step-failed'), [
      ...(['function-errors', 'throttles'] as const),
      // It queues steps again, so it is the one shared function that could call itself in a circle.
      'recursion-dropped',
    ]),
    // The reconciler calls nothing that calls it.
    ...functionAlarms(foundation.reconciler, foundation, about('reconciler'), [
      'function-errors',
      'throttles',
    ]),
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

/** A run that fails has repaired nothing. */
const goodRuns = (stage: StageName, period: Duration): IMetric => {
  const reading = { statistic: 'Sum', period };
  return new MathExpression({
    expression: 'runs - errors',
    usingMetrics: {
      runs: functionMetric('Invocations', stage, ['reconciler'], reading),
      errors: functionMetric('Errors', stage, ['reconciler'], reading),
    },
    label: 'good runs',
    period,
  });
};
