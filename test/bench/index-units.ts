import { type DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { TABLE_SCHEMA } from '../../lib/contract/table.ts';

type Entries = ReadonlyMap<string, string>;

const WRITE_UNIT_BYTES = 1_024;
const unitsOf = (entry: string): number => Math.ceil(Buffer.byteLength(entry) / WRITE_UNIT_BYTES);

/**
 * Units that writes cost in the indexes, which dynalite does not report: one for each KB of an entry that is put, deleted or
 * changed, and both where an entry moves to another key. An entry that changed twice between two looks counts once.
 * Source: Amazon DynamoDB Developer Guide, provisioned throughput considerations for global secondary indexes.
 * @example const indexes = await watchIndexes(client, tableName); … await indexes.unitsSinceLast();
 */
export async function watchIndexes(client: DynamoDBClient, tableName: string) {
  const read = async (): Promise<Entries> => {
    const entries = new Map<string, string>();
    for (const { name, partitionKey, sortKey } of TABLE_SCHEMA.indexes) {
      const { Items = [] } = await client.send(new ScanCommand({ TableName: tableName, IndexName: name }));
      for (const item of Items) {
        const keys = [item[partitionKey.name], item[sortKey.name], item.pk];
        entries.set(`${name} ${JSON.stringify(keys)}`, JSON.stringify(item));
      }
    }
    return entries;
  };
  let before = await read();
  return {
    unitsSinceLast: async (): Promise<number> => {
      const after = await read();
      const old = before;
      before = after;
      const keys = [...new Set([...old.keys(), ...after.keys()])];
      return keys
        .filter((key) => old.get(key) !== after.get(key))
        .reduce((sum, key) => sum + Math.max(unitsOf(old.get(key) ?? ''), unitsOf(after.get(key) ?? '')), 0);
    },
  };
}
