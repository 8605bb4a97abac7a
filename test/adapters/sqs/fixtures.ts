import {
  ChangeMessageVisibilityCommand,
  SendMessageBatchCommand,
  type SendMessageBatchCommandInput,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { mockClient } from 'aws-sdk-client-mock';
import { createSqsQueue } from '../../../lib/adapters/sqs/queue.ts';
import type { QueueName } from '../../../lib/contract/names.ts';
import { type StepMessage, stepMessage } from '../../../lib/contract/wire.ts';
import { EngineError } from '../../../lib/engine/errors.ts';
import type { Outgoing } from '../../../lib/engine/ports.ts';

export const PREFIX = 'https://sqs.eu-central-1.amazonaws.com/123456789012/stepline_test_';
export const PAYMENT = { chain: 'order-processing', step: 'payment', kind: 'step' } as const;
export const PAYMENT_URL = `${PREFIX}order-processing_payment`;
export const SHIPMENT = { ...PAYMENT, step: 'shipment' } as const;
export const SHIPMENT_URL = `${PREFIX}order-processing_shipment`;

export const sqs = mockClient(SQSClient);
export const queue = createSqsQueue({
  client: new SQSClient({ region: 'eu-central-1' }),
  queueUrlPrefix: PREFIX,
});

/** Forgets what was sent; from now on everything succeeds. */
export function resetSqs(): void {
  sqs.reset();
  sqs.on(SendMessageCommand).resolves({});
  sqs.on(ChangeMessageVisibilityCommand).resolves({});
  sqs.on(SendMessageBatchCommand).callsFake(({ Entries = [] }: SendMessageBatchCommandInput) => ({
    Successful: Entries.map(({ Id }) => ({ Id })),
  }));
}

/** What the client throws when SQS is too busy. */
export const throttled = (): Error => Object.assign(new Error('Rate exceeded'), { name: 'RequestThrottled' });

/** The message of the workflow of that number. */
export const message = (number: number, changes: Partial<StepMessage> = {}): StepMessage => ({
  tenant: 'acme',
  workflowId: `wf_${String(number).padStart(32, '0')}`,
  chain: 'order-processing',
  version: 1,
  step: 'payment',
  action: 'do',
  epoch: 0,
  trip: 0,
  ...changes,
});

export const numberOf = (body: string | undefined): number => {
  const { workflowId } = stepMessage.parse(JSON.parse(body ?? ''));
  return Number(workflowId.slice(3));
};

export const outgoing = (number: number, to: QueueName = PAYMENT): Outgoing => ({
  to,
  message: message(number),
});

export const many = (count: number, to?: QueueName): Outgoing[] =>
  Array.from({ length: count }, (_, number) => outgoing(number, to));

/** Requests with one message, and those with several. */
export const alone = () => sqs.commandCalls(SendMessageCommand).map(({ args }) => args[0].input);
export const together = () => sqs.commandCalls(SendMessageBatchCommand).map(({ args }) => args[0].input);

export const numbersAlone = () => alone().map(({ MessageBody }) => numberOf(MessageBody));
export const numbersTogether = () =>
  together().map(({ Entries = [] }) => Entries.map(({ MessageBody }) => numberOf(MessageBody)));

/** The error that `work` fails with; fails if it does not fail. */
export async function failureOf(work: Promise<unknown>): Promise<EngineError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof EngineError) return error;
  throw new Error(`no EngineError but ${String(error)}`);
}
