import {
  type AttributeValue,
  BatchGetItemCommand,
  DynamoDBClient,
  paginateQuery,
  paginateScan,
  ResourceNotFoundException,
} from '@aws-sdk/client-dynamodb';
import { LIMITS } from '../contract/limits.ts';
import type { WorkflowStatus } from '../contract/names.ts';
import {
  ENDED,
  INDEX_NAMES,
  KEYS,
  listingPartition,
  META_KEY,
  parsePartitionKey,
} from '../contract/table.ts';

/** Statuses of workflows that need their definition: they go on, are taken back, or can be resumed. */
export const OPEN_STATUSES = [
  'processing',
  'failed',
  'compensating',
  'compensation_failed',
] as const satisfies readonly WorkflowStatus[];
export type OpenStatus = (typeof OPEN_STATUSES)[number];
/** Those of them of which the index of what is due does not tell: nobody but a person goes on with them. */
const WAITING = ['failed', 'compensation_failed'] as const satisfies readonly OpenStatus[];

/** A workflow that needs its definition. */
export interface OpenWorkflow {
  readonly workflowId: string;
  readonly chain: string;
  readonly version: number;
  /** Hash of the definition that began it; undefined for one of an earlier release. */
  readonly shape: string | undefined;
  readonly status: OpenStatus;
  /** When it expires, in milliseconds since 1970: then it needs nothing any more. */
  readonly expiresAt: number;
}

/** Where the workflows of a stage are. */
export interface TablePlace {
  readonly tableName: string;
  /** The one tenant of a stage without tenants; undefined for any: then the index of listings is read whole. */
  readonly tenant: string | undefined;
  /** undefined for the one that the environment says */
  readonly region: string | undefined;
}

/**
 * Every open workflow of a stage; none where there is no table yet. The index of what is due holds all that go on or are taken back,
 * and the group `ended` of the index of listings those that wait for a person. The table says what they are now. All reads are eventually consistent.
 * Errors: those of the SDK.
 * @example await openWorkflows({ tableName: 'stepline_dev', tenant: 'default', region: 'eu-central-1' })
 */
export async function openWorkflows(place: TablePlace): Promise<readonly OpenWorkflow[]> {
  const client = new DynamoDBClient(place.region === undefined ? {} : { region: place.region });
  const keys = new Set<string>();
  try {
    for await (const pk of keysOf(client, place)) keys.add(pk);
    const all = [...keys];
    const open: OpenWorkflow[] = [];
    for (let first = 0; first < all.length; first += BATCH) {
      open.push(...(await readMetas(client, place.tableName, all.slice(first, first + BATCH))));
    }
    return open;
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return [];
    throw error;
  } finally {
    client.destroy();
  }
}

async function* keysOf(client: DynamoDBClient, { tableName, tenant }: TablePlace): AsyncGenerator<string> {
  const due = { TableName: tableName, IndexName: INDEX_NAMES.due };
  yield* keysIn(paginateScan({ client }, { ...due, ...ONLY_KEYS }));
  const waiting = {
    TableName: tableName,
    IndexName: INDEX_NAMES.listing,
    ...ONLY_KEYS,
    FilterExpression: `#ended IN (${WAITING.map((status) => `:${status}`).join(', ')})`,
    ExpressionAttributeNames: { ...ONLY_KEYS.ExpressionAttributeNames, '#ended': ENDED },
  };
  const values = Object.fromEntries(WAITING.map((status) => [`:${status}`, { S: status }]));
  if (tenant === undefined) {
    yield* keysIn(paginateScan({ client }, { ...waiting, ExpressionAttributeValues: values }));
    return;
  }
  for (let shard = 0; shard < LIMITS.indexShards; shard += 1) {
    const pages = paginateQuery(
      { client },
      {
        ...waiting,
        KeyConditionExpression: '#listing = :partition',
        ExpressionAttributeNames: { ...waiting.ExpressionAttributeNames, '#listing': KEYS.listing },
        ExpressionAttributeValues: {
          ...values,
          ':partition': { S: listingPartition(tenant, 'ended', shard) },
        },
      },
    );
    yield* keysIn(pages);
  }
}

