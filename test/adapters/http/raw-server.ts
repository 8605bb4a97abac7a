import { once } from 'node:events';
import net from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { Worker } from 'node:worker_threads';
import { TLS_CERTIFICATE, TLS_KEY } from '../../support/tls-fixture.ts';

export interface RawServer {
  readonly port: number;
  readonly url: string;
  /** Connections accepted so far, open or not. */
  readonly accepted: readonly net.Socket[];
  /** All bytes received so far, over all connections. */
  received(): string;
  /** It accepts no more; what it has accepted stays open. */
  stop(): void;
  close(): Promise<void>;
}

export const portOf = (server: net.Server): number => {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not a TCP server');
  return address.port;
};

/** Resolves once the connection is closed, however it ended. */
export const gone = (socket: net.Socket | undefined): Promise<void> =>
  new Promise((resolve) => {
    if (socket === undefined || socket.closed) resolve();
    else socket.once('close', () => resolve());
  });

/** A TCP server on loopback that does to each request (each piece received, counted from 1) what the test wants. */
export async function rawServer(
  onRequest: (socket: net.Socket, count: number) => void = () => undefined,
): Promise<RawServer> {
  const accepted: net.Socket[] = [];
  let received = '';
  let count = 0;
  const server = net.createServer((socket) => {
    accepted.push(socket);
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      count += 1;
      onRequest(socket, count);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = portOf(server);
  return {
    port,
    url: `http://127.0.0.1:${port}/path`,
    accepted,
    received: () => received,
    stop: () => void server.close(),
    async close() {
      for (const socket of accepted) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
}

/** Writes `piece` for as long as the other side takes it. */
export function flood(socket: net.Socket, piece: string | Buffer): void {
  const more = () => {
    while (socket.writable && socket.write(piece));
  };
  socket.on('drain', more);
  more();
}

/** Writes `piece` every so many milliseconds. */
export const every = (socket: net.Socket, ms: number, piece: string): void => {
  const timer = setInterval(() => (socket.writable ? socket.write(piece) : clearInterval(timer)), ms);
  socket.on('close', () => clearInterval(timer));
};

/** A server on loopback whose certificate only the tests trust; `onSecure` gets each connection that stands. */
export async function tlsServer(
  onSecure: (socket: net.Socket) => void,
  { host = '127.0.0.1', maxVersion }: { readonly host?: string; readonly maxVersion?: 'TLSv1.2' } = {},
): Promise<{ readonly url: string; close(): void }> {
  const server = createTlsServer(
    { key: TLS_KEY, cert: TLS_CERTIFICATE, ...(maxVersion ? { maxVersion } : {}) },
    (socket) => {
      socket.on('error', () => undefined);
      onSecure(socket);
    },
  );
  server.on('tlsClientError', () => undefined);
  server.listen(0, host);
  await once(server, 'listening');
  return { url: `https://localhost:${portOf(server)}/x`, close: () => server.close() };
}

/**
 * A port at which a connection neither succeeds nor fails: its server blocks its thread and so accepts nothing, and the
 * connections that the kernel keeps for it are used up.
 */
export async function blackhole(): Promise<{ readonly port: number; close(): Promise<void> }> {
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads');
     const server = require('node:net').createServer();
     server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
       parentPort.postMessage(server.address().port);
       Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
     });`,
    { eval: true },
  );
  const [port] = await once(worker, 'message');
  const fillers = Array.from({ length: 8 }, () => net.connect(port, '127.0.0.1'));
  for (const filler of fillers) filler.on('error', () => undefined);
  // The backlog is full once a connection is not answered at once.
  while (fillers.every((filler) => filler.connecting)) await new Promise((done) => setImmediate(done));
  return {
    port,
    async close() {
      for (const filler of fillers) filler.destroy();
      await worker.terminate();
    },
  };
}

/** A port of loopback on which nothing listens. */
export async function closedPort(): Promise<number> {
  const server = await rawServer();
  await server.close();
  return server.port;
}
