import type { SQSBatchResponse, SQSRecord } from 'aws-lambda';
import type { StepMessage } from '../../lib/contract/wire.ts';
import type { WorkflowMeta } from '../../lib/engine/state.ts';

/** The message that asks for a workflow's payment. */
export const messageOf = (
  { tenant, workflowId, epoch }: WorkflowMeta,
  changes: Partial<StepMessage> = {},
) => ({
  tenant,
  workflowId,
  chain: 'order-processing',
  version: 1,
  step: 'payment',
  action: 'do' as const,
  epoch,
  trip: 0,
  ...changes,
});

/** A record as Lambda hands it over; what is no text is sent as JSON. */
export const record = (messageId: string, body: unknown, changes: Partial<SQSRecord> = {}): SQSRecord => ({
  messageId,
  receiptHandle: `handle of ${messageId}`,
  body: typeof body === 'string' ? body : JSON.stringify(body),
  attributes: {
    ApproximateReceiveCount: '1',
    SentTimestamp: '0',
    SenderId: 'test',
    ApproximateFirstReceiveTimestamp: '0',
  },
  messageAttributes: {},
  md5OfBody: '',
  eventSource: 'aws:sqs',
  eventSourceARN: 'arn:aws:sqs:eu-central-1:123456789012:any',
  awsRegion: 'eu-central-1',
  ...changes,
});

/** The messages that a batch response names as failed. */
export const namesOf = ({ batchItemFailures }: SQSBatchResponse): string[] =>
  batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);

/** A Lambda context with so many milliseconds left. */
export const withMs = (ms: number) => ({ getRemainingTimeInMillis: () => ms });
export const PLENTY = withMs(45_000);
