import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import {
  type ApiHandler,
  cancelHandler,
  getHandler,
  listHandler,
  openApiHandler,
  resumeHandler,
  type Service,
  startHandler,
  timelineHandler,
  undoHandler,
  undoPlanHandler,
} from '../../functions/handlers.ts';
import { type ApiAnswer, type ApiEvent, problemAnswer } from '../../functions/http.ts';
import { type Route, refuseRoute, routesOf } from '../../functions/routes.ts';
import { LIMITS } from '../contract/limits.ts';
import { ProblemError } from '../engine/problems.ts';
import { createLoopbackServer } from './loopback/server.ts';
import { ALLOW_ORIGIN } from './options.ts';

/** What answers each route. */
const handlersOf = (service: Service): Readonly<Record<Route['name'], ApiHandler>> => ({
  start: startHandler(service),
  startNamed: startHandler(service),
  list: listHandler(service),
  get: getHandler(service),
  timeline: timelineHandler(service),
  cancel: cancelHandler(service),
  resume: resumeHandler(service),
  undo: undoHandler(service),
  undoPlan: undoPlanHandler(service),
  openapi: openApiHandler(service),
});

interface Front {
  readonly routes: readonly Route[];
  readonly handlers: Readonly<Record<Route['name'], ApiHandler>>;
}

/**
 * A Node HTTP server that gives each request to the same handler that Lambda runs, as the same event.
 * @param ready what the requests wait for that come before everything is open
 * @param allowedOrigins pages that may call it, besides programs
 */
export function createFront(ready: Promise<Service>, allowedOrigins: readonly string[] = []): Server {
  const front = ready.then(
    (service): Front => ({
      routes: routesOf(service.chains),
      handlers: handlersOf(service),
    }),
  );
  front.catch(() => undefined);
  const server = createLoopbackServer(
    (request, response) => {
      front
        .then((known) => serve(known, request))
        .then(
          (answer) => send(response, answer),
          () => response.destroy(),
        );
    },
    { allowedOrigins, option: ALLOW_ORIGIN, refuse },
  );
  // A client that sends its request slowly must not hold a connection for ever.
  server.requestTimeout = 30_000;
  server.headersTimeout = 10_000;
  return server;
}

const refuse = (request: IncomingMessage, response: ServerResponse, reason: string): void =>
  send(response, drained(request, problemAnswer(new ProblemError('FOREIGN_CALLER', reason))));

async function serve({ routes, handlers }: Front, request: IncomingMessage): Promise<ApiAnswer> {
  const target = request.url ?? '/';
  const question = target.indexOf('?');
  const path = question === -1 ? target : target.slice(0, question);
  const found = find(routes, request.method ?? 'GET', path);
  if (!('route' in found)) return drained(request, found);
  const body = await read(request);
  if (body === 'tooLarge') {
    const detail = `the body has more than ${LIMITS.inputBytes} bytes`;
    return problemAnswer(new ProblemError('TOO_LARGE', detail), { connection: 'close' });
  }
  const event: ApiEvent = {
    routeKey: found.routeKey,
    rawPath: path,
    headers: headersOf(request),
    pathParameters: found.parameters,
    isBase64Encoded: true,
    ...(question === -1 ? {} : { queryStringParameters: queryOf(target.slice(question + 1)) }),
    ...(body.length === 0 ? {} : { body: body.toString('base64') }),
  };
  return await handlers[found.route](event);
}

type Found = {
  readonly route: Route['name'];
  readonly routeKey: string;
  readonly parameters: Readonly<Record<string, string>>;
};

function find(routes: readonly Route[], method: string, path: string): Found | ApiAnswer {
  for (const candidate of routes) {
    const match = candidate.method === method ? candidate.pattern.exec(path) : null;
    if (match === null) continue;
    const { id } = match.groups ?? {};
    return {
      route: candidate.name,
      routeKey: `${method} ${candidate.path}`,
      parameters: id === undefined ? {} : { id: decoded(id) },
    };
  }
  return refuseRoute(routes, method, path);
}

/** A path parameter as an HTTP API gives it; one that is not well encoded stays as it is, and names nothing. */
function decoded(parameter: string): string {
  try {
    return decodeURIComponent(parameter);
  } catch {
    return parameter;
  }
}

/** A refused request may still be sending its body: it is read and dropped, within bounds. */
function drained(request: IncomingMessage, answer: ApiAnswer): ApiAnswer {
  request.resume();
  return { ...answer, headers: { ...answer.headers, connection: 'close' } };
}

/** The body, unless it is larger than any input may be. */
async function read(request: IncomingMessage): Promise<Buffer | 'tooLarge'> {
  const { headers } = request;
  // RFC 9112, 6.3: a request without either has no body.
  if (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined)
    return Buffer.alloc(0);
  return await new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > LIMITS.inputBytes) resolve('tooLarge');
      else chunks.push(chunk);
    });
    request.on('end', () => resolve(Buffer.concat(chunks)));
    request.on('error', reject);
    request.on('close', () => {
      if (!request.complete) reject(new Error('the client went away'));
    });
  });
}

function headersOf({ headers }: IncomingMessage): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined) plain[name] = typeof value === 'string' ? value : value.join(',');
  }
  return plain;
}

/** Query parameters as an HTTP API gives them: repeated ones joined by commas. */
function queryOf(text: string): Record<string, string> {
  const query = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(text)) {
    const before = query.get(name);
    query.set(name, before === undefined ? value : `${before},${value}`);
  }
  return Object.fromEntries(query);
}

function send(response: ServerResponse, { statusCode, headers, body }: ApiAnswer): void {
  // Names and values in turn, which Node writes as they are.
  const list: string[] = [];
  // That of a 304 would be the length of the answer that it stands for (RFC 9110, 8.6).
  if (statusCode !== 304) list.push('content-length', String(Buffer.byteLength(body)));
  for (const name in headers) list.push(name, headers[name] ?? '');
  response.writeHead(statusCode, list);
  response.end(body);
}
