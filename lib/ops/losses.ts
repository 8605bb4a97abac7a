import {
  BatchGetItemCommand,
  DynamoDBClient,
  paginateScan,
  ResourceNotFoundException,
} from '@aws-sdk/client-dynamodb';
import {
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  paginateListQueues,
  QueueDoesNotExist,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { deadLetterQueue, parseQueueSuffix, queueSuffix, stepQueue } from '../contract/names.ts';
import { ENDED, INDEX_NAMES, KEYS, META_KEY, parsePartitionKey } from '../contract/table.ts';

/** A step by its chain. */
export interface DeployedStep {
  readonly chain: string;
  readonly step: string;
}

/** What a deployment leaves of a stage. */
export interface Remaining {
  readonly steps: readonly DeployedStep[];
  /** The versions of each chain that stay. */
  readonly versions: ReadonlyMap<string, readonly number[]>;
}

/** Where a stage is. */
export interface StagePlace {
  /** What the name of every queue of the stage begins with, such as `stepline_dev_`. */
  readonly queuePrefix: string;
  readonly tableName: string;
  /** undefined for the one that the environment says */
  readonly region: string | undefined;
}

/** Messages that would go with the queues of a step. */
export interface LostMessages extends DeployedStep {
  readonly messages: number;
  readonly deadLetters: number;
}

/** Workflows that no function could go on with. */
export interface LostWorkflows {
  readonly chain: string;
  readonly processing: number;
  /** They can be resumed as long as their chain is there. */
  readonly failed: number;
  readonly examples: readonly string[];
}

export interface Losses {
  /** The steps that would be made. */
  readonly added: readonly DeployedStep[];
  /** The steps whose queues would be deleted, whatever is in them. */
  readonly steps: readonly DeployedStep[];
  readonly messages: readonly LostMessages[];
  readonly workflows: readonly LostWorkflows[];
}

/** Workflows that are named of each chain. */
const EXAMPLES = 3;

/**
 * Looks what a deployment would add to a stage, and take away from it, as whoever is signed in to AWS. The table is read only where a step would
 * disappear: then its two indexes are read whole.
 * Errors: those of the SDK.
 * @example await lossesOf({ queuePrefix: 'stepline_dev_', tableName: 'stepline_dev', region }, { steps, versions })
 */
export async function lossesOf(place: StagePlace, remaining: Remaining): Promise<Losses> {
  const options = place.region === undefined ? {} : { region: place.region };
  const [sqs, dynamodb] = [new SQSClient(options), new DynamoDBClient(options)];
  try {
    const deployed = await deployedSteps(sqs, place.queuePrefix);
    const steps = without(deployed, remaining.steps);
    const added = without(remaining.steps, deployed);
    if (steps.length === 0) return { added, steps, messages: [], workflows: [] };
    const messages = await Promise.all(steps.map((step) => messagesOf(sqs, place.queuePrefix, step)));
    const chains = new Set(steps.map(({ chain }) => chain));
    return {
      added,
      steps,
      messages: messages.filter(({ messages: waiting, deadLetters }) => waiting + deadLetters > 0),
      workflows: await workflowsOf(dynamodb, place.tableName, chains, remaining.versions),
    };
  } finally {
    sqs.destroy();
    dynamodb.destroy();
  }
}

function without(steps: readonly DeployedStep[], others: readonly DeployedStep[]): readonly DeployedStep[] {
  const names = new Set(others.map((step) => queueSuffix(stepQueue(step))));
  return steps.filter((step) => !names.has(queueSuffix(stepQueue(step))));
}

/** The steps that have a queue now. */
async function deployedSteps(client: SQSClient, prefix: string): Promise<readonly DeployedStep[]> {
  const steps: DeployedStep[] = [];
  // With a size of page SQS answers by pages; without it, the first thousand and no word of others.
  const pages = paginateListQueues({ client, pageSize: 1_000 }, { QueueNamePrefix: prefix });
  for await (const { QueueUrls = [] } of pages) {
    for (const url of QueueUrls) {
      const queue = parseQueueSuffix(url.slice(url.lastIndexOf('/') + 1 + prefix.length));
      if (queue?.kind === 'step') steps.push({ chain: queue.chain, step: queue.step });
    }
  }
  return steps;
}

async function messagesOf(client: SQSClient, prefix: string, step: DeployedStep): Promise<LostMessages> {
  const [messages, deadLetters] = await Promise.all(
    [stepQueue(step), deadLetterQueue(step)].map((queue) => depthOf(client, prefix + queueSuffix(queue))),
  );
  return { ...step, messages: messages ?? 0, deadLetters: deadLetters ?? 0 };
}

const COUNTED = [
  'ApproximateNumberOfMessages',
  'ApproximateNumberOfMessagesNotVisible',
  'ApproximateNumberOfMessagesDelayed',
] as const;

async function depthOf(client: SQSClient, QueueName: string): Promise<number> {
  try {
    const { QueueUrl } = await client.send(new GetQueueUrlCommand({ QueueName }));
    const { Attributes = {} } = await client.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...COUNTED] }),
    );
    return COUNTED.reduce((sum, name) => sum + Number(Attributes[name] ?? 0), 0);
  } catch (error) {
    if (error instanceof QueueDoesNotExist) return 0;
    throw error;
  }
}

