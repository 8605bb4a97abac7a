import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import type { ChainDefinition } from '../lib/chain/definition.ts';
import type { Registry } from '../lib/chain/registry.ts';
import { LIMITS } from '../lib/contract/limits.ts';
import {
  type QueueName,
  ROUTE_NAMES,
  ROUTES,
  type RouteName,
  START_IDEMPOTENCY_HEADER,
  WORKFLOW_STATUSES,
  workflowPath,
} from '../lib/contract/names.ts';
import { cancelBody, LISTING_POSITION, resumeBody, undoBody } from '../lib/contract/wire.ts';
import { comeBackIn, deathsOf, type Handled } from '../lib/engine/delivery.ts';
import type { ApiEngine } from '../lib/engine/operations/api-engine.ts';
import { cancel, resume } from '../lib/engine/operations/change.ts';
import { get, list } from '../lib/engine/operations/read.ts';
import { start } from '../lib/engine/operations/start.ts';
import { undo, undoPlan } from '../lib/engine/operations/undo.ts';
import { getNews } from '../lib/engine/operations/watch.ts';
import type { Delivery, ListFilter, Watch } from '../lib/engine/ports.ts';
import { fieldErrors, ProblemError } from '../lib/engine/problems.ts';
import { type ReconcileReport, type ReconcilerEngine, reconcile } from '../lib/engine/reconciler.ts';
import { handleDeadLetter, type StepFailedEngine } from '../lib/engine/step-failed.ts';
import { handleDelivery, type WorkerEngine } from '../lib/engine/worker.ts';
import { type OpenApi, openApi } from '../lib/openapi/document.ts';
import { isSeen, notModified, readWait, taggedJson } from './conditional.ts';
import {
  type ApiAnswer,
  type ApiEvent,
  answering,
  invalidField,
  json,
  readJson,
  readQuery,
  tenantOf,
  workflowKey,
} from './http.ts';
import { refuseRoute, routed, routesOf } from './routes.ts';
import { inTurn } from './turns.ts';

/** What the API runs on: an engine together with all the chains of the deployment. */
export type Service = ApiEngine & {
  readonly chains: Registry;
  /** The claim of a JWT that names the tenant; without it all workflows are of one tenant. */
  readonly tenantClaim?: string | undefined;
  /** How reads wait for a change; without it none waits. */
  readonly watch?: Watch;
};
export type ApiHandler = (event: ApiEvent) => Promise<ApiAnswer>;
/** What the handlers read of Lambda's context. */
export interface Invocation {
  getRemainingTimeInMillis(): number;
}
export type QueueHandler = (event: SQSEvent, context: Invocation) => Promise<SQSBatchResponse>;

/**
 * `POST <start path>`, or `POST /api/workflows?chain=<name>`: saves a workflow, queues its first steps, answers 202 at once. A deployed API also sends it the requests
 * that no route takes.
 */
export const startHandler =
  (service: Service): ApiHandler =>
  (event) =>
    answering(service.ports.telemetry, 'start', async () => {
      const { method, path, basePath } = routed(event);
      const isNamed = method === ROUTES.startNamed.method && path === ROUTES.startNamed.path;
      const chain = isNamed ? namedChain(service, event) : service.chains.byStart(path);
      if (chain === undefined || method !== 'POST') {
        return refuseRoute(routesOf(service.chains), method, path);
      }
      const idempotencyKey = readIdempotencyKey(event);
      const started = await start(service, chain, {
        tenant: tenantOf(event, service.tenantClaim),
        payload: readJson(event),
        headers: event.headers ?? {},
        ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
      });
      return json(202, started, { location: basePath + workflowPath(started.workflowId) });
    });

/** Errors: 400, which names the chains. */
function namedChain({ chains }: Service, event: ApiEvent): ChainDefinition {
  const { chain: asked } = readQuery(event, ['chain']);
  const chain = chains.current.find(({ name }) => name === asked);
  if (chain !== undefined) return chain;
  const names = chains.names.join(', ');
  throw invalidField(
    'chain',
    `${asked === undefined ? 'Is missing' : 'Unknown chain'}; the chains are ${names}`,
  );
}

function readIdempotencyKey(event: ApiEvent): string | undefined {
  const key = event.headers?.[START_IDEMPOTENCY_HEADER];
  if (key === undefined) return undefined;
  if (key.length === 0 || key.length > LIMITS.idempotencyKeyLength) {
    throw invalidField('Idempotency-Key', `Must have 1 to ${LIMITS.idempotencyKeyLength} characters`);
  }
  return key;
}

/**
 * `GET /api/workflows/{id}?wait=20`: without a word of what its targets answered. With an `If-None-Match` that fits it is 304, and with
 * `wait` only when that many seconds have brought nothing else.
 */
