import {
  DeleteFunctionConcurrencyCommand,
  GetFunctionConcurrencyCommand,
  InvokeCommand,
  ListEventSourceMappingsCommand,
  PutFunctionConcurrencyCommand,
  ResourceInUseException,
  TooManyRequestsException,
  UpdateEventSourceMappingCommand,
} from '@aws-sdk/client-lambda';
import {
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  type QueueAttributeName,
  SetQueueAttributesCommand,
} from '@aws-sdk/client-sqs';
import type { ChainDefinition } from '../chain/index.ts';
import { type QueueName, queueSuffix, stepQueue } from '../contract/names.ts';
import type { Change } from './changes.ts';
import { lookUntil, notShown, type Probe, wait } from './probe.ts';

/*
 * What the checks do to the stage `probe`, and how it is taken back.
 */

/** Milliseconds in which AWS must have carried out what was asked. */
const CARRIED_OUT_WITHIN = 180_000;

/** "Can take up to 60 seconds to propagate": SQS API Reference, SetQueueAttributes. */
const ATTRIBUTES_PROPAGATE = 60_000;

/** The queue, and the function, of the only step of a chain. */
export const work = ({ name }: ChainDefinition): QueueName => stepQueue({ chain: name, step: 'work' });

/** A function is called as its queue is. */
export const functionOf = ({ prefix }: Probe, queue: QueueName): string => prefix + queueSuffix(queue);

export async function urlOf({ sqs, prefix }: Probe, queue: QueueName): Promise<string> {
  const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: prefix + queueSuffix(queue) }));
  if (QueueUrl === undefined) throw new Error(`the queue ${queueSuffix(queue)} has no URL`);
  return QueueUrl;
}

/** No invocation of the function is let through. */
export function throttle(probe: Probe, FunctionName: string): Change {
  const { lambda } = probe;
  return {
    command: `aws lambda delete-function-concurrency --function-name ${FunctionName}`,
    apply: async () => {
      await lambda.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 0 }));
      const look = async () => ((await isThrottled(probe, FunctionName)) ? true : undefined);
      await lookUntil(probe, CARRIED_OUT_WITHIN, `${FunctionName} is throttled`, look, 1_000, notShown);
    },
    back: async () => {
      await lambda.send(new DeleteFunctionConcurrencyCommand({ FunctionName }));
      const { ReservedConcurrentExecutions } = await lambda.send(
        new GetFunctionConcurrencyCommand({ FunctionName }),
      );
      if (ReservedConcurrentExecutions !== undefined) throw new Error(`${FunctionName} is still throttled`);
    },
  };
}

/** An invocation without messages does nothing where it is let through. */
async function isThrottled({ lambda }: Probe, FunctionName: string): Promise<boolean> {
  try {
    await lambda.send(
      new InvokeCommand({ FunctionName, Payload: Buffer.from(JSON.stringify({ Records: [] })) }),
    );
    return false;
  } catch (error) {
    if (error instanceof TooManyRequestsException) return true;
    throw error;
  }
}

/** Nothing takes messages out of the queue. */
export async function unfed(probe: Probe, queue: QueueName): Promise<Change> {
  const FunctionName = functionOf(probe, queue);
  const { uuid } = await mappingOf(probe, FunctionName);
  return {
    command: `aws lambda update-event-source-mapping --enabled --uuid ${uuid}`,
    apply: () => feed(probe, FunctionName, uuid, false),
    back: () => feed(probe, FunctionName, uuid, true),
  };
}

/** Not by `lookUntil`: feeding a function again must go on though the user has interrupted. */
async function feed(probe: Probe, FunctionName: string, UUID: string, Enabled: boolean): Promise<void> {
  const wanted = Enabled ? 'Enabled' : 'Disabled';
  const end = Date.now() + CARRIED_OUT_WITHIN;
  let asked = false;
  for (;;) {
    asked ||= await isAccepted(probe, UUID, Enabled);
    if (asked && (await mappingOf(probe, FunctionName)).state === wanted) return;
    if (Date.now() > end) throw new Error(`the mapping ${UUID} does not become ${wanted}`);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}

/** A mapping that is still being changed takes no other change. */
async function isAccepted({ lambda }: Probe, UUID: string, Enabled: boolean): Promise<boolean> {
  try {
    await lambda.send(new UpdateEventSourceMappingCommand({ UUID, Enabled }));
    return true;
  } catch (error) {
    if (error instanceof ResourceInUseException) return false;
    throw error;
  }
}

async function mappingOf(
  { lambda }: Probe,
  FunctionName: string,
): Promise<{ readonly uuid: string; readonly state: string }> {
  const { EventSourceMappings = [] } = await lambda.send(
    new ListEventSourceMappingsCommand({ FunctionName }),
  );
  const [mapping] = EventSourceMappings;
  if (mapping?.UUID === undefined) throw new Error(`${FunctionName} is fed by no queue`);
  return { uuid: mapping.UUID, state: mapping.State ?? '' };
}

export interface Hurry {
  /** Seconds. */
  readonly visibilityTimeout: number;
  /** Left out: as it is. */
  readonly maxReceiveCount?: number;
}

const HURRIED: readonly QueueAttributeName[] = ['VisibilityTimeout', 'RedrivePolicy'];

/** Messages come back, and are given up, sooner than the settings say, so that nobody has to wait for hours. */
export async function hurried(
  probe: Probe,
  queue: QueueName,
  { visibilityTimeout, maxReceiveCount }: Hurry,
): Promise<Change> {
  const { sqs } = probe;
  const QueueUrl = await urlOf(probe, queue);
  const { Attributes: before = {} } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...HURRIED] }),
  );
  const set = (Attributes: Record<string, string>) =>
    sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes }));
  return {
    command: `aws sqs set-queue-attributes --queue-url ${QueueUrl} --attributes '${JSON.stringify(before)}'`,
    apply: async () => {
      await set({
        VisibilityTimeout: String(visibilityTimeout),
        ...(maxReceiveCount === undefined
          ? {}
          : {
              RedrivePolicy: JSON.stringify({ ...JSON.parse(before.RedrivePolicy ?? '{}'), maxReceiveCount }),
            }),
      });
      if (!probe.emulator) await wait(probe, ATTRIBUTES_PROPAGATE);
    },
    back: async () => {
      await set(before);
    },
  };
}
