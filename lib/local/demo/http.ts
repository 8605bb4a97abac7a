import { once } from 'node:events';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { LIMITS } from '../../contract/limits.ts';
import { createLoopbackServer } from '../loopback/server.ts';

/** A server that listens. */
export interface Listener {
  readonly port: number;
  /** Ends every connection, the hanging ones too. */
  close(): Promise<void>;
}

/** Errors: what `listen` reports, such as `EADDRINUSE`. */
export async function openListener(handler: RequestListener, host: string, port: number): Promise<Listener> {
  const server = createLoopbackServer(handler, { allowedOrigins: [], refuse });
  server.listen(port, host);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return {
    port: address.port,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** No page has business here: whoever may start a chain from a page needs no target of it. */
function refuse(request: IncomingMessage, response: ServerResponse, reason: string): void {
  request.resume();
  response.on('error', () => undefined);
  sendText(response, 403, JSON.stringify({ error: reason }), { connection: 'close' });
}

/** As `openListener`, on any free port where the wanted one is taken. */
export async function openSomewhere(
  handler: RequestListener,
  host: string,
  wanted: number,
): Promise<Listener> {
  try {
    return await openListener(handler, host, wanted);
  } catch (error) {
    if (!isTaken(error)) throw error;
    return await openListener(handler, host, 0);
  }
}

export const isTaken = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';

/** A request that is answered with `status` and a sentence. */
export class HttpRefusal extends Error {
  override readonly name = 'HttpRefusal';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Reads a body to its end. Errors: `HttpRefusal` 413. */
export async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    const piece = Buffer.from(chunk);
    bytes += piece.length;
    if (bytes > LIMITS.replyBytes)
      throw new HttpRefusal(413, `a body has at most ${LIMITS.replyBytes} bytes`);
    chunks.push(piece);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Errors: `HttpRefusal` 400. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new HttpRefusal(400, 'the body is not JSON');
  }
}

export function sendText(
  response: ServerResponse,
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  // The client may have gone while the reply waited.
  if (response.destroyed) return;
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    ...headers,
  });
  response.end(body);
}

export const sendJson = (response: ServerResponse, status: number, body: unknown): void =>
  sendText(response, status, JSON.stringify(body));

/** Runs `serve` and answers what it throws. */
export const answering =
  (serve: (request: IncomingMessage, response: ServerResponse) => Promise<void>): RequestListener =>
  async (request, response) => {
    response.on('error', () => undefined);
    try {
      await serve(request, response);
    } catch (error) {
      const status = error instanceof HttpRefusal ? error.status : 500;
      const message = error instanceof Error ? error.message : String(error);
      if (!response.headersSent) sendJson(response, status, { error: message });
      else response.destroy();
    }
  };

/** The path of a request, without its query. */
export const pathOf = (request: IncomingMessage): string => (request.url ?? '/').split('?')[0] ?? '/';

/** Of a name that comes twice the last value. */
export const queryOf = (request: IncomingMessage): Readonly<Record<string, string>> =>
  Object.fromEntries(new URLSearchParams(request.url?.split('?')[1] ?? ''));

export const urlOf = (host: string, port: number): string =>
  `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
