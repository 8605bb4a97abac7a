import { type IMetric, MathExpression } from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import { deadLetterQueue } from '../../../contract/names.ts';
import { type Figure, ourMetric, queueMetric, type Reading } from '../metrics.ts';
import { StageAlarm, type WatchedStage } from './alarm.ts';
import { functionAlarms } from './function.ts';
import { LEAST_ATTEMPTS } from './kinds.ts';

/** A step, as its alarms see it. */
export interface WatchedStep extends Construct {
  readonly place: { readonly chain: string; readonly step: string };
  readonly function: Construct;
}

/** The alarms of one step: its attempts, its dead letters, its function. */
export function stepAlarms(scope: WatchedStep, watched: WatchedStage): readonly StageAlarm[] {
  const { chain, step } = scope.place;
  const stage = watched.stage.name;
  const subject = { parts: [chain, step], words: `the step ${step} of ${chain}` };
  return [
    new StageAlarm(scope, 'step-error-rate', {
      watched,
      ...subject,
      metric: (period) => errorRate({ stage, chain, step }, { statistic: 'Sum', period }),
    }),
    new StageAlarm(scope, 'dead-letter-unhandled', {
      watched,
      ...subject,
      metric: (period) =>
        queueMetric('ApproximateAgeOfOldestMessage', stage, deadLetterQueue({ chain, step }), {
          statistic: 'Maximum',
          period,
        }),
    }),
    ...functionAlarms(scope.function, watched, subject, [
      'function-errors',
      'throttles',
      'recursion-dropped',
    ]),
  ];
}

/** Attempts that failed, in percent of all; zero while there are too few. */
const errorRate = (step: Figure, reading: Reading): IMetric =>
  new MathExpression({
    expression: `IF(attempts >= ${LEAST_ATTEMPTS}, 100 * FILL(failed, 0) / attempts, 0)`,
    usingMetrics: {
      attempts: ourMetric('attempts', step, reading),
      failed: ourMetric('attemptsFailed', step, reading),
    },
    label: 'failed attempts in percent',
    ...(reading.period === undefined ? {} : { period: reading.period }),
  });
