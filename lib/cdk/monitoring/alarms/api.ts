import type { Duration } from 'aws-cdk-lib';
import type { HttpApi } from 'aws-cdk-lib/aws-apigatewayv2';
import { type IMetric, MathExpression, type Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { FilterPattern, type ILogGroup, MetricFilter } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import type { StageName } from '../../../contract/names.ts';
import { physicalName } from '../../stage.ts';
import { metric, type Reading } from '../metrics.ts';
import { StageAlarm, type WatchedStage } from './alarm.ts';
import { LEAST_ERRORS, LEAST_ERRORS_HOUR } from './kinds.ts';

/** The API, as its alarms see it. */
export interface WatchedApi extends Construct {
  readonly http: HttpApi;
  readonly accessLogs: ILogGroup;
}

/** The alarms of the API. A function that crashes or is throttled shows as a 5xx. */
export function apiAlarms(api: WatchedApi, watched: WatchedStage): readonly StageAlarm[] {
  const whole = { watched, parts: [], words: `the API of the stage ${watched.stage.name}` };
  countTurnedAway(api, watched.stage.name);
  return [
    ...(watched.stage.settings.monitoring === 'lean'
      ? [
          new StageAlarm(api, 'api-errors', {
            ...whole,
            metric: (period) => api.http.metricServerError({ statistic: 'Sum', period }),
          }),
        ]
      : [
          new StageAlarm(api, 'api-5xx', { ...whole, metric: (period) => serverErrors(api, period) }),
          new StageAlarm(api, 'api-5xx-hour', { ...whole, metric: (period) => mostlyErrors(api, period) }),
        ]),
    new StageAlarm(api, 'api-throttled', {
      ...whole,
      metric: (period) => turnedAway(watched.stage.name, { statistic: 'Sum', period }),
    }),
  ];
}

/** Answers with 5xx, in percent of all; zero while there are too few. */
const serverErrors = ({ http }: WatchedApi, period: Duration): IMetric =>
  new MathExpression({
    expression: `IF(errors >= ${LEAST_ERRORS}, 100 * errors / requests, 0)`,
    usingMetrics: {
      errors: http.metricServerError({ statistic: 'Sum', period }),
      requests: http.metricCount({ statistic: 'Sum', period }),
    },
    label: '5xx in percent',
    period,
  });

/** 1 if more than half of all answers are 5xx; zero while there are too few. */
const mostlyErrors = ({ http }: WatchedApi, period: Duration): IMetric =>
  new MathExpression({
    expression: `IF(errors >= ${LEAST_ERRORS_HOUR} AND 2 * errors > requests, 1, 0)`,
    usingMetrics: {
      errors: http.metricServerError({ statistic: 'Sum', period }),
      requests: http.metricCount({ statistic: 'Sum', period }),
    },
    label: 'more than half are 5xx',
    period,
  });

/** Apart from our own metrics, because CloudWatch makes this one from the access log. */
const NAMESPACE = 'SteplineApi';
const nameOf = (stage: StageName): string => physicalName(stage, 'turned-away');

/** API Gateway counts a 429 like any other 4xx. Only its access log tells them apart. */
function countTurnedAway(api: WatchedApi, stage: StageName): void {
  new MetricFilter(api, 'TurnedAway', {
    logGroup: api.accessLogs,
    filterPattern: FilterPattern.stringValue('$.status', '=', '429'),
    metricNamespace: NAMESPACE,
    metricName: nameOf(stage),
    metricValue: '1',
    defaultValue: 0,
  });
}

/** Requests that the API turned away because there were too many. */
export const turnedAway = (stage: StageName, reading: Reading): Metric =>
  metric(NAMESPACE, nameOf(stage), {}, reading);
