import type { QueryCommandOutput } from '@aws-sdk/lib-dynamodb';
import { KEYS, META_KEY, PACE_KEYS, partitionKey } from '../../contract/table.ts';
import type { MetaExpectation, Pace, StepExpectation, Store, Written } from '../../engine/ports.ts';
import type { StepRecord, WorkflowKey, WorkflowMeta, WorkflowState } from '../../engine/state.ts';
import {
  metaFromItem,
  metaToItem,
  paceFromItem,
  paceToItem,
  sortKeyOf,
  stepFromItem,
  stepToItem,
} from './items.ts';
import { listDueWorkflows, listWorkflows } from './listing.ts';
import {
  ABSENT,
  type DynamoDbOptions,
  dynamoDbTable,
  type Expression,
  equals,
  orUnavailable,
  type Table,
} from './table.ts';

/**
 * The table on DynamoDB. Every write replaces one whole item under a condition; there are no transactions and no scans.
 * A write that the SDK repeated may find its own item in the way: the engine compares tokens, this store only shows
 * what is there.
 * @example createDynamoDbStore({ client: new DynamoDBClient({}), tableName: 'stepline-dev' })
 */
export function createDynamoDbStore(options: DynamoDbOptions): Store {
  const table = dynamoDbTable(options);
  return {
    create: (meta) => writeMeta(table, meta, ABSENT),
    writeMeta: (meta, expected) => writeMeta(table, meta, metaCondition(expected)),
    writeStep: (key, record, expected, expiresAt) =>
      orUnavailable(`write of step ${record.step} of ${key.workflowId}`, async () => {
        const item = stepToItem(key, record, expiresAt);
        return parsed(await table.put(item, stepCondition(expected)), stepFromItem);
      }),
    load: (key) => orUnavailable(`load of ${key.workflowId}`, () => load(table, key)),
    list: (filter) => orUnavailable('listing', () => listWorkflows(table, filter)),
    listDue: (...of) => orUnavailable('reading what is due', () => listDueWorkflows(table, ...of)),
    loadPace: () => orUnavailable('load of the pace', () => loadPace(table)),
    writePace: (pace, expected) =>
      orUnavailable('write of the pace', async () => {
        const condition = expected === 0 ? ABSENT : equals({ version: expected });
        return parsed(await table.put(paceToItem(pace), condition), paceFromItem);
      }),
  };
}

/**
 * By a query, like every load: the role of a function that may load needs no other permission. Eventually consistent, which costs
 * half: every failed workflow reads it, and only a write decides.
 */
async function loadPace(table: Table): Promise<Pace | undefined> {
  const key = equals(PACE_KEYS);
  const { Items = [] } = await table.query({
    KeyConditionExpression: key.text,
    ExpressionAttributeNames: { ...key.names },
    ExpressionAttributeValues: { ...key.values },
  });
  return Items[0] === undefined ? undefined : paceFromItem(Items[0]);
}

const writeMeta = (table: Table, meta: WorkflowMeta, condition: Expression): Promise<Written<WorkflowMeta>> =>
  orUnavailable(`write of ${meta.workflowId}`, async () =>
    parsed(await table.put(metaToItem(meta), condition), metaFromItem),
  );

const metaCondition = ({ status, epoch, dueAt }: MetaExpectation): Expression =>
  equals({ status, epoch, ...(dueAt === undefined ? {} : { dueAt }) });

const stepCondition = (expected: StepExpectation): Expression =>
  'absent' in expected ? ABSENT : equals({ status: expected.status, token: expected.token });

function parsed<Parsed>(written: Written<unknown>, parse: (item: unknown) => Parsed): Written<Parsed> {
  if (written.written) return written;
  return { written: false, current: written.current === undefined ? undefined : parse(written.current) };
}

async function load(table: Table, { tenant, workflowId }: WorkflowKey): Promise<WorkflowState | undefined> {
  const collection = equals({ [KEYS.partition]: partitionKey(tenant, workflowId) });
  let meta: WorkflowMeta | undefined;
  const steps = new Map<string, StepRecord>();
  const undos = new Map<string, StepRecord>();
  const lookups = new Map<string, StepRecord>();
  const recordsIn = { do: steps, undo: undos, lookup: lookups };
  let page: QueryCommandOutput | undefined;
  do {
    page = await table.query({
      KeyConditionExpression: collection.text,
      ExpressionAttributeNames: { ...collection.names },
      ExpressionAttributeValues: { ...collection.values },
      ConsistentRead: true,
      ...(page === undefined ? {} : { ExclusiveStartKey: page.LastEvaluatedKey }),
    });
    for (const item of page.Items ?? []) {
      const sortKey = sortKeyOf(item);
      if (sortKey === META_KEY) {
        meta = metaFromItem(item);
        continue;
      }
      const record = stepFromItem(item);
      recordsIn[record.action ?? 'do'].set(record.step, record);
    }
  } while (page.LastEvaluatedKey !== undefined);
  if (meta === undefined) return undefined;
  return {
    meta,
    steps,
    ...(undos.size === 0 ? {} : { undos }),
    ...(lookups.size === 0 ? {} : { lookups }),
  };
}
