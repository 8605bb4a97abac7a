import * as z from 'zod';
import type { Time } from '../../../lib/testing/world/time.ts';
import type { Chaos } from '../faults/chaos.ts';
import { type AwsService, NO_FAULT, type RequestFault } from '../faults/request.ts';
import type { Calls } from './calls.ts';
import { createOldReads } from './old-reads.ts';
import type { RequestCounts } from './request-counts.ts';
import { type AwsExchange, type AwsReply, exchangeOf, replyOf, responseOf, withInput } from './wire.ts';

/** The middleware of an SDK client: `command` around all attempts at the step "initialize", `attempt` next to the wire. */
export interface RequestLayer {
  command<Result>(work: () => Promise<Result>): Promise<Result>;
  attempt(
    request: unknown,
    send: (request: unknown) => Promise<{ readonly response: unknown }>,
  ): Promise<{ readonly response: unknown }>;
}

export interface RequestLayerOptions {
  readonly service: AwsService;
  readonly time: Time;
  readonly chaos: Chaos;
  readonly calls: Calls;
  readonly counts: RequestCounts;
  readonly trace: (line: () => string) => void;
  readonly report: (what: string) => void;
}

/**
 * Faults of the network and of the services, between an SDK client and the wire: each attempt of the SDK is struck alone,
 * and what it gets is made into an error by the SDK itself.
 * @example
 * client.middlewareStack.add((next) => (args) => layer.command(() => next(args)), { step: 'initialize' });
 * client.middlewareStack.add(
 *   (next) => (args) => layer.attempt(args.request, (request) => next({ ...args, request })),
 *   { step: 'deserialize', priority: 'low' },
 * );
 */
export function createRequestLayer(options: RequestLayerOptions): RequestLayer {
  const { service, time, chaos, calls, counts, trace, report } = options;
  const oldReads = createOldReads(time.now);

  return {
    command: calls.command,
    attempt: async (request, send) => {
      const { http, ...exchange } = exchangeOf(request);
      const { operation } = exchange;
      const fault = chaos.request?.(service, operation) ?? NO_FAULT;
      const happened = calls.witnessed();
      counts.requests += 1;
      if (operation === 'SendMessageBatch') counts.batches += 1;
      if (fault.kind !== 'none' && fault.kind !== 'partial') {
        counts[fault.kind] += 1;
        trace(() => `    ${operation}: ${fault.kind}`);
      }
      /** Does it, whoever hears of it. */
      const done = (input: AwsExchange['input']): Promise<AwsReply> =>
        calls.inTurn(async () => {
          const { response } = await send(withInput(http, input));
          const reply = await replyOf(response);
          if (operation === 'PutItem' && reply.status === 200) {
            counts.writes += 1;
            oldReads.wrote(input);
            happened();
          }
          return reply;
        });
      const answered = async (): Promise<AwsReply> => {
        const reply = await partly(exchange, fault, counts, done);
        const older = fault.old ? oldReads.older(exchange, reply) : undefined;
        if (older !== undefined) counts.oldReads += 1;
        return older ?? reply;
      };

      switch (fault.kind) {
        case 'none':
        case 'partial': {
          const reply = await answered();
          await calls.wait(fault.takes);
          return { response: responseOf(reply) };
        }
        case 'refused':
          await calls.wait(fault.takes);
          throw connectionError(fault.choice);
        case 'throttled':
          await calls.wait(fault.takes);
          return { response: responseOf(refusalOf(THROTTLED[service], fault.choice)) };
        case 'broken':
          await calls.wait(fault.takes);
          return { response: responseOf(refusalOf(BROKEN, fault.choice)) };
        case 'brokenDone':
          await answered();
          await calls.wait(fault.takes);
          return { response: responseOf(refusalOf(BROKEN, fault.choice)) };
        case 'lost':
          await answered();
          await calls.wait(fault.takes);
          throw networkError('Error', 'ECONNRESET', 'socket hang up');
        default:
          time.after(fault.there, () => {
            trace(() => `    ${operation}: late, it is done now`);
            void time.during(answered()).catch((error: unknown) => report(`${operation} threw: ${error}`));
          });
          await calls.wait(fault.takes);
          throw networkError('TimeoutError', 'ETIMEDOUT', 'no reply in time');
      }
    },
  };
}

