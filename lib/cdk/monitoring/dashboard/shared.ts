import type { HttpApi } from 'aws-cdk-lib/aws-apigatewayv2';
import { Color, type IWidget, TextWidget } from 'aws-cdk-lib/aws-cloudwatch';
import { PARKING, STEP_FAILED, type StageName } from '../../../contract/names.ts';
import { turnedAway } from '../alarms/api.ts';
import { functionMetric, MINUTE, metric, ourMetric, queueMetric, tableMetric } from '../metrics.ts';
import { COLUMNS, type Graph, PERCENTILES, row } from './widgets.ts';

/** Metrics in these rows, and some to spare. */
export const SHARED_METRICS = 40;

const COUNT = { statistic: 'Sum' } as const;
const HIGHEST = { statistic: 'Maximum' } as const;
const EACH_MINUTE = { period: MINUTE };

const heading = (markdown: string): IWidget[] => [new TextWidget({ markdown, width: COLUMNS, height: 1 })];

/** How fast the API answers, and how often with an error. */
export const apiRows = (http: HttpApi, stage: StageName): readonly IWidget[][] => [
  heading('## API'),
  row([
    {
      title: 'Latency',
      left: PERCENTILES.map((statistic) =>
        http.metricLatency({ statistic, label: statistic, ...EACH_MINUTE }),
      ),
      leftLabel: 'milliseconds',
    },
    {
      title: 'Requests',
      left: [http.metricCount({ ...COUNT, ...EACH_MINUTE, label: 'requests', color: Color.BLUE })],
      leftLabel: 'a minute',
    },
    {
      title: 'Answers that are errors',
      left: [
        http.metricServerError({ ...COUNT, ...EACH_MINUTE, label: '5xx', color: Color.RED }),
        http.metricClientError({ ...COUNT, ...EACH_MINUTE, label: '4xx', color: Color.ORANGE }),
        turnedAway(stage, { ...COUNT, label: '429, turned away', color: Color.PURPLE }),
      ],
      leftLabel: 'a minute',
    },
  ]),
];

/** What all chains share. */
export const sharedRows = ({
  name: stage,
  table,
}: {
  readonly name: StageName;
  readonly table: string;
}): readonly IWidget[][] => [
  heading('## Shared'),
  row([tableLatency(table), tableErrors(table), lambda()]),
  row([reconciler(stage), repairs(stage), stepFailed(stage)]),
];

/** What the engine does with the table. */
const OPERATIONS = ['Query', 'PutItem'] as const;

const tableLatency = (table: string): Graph => ({
  title: 'Table: latency',
  left: OPERATIONS.flatMap((operation) =>
    ['Average', 'p99'].map((statistic) =>
      tableMetric('SuccessfulRequestLatency', table, operation, {
        statistic,
        label: `${operation} ${statistic}`,
      }),
    ),
  ),
  leftLabel: 'milliseconds',
});

const tableErrors = (table: string): Graph => ({
  title: 'Table: requests refused',
  left: OPERATIONS.flatMap((operation) => [
    tableMetric('ThrottledRequests', table, operation, { ...COUNT, label: `${operation} throttled` }),
    tableMetric('SystemErrors', table, operation, { ...COUNT, label: `${operation} failed` }),
  ]),
  leftLabel: 'a minute',
});

/** Metrics of the whole account, because its limit counts all functions together. */
const lambda = (): Graph => ({
  title: 'Lambda, the whole account',
  left: [metric('AWS/Lambda', 'ConcurrentExecutions', {}, { ...HIGHEST, label: 'functions at once' })],
  leftLabel: 'functions',
  right: [metric('AWS/Lambda', 'Throttles', {}, { ...COUNT, label: 'throttled', color: Color.RED })],
  rightLabel: 'a minute',
});

const reconciler = (stage: StageName): Graph => ({
  title: 'Reconciler',
  left: [
    functionMetric('Invocations', stage, ['reconciler'], { ...COUNT, label: 'runs' }),
    functionMetric('Errors', stage, ['reconciler'], { ...COUNT, label: 'errors', color: Color.RED }),
  ],
  leftLabel: 'a minute',
  right: [functionMetric('Duration', stage, ['reconciler'], { ...HIGHEST, label: 'duration' })],
  rightLabel: 'milliseconds',
});

const repairs = (stage: StageName): Graph => ({
  title: 'Repairs',
  left: [ourMetric('repairs', { stage }, { ...COUNT, label: 'repairs' })],
  leftLabel: 'a minute',
});

const stepFailed = (stage: StageName): Graph => ({
  title: 'Step-failed function; its queue, and the parking queue',
  left: [
    functionMetric('Invocations', stage, ['step-failed'], { ...COUNT, label: 'runs' }),
    functionMetric('Errors', stage, ['step-failed'], { ...COUNT, label: 'errors', color: Color.RED }),
    ourMetric('parked', { stage }, { ...COUNT, label: 'messages parked', color: Color.ORANGE }),
  ],
  leftLabel: 'a minute',
  right: [
    queueMetric('ApproximateNumberOfMessagesVisible', stage, STEP_FAILED, {
      ...HIGHEST,
      label: 'dead letters',
      color: Color.BROWN,
    }),
    queueMetric('ApproximateNumberOfMessagesVisible', stage, PARKING, {
      ...HIGHEST,
      label: 'in the parking queue',
      color: Color.PURPLE,
    }),
  ],
  rightLabel: 'messages',
});
