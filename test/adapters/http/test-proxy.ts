import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, request, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import net from 'node:net';
import { TLS_CERTIFICATE, TLS_KEY } from '../../support/tls-fixture.ts';
import { portOf } from './raw-server.ts';

export interface TestProxy {
  readonly port: number;
  /** Of its own name, which is `localhost`. */
  readonly url: string;
  /** The first line and the headers of each request to the proxy itself. */
  readonly asked: readonly { readonly line: string; readonly headers: IncomingMessage['headers'] }[];
  /** Connections from clients, open or not. */
  readonly accepted: readonly net.Socket[];
  close(): Promise<void>;
}

/** Answers a CONNECT in place of the proxy. */
export type OnConnect = (socket: net.Socket, count: number) => unknown;

/**
 * A proxy on loopback, which finds every host at 127.0.0.1.
 * @param secure whether it speaks TLS itself
 */
export async function testProxy(
  onConnect?: OnConnect,
  {
    secure = false,
    forward = passOn,
  }: { readonly secure?: boolean; readonly forward?: RequestListener } = {},
): Promise<TestProxy> {
  const asked: { readonly line: string; readonly headers: IncomingMessage['headers'] }[] = [];
  const accepted: net.Socket[] = [];
  const note = ({ method, url, headers }: IncomingMessage): number =>
    asked.push({ line: `${method} ${url}`, headers });
  const onRequest: RequestListener = (incoming, response) => {
    note(incoming);
    forward(incoming, response);
  };
  const server: Server = secure
    ? createSecureServer({ key: TLS_KEY, cert: TLS_CERTIFICATE }, onRequest)
    : createServer(onRequest);
  server.on(secure ? 'secureConnection' : 'connection', (socket: net.Socket) => {
    accepted.push(socket);
    socket.on('error', () => undefined);
  });
  server.on('connect', (incoming: IncomingMessage, socket: net.Socket) => {
    const count = note(incoming);
    if (onConnect === undefined) return tunnel(incoming, socket);
    // Node no longer reads it, and would not see that the client has gone.
    socket.on('end', () => socket.end()).resume();
    onConnect(socket, count);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = portOf(server);
  return {
    port,
    url: `${secure ? 'https' : 'http'}://localhost:${port}`,
    asked,
    accepted,
    async close() {
      for (const socket of accepted) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
}

function tunnel({ url = '' }: IncomingMessage, socket: net.Socket): void {
  const target = net.connect(Number(url.split(':').at(-1)), '127.0.0.1', () => {
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
    target.pipe(socket).pipe(target);
  });
  target.on('error', () => socket.destroy());
  socket.on('error', () => target.destroy());
  socket.on('close', () => target.destroy());
}

const passOn: RequestListener = (incoming, response) => {
  const { port, pathname, search } = new URL(incoming.url ?? '');
  const { method, headers } = incoming;
  const outgoing = request({ host: '127.0.0.1', port, path: pathname + search, method, headers }, (reply) => {
    response.writeHead(reply.statusCode ?? 0, reply.headers);
    reply.pipe(response);
  });
  outgoing.on('error', () => response.writeHead(502).end('no such host'));
  incoming.pipe(outgoing);
};
