import { once } from 'node:events';
import {
  CreateTableCommand,
  type CreateTableCommandInput,
  DeleteTableCommand,
  DescribeTableCommand,
  DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import dynalite from 'dynalite';
import { TABLE_SCHEMA } from '../../lib/contract/table.ts';

/** A DynamoDB in this process, on a free port of the loopback interface. */
export interface Dynalite {
  readonly client: DynamoDBClient;
  readonly url: string;
  /** Makes a new, empty table of Stepline's schema and returns its name. */
  createTable(): Promise<string>;
  deleteTable(name: string): Promise<void>;
  close(): Promise<void>;
}

/** Databases of one process share what they hold in memory: each table has a name of its own. */
let tables = 0;

/** @example const database = await startDynalite(); const tableName = await database.createTable(); … await database.close(); */
export async function startDynalite(): Promise<Dynalite> {
  const server = dynalite({ createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 });
  // A connection that is closed for being idle may be closed under a request.
  server.keepAliveTimeout = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('dynalite has no port');
  const url = `http://127.0.0.1:${address.port}`;
  const client = new DynamoDBClient({
    endpoint: url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'none', secretAccessKey: 'none' },
  });
  return {
    client,
    url,
    createTable: async () => {
      tables += 1;
      const name = `stepline-${tables}`;
      await client.send(new CreateTableCommand(tableInput(name)));
      await untilActive(client, name);
      return name;
    },
    deleteTable: async (name) => {
      await client.send(new DeleteTableCommand({ TableName: name }));
    },
    close: async () => {
      client.destroy();
      server.closeAllConnections();
      await new Promise<void>((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
      });
    },
  };
}

/** Even without a delay a new table is ready some turns of the event loop later. */
async function untilActive(client: DynamoDBClient, name: string): Promise<void> {
  for (let looks = 0; looks < 1_000; looks += 1) {
    const { Table } = await client.send(new DescribeTableCommand({ TableName: name }));
    const indexes = Table?.GlobalSecondaryIndexes ?? [];
    if (Table?.TableStatus === 'ACTIVE' && indexes.every((index) => index.IndexStatus === 'ACTIVE')) return;
  }
  throw new Error(`table ${name} does not become active`);
}

/** The table as the SDK wants it, from the one schema. */
export function tableInput(name: string): CreateTableCommandInput {
  const { partitionKey, sortKey, indexes } = TABLE_SCHEMA;
  const attributes = [
    partitionKey,
    sortKey,
    ...indexes.flatMap((index) => [index.partitionKey, index.sortKey]),
  ];
  return {
    TableName: name,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: attributes.map((key) => ({ AttributeName: key.name, AttributeType: key.type })),
    KeySchema: [
      { AttributeName: partitionKey.name, KeyType: 'HASH' },
      { AttributeName: sortKey.name, KeyType: 'RANGE' },
    ],
    GlobalSecondaryIndexes: indexes.map((index) => ({
      IndexName: index.name,
      KeySchema: [
        { AttributeName: index.partitionKey.name, KeyType: 'HASH' },
        { AttributeName: index.sortKey.name, KeyType: 'RANGE' },
      ],
      Projection:
        index.projected.length === 0
          ? { ProjectionType: 'KEYS_ONLY' }
          : { ProjectionType: 'INCLUDE', NonKeyAttributes: [...index.projected] },
    })),
  };
}