/** A workflow that has not ended for good. */
interface Open {
  readonly pk: string;
  readonly chain: string;
  readonly status: 'processing' | 'failed';
}

async function workflowsOf(
  client: DynamoDBClient,
  tableName: string,
  chains: ReadonlySet<string>,
  versions: Remaining['versions'],
): Promise<readonly LostWorkflows[]> {
  try {
    const open = await openWorkflows(client, tableName, chains);
    const lost: Open[] = [];
    for (let first = 0; first < open.length; first += BATCH) {
      const some = open.slice(first, first + BATCH);
      const known = await versionsOf(client, tableName, some);
      lost.push(
        ...some.filter(({ pk, chain }) => {
          const version = known.get(pk);
          return version === undefined || versions.get(chain)?.includes(version) !== true;
        }),
      );
    }
    return [...chains].flatMap((chain) => toldOf(chain, lost));
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return [];
    throw error;
  }
}

function toldOf(chain: string, lost: readonly Open[]): readonly LostWorkflows[] {
  const mine = lost.filter((one) => one.chain === chain);
  if (mine.length === 0) return [];
  const processing = mine.filter(({ status }) => status === 'processing').length;
  const examples = mine.slice(0, EXAMPLES).map(({ pk }) => parsePartitionKey(pk).workflowId);
  return [{ chain, processing, failed: mine.length - processing, examples }];
}

/**
 * The index of listings tells which workflows have failed. It does not tell whether a healthy one is still processing, but the index of
 * what is due holds exactly those that are.
 */
async function openWorkflows(
  client: DynamoDBClient,
  tableName: string,
  chains: ReadonlySet<string>,
): Promise<readonly Open[]> {
  const due = new Set<string>();
  for await (const { pk } of rowsOf(client, tableName, INDEX_NAMES.due, [KEYS.partition])) {
    if (pk !== undefined) due.add(pk);
  }
  const open: Open[] = [];
  const wanted = [KEYS.partition, 'chain', ENDED] as const;
  for await (const row of rowsOf(client, tableName, INDEX_NAMES.listing, wanted)) {
    const { pk, chain, [ENDED]: ended } = row;
    if (pk === undefined || chain === undefined || !chains.has(chain)) continue;
    if (ended === 'failed') open.push({ pk, chain, status: 'failed' });
    if (ended === undefined && due.has(pk)) open.push({ pk, chain, status: 'processing' });
  }
  return open;
}

type Row<Name extends string> = Partial<Record<Name, string>>;

async function* rowsOf<Name extends string>(
  client: DynamoDBClient,
  TableName: string,
  IndexName: string,
  names: readonly Name[],
): AsyncGenerator<Row<Name>> {
  const pages = paginateScan(
    { client },
    {
      TableName,
      IndexName,
      ProjectionExpression: names.map((name) => `#${name}`).join(', '),
      ExpressionAttributeNames: Object.fromEntries(names.map((name) => [`#${name}`, name])),
    },
  );
  for await (const { Items = [] } of pages) {
    for (const item of Items) {
      const row: Row<Name> = {};
      for (const name of names) {
        const text = item[name]?.S;
        if (text !== undefined) row[name] = text;
      }
      yield row;
    }
  }
}

/** Keys that one BatchGetItem takes. */
const BATCH = 100;

async function versionsOf(
  client: DynamoDBClient,
  tableName: string,
  workflows: readonly Open[],
): Promise<ReadonlyMap<string, number>> {
  const versions = new Map<string, number>();
  let Keys: Record<string, { S: string }>[] | undefined = workflows.map(({ pk }) => ({
    [KEYS.partition]: { S: pk },
    [KEYS.sort]: { S: META_KEY },
  }));
  while (Keys !== undefined && Keys.length > 0) {
    const { Responses = {}, UnprocessedKeys = {} } = await client.send(
      new BatchGetItemCommand({
        RequestItems: {
          [tableName]: {
            Keys,
            ProjectionExpression: '#pk, #version',
            ExpressionAttributeNames: { '#pk': KEYS.partition, '#version': 'version' },
          },
        },
      }),
    );
    for (const item of Responses[tableName] ?? []) {
      const pk = item[KEYS.partition]?.S;
      const version = item.version?.N;
      if (pk !== undefined && version !== undefined) versions.set(pk, Number(version));
    }
    const left: readonly Record<string, { S?: string }>[] = UnprocessedKeys[tableName]?.Keys ?? [];
    Keys = left.map((key) =>
      Object.fromEntries(Object.entries(key).map(([name, { S = '' }]) => [name, { S }])),
    );
  }
  return versions;
}
