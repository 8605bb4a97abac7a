import { type IMetric, MathExpression } from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import { type Figure, ourMetric, type Reading } from '../metrics.ts';
import { StageAlarm, type Subject, type WatchedStage } from './alarm.ts';
import { functionAlarms } from './function.ts';
import { LEAST_ATTEMPTS } from './kinds.ts';

/** A step, as its alarms see it. */
export interface WatchedStep extends Construct {
  readonly place: { readonly chain: string; readonly step: string };
  readonly function: Construct;
}

/** The alarms of one step: its attempts and its function. A lean stage has those of its chain, and of the stage. */
export function stepAlarms(scope: WatchedStep, watched: WatchedStage): readonly StageAlarm[] {
  if (watched.stage.settings.monitoring === 'lean') return [];
  const { chain, step } = scope.place;
  const subject = { parts: [chain, step], words: `the step ${step} of ${chain}` };
  return [
    errorRateAlarm(scope, watched, { ...subject, of: { stage: watched.stage.name, chain, step } }),
    // Every circle of our own goes by way of the step-failed function, which has the alarm of recursion.
    ...functionAlarms(scope.function, watched, subject, ['function-errors', 'throttles']),
  ];
}

/** The alarm of failed attempts, of a step or of a chain. */
export const errorRateAlarm = (
  scope: Construct,
  watched: WatchedStage,
  { of, ...subject }: Subject & { readonly of: Figure },
): StageAlarm =>
  new StageAlarm(scope, 'step-error-rate', {
    watched,
    ...subject,
    metric: (period) => errorRate(of, { statistic: 'Sum', period }),
  });

/** Attempts that failed, in percent of all; zero while there are too few. */
const errorRate = (of: Figure, reading: Reading): IMetric =>
  new MathExpression({
    expression: `IF(attempts >= ${LEAST_ATTEMPTS}, 100 * FILL(failed, 0) / attempts, 0)`,
    usingMetrics: {
      attempts: ourMetric('attempts', of, reading),
      failed: ourMetric('attemptsFailed', of, reading),
    },
    label: 'failed attempts in percent',
    ...(reading.period === undefined ? {} : { period: reading.period }),
  });
