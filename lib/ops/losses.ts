import {
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  paginateListQueues,
  QueueDoesNotExist,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { deadLetterQueue, parseQueueSuffix, queueSuffix, stepQueue } from '../contract/names.ts';
import {
  byVersion,
  type OpenVersion,
  type OpenWorkflow,
  openWorkflows,
  type TablePlace,
} from './open-workflows.ts';

/** A step by its chain. */
export interface DeployedStep {
  readonly chain: string;
  readonly step: string;
}

/** What a deployment leaves of a stage. */
export interface Remaining {
  readonly steps: readonly DeployedStep[];
  /** The versions of each chain that stay, each with the hash of its definition. */
  readonly versions: ReadonlyMap<string, ReadonlyMap<number, string>>;
}

/** Where a stage is. */
export interface StagePlace extends TablePlace {
  /** What the name of every queue of the stage begins with, such as `stepline_dev_`. */
  readonly queuePrefix: string;
}

/** Messages that would go with the queues of a step. */
export interface LostMessages extends DeployedStep {
  readonly messages: number;
  readonly deadLetters: number;
}

export interface Losses {
  /** The steps that would be made. */
  readonly added: readonly DeployedStep[];
  /** The steps whose queues would be deleted, whatever is in them. */
  readonly steps: readonly DeployedStep[];
  readonly messages: readonly LostMessages[];
  /** Workflows that no function could go on with: their version goes. */
  readonly gone: readonly OpenVersion[];
  /** The same, where their version stays and has other steps. */
  readonly changed: readonly OpenVersion[];
}

/**
 * Looks what a deployment would add to a stage, and take away from it, as whoever is signed in to AWS.
 * Errors: those of the SDK.
 * @example await lossesOf({ queuePrefix: 'stepline_dev_', tableName: 'stepline_dev', tenant: 'default', region }, { steps, versions })
 */
export async function lossesOf(place: StagePlace, remaining: Remaining): Promise<Losses> {
  const sqs = new SQSClient(place.region === undefined ? {} : { region: place.region });
  try {
    const deployed = await deployedSteps(sqs, place.queuePrefix);
    const steps = without(deployed, remaining.steps);
    const added = without(remaining.steps, deployed);
    const messages = await Promise.all(steps.map((step) => messagesOf(sqs, place.queuePrefix, step)));
    const open = await openWorkflows(place);
    const stays = ({ chain, version }: OpenWorkflow): string | undefined =>
      remaining.versions.get(chain)?.get(version);
    return {
      added,
      steps,
      messages: messages.filter(({ messages: waiting, deadLetters }) => waiting + deadLetters > 0),
      gone: byVersion(open.filter((one) => stays(one) === undefined)),
      changed: byVersion(
        open.filter((one) => {
          const shape = stays(one);
          return shape !== undefined && one.shape !== undefined && one.shape !== shape;
        }),
      ),
    };
  } finally {
    sqs.destroy();
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