const ONLY_KEYS = { ProjectionExpression: '#pk', ExpressionAttributeNames: { '#pk': KEYS.partition } };

async function* keysIn(
  pages: AsyncIterable<{ readonly Items?: readonly Record<string, AttributeValue>[] | undefined }>,
): AsyncGenerator<string> {
  for await (const { Items = [] } of pages) {
    for (const item of Items) {
      const pk = item[KEYS.partition]?.S;
      if (pk !== undefined) yield pk;
    }
  }
}

/** Keys that one BatchGetItem takes. */
const BATCH = 100;

/** What is read of META. */
const READ = [KEYS.partition, 'chain', 'version', 'shape', 'status', 'expiresAt'] as const;

async function readMetas(
  client: DynamoDBClient,
  tableName: string,
  partitions: readonly string[],
): Promise<readonly OpenWorkflow[]> {
  const open: OpenWorkflow[] = [];
  let Keys: Record<string, AttributeValue>[] = partitions.map((pk) => ({
    [KEYS.partition]: { S: pk },
    [KEYS.sort]: { S: META_KEY },
  }));
  while (Keys.length > 0) {
    const { Responses = {}, UnprocessedKeys = {} } = await client.send(
      new BatchGetItemCommand({
        RequestItems: {
          [tableName]: {
            Keys,
            ProjectionExpression: READ.map((name) => `#${name}`).join(', '),
            ExpressionAttributeNames: Object.fromEntries(READ.map((name) => [`#${name}`, name])),
          },
        },
      }),
    );
    open.push(...(Responses[tableName] ?? []).flatMap(openOf));
    Keys = UnprocessedKeys[tableName]?.Keys ?? [];
  }
  return open;
}

/** None where the workflow has ended meanwhile. */
function openOf(item: Record<string, AttributeValue>): readonly OpenWorkflow[] {
  const { [KEYS.partition]: pk, chain, version, shape, expiresAt } = item;
  const status = OPEN_STATUSES.find((known) => known === item.status?.S);
  if (pk?.S === undefined || chain?.S === undefined || status === undefined) return [];
  return [
    {
      workflowId: parsePartitionKey(pk.S).workflowId,
      chain: chain.S,
      version: Number(version?.N),
      shape: shape?.S,
      status,
      expiresAt: Number(expiresAt?.N),
    },
  ];
}

/** The open workflows of one version of a chain: how many there are of each status. */
export interface OpenVersion extends Readonly<Record<OpenStatus, number>> {
  readonly chain: string;
  readonly version: number;
  readonly examples: readonly string[];
  /** When the last of them expires, in milliseconds since 1970. */
  readonly expiresAt: number;
}

/** Workflows that are named of each version. */
const EXAMPLES = 3;

/** By the name of the chain, and by version. */
export function byVersion(workflows: readonly OpenWorkflow[]): readonly OpenVersion[] {
  const groups = new Map<string, OpenWorkflow[]>();
  for (const one of workflows) {
    const key = `${one.chain}@${String(one.version).padStart(16, '0')}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, group]) => counted(group));
}

function counted(group: readonly OpenWorkflow[]): readonly OpenVersion[] {
  const [first] = group;
  if (first === undefined) return [];
  const of = (wanted: OpenStatus): number => group.filter(({ status }) => status === wanted).length;
  return [
    {
      chain: first.chain,
      version: first.version,
      processing: of('processing'),
      failed: of('failed'),
      compensating: of('compensating'),
      compensation_failed: of('compensation_failed'),
      examples: group.slice(0, EXAMPLES).map(({ workflowId }) => workflowId),
      expiresAt: group.reduce((latest, { expiresAt }) => Math.max(latest, expiresAt), 0),
    },
  ];
}
