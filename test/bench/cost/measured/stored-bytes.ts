import { type AttributeValue, type DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { TABLE_SCHEMA } from '../../../../lib/contract/table.ts';

/** What DynamoDB adds to every item and to every index entry when it bills storage. */
const OVERHEAD_BYTES = 100;

type Item = Readonly<Record<string, AttributeValue>>;

/**
 * An item's size: names and text in UTF-8, a number about one byte for two digits and one more, a truth value one.
 * Source: Amazon DynamoDB Developer Guide, item sizes and formats.
 * @example itemBytes({ pk: { S: 'a' } }) // 3
 */
export const itemBytes = (item: Item): number =>
  Object.entries(item).reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + valueBytes(value), 0);

function valueBytes({ S, N, BOOL }: AttributeValue): number {
  if (S !== undefined) return Buffer.byteLength(S);
  if (N !== undefined) return Math.ceil(N.length / 2) + 1;
  if (BOOL !== undefined) return 1;
  throw new Error('the table holds text, numbers and truth values only');
}

export interface StoredBytes {
  /** As billed, overhead included. Backups hold the table alone. */
  readonly table: number;
  readonly indexes: number;
  /** JSON of the steps' results. */
  readonly results: number;
}

/** Bytes of everything in a table and in its indexes. */
export async function storedBytes(client: DynamoDBClient, tableName: string): Promise<StoredBytes> {
  const billed = (items: readonly Item[]): number =>
    items.reduce((sum, item) => sum + itemBytes(item) + OVERHEAD_BYTES, 0);
  const items = await scan(client, tableName);
  let indexes = 0;
  for (const { name } of TABLE_SCHEMA.indexes) indexes += billed(await scan(client, tableName, name));
  return {
    table: billed(items),
    indexes,
    results: items.reduce((sum, { result }) => sum + Buffer.byteLength(result?.S ?? ''), 0),
  };
}

async function scan(client: DynamoDBClient, TableName: string, index?: string): Promise<readonly Item[]> {
  const found: Item[] = [];
  let from: Record<string, AttributeValue> | undefined;
  do {
    const page = await client.send(
      new ScanCommand({
        TableName,
        ...(index === undefined ? {} : { IndexName: index }),
        ...(from === undefined ? {} : { ExclusiveStartKey: from }),
      }),
    );
    found.push(...(page.Items ?? []));
    from = page.LastEvaluatedKey;
  } while (from !== undefined);
  return found;
}
