import { orderProcessing } from '../../../../functions/chains/order-processing.ts';
import type { LogLevel } from '../../../../lib/contract/names.ts';
import { ENV } from '../../../../lib/contract/names.ts';
import { startDemoTargets } from '../../../../lib/local/demo/targets.ts';
import { type DeployedFunction, deploy, type FunctionName } from '../../../functions/deployment.ts';
import { openStage } from '../../../functions/stage.ts';
import { startDynalite } from '../../../support/dynalite.ts';
import { watchIndexes } from '../../index-units.ts';
import { type CountingDynamoDb, countDynamoDb } from './counting-dynamodb.ts';
import { type CountingSqs, countSqs } from './counting-sqs.ts';
import { storedBytes } from './stored-bytes.ts';

/** The steps of the order, each with a function of its own. */
export const STEPS = orderProcessing.steps.map(({ name }) => name);

/** The claim that names the tenant, on a stage with JWTs. */
export const TENANT_CLAIM = 'tenant';

/** How a stage is deployed. */
export interface StageOptions {
  readonly logLevel: LogLevel;
  /** Tenants with JWTs, to whom the orders belong in turn. Left out: there is the one default tenant. */
  readonly tenants?: number;
}

/** One invocation of a deployed function. */
export interface Invocation {
  /** A step's name for a step function. */
  readonly of: string;
  /** Of its event; 1 for an API function. */
  readonly messages: number;
  /** Requests to DynamoDB and SQS that one message waits for, one after the other. */
  readonly roundTrips: number;
  /** Queries, and the read units that they cost. */
  readonly reads: number;
  readonly readUnits: number;
  /** Milliseconds of processor time on this machine. */
  readonly cpuMs: number;
}

/** The order chain as it is deployed, with every AWS service that it asks counted. */
export interface CostStage {
  readonly dynamoDb: CountingDynamoDb['counts'];
  readonly sqs: CountingSqs['counts'];
  readonly invocations: readonly Invocation[];
  /** Units that the writes so far cost in the indexes. */
  indexUnits(): number;
  invoke(of: string, event: unknown): Promise<unknown>;
  /** One round of a step's event source mapping; answers how many messages there were. */
  deliver(step: string, batchSize: number): Promise<number>;
  stored(): ReturnType<typeof storedBytes>;
  /** Stops everything; answers what the functions wrote. */
  close(): Promise<string>;
}

/** @param bundles a directory that `bundleTo` filled */
export async function openCostStage(
  bundles: string,
  { logLevel, tenants }: StageOptions,
): Promise<CostStage> {
  const [database, local, targets] = await Promise.all([startDynalite(), openStage(), startDemoTargets()]);
  const tableName = await database.createTable();
  const indexes = await watchIndexes(database.client, tableName);
  const [dynamoDb, sqs] = await Promise.all([countDynamoDb(database), countSqs(local.queues)]);
  const common = {
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'none',
    AWS_SECRET_ACCESS_KEY: 'none',
    AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.url,
    AWS_ENDPOINT_URL_SQS: sqs.url,
    [ENV.tableName]: tableName,
    [ENV.queueUrlPrefix]: sqs.queueUrlPrefix,
    [ENV.stage]: 'test',
    [ENV.logLevel]: logLevel,
    [ENV.waitPlaces]: '10',
    ...(tenants === undefined ? {} : { [ENV.tenantClaim]: TENANT_CLAIM }),
  };
  const ofStep = (step: string) => ({
    [ENV.chain]: orderProcessing.name,
    [ENV.step]: step,
    [ENV.targets]: JSON.stringify(targets.targets),
  });
  const onCall = {
    [ENV.failuresTopicArn]: 'arn:aws:sns:us-east-1:000000000000:failures',
    [ENV.runbookUrl]: 'https://example.com/runbook.md',
  };
  const functions = new Map<string, DeployedFunction>();
  const start = async (of: string, name: FunctionName, env = {}): Promise<void> => {
    functions.set(of, await deploy(bundles, name, { ...common, ...env }));
  };
  await Promise.all([
    ...(['start', 'get'] as const).map((name) => start(name, name)),
    start('reconciler', 'reconciler', onCall),
    ...STEPS.map((step) => start(step, 'step', ofStep(step))),
  ]);
  const invocations: Invocation[] = [];
  let indexUnits = 0;

  const invoke = async (of: string, event: unknown, messages = 1): Promise<unknown> => {
    const deployed = functions.get(of);
    if (deployed === undefined) throw new Error(`no function ${of} was deployed`);
    const before = { ...dynamoDb.counts, ...sqs.counts };
    const result = await deployed.invoke(event);
    const writes = dynamoDb.counts.writes - before.writes;
    const reads = dynamoDb.counts.reads - before.reads;
    // Sends of one message go out together: it waits for all of them once.
    const waitsForSend = sqs.counts.sent > before.sent ? 1 : 0;
    invocations.push({
      of,
      messages,
      roundTrips: (writes + reads) / messages + waitsForSend,
      reads,
      readUnits: dynamoDb.counts.readUnits - before.readUnits,
      cpuMs: deployed.cpuMs().at(-1) ?? 0,
    });
    // An invocation writes a workflow's META at most once, so that nothing changes twice between two looks.
    if (writes > 0) indexUnits += await indexes.unitsSinceLast();
    return result;
  };

  return {
    dynamoDb: dynamoDb.counts,
    sqs: sqs.counts,
    invocations,
    indexUnits: () => indexUnits,
    invoke,
    deliver: (step, batchSize) =>
      sqs.deliver({ chain: orderProcessing.name, step, kind: 'step' }, batchSize, (event) =>
        invoke(step, event, event.Records.length),
      ),
    stored: () => storedBytes(database.client, tableName),
    close: async () => {
      await Promise.all([...functions.values()].map((one) => one.close()));
      await Promise.all([dynamoDb.close(), sqs.close(), targets.close(), local.close()]);
      await database.close();
      return [...functions.values()].map((one) => one.output()).join('');
    },
  };
}
