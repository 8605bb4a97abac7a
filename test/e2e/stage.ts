import * as z from 'zod';
import { type QueueName, ROUTES, timelinePath, workflowPath } from '../../lib/contract/names.ts';
import { problem, startAnswer, type WorkflowAnswer, workflowAnswer } from '../../lib/contract/wire.ts';
import type { DemoTargets } from '../../lib/local/demo/targets.ts';
import { type Described, describedBy, type Exchange } from './described.ts';

/** A running Stepline with demo targets behind it: in this process, or deployed. All that the scenarios may touch. */
export interface Stage {
  readonly baseUrl: string;
  /** Sends one request to the API, signed where the stage wants that. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  readonly demo: DemoTargets;
  /** Puts a body into a queue, as a duplicate or a hostile sender would. */
  inject(queue: QueueName, body: string): Promise<void>;
  /** The bodies in the parking queue. */
  parked(): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** One test, on a stage whose targets are whole and whose ledgers are empty. */
export type Scenario = (title: string, play: (stage: Stage) => Promise<void>) => void;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly json: Readonly<Record<string, unknown>>;
}

/** The OpenAPI documents of stages, as far as they were read. */
const documents = new WeakMap<Stage, Described>();

/** Reads the OpenAPI document of a stage. */
export async function documentOf(stage: Stage): Promise<Described> {
  const reply = await stage.fetch(ROUTES.openapi.path);
  if (reply.status !== 200) throw new Error(`GET ${ROUTES.openapi.path} answered ${reply.status}`);
  return describedBy(await reply.text());
}

/** Every answer of the stage is held to that document from now on. */
export const holdTo = (stage: Stage, document: Described): unknown => documents.set(stage, document);

/** Errors: where the OpenAPI document of the stage does not know such an answer. */
async function expectDescribed(stage: Stage, exchange: Exchange): Promise<void> {
  const known = documents.get(stage);
  if (known !== undefined && known(exchange) === undefined) return;
  // The stage may have been deployed anew, with another document.
  const latest = await documentOf(stage);
  holdTo(stage, latest);
  const problem = latest(exchange);
  if (problem === undefined) return;
  const { method, path, status, json } = exchange;
  throw new Error(
    `${method} ${path} answered ${status} ${JSON.stringify(json)}, which the OpenAPI document does not know: ${problem}`,
  );
}

/** Sends a request; a body that is not text goes as JSON. Its answer must be one that the stage's OpenAPI document knows. */
export async function send(
  stage: Stage,
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const reply = await stage.fetch(path, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const json = z.record(z.string(), z.unknown()).parse(await reply.json());
  const sent = typeof body === 'string' ? undefined : body;
  await expectDescribed(stage, {
    method,
    path,
    body: sent,
    status: reply.status,
    headers: reply.headers,
    json,
  });
  return { status: reply.status, headers: reply.headers, json };
}

/** Starts a workflow that must be accepted; answers its id. */
export async function start(
  stage: Stage,
  path: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { status, json } = await send(stage, 'POST', path, body, headers);
  if (status !== 202) throw new Error(`POST ${path} answered ${status}: ${JSON.stringify(json)}`);
  return startAnswer.parse(json).workflowId;
}

export async function show(stage: Stage, workflowId: string, timeline = false): Promise<WorkflowAnswer> {
  const path = timeline ? timelinePath(workflowId) : workflowPath(workflowId);
  const { status, json } = await send(stage, 'GET', path);
  if (status !== 200) throw new Error(`GET ${path} answered ${status}: ${JSON.stringify(json)}`);
  return workflowAnswer.parse(json);
}

export const cancel = (stage: Stage, workflowId: string, body?: unknown): Promise<Answer> =>
  send(stage, 'POST', `${workflowPath(workflowId)}/cancel`, body);

export const resume = (stage: Stage, workflowId: string, body?: unknown): Promise<Answer> =>
  send(stage, 'POST', `${workflowPath(workflowId)}/resume`, body);

export const undo = (stage: Stage, workflowId: string, body?: unknown): Promise<Answer> =>
  send(stage, 'POST', `${workflowPath(workflowId)}/undo`, body);

const POLL_MS = 50;
const PATIENCE_MS = 60_000;

/** Looks at a workflow until `there` says so. */
export async function until(
  stage: Stage,
  workflowId: string,
  there: (workflow: WorkflowAnswer) => boolean,
  patienceMs = PATIENCE_MS,
): Promise<WorkflowAnswer> {
  const end = Date.now() + patienceMs;
  for (;;) {
    const workflow = await show(stage, workflowId);
    if (there(workflow)) return workflow;
    if (Date.now() > end) throw new Error(`this does not come about: ${JSON.stringify(workflow)}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** The workflow once it is no longer `processing`. */
export const ended = (stage: Stage, workflowId: string): Promise<WorkflowAnswer> =>
  until(stage, workflowId, ({ status }) => status !== 'processing');

/** The workflow once it goes neither forward nor back. */
export const atRest = (stage: Stage, workflowId: string): Promise<WorkflowAnswer> =>
  until(stage, workflowId, ({ status }) => status !== 'processing' && status !== 'compensating');

/** The code of a problem+json answer, which it must be. */
export function problemOf({ headers, json, status }: Answer): z.infer<typeof problem> {
  const type = headers.get('content-type');
  if (type !== 'application/problem+json') throw new Error(`${status} came as ${type}`);
  const parsed = problem.parse(json);
  if (parsed.status !== status) throw new Error(`${status} says that it is ${parsed.status}`);
  return parsed;
}

/** Effects of one workflow at a target: their keys, and how often each happened. */
export const effectsOf = (
  stage: Stage,
  target: string,
  workflowId: string,
): readonly (readonly [string, number])[] =>
  stage.demo
    .ledger(target)
    .effects.flatMap(({ key, times }) => (key?.startsWith(`${workflowId}:`) ? [[key, times] as const] : []));

/** The keys of those effects of one workflow at a target that were not taken back. */
export function standing(stage: Stage, target: string, workflowId: string): readonly string[] {
  const effects = stage.demo.ledger(target).effects.filter(({ key }) => key?.startsWith(`${workflowId}:`));
  return effects
    .filter(({ key, undoes }) => undoes === undefined && !effects.some((other) => other.undoes === key))
    .map(({ key }) => String(key));
}
