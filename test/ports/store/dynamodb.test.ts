import { afterAll, beforeAll } from 'vitest';
import { createDynamoDbStore } from '../../../lib/adapters/dynamodb/store.ts';
import { type Dynalite, startDynalite } from '../../support/dynalite.ts';
import { storeContract } from './contract.ts';

let database: Dynalite;
beforeAll(async () => {
  database = await startDynalite();
});
afterAll(() => database.close());

storeContract('DynamoDB', async () => {
  const tableName = await database.createTable();
  return {
    store: createDynamoDbStore({ client: database.client, tableName }),
    close: () => database.deleteTable(tableName),
  };
});
