import {
  type AttributeValue,
  ConditionalCheckFailedException,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import {
  BatchGetCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  type QueryCommandInput,
  type QueryCommandOutput,
} from '@aws-sdk/lib-dynamodb';
import { KEYS } from '../../contract/table.ts';
import { EngineError, namedMessageOf } from '../../engine/errors.ts';
import type { Written } from '../../engine/ports.ts';
import type { Item } from './items.ts';

/** Capacity units of one request, indexes included, as the table's reply told them. A failed condition tells none. */
export interface Consumed {
  readonly kind: 'read' | 'write';
  readonly units: number;
}

export interface DynamoDbOptions {
  readonly client: DynamoDBClient;
  readonly tableName: string;
  /** Told what every request consumed; replies carry it only when someone asks. */
  readonly onConsumed?: (consumed: Consumed) => void;
}

/** Names are aliased because many good ones are DynamoDB's reserved words. */
export interface Expression {
  readonly text: string;
  readonly names: Readonly<Record<string, string>>;
  readonly values: Readonly<Record<string, string | number>>;
}

/** The condition that each of these attributes has exactly this value. */
export function equals(attributes: Readonly<Record<string, string | number>>): Expression {
  const entries = Object.entries(attributes);
  return {
    text: entries.map(([name]) => `#${name} = :${name}`).join(' AND '),
    names: Object.fromEntries(entries.map(([name]) => [`#${name}`, name])),
    values: Object.fromEntries(entries.map(([name, value]) => [`:${name}`, value])),
  };
}

/** The condition that there is no item under the key that is written. */
export const ABSENT: Expression = {
  text: 'attribute_not_exists(#pk)',
  names: { '#pk': KEYS.partition },
  values: {},
};

/** Keys that one BatchGetItem takes. */
export const BATCH_KEYS = 100;

/**
 * Requests for one batch, as each leaves out what one partition has beyond 1 MB: a hundred METAs with the largest input take
 * 15. They follow at once, since a table that is too busy to read even one of them fails the request, and the SDK waits.
 * Source: DynamoDB API Reference, BatchGetItem.
 */
const BATCH_REQUESTS = 16;

/** The few requests that the store makes. Errors: `STORE_UNAVAILABLE` with what the SDK threw as cause. */
export interface Table {
  /** Replaces the whole item if `condition` holds; otherwise finds the item as it is now. */
  put(item: Item, condition: Expression): Promise<Written<unknown>>;
  query(input: Omit<QueryCommandInput, 'TableName'>): Promise<QueryCommandOutput>;
  /** These attributes of those items that are there: of `BATCH_KEYS` keys at most, in no order, eventually consistent. */
  batchGet(keys: readonly Item[], attributes: readonly string[]): Promise<readonly unknown[]>;
}

/** @example const table = dynamoDbTable({ client: new DynamoDBClient({}), tableName: 'stepline-dev' }); */
export function dynamoDbTable(options: DynamoDbOptions): Table {
  const { tableName, onConsumed } = options;
  const documents = DynamoDBDocumentClient.from(options.client, {
    marshallOptions: { removeUndefinedValues: true },
  });
  const asked = onConsumed === undefined ? {} : { ReturnConsumedCapacity: 'TOTAL' as const };
  const common = { TableName: tableName, ...asked };
  const count = (kind: Consumed['kind'], output: Pick<QueryCommandOutput, 'ConsumedCapacity'>): void => {
    const units = output.ConsumedCapacity?.CapacityUnits;
    if (units !== undefined) onConsumed?.({ kind, units });
  };

  const read = async ({ pk, sk }: Item): Promise<unknown> => {
    const output = await documents.send(new GetCommand({ ...common, Key: { pk, sk }, ConsistentRead: true }));
    count('read', output);
    return output.Item;
  };

  const put = async (item: Item, condition: Expression): Promise<Written<unknown>> => {
    try {
      const output = await documents.send(
        new PutCommand({
          ...common,
          Item: { ...item },
          ConditionExpression: condition.text,
          ExpressionAttributeNames: { ...condition.names },
          ...(Object.keys(condition.values).length === 0
            ? {}
            : { ExpressionAttributeValues: { ...condition.values } }),
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        }),
      );
      count('write', output);
      return { written: true };
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      // There is none where there is no item, and where the server does not know the option.
      return { written: false, current: error.Item ? plain(error.Item) : await read(item) };
    }
  };

  const query: Table['query'] = async (input) => {
    const output = await documents.send(new QueryCommand({ ...common, ...input }));
    count('read', output);
    return output;
  };

  const batchGet: Table['batchGet'] = async (keys, attributes) => {
    const names = Object.fromEntries(attributes.map((name) => [`#${name}`, name]));
    const wanted = {
      ProjectionExpression: Object.keys(names).join(', '),
      ExpressionAttributeNames: names,
    };
    const found: unknown[] = [];
    let left = keys.map((key): Record<string, unknown> => ({ ...key }));
    for (let requests = 0; left.length > 0; requests += 1) {
      if (requests === BATCH_REQUESTS) throw new Error(`${left.length} of ${keys.length} items stay unread`);
      const output = await documents.send(
        new BatchGetCommand({ ...asked, RequestItems: { [tableName]: { ...wanted, Keys: left } } }),
      );
      for (const ConsumedCapacity of output.ConsumedCapacity ?? []) count('read', { ConsumedCapacity });
      found.push(...(output.Responses?.[tableName] ?? []));
      left = output.UnprocessedKeys?.[tableName]?.Keys ?? [];
    }
    return found;
  };

  return {
    put: (item, condition) => orUnavailable(`write of ${item.pk} ${item.sk}`, () => put(item, condition)),
    query: (input) => orUnavailable('query', () => query(input)),
    batchGet: (keys, attributes) => orUnavailable('batch of reads', () => batchGet(keys, attributes)),
  };
}

/** The document client leaves the item within an error as it came. Our attributes are of three types only. */
const plain = (item: Readonly<Record<string, AttributeValue>>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(item).map(([name, { S, N, BOOL }]) => [name, S ?? (N === undefined ? BOOL : Number(N))]),
  );

/** Whatever goes wrong between here and the table, an item that cannot be read included, is the table's failure. */
export async function orUnavailable<Result>(what: string, action: () => Promise<Result>): Promise<Result> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof EngineError) throw error;
    const why = namedMessageOf(error);
    throw new EngineError('STORE_UNAVAILABLE', `${what} failed: ${why}`, { cause: error });
  }
}
