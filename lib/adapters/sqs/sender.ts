import {
  type BatchResultErrorEntry,
  SendMessageBatchCommand,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { EngineError } from '../../engine/errors.ts';

/** SendMessageBatch takes at most ten entries. */
const BATCH_ENTRIES = 10;

/** Of all its bodies together. Our messages are far smaller; a parked body need not be. */
const BATCH_BYTES = 1_048_576;

/** How often an entry that SQS itself failed is sent again alone; the SDK repeats each of these with backoff besides. */
const ENTRY_RETRIES = 2;

export interface SqsMessage {
  readonly body: string;
  /** Groups messages of a standard queue so that one noisy tenant does not hold up the others. */
  readonly group?: string;
}

interface Waiting {
  readonly message: SqsMessage;
  resolve(): void;
  reject(error: EngineError): void;
}

/** Sends one message. Errors: `QUEUE_UNAVAILABLE`; it may have been sent. */
export type Send = (url: string, message: SqsMessage) => Promise<void>;

/**
 * Sends messages together: all that are asked for within one turn of the event loop and go to one queue share requests
 * of up to ten, which is what a fork of a chain or a reconciler's run costs. Each caller learns of its own message only.
 */
export function createSqsSender(client: SQSClient): Send {
  const waiting = new Map<string, Waiting[]>();
  const flush = (url: string): void => {
    const entries = waiting.get(url) ?? [];
    waiting.delete(url);
    for (const batch of batchesOf(entries)) void sendTogether(client, url, batch);
  };
  return (url, message) =>
    new Promise((resolve, reject) => {
      const entries = waiting.get(url) ?? [];
      if (entries.length === 0) {
        waiting.set(url, entries);
        setImmediate(flush, url);
      }
      entries.push({ message, resolve, reject });
    });
}

function batchesOf(entries: readonly Waiting[]): readonly (readonly Waiting[])[] {
  const batches: Waiting[][] = [];
  let bytes = 0;
  for (const entry of entries) {
    const size = Buffer.byteLength(entry.message.body);
    const last = batches.at(-1);
    if (last === undefined || last.length === BATCH_ENTRIES || bytes + size > BATCH_BYTES) {
      batches.push([entry]);
      bytes = size;
    } else {
      last.push(entry);
      bytes += size;
    }
  }
  return batches;
}

/** Settles every entry, and itself never fails. */
async function sendTogether(client: SQSClient, url: string, entries: readonly Waiting[]): Promise<void> {
  try {
    const [first] = entries;
    if (entries.length === 1 && first !== undefined) {
      await sendAlone(client, url, first.message);
      first.resolve();
      return;
    }
    const { Successful = [], Failed = [] } = await client.send(
      new SendMessageBatchCommand({
        QueueUrl: url,
        Entries: entries.map(({ message }, index) => ({ Id: String(index), ...parameters(message) })),
      }),
    );
    const sent = new Set(Successful.map(({ Id }) => Id));
    const failures = new Map(Failed.map((failure) => [failure.Id, failure]));
    await Promise.all(
      entries.map((entry, index) => {
        const id = String(index);
        return sent.has(id) ? entry.resolve() : sendAgain(client, url, entry, failures.get(id));
      }),
    );
  } catch (error) {
    for (const entry of entries) entry.reject(unavailable(url, error));
  }
}

/** Of an entry that is reported neither as sent nor as failed nobody knows; then once too often is better than never. */
async function sendAgain(
  client: SQSClient,
  url: string,
  entry: Waiting,
  failure: BatchResultErrorEntry | undefined,
): Promise<void> {
  let last: unknown = new Error(`${failure?.Code ?? 'no reply for the entry'}: ${failure?.Message ?? ''}`);
  const retries = failure?.SenderFault === true ? 0 : ENTRY_RETRIES;
  for (let tries = 0; tries < retries; tries += 1) {
    try {
      await sendAlone(client, url, entry.message);
      entry.resolve();
      return;
    } catch (error) {
      last = error;
    }
  }
  entry.reject(unavailable(url, last));
}

async function sendAlone(client: SQSClient, url: string, message: SqsMessage): Promise<void> {
  await client.send(new SendMessageCommand({ QueueUrl: url, ...parameters(message) }));
}

const parameters = ({ body, group }: SqsMessage) => ({
  MessageBody: body,
  ...(group === undefined ? {} : { MessageGroupId: group }),
});

/** What the SDK threw, as the engine's error. */
export function unavailable(url: string, cause: unknown): EngineError {
  const why = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
  return new EngineError('QUEUE_UNAVAILABLE', `queue ${url.slice(url.lastIndexOf('/') + 1)}: ${why}`, {
    cause,
  });
}
