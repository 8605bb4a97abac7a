import { CreateTableCommand, DeleteTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Aws, simulateAdapters } from '../../simulation/adapters/adapters.ts';
import {
  addRequestCounts,
  noRequestCounts,
  REQUESTS_COUNTED,
} from '../../simulation/adapters/request-counts.ts';
import { addCounts, noCounts } from '../../simulation/counts.ts';
import { tableInput } from '../../support/dynalite.ts';
import { ACCOUNT, type MiniStack, REGION, startMiniStack } from '../ministack/ministack.ts';
import { onMiniStack } from '../ministack/suite.ts';
import { openRealQueues } from './simulated-queues.ts';

/** From seed 1 on. */
const SEEDS = 30;

onMiniStack('the engine over the adapters, on MiniStack', () => {
  let ministack: MiniStack;
  let dynamodb: DynamoDBClient;
  let sqs: SQSClient;
  let aws: Aws;
  beforeAll(async () => {
    ministack = await startMiniStack();
    const { endpoint } = ministack;
    const options = {
      endpoint,
      region: REGION,
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    };
    dynamodb = new DynamoDBClient(options);
    sqs = new SQSClient(options);
    let made = 0;
    aws = {
      dynamodb: { endpoint, requestHandler: dynamodb.config.requestHandler },
      createTable: async () => {
        made += 1;
        const TableName = `simulation-${made}`;
        // Active at once, unlike on AWS.
        await dynamodb.send(new CreateTableCommand(tableInput(TableName)));
        return TableName;
      },
      deleteTable: async (TableName) => {
        await dynamodb.send(new DeleteTableCommand({ TableName }));
      },
      openQueues: (of) => openRealQueues(sqs, `${endpoint}/${ACCOUNT}/simulation-${made}_`, of),
    };
  });
  afterAll(async () => {
    dynamodb.destroy();
    sqs.destroy();
    await ministack.stop();
  });

  it(`keeps its promises in ${SEEDS} schedules, while every request goes to DynamoDB and SQS`, async () => {
    const counts = noCounts();
    const requests = noRequestCounts();
    const broken: unknown[] = [];
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const outcome = await simulateAdapters(seed, aws);
      addCounts(counts, outcome.counts);
      addRequestCounts(requests, outcome.requests);
      if (outcome.violations.length > 0) broken.push({ seed, violations: outcome.violations });
    }
    const told = REQUESTS_COUNTED.map((name) => `${name} ${requests[name]}`).join(', ');
    console.info(`${counts.schedules} schedules, ${counts.workflows} workflows: ${told}`);
    expect(broken).toEqual([]);
    expect(counts.completed).toBeGreaterThan(0);
    for (const name of ['refused', 'throttled', 'broken', 'brokenDone', 'lost', 'late'] as const) {
      expect(requests[name], name).toBeGreaterThan(0);
    }
    for (const name of ['writes', 'shortPages', 'batches'] as const) {
      expect(requests[name], name).toBeGreaterThan(0);
    }
  });

  it('goes the same way each time', async () => {
    const played = async (): Promise<readonly string[]> => {
      const lines: string[] = [];
      await simulateAdapters(3, aws, { trace: (line) => lines.push(line) });
      return lines;
    };
    const first = await played();
    expect(first.length).toBeGreaterThan(20);
    expect(await played()).toEqual(first);
  });
});
