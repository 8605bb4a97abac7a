import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { BatchWriteItemCommand, DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SNSClient } from '@aws-sdk/client-sns';
import {
  GetQueueUrlCommand,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { SSMClient } from '@aws-sdk/client-ssm';
import { type QueueName, queueSuffix } from '../../../lib/contract/names.ts';
import { KEYS } from '../../../lib/contract/table.ts';
import type { DemoTargets } from '../../../lib/local/demo/targets.ts';
import type { Stage } from '../../e2e/stage.ts';
import { TLS_CERTIFICATE } from '../../support/tls-fixture.ts';
import { signedFetch } from '../ministack/api.ts';
import type { MiniStack } from '../ministack/ministack.ts';
import type { Deployment, Outputs, StandingTargets } from './deployment.ts';
import type { Vaults } from './vaults.ts';

/** What the scenarios run on: everything that `cdk deploy` made of the stage `dev`. */
export interface Deployed {
  readonly aws: MiniStack;
  readonly back: Behind;
  readonly outputs: Outputs;
  readonly demo: StandingTargets;
  readonly vaults: Vaults;
  /** The environment of an IAM user who may call the API and nothing else. */
  readonly caller: Readonly<Record<string, string>>;
  readonly what: Deployment;
}

const TABLE = 'stepline_dev';
/** A BatchWriteItem takes 25 requests. */
const WRITES = 25;

/** SDK clients for what stands behind the API. They act as root. */
export interface Behind {
  readonly dynamodb: DynamoDBClient;
  readonly sqs: SQSClient;
  readonly lambda: LambdaClient;
  readonly sns: SNSClient;
  readonly secretsManager: SecretsManagerClient;
  readonly ssm: SSMClient;
  readonly logs: CloudWatchLogsClient;
  /** The URL of a queue of the stage `dev`. */
  urlOf(queue: QueueName): Promise<string>;
  close(): void;
}

export function behind(aws: MiniStack): Behind {
  const options = {
    endpoint: aws.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    requestHandler: { httpsAgent: { ca: TLS_CERTIFICATE } },
  };
  const dynamodb = new DynamoDBClient(options);
  const sqs = new SQSClient(options);
  const others = {
    lambda: new LambdaClient(options),
    sns: new SNSClient(options),
    secretsManager: new SecretsManagerClient(options),
    ssm: new SSMClient(options),
    logs: new CloudWatchLogsClient(options),
  };
  return {
    dynamodb,
    sqs,
    ...others,
    urlOf: async (queue) => {
      const { QueueUrl } = await sqs.send(
        new GetQueueUrlCommand({ QueueName: `stepline_dev_${queueSuffix(queue)}` }),
      );
      if (QueueUrl === undefined) throw new Error(`${queueSuffix(queue)} has no URL`);
      return QueueUrl;
    },
    close: () => {
      for (const client of [dynamodb, sqs, ...Object.values(others)]) client.destroy();
    },
  };
}

/**
 * The deployed stage as the scenarios see it, with an empty table and an empty parking queue.
 * @param env whose requests they are
 * @param demo the targets that the functions call, whole and with empty ledgers
 */
export async function deployedStage(
  apiUrl: string,
  env: Readonly<Record<string, string>>,
  demo: DemoTargets,
  { dynamodb, sqs, urlOf }: Behind,
): Promise<Stage> {
  await emptyTable(dynamodb);
  const parking = await urlOf({ kind: 'parking' });
  await sqs.send(new PurgeQueueCommand({ QueueUrl: parking }));
  return {
    baseUrl: apiUrl,
    fetch: signedFetch(apiUrl, env),
    demo,
    inject: async (queue, body) => {
      await sqs.send(new SendMessageCommand({ QueueUrl: await urlOf(queue), MessageBody: body }));
    },
    parked: async () => {
      const bodies: string[] = [];
      for (;;) {
        const { Messages = [] } = await sqs.send(
          new ReceiveMessageCommand({ QueueUrl: parking, MaxNumberOfMessages: 10, VisibilityTimeout: 60 }),
        );
        if (Messages.length === 0) return bodies;
        bodies.push(...Messages.map(({ Body = '' }) => Body));
      }
    },
    // The targets stand for the next scenario.
    close: async () => undefined,
  };
}

async function emptyTable(dynamodb: DynamoDBClient): Promise<void> {
  const pages = paginateScan(
    { client: dynamodb },
    { TableName: TABLE, ProjectionExpression: `${KEYS.partition}, ${KEYS.sort}`, ConsistentRead: true },
  );
  for await (const { Items = [] } of pages) {
    for (let first = 0; first < Items.length; first += WRITES) {
      const requests = Items.slice(first, first + WRITES).map((Key) => ({ DeleteRequest: { Key } }));
      await dynamodb.send(new BatchWriteItemCommand({ RequestItems: { [TABLE]: requests } }));
    }
  }
}
