import { type Agent, request as httpRequest, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { LIMITS } from '../../contract/limits.ts';
import type { Http, HttpOutcome, HttpRequest } from '../../engine/ports.ts';
import { type Agents, Connections, type Proxies, type Route } from './agents.ts';
import { type Ended, Exchange } from './exchange.ts';

export interface HttpClientOptions {
  /** Bytes of a reply's body that are read; above it the call ends as `REPLY_TOO_LARGE`. Default: 1 MiB. */
  readonly maxReplyBytes?: number;
  /** Certificate authorities to trust instead of Node's own, as PEM. */
  readonly ca?: string;
  /** Which calls go through a proxy. Default: none. */
  readonly proxies?: Proxies | undefined;
}

/** `close` ends idle and running connections; a call under way ends as `CONNECTION_BROKEN`. */
export type HttpClient = Http & { close(): void };

/** 2^31 - 1; a longer timer would fire at once. Written out, so that a bundle that makes no calls holds nothing of this file. */
const LONGEST_TIMER_MS = 2_147_483_647;

/** Set by the client alone: they say where a request ends, and two opinions on that are a request smuggled. */
const FRAMING = new Set(['content-length', 'transfer-encoding', 'trailer', 'expect', 'upgrade']);

/**
 * The calls of all steps, over Node's own http and https with keep-alive. One deadline bounds the whole call: name
 * lookup, connection, TLS, headers and the body to its end. No redirect is followed. A request on a kept connection that
 * breaks before any byte of a reply is repeated once, on a new connection.
 * Errors: none is thrown; a request that cannot be written is a `REQUEST_INVALID` with `sent: 'no'`.
 * @example
 * const http = createHttpClient();
 * const outcome = await http.call({ method: 'GET', url: 'http://localhost:8080/health', headers: {} }, 5_000);
 * if (outcome.kind === 'reply') console.log(outcome.status, outcome.body);
 * http.close();
 */
export function createHttpClient(options: HttpClientOptions = {}): HttpClient {
  const limit = options.maxReplyBytes ?? LIMITS.replyBytes;
  const connections = new Connections(options.ca, options.proxies);
  let closed = false;

  const send = (request: HttpRequest, from: keyof Agents, deadlineMs: number): Promise<Ended> => {
    const url = parseUrl(request.url);
    const route = connections.of(url, request.tls);
    const wanted = optionsOf(url, request, route, route.agents[from]);
    const outgoing = route.secure ? httpsRequest(wanted) : httpRequest(wanted);
    return new Promise((resolve) => {
      const allHeaders = request.allHeaders === true;
      new Exchange({ outgoing, url, route, deadlineMs, limit, allHeaders, resolve }).begin(request.body);
    });
  };

  return {
    async call(request, deadlineMs) {
      if (!(deadlineMs > 0)) return notSent('DEADLINE_EXCEEDED', 'no time was left for the call');
      const until = performance.now() + Math.min(deadlineMs, LONGEST_TIMER_MS);
      const leftMs = (): number => until - performance.now();
      let first: Ended;
      try {
        first = await send(request, request.fresh ? 'own' : 'kept', leftMs());
      } catch (error) {
        // Node names the header or the field here, never its value.
        const why = error instanceof Error ? error.message : 'unknown reason';
        return notSent('REQUEST_INVALID', `the request cannot be written: ${why}`);
      }
      if (!first.unheard || closed || leftMs() <= 0) return first.outcome;
      return repeated((await send(request, 'own', leftMs())).outcome);
    },
    close() {
      closed = true;
      connections.close();
    },
  };
}

const notSent = (code: 'DEADLINE_EXCEEDED' | 'REQUEST_INVALID', message: string): HttpOutcome => ({
  kind: 'failure',
  code,
  sent: 'no',
  message,
});

/** How a request ended that was sent twice: whatever became of the second, the server may have read the first. */
function repeated(outcome: HttpOutcome): HttpOutcome {
  if (outcome.kind === 'reply') return { ...outcome, repeated: true };
  return {
    ...outcome,
    code: outcome.code === 'CONNECTION_FAILED' ? 'CONNECTION_BROKEN' : outcome.code,
    sent: 'unknown',
    message: `a kept connection broke before any reply; then, on a new one, ${outcome.message}`,
  };
}

function parseUrl(text: string): URL {
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new Error(`the URL begins with "${url.protocol}" instead of http: or https:`);
  }
  // Node would turn them into an Authorization header in place of the target's own.
  if (url.username !== '' || url.password !== '') {
    throw new Error('the URL holds a user name or password; use a header');
  }
  return url;
}

function optionsOf(
  url: URL,
  request: HttpRequest,
  { proxy, forwarded }: Route,
  agent: Agent,
): RequestOptions {
  const { method } = request;
  const path = url.pathname + url.search;
  const headers = headersOf(url, request);
  if (forwarded && proxy !== undefined) {
    if (proxy.authorization !== undefined) headers.push('proxy-authorization', proxy.authorization);
    return { agent, method, hostname: proxy.hostname, port: proxy.port, path: url.origin + path, headers };
  }
  const { hostname, port } = url;
  return {
    agent,
    method,
    // A URL writes an IPv6 address in brackets, a socket takes it without.
    hostname: hostname.startsWith('[') ? hostname.slice(1, -1) : hostname,
    port: port === '' ? undefined : port,
    path,
    headers,
  };
}

/** Methods whose requests have a body, be it an empty one. */
const WITH_BODY = new Set(['POST', 'PUT', 'PATCH']);

/** Names and values in turn: as an object Node would write them one by one, at half the speed of a whole call. */
function headersOf(url: URL, { headers, body, method }: HttpRequest): string[] {
  // A list goes out as it is: each name must be in it once, the last one that was given.
  const byName = new Map<string, string>();
  byName.set('host', url.host);
  for (const given in headers) {
    const name = given.toLowerCase();
    if (FRAMING.has(name)) throw new Error(`the header "${given}" is set by the client itself; leave it out`);
    const value = headers[given];
    if (value !== undefined) byName.set(name, value);
  }
  // Bodies are read as they come: a compressed one would have to be bounded twice.
  byName.set('accept-encoding', 'identity');
  if (body !== undefined || WITH_BODY.has(method)) {
    byName.set('content-length', String(Buffer.byteLength(body ?? '')));
  }
  const list: string[] = [];
  for (const [name, value] of byName) list.push(name, value);
  return list;
}
