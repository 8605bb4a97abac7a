import { Duration } from 'aws-cdk-lib';
import { MathExpression, Metric } from 'aws-cdk-lib/aws-cloudwatch';
import {
  METRIC_NAMESPACE,
  METRICS,
  type QueueName,
  queueSuffix,
  type StageName,
} from '../../contract/names.ts';
import { physicalName, queueName } from '../stage.ts';

/** How a figure is added up, and over which time. */
export interface Reading {
  /** `Sum`, `Maximum`, `p95`, … */
  readonly statistic: string;
  /** Default: one minute, as in a graph. */
  readonly period?: Duration;
  readonly label?: string;
  readonly color?: string;
}

/** What a metric of ours is about, as `lib/adapters/lambda/metrics.ts` publishes it. */
export interface Figure {
  readonly stage: StageName;
  readonly chain?: string;
  readonly step?: string;
}

/** One point of a graph. */
export const MINUTE = Duration.minutes(1);

/**
 * A metric that our code publishes.
 * @example ourMetric('workflowsFailed', { stage: 'dev', chain: 'order-processing' }, { statistic: 'Sum' })
 */
export const ourMetric = (name: keyof typeof METRICS, of: Figure, reading: Reading): Metric =>
  metric(METRIC_NAMESPACE, METRICS[name], { ...of }, reading);

/** A metric of SQS about a queue of the stage. */
export const queueMetric = (name: string, stage: StageName, queue: QueueName, reading: Reading): Metric =>
  metric('AWS/SQS', name, { QueueName: queueName(stage, queue) }, reading);

/** Messages in a queue: those that wait and those that a function is handling. */
export const queueDepth = (
  stage: StageName,
  queue: QueueName,
  { period = MINUTE, label, color }: Omit<Reading, 'statistic'>,
): MathExpression => {
  const reading = { statistic: 'Maximum', period };
  // A name in an expression must have no hyphen and be unique in its graph.
  const name = queueSuffix(queue).replaceAll('-', '_');
  return new MathExpression({
    expression: `waiting_${name} + taken_${name}`,
    usingMetrics: {
      [`waiting_${name}`]: queueMetric('ApproximateNumberOfMessagesVisible', stage, queue, reading),
      [`taken_${name}`]: queueMetric('ApproximateNumberOfMessagesNotVisible', stage, queue, reading),
    },
    period,
    ...(label === undefined ? {} : { label }),
    ...(color === undefined ? {} : { color }),
  });
};

/** A metric of Lambda about a function of the stage; `parts` is what its name says after the stage. */
export const functionMetric = (
  name: string,
  stage: StageName,
  parts: readonly string[],
  reading: Reading,
): Metric => metric('AWS/Lambda', name, { FunctionName: physicalName(stage, ...parts) }, reading);

/** A metric of DynamoDB about one operation on a table. */
export const tableMetric = (name: string, table: string, operation: string, reading: Reading): Metric =>
  metric('AWS/DynamoDB', name, { TableName: table, Operation: operation }, reading);

export const metric = (
  namespace: string,
  metricName: string,
  dimensionsMap: Record<string, string>,
  { period = MINUTE, ...reading }: Reading,
): Metric => new Metric({ namespace, metricName, dimensionsMap, period, ...reading });
