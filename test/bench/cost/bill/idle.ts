import type { FunctionUse } from '../measured/function-use.ts';
import type { IdleRun } from '../measured/idle-run.ts';
import { PLATFORM_LOG_BYTES } from '../measured/written-logs.ts';
import type { CustomMetrics } from '../stage/custom-metrics.ts';
import type { Resources } from '../stage/resources.ts';
import type { Line } from './bill.ts';
import { DAYS_OF_MONTH, durationMs, GB, gbSeconds } from './stepline.ts';

/**
 * An idle event source mapping of a standard queue. Lambda keeps five pollers, and may go down to two unless the mapping
 * has a maximum concurrency; that each of them waits 20 s, SQS's most, and does nothing else is unconfirmed.
 * Source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
 */
export const POLLING = { pollers: 5, fewestPollers: 2, waitSeconds: 20 } as const;

const SECONDS_OF_MONTH = DAYS_OF_MONTH * 86_400;

/** Receives of one idle mapping in a month, with all its pollers: 657,000. */
export const POLLS_OF_MONTH = (POLLING.pollers * SECONDS_OF_MONTH) / POLLING.waitSeconds;

/** Every schedule of Stepline's runs once a minute. */
const RUNS_OF_MONTH = SECONDS_OF_MONTH / 60;

/** Looks of the reconciler into the dead-letter queues in a month: one request for each queue and run. */
export const emptyingOfMonth = ({ schedules, deadLetterQueues }: Resources): number =>
  schedules * RUNS_OF_MONTH * deadLetterQueues;

/**
 * A run of the reconciler of a stage that has more queues than the one that was measured, or fewer: each ten of them are one wait, and
 * all processor time is taken to grow with them, which is the most.
 */
const runWith = (queues: number, { use, ...run }: IdleRun): FunctionUse => ({
  ...use,
  roundTrips: use.roundTrips + Math.ceil(queues / QUEUES_AT_ONCE),
  cpuMs: use.cpuMs * Math.max(1, run.queues === 0 ? 1 : queues / run.queues),
});
const QUEUES_AT_ONCE = 10;

/** Which line is of the secrets: what they cost is the user's choice, and stands apart. */
export const SECRETS = 'secrets';

/** What a stage costs a month while nothing happens. */
export function idleLines(resources: Resources, run: IdleRun): readonly Line[] {
  const { mappings, deadLetterQueues, alarms, compositeAlarms, dashboards, keys, secrets } = resources;
  const { schedules, tracedSchedules } = resources;
  const runs = schedules * RUNS_OF_MONTH;
  return [
    { label: 'polls of the mappings', price: 'sqsRequest', quantity: mappings * POLLS_OF_MONTH },
    {
      label: 'looks into the dead-letter queues',
      price: 'sqsRequest',
      quantity: emptyingOfMonth(resources),
    },
    { label: 'alarms, for each metric', price: 'alarmMetric', quantity: alarms },
    { label: 'composite alarms', price: 'compositeAlarm', quantity: compositeAlarms },
    { label: 'dashboards', price: 'dashboard', quantity: dashboards },
    { label: 'KMS keys', price: 'kmsKey', quantity: keys },
    { label: SECRETS, price: 'secret', quantity: secrets },
    { label: 'schedules, once a minute', price: 'scheduledInvocation', quantity: runs },
    { label: 'reconciler: invocations', price: 'lambdaRequest', quantity: runs },
    {
      label: 'reconciler: compute',
      price: 'lambdaGbSecond',
      quantity: runs * gbSeconds(durationMs(runWith(deadLetterQueues, run))),
    },
    { label: 'reconciler: reads', price: 'dynamoDbReadUnit', quantity: runs * run.readUnits },
    {
      label: 'reconciler: logs',
      price: 'logGb',
      quantity: (runs * (run.logBytes + PLATFORM_LOG_BYTES)) / GB,
    },
    { label: 'reconciler: custom metrics', price: 'customMetric', quantity: run.metrics },
    // Once a minute is too seldom for any run to be left out of the sample.
    { label: 'reconciler: X-Ray traces', price: 'trace', quantity: tracedSchedules * RUNS_OF_MONTH },
  ];
}

/** Metrics that an HTTP API writes for a route. Source: API Gateway Developer Guide, working with metrics for HTTP APIs. */
const METRICS_OF_ROUTE = 6;

/** What is added in a month in which there are orders, however many: CloudWatch bills a metric while it is sent. */
export const metricLines = ({ meteredRoutes }: Resources, custom: CustomMetrics): readonly Line[] => [
  { label: 'custom metrics while all goes well', price: 'customMetric', quantity: custom.goesWell },
  { label: 'those of everything else that can happen', price: 'customMetric', quantity: custom.goesWrong },
  {
    label: 'metrics of the API’s routes, where each is used',
    price: 'customMetric',
    quantity: meteredRoutes * METRICS_OF_ROUTE,
  },
];