export const getHandler =
  (service: Service): ApiHandler =>
  (event) =>
    answering(service.ports.telemetry, 'get', async () => {
      if (event.queryStringParameters?.detail !== undefined) {
        throw invalidField('detail', `It is a path of its own, for operators: GET ${ROUTES.timeline.path}`);
      }
      const ms = readWait(readQuery(event, ['wait']).wait);
      const key = workflowKey(event, service.tenantClaim);
      const isNews = (answer: unknown): boolean => !isSeen(event.headers, taggedJson(answer).headers.etag);
      const { answer, full } = await getNews(service, service.watch, key, isNews, ms);
      const tagged = taggedJson(answer);
      return isNews(answer) ? tagged : notModified(tagged, full);
    });

/** `GET /api/workflows/{id}/timeline`, for operators: the same with every attempt, and with what targets answered and code threw. */
export const timelineHandler =
  (service: Service): ApiHandler =>
  (event) =>
    answering(service.ports.telemetry, 'timeline', async () => {
      readQuery(event, []);
      return json(200, await get(service, workflowKey(event, service.tenantClaim), true));
    });

/** `GET /api/workflows/{id}/undo`, for operators: what an undo would do. It calls nobody. */
export const undoPlanHandler =
  (service: Service): ApiHandler =>
  (event) =>
    answering(service.ports.telemetry, 'undoPlan', async () => {
      readQuery(event, []);
      return json(200, await undoPlan(service, workflowKey(event, service.tenantClaim)));
    });

/** All that show a workflow, in one function. */
export const readHandler = (service: Service): ApiHandler =>
  byRoute({
    get: getHandler(service),
    timeline: timelineHandler(service),
    undoPlan: undoPlanHandler(service),
  });

/** Whatever sets a failed workflow going again, in one function. */
export const repairHandler = (service: Service): ApiHandler =>
  byRoute({ resume: resumeHandler(service), undo: undoHandler(service) });

/** By the route that the API let pass: never by what a client can write. The first one takes what has none. */
function byRoute(handlers: Partial<Readonly<Record<RouteName, ApiHandler>>>): ApiHandler {
  const [first, ...others] = ROUTE_NAMES.flatMap((name) => {
    const { method, path } = ROUTES[name];
    const handler = handlers[name];
    return handler === undefined ? [] : [{ routeKey: `${method} ${path}`, handler }];
  });
  return (event) => {
    const found = others.find(({ routeKey }) => routeKey === event.routeKey) ?? first;
    if (found === undefined) throw new Error('there is no handler');
    return found.handler(event);
  };
}

/** `GET /api/openapi.json`: what the API takes and answers, made at the first request. */
export function openApiHandler(service: Service): ApiHandler {
  let made: OpenApi | undefined;
  return (event) =>
    answering(service.ports.telemetry, 'openapi', async () => {
      readQuery(event, []);
      made ??= openApi(service.chains);
      const { basePath } = routed(event);
      return json(200, basePath === '' ? made : { ...made, servers: [{ url: basePath }] });
    });
}

/** What is of no one workflow, in one function. */
export const overviewHandler = (service: Service): ApiHandler =>
  byRoute({ list: listHandler(service), openapi: openApiHandler(service) });

/** `GET /api/workflows?chain=&status=&limit=&cursor=`: newest first. */
export const listHandler =
  (service: Service): ApiHandler =>
  (event) =>
    answering(service.ports.telemetry, 'list', async () =>
      json(200, await list(service, readFilter(service, event))),
    );

function readFilter({ chains, tenantClaim }: Service, event: ApiEvent): ListFilter {
  const {
    chain,
    status: asked,
    limit: count,
    cursor,
  } = readQuery(event, ['chain', 'status', 'limit', 'cursor']);
  if (chain !== undefined && !chains.names.includes(chain)) {
    throw invalidField('chain', `Unknown chain; the chains are ${chains.names.join(', ')}`);
  }
  const status = WORKFLOW_STATUSES.find((known) => known === asked);
  if (asked !== undefined && status === undefined) {
    throw invalidField('status', `Must be one of ${WORKFLOW_STATUSES.join(', ')}`);
  }
  const limit = count === undefined ? LIMITS.listDefault : /^\d{1,3}$/.test(count) ? Number(count) : 0;
  if (limit < 1 || limit > LIMITS.listMost) throw invalidField('limit', `Must be 1 to ${LIMITS.listMost}`);
  return {
    tenant: tenantOf(event, tenantClaim),
    limit,
    ...(chain === undefined ? {} : { chain }),
    ...(status === undefined ? {} : { status }),
    ...(cursor === undefined ? {} : { after: readCursor(cursor) }),
  };
}

