import * as z from 'zod';
import { startAwsServer } from '../../../support/aws-server.ts';
import type { Dynalite } from '../../../support/dynalite.ts';

/** Requests, and the request units that their replies told; of indexes dynalite tells nothing. */
export interface DynamoDbCounts {
  writes: number;
  reads: number;
  writeUnits: number;
  readUnits: number;
}

export interface CountingDynamoDb {
  readonly url: string;
  readonly counts: DynamoDbCounts;
  close(): Promise<void>;
}

/** What dynalite asks of a signature: that there is one. */
const SIGNED = {
  authorization:
    'AWS4-HMAC-SHA256 Credential=none/20300101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=none',
  'x-amz-date': '20300101T000000Z',
};

const WRITES: Readonly<Record<string, boolean>> = { PutItem: true, Query: false, GetItem: false };
const reply = z.looseObject({ ConsumedCapacity: z.object({ CapacityUnits: z.number() }).optional() });
const parameters = z.record(z.string(), z.unknown());

/**
 * dynalite behind a server that counts every request of the SDK, and asks dynalite what it consumed: the deployed functions
 * do not ask. Errors: a request of a kind that it does not know fails, so that none goes uncounted.
 * @example const dynamoDb = await countDynamoDb(await startDynalite()); … dynamoDb.counts.writeUnits
 */
export async function countDynamoDb(database: Dynalite): Promise<CountingDynamoDb> {
  const counts: DynamoDbCounts = { writes: 0, reads: 0, writeUnits: 0, readUnits: 0 };
  const server = await startAwsServer(async ({ action, input }) => {
    const isWrite = WRITES[action];
    if (isWrite === undefined) throw new Error(`${action} is not counted`);
    const response = await fetch(database.url, {
      method: 'POST',
      headers: {
        ...SIGNED,
        'content-type': 'application/x-amz-json-1.0',
        'x-amz-target': `DynamoDB_20120810.${action}`,
      },
      body: JSON.stringify({ ...parameters.parse(input), ReturnConsumedCapacity: 'TOTAL' }),
    });
    const body = reply.parse(await response.json());
    counts[isWrite ? 'writes' : 'reads'] += 1;
    counts[isWrite ? 'writeUnits' : 'readUnits'] += body.ConsumedCapacity?.CapacityUnits ?? 0;
    return { status: response.status, body };
  });
  return { url: server.url, counts, close: server.close };
}
