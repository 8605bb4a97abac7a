/**
 * Every unit price that the cost report uses, and no other file holds one. Region us-east-1, first tier, no free tier.
 * Collected in 2026-11.
 */

/**
 * How well a price is known. `AWS`: a stored copy of the AWS page said it. `others`: pages that are not AWS's said so, and
 * cite it. `unconfirmed`: nothing better was found; do not promise it to users.
 */
export type Known = 'AWS' | 'others' | 'unconfirmed';

export interface Price {
  /** US dollars for `per` units. */
  readonly usd: number;
  readonly per: number;
  readonly unit: string;
  /** The AWS page that a reader can check. */
  readonly source: string;
  readonly known: Known;
  /** What was found where, if the AWS page itself was not. */
  readonly note?: string;
}

const MILLION = 1_000_000;
const aws = (path: string): string => `https://aws.amazon.com/${path}/`;
const SQS = aws('sqs/pricing');
const DYNAMODB = aws('dynamodb/pricing/on-demand');
const LAMBDA = aws('lambda/pricing');
const STEP_FUNCTIONS = aws('step-functions/pricing');
const CLOUDWATCH = aws('cloudwatch/pricing');

export const PRICES = {
  httpApiRequest: {
    usd: 1,
    per: MILLION,
    unit: 'HTTP API requests of up to 512 KB',
    source: aws('api-gateway/pricing'),
    known: 'others',
    note: 'apigatewaycost.com and others, 2025 to 2026; that requests are metered per 512 KB stands in an AWS whitepaper',
  },
  lambdaRequest: {
    usd: 0.2,
    per: MILLION,
    unit: 'Lambda requests',
    source: LAMBDA,
    known: 'AWS',
    note: 'AWS News Blog, 2020-12, and a transcript of AWS’s page of 2026-09-20',
  },
  lambdaGbSecond: {
    usd: 0.000_013_333_4,
    per: 1,
    unit: 'Lambda GB-seconds, arm64',
    source: LAMBDA,
    known: 'others',
    note: 'cloudchipr.com; AWS’s page fills its table in the browser, and the stored copy has none',
  },
  sqsRequest: {
    usd: 0.4,
    per: MILLION,
    unit: 'SQS requests of up to 64 KiB, standard queue',
    source: SQS,
    known: 'others',
    note: 'cloudburn.io 2026-03, factualminds.com 2026-06',
  },
  sqsFairRequest: {
    usd: 0.1,
    per: MILLION,
    unit: 'SQS requests for messages with a group (fair queues), in addition',
    source: SQS,
    known: 'unconfirmed',
    note: 'one guide says so (cloudburn.io 2026-03); that receives and deletes bear it too is assumed',
  },
  dynamoDbWriteUnit: {
    usd: 0.625,
    per: MILLION,
    unit: 'DynamoDB write request units of 1 KB',
    source: DYNAMODB,
    known: 'others',
    note: 'airbyte.com; AWS’s page describes the unit',
  },
  dynamoDbReadUnit: {
    usd: 0.125,
    per: MILLION,
    unit: 'DynamoDB read request units of 4 KB',
    source: DYNAMODB,
    known: 'others',
    note: 'airbyte.com; AWS’s page describes the unit',
  },
  dynamoDbGbMonth: {
    usd: 0.25,
    per: 1,
    unit: 'DynamoDB GB-months, standard table class',
    source: DYNAMODB,
    known: 'AWS',
    note: 'the first 25 GB of each month are free; here they are not',
  },
  dynamoDbBackupGbMonth: {
    usd: 0.2,
    per: 1,
    unit: 'DynamoDB point-in-time recovery, GB-months',
    source: DYNAMODB,
    known: 'unconfirmed',
    note: 'AWS’s guide says that the table’s size is billed; no page with the figure was found',
  },
  logGb: {
    usd: 0.5,
    per: 1,
    unit: 'CloudWatch Logs, GB ingested',
    source: CLOUDWATCH,
    known: 'others',
    note: 'factualminds.com 2026-06',
  },
  customMetric: {
    usd: 0.3,
    per: 1,
    unit: 'CloudWatch custom metrics a month',
    source: CLOUDWATCH,
    known: 'others',
    note: 'signoz.io 2026-02',
  },
  alarmMetric: {
    usd: 0.1,
    per: 1,
    unit: 'metrics watched by standard alarms, a month',
    source: CLOUDWATCH,
    known: 'unconfirmed',
    note: 'the project’s brief; the pages found speak of tiers and show no table',
  },
  compositeAlarm: {
    usd: 0.5,
    per: 1,
    unit: 'composite alarms a month',
    source: CLOUDWATCH,
    known: 'unconfirmed',
    note: 'not looked for further',
  },
  dashboard: {
    usd: 3,
    per: 1,
    unit: 'CloudWatch dashboards a month',
    source: CLOUDWATCH,
    known: 'others',
    note: 'factualminds.com 2026-06; an account’s first three are free, here they are not',
  },
  kmsKey: {
    usd: 1,
    per: 1,
    unit: 'KMS keys a month',
    source: aws('kms/pricing'),
    known: 'AWS',
    note: 'a copy of 2019; cloudburn.io 2026-03 says the same',
  },
  secret: {
    usd: 0.4,
    per: 1,
    unit: 'secrets in Secrets Manager a month',
    source: aws('secrets-manager/pricing'),
    known: 'unconfirmed',
    note: 'no page with the figure was found',
  },
  trace: {
    usd: 5,
    per: MILLION,
    unit: 'traces recorded by X-Ray',
    source: aws('xray/pricing'),
    known: 'AWS',
    note: 'the German copy of the page; the first 100,000 of each month are free, here they are not',
  },
  scheduledInvocation: {
    usd: 1,
    per: MILLION,
    unit: 'invocations by EventBridge Scheduler',
    source: aws('eventbridge/pricing'),
    known: 'others',
    note: 'cloudburn.io 2026-03; the first 14 million of each month are free, here they are not. A rule with a schedule is counted as one of these, the most that it can cost',
  },
  stateTransition: {
    usd: 25,
    per: MILLION,
    unit: 'state transitions of Step Functions Standard',
    source: STEP_FUNCTIONS,
    known: 'AWS',
    note: 'an undated copy of the page; wring.co 2026-03 says the same',
  },
  expressRequest: {
    usd: 1,
    per: MILLION,
    unit: 'executions of Step Functions Express',
    source: STEP_FUNCTIONS,
    known: 'others',
    note: 'wring.co 2026-03',
  },
  expressGbSecond: {
    usd: 0.000_016_67,
    per: 1,
    unit: 'GB-seconds of Step Functions Express, in units of 64 MB and 100 ms',
    source: STEP_FUNCTIONS,
    known: 'others',
    note: 'wring.co 2026-03; the units stand on AWS’s page',
  },
  durableOperation: {
    usd: 8,
    per: MILLION,
    unit: 'operations of Lambda durable functions',
    source: LAMBDA,
    known: 'others',
    note: 'two transcripts of AWS’s page, one of 2026-09-20; its example bills a million executions of 4 operations at $32',
  },
  durableGbWritten: {
    usd: 0.25,
    per: 1,
    unit: 'GB written by Lambda durable functions',
    source: LAMBDA,
    known: 'unconfirmed',
    note: 'one transcript of AWS’s page',
  },
  durableGbMonth: {
    usd: 0.15,
    per: 1,
    unit: 'GB-months retained by Lambda durable functions',
    source: LAMBDA,
    known: 'unconfirmed',
    note: 'one transcript of AWS’s page',
  },
} as const satisfies Readonly<Record<string, Price>>;

export type PriceName = keyof typeof PRICES;
