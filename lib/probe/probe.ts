import { setTimeout as sleep } from 'node:timers/promises';
import type { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import type { LambdaClient } from '@aws-sdk/client-lambda';
import type { SNSClient } from '@aws-sdk/client-sns';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { ChainDefinition } from '../chain/index.ts';
import { isTerminal, timelinePath, workflowPath } from '../contract/names.ts';
import { startAnswer, type WorkflowAnswer, workflowAnswer } from '../contract/wire.ts';
import type { ProbeInput } from './chains.ts';
import type { Changes } from './changes.ts';
import type { Sums } from './metrics.ts';
import { type Finding, Overdue, seconds } from './report.ts';
import type { Send } from './signed-fetch.ts';

/** The deployed stage `probe`, as the checks see it. */
export interface Probe {
  /** What the names of all its queues and functions begin with. */
  readonly prefix: string;
  readonly emulator: boolean;
  readonly lambda: LambdaClient;
  readonly sqs: SQSClient;
  readonly sns: SNSClient;
  readonly logs: CloudWatchLogsClient;
  readonly sums: Sums;
  /** Sends a signed request to the API. */
  readonly send: Send;
  readonly changes: Changes;
  /** Aborted when the user wants to end: every wait then throws, and what was changed is taken back. */
  readonly signal: AbortSignal;
}

export interface Check {
  readonly name: string;
  /** What it shows, in one sentence. */
  readonly shows: string;
  run(probe: Probe): Promise<Finding>;
}

/** Milliseconds between two looks. */
const LOOK_EVERY = 500;
/** Reads that fail for now are repeated so often. */
const READS = 4;

/** Of what AWS does not do, or show, in time: nothing is known of Stepline then. */
export const notShown = (message: string): Error => new Error(message);

export const wait = async ({ signal }: Pick<Probe, 'signal'>, ms: number): Promise<void> => {
  await sleep(ms, undefined, { signal });
};

/**
 * Looks until `look` answers something. Errors: `Overdue` after `limitMs`, with what does not come about.
 * @param late the error instead of `Overdue`, where it is not Stepline that is waited for
 * @example await lookUntil(probe, 60_000, 'the mapping is disabled', () => stateOf(mapping))
 */
export async function lookUntil<Seen>(
  probe: Pick<Probe, 'signal'>,
  limitMs: number,
  what: string,
  look: () => Promise<Seen | undefined>,
  every = LOOK_EVERY,
  late: (message: string) => Error = (message) => new Overdue(message),
): Promise<Seen> {
  const end = Date.now() + limitMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    if (Date.now() > end) throw late(`not within ${seconds(limitMs)}: ${what}`);
    await wait(probe, every);
  }
}

async function request(
  { send }: Probe,
  method: 'GET' | 'POST',
  path: string,
  body?: object,
): Promise<unknown> {
  const reply = await send(path, {
    method,
    ...(body === undefined
      ? {}
      : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  const text = await reply.text();
  if (!reply.ok) throw new Error(`${method} ${path} answered ${reply.status}: ${text.slice(0, 300)}`);
  return JSON.parse(text);
}

/** Starts a workflow; answers its id. */
export async function start(
  probe: Probe,
  { start: path }: ChainDefinition,
  input: Partial<ProbeInput> = {},
): Promise<string> {
  const body = { failUntil: 0, blockUntil: 0, ...input };
  return startAnswer.parse(await request(probe, 'POST', path, body)).workflowId;
}

export const startSeveral = (
  probe: Probe,
  chain: ChainDefinition,
  inputs: readonly Partial<ProbeInput>[],
): Promise<readonly string[]> => Promise.all(inputs.map((input) => start(probe, chain, input)));

/** A look that fails says nothing: it is repeated some times. */
export async function show(probe: Probe, workflowId: string, reads = READS): Promise<WorkflowAnswer> {
  try {
    return workflowAnswer.parse(await request(probe, 'GET', timelinePath(workflowId)));
  } catch (error) {
    if (reads <= 1) throw error;
    await wait(probe, 2 * LOOK_EVERY);
    return show(probe, workflowId, reads - 1);
  }
}

export async function resume(probe: Probe, workflowId: string): Promise<void> {
  await request(probe, 'POST', `${workflowPath(workflowId)}/resume`, {});
}

/** The workflow with its timeline, once it changes no more by itself. */
export const ended = (probe: Probe, workflowId: string, limitMs: number): Promise<WorkflowAnswer> =>
  lookUntil(probe, limitMs, `the workflow ${workflowId} ends`, async () => {
    const workflow = await show(probe, workflowId);
    return isTerminal(workflow.status) ? workflow : undefined;
  });

/** Attempts of a step in the order of time; all steps where none is named. */
export const attemptsOf = ({ timeline = [] }: WorkflowAnswer, step?: string) =>
  timeline.filter((entry) => step === undefined || entry.step === step);

export const milliseconds = (time: string): number => Date.parse(time);
