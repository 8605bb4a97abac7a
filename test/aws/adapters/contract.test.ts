import { CreateTableCommand, DeleteTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll } from 'vitest';
import { createDynamoDbStore } from '../../../lib/adapters/dynamodb/store.ts';
import { queueContract } from '../../ports/queue/contract.ts';
import { storeContract } from '../../ports/store/contract.ts';
import { tableInput } from '../../support/dynalite.ts';
import { type MiniStack, REGION, startMiniStack } from '../ministack/ministack.ts';
import { onMiniStack } from '../ministack/suite.ts';
import { createQueues } from './queues.ts';

/** What MiniStack 1.5.33 does otherwise than SQS, by its services/sqs.py. */
const DEVIATIONS = {
  'accepts a second acknowledgement':
    'DeleteMessage refuses the receipt handle of a deleted message (line 829); SQS succeeds',
  'refuses to hide a message for more than twelve hours':
    'ChangeMessageVisibility does not count the time since the receive (line 836); SQS refuses past twelve hours',
  'moves a message to the dead-letter queue at the receive after the last that it may have':
    'a moved message keeps its receive count (line 1389), so a dead-letter queue with a redrive policy of its own passes it on unseen',
};

onMiniStack('on MiniStack', () => {
  let aws: MiniStack;
  let dynamodb: DynamoDBClient;
  let sqs: SQSClient;
  beforeAll(async () => {
    aws = await startMiniStack();
    const options = {
      endpoint: aws.endpoint,
      region: REGION,
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    };
    dynamodb = new DynamoDBClient(options);
    sqs = new SQSClient(options);
  });
  afterAll(async () => {
    dynamodb.destroy();
    sqs.destroy();
    await aws.stop();
  });

  let made = 0;
  /** A name, and the beginning of names, that nothing else has. */
  const prefix = (): string => {
    made += 1;
    return `contract-${made}_`;
  };

  storeContract('DynamoDB', async () => {
    const TableName = prefix();
    // Active at once, unlike on AWS.
    await dynamodb.send(new CreateTableCommand(tableInput(TableName)));
    return {
      store: createDynamoDbStore({ client: dynamodb, tableName: TableName }),
      close: async () => {
        await dynamodb.send(new DeleteTableCommand({ TableName }));
      },
    };
  });

  queueContract('SQS', () => createQueues(sqs, aws, prefix()), DEVIATIONS);
});