function readCursor(cursor: string): string {
  if (!LISTING_POSITION.test(cursor))
    throw invalidField('cursor', 'Must be the nextCursor of an earlier page');
  return cursor;
}

/**
 * `POST /api/workflows/{id}/cancel`: stops one that is `processing`, closes one that is `failed` or `compensation_failed`; with `undo` it takes
 * back what is done.
 */
export const cancelHandler =
  (service: Service): ApiHandler =>
  (event) =>
    answering(service.ports.telemetry, 'cancel', async () => {
      const body = readBody(event, 'cancel', cancelBody);
      return json(200, await cancel(service, workflowKey(event, service.tenantClaim), body));
    });

/** `POST /api/workflows/{id}/resume`: from `failed` or `compensation_failed`; `{ "newKey": true }` forces a new idempotency key. */
export const resumeHandler =
  (service: Service): ApiHandler =>
  (event) =>
    answering(service.ports.telemetry, 'resume', async () => {
      const body = readBody(event, 'resume', resumeBody);
      return json(202, await resume(service, workflowKey(event, service.tenantClaim), body));
    });

/** `POST /api/workflows/{id}/undo`: takes a failed workflow back. */
export const undoHandler =
  (service: Service): ApiHandler =>
  (event) =>
    answering(service.ports.telemetry, 'undo', async () => {
      const body = readBody(event, 'undo', undoBody);
      return json(202, await undo(service, workflowKey(event, service.tenantClaim), body));
    });

/** A schema of zod, as far as it is used here. */
interface Schema<Body> {
  safeParse(
    json: unknown,
  ):
    | { readonly success: true; readonly data: Body }
    | { readonly success: false; readonly error: Parameters<typeof fieldErrors>[0] };
}

function readBody<Body>(event: ApiEvent, route: 'cancel' | 'resume' | 'undo', schema: Schema<Body>): Body {
  const json = readJson(event);
  // No body asks for nothing in particular; null is a body, and of the wrong type.
  const body = schema.safeParse(json === undefined ? {} : json);
  if (body.success) return body.data;
  throw new ProblemError(
    'INVALID_REQUEST',
    `the body of ${route === 'undo' ? 'an' : 'a'} ${route} is not valid; see errors`,
    fieldErrors(body.error),
  );
}

/** The worker of one step. Messages of a batch run concurrently, and one never fails another; those whose function died run in turn. */
export const stepHandler =
  (engine: WorkerEngine, queue: QueueName): QueueHandler =>
  (event, context) => {
    const remainingMs = (): number => context.getRemainingTimeInMillis();
    return batch(event, queue, (deliveries) =>
      inTurn(deliveries, {
        handle: (delivery) => handleDelivery(engine, delivery, remainingMs).catch(comesBack),
        deathsOf: (delivery) => deathsOf(engine, delivery),
        comeBack: (delivery) => comeBackIn(engine, delivery, 0),
        remainingMs,
      }),
    );
  };

/** The step-failed function; `queueOf` tells which queue a record came from: a mapping of an older deployment brings those of a step. */
export const stepFailedHandler =
  (engine: StepFailedEngine, queueOf: (eventSourceArn: string) => QueueName): QueueHandler =>
  (event) =>
    batch(event, queueOf, (deliveries) =>
      Promise.all(deliveries.map((delivery) => handleDeadLetter(engine, delivery).catch(comesBack))),
    );

/** Partial batch response: what is not named is deleted. */
async function batch(
  { Records }: SQSEvent,
  queue: QueueName | ((eventSourceArn: string) => QueueName),
  handle: (deliveries: readonly Delivery[]) => Promise<readonly Handled[]>,
): Promise<SQSBatchResponse> {
  // A batch comes from one queue: where that is not ours, all of it fails, and aloud.
  const deliveries = Records.map((record) => ({
    queue: typeof queue === 'function' ? queue(record.eventSourceARN) : queue,
    receiptHandle: record.receiptHandle,
    receiveCount: Number(record.attributes.ApproximateReceiveCount),
    body: record.body,
  }));
  const handled = await handle(deliveries);
  return {
    batchItemFailures: Records.filter((_, at) => handled[at] !== 'acknowledge').map(({ messageId }) => ({
      itemIdentifier: messageId,
    })),
  };
}

/** Only a port that breaks its word gets here, telemetry perhaps: one message must not fail its batch all the same. */
function comesBack(error: unknown): Handled {
  console.error('a message was not handled', error);
  return 'retry';
}

/** The reconciler, every minute. */
export const reconcilerHandler =
  (engine: ReconcilerEngine) =>
  (_event: unknown, context: Invocation): Promise<ReconcileReport> =>
    reconcile(engine, () => context.getRemainingTimeInMillis());