/** Does a request, or the part of it that the fault leaves. */
async function partly(
  { operation, input }: AwsExchange,
  fault: RequestFault,
  counts: RequestCounts,
  done: (input: AwsExchange['input']) => Promise<AwsReply>,
): Promise<AwsReply> {
  if (operation === 'Query' && fault.page !== undefined) {
    counts.shortPages += 1;
    return await done({
      ...input,
      Limit: Math.min(fault.page, z.number().catch(Infinity).parse(input.Limit)),
    });
  }
  if (fault.kind !== 'partial') return await done(input);
  if (operation === 'SendMessageBatch') {
    counts.partialSends += 1;
    return await sendSome(input, fault.choice, done);
  }
  counts.partialReads += 1;
  return await readSome(input, done);
}

const batch = z.object({ Entries: z.array(z.looseObject({ Id: z.string() })) });
const sent = z.object({
  Successful: z.array(z.unknown()).optional(),
  Failed: z.array(z.unknown()).optional(),
});

/** Fails the entries whose bits are set, at least one, as SQS does when a part of it is busy: the answer is 200. */
async function sendSome(
  input: AwsExchange['input'],
  bits: number,
  done: (input: AwsExchange['input']) => Promise<AwsReply>,
): Promise<AwsReply> {
  const { Entries } = batch.parse(input);
  const fails = (index: number): boolean => (bits & (1 << index)) !== 0 || index === bits % Entries.length;
  const taken = Entries.filter((_, index) => !fails(index));
  const reply = taken.length === 0 ? undefined : await done({ ...input, Entries: taken });
  if (reply !== undefined && reply.status !== 200) return reply;
  const { Successful = [], Failed = [] } = sent.parse(reply?.output ?? {});
  const failed = Entries.filter((_, index) => fails(index)).map(({ Id }) => ({
    Id,
    Code: 'InternalError',
    Message: 'try it again',
    SenderFault: false,
  }));
  return { status: 200, output: { Successful, Failed: [...Failed, ...failed] } };
}

const wanted = z.object({
  RequestItems: z.record(z.string(), z.looseObject({ Keys: z.array(z.unknown()) })),
});

/** Reads the first key of each table and leaves the others for another request, as DynamoDB does beyond a size. */
async function readSome(
  input: AwsExchange['input'],
  done: (input: AwsExchange['input']) => Promise<AwsReply>,
): Promise<AwsReply> {
  const { RequestItems } = wanted.parse(input);
  const split = (keep: (index: number) => boolean) =>
    Object.fromEntries(
      Object.entries(RequestItems)
        .map(
          ([table, { Keys, ...rest }]) =>
            [table, { ...rest, Keys: Keys.filter((_, index) => keep(index)) }] as const,
        )
        .filter(([, { Keys }]) => Keys.length > 0),
    );
  const reply = await done({ ...input, RequestItems: split((index) => index === 0) });
  return { ...reply, output: { ...reply.output, UnprocessedKeys: split((index) => index > 0) } };
}

/** What the services answer. Sources: their API references, common errors. */
const THROTTLED = {
  dynamodb: [
    [400, 'com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException'],
    [400, 'com.amazonaws.dynamodb.v20120810#RequestLimitExceeded'],
    [400, 'com.amazon.coral.availability#ThrottlingException'],
  ],
  sqs: [
    [400, 'com.amazonaws.sqs#RequestThrottled'],
    [403, 'com.amazonaws.sqs#RequestThrottled'],
    [400, 'com.amazon.coral.availability#ThrottlingException'],
  ],
} as const;
const BROKEN = [
  [500, 'com.amazonaws.dynamodb.v20120810#InternalServerError'],
  [503, 'com.amazon.coral.availability#ServiceUnavailableException'],
  [502, ''],
] as const;

const chosen = <Item>(items: readonly Item[], choice: number): Item | undefined =>
  items[choice % items.length];

function refusalOf(answers: readonly (readonly [number, string])[], choice: number): AwsReply {
  const [status, type] = chosen(answers, choice) ?? [500, ''];
  return { status, output: type === '' ? {} : { __type: type, message: 'not now' } };
}

const networkError = (name: string, code: string, message: string): Error =>
  Object.assign(new Error(message), { name, code });

const CONNECTION_CODES = ['ECONNREFUSED', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENOTFOUND', 'EAI_AGAIN'];

function connectionError(choice: number): Error {
  const code = chosen(CONNECTION_CODES, choice) ?? 'ECONNREFUSED';
  return networkError(code === 'ETIMEDOUT' ? 'TimeoutError' : 'Error', code, `connect ${code}`);
}
