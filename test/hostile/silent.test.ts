import net from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { blackhole, closedPort, every, rawServer, tlsServer } from '../adapters/http/raw-server.ts';
import { TLS_CERTIFICATE } from '../support/tls-fixture.ts';
import { against, engineFor, HEAD, requestsOf, retrying, stateOf, whole } from './attempt.ts';
import type { Surroundings } from './engine.ts';

const UNSENT = retrying('CONNECTION_FAILED', 'none');
/** Seconds: what ends by its deadline alone need not be waited for long. */
const SHORT = { timeout: 0.2 };
const DEADLINE_MS = SHORT.timeout * 1_000;

const callOf = async (base: string, more: Omit<Surroundings, 'urls'> = {}) => {
  const engine = await engineFor({ urls: [base], ...more });
  return engine.call();
};

it('a refused connection: nothing was sent, tried again', async () => {
  const ended = await callOf(`http://127.0.0.1:${await closedPort()}`);
  expect(stateOf(ended)).toEqual(UNSENT);
  expect(ended.record.error?.detail).toMatch(/ECONNREFUSED$/);
});

it('a connection that is neither made nor refused: nothing was sent, over at the deadline', async () => {
  const hole = await blackhole();
  onTestFinished(() => hole.close());
  const probe = net.connect(hole.port, '127.0.0.1');
  probe.on('error', () => undefined);
  onTestFinished(() => void probe.destroy());
  const ended = await callOf(`http://127.0.0.1:${hole.port}`, { step: SHORT });
  // The hole is one: whoever knocked before the call still waits after it.
  expect(probe.connecting).toBe(true);
  expect(stateOf(ended)).toEqual(retrying('DEADLINE_EXCEEDED', 'none'));
  expect(ended.tookMs).toBeGreaterThan(DEADLINE_MS - 10);
});

it('a TLS handshake that stalls: nothing was sent, over at the deadline', async () => {
  const server = await rawServer();
  onTestFinished(() => server.close());
  expect(stateOf(await callOf(`https://127.0.0.1:${server.port}`, { step: SHORT }))).toEqual(
    retrying('DEADLINE_EXCEEDED', 'none'),
  );
  expect(server.received()).not.toContain('POST');
});

it('a TLS handshake that stalls after its first half: nothing was sent, over at the deadline', async () => {
  // A ServerHello of 8 KB of which the first 100 bytes come.
  const server = await rawServer((socket, count) => {
    if (count === 1) socket.write(Buffer.concat([Buffer.from([22, 3, 3, 32, 0, 2]), Buffer.alloc(95)]));
  });
  onTestFinished(() => server.close());
  expect(stateOf(await callOf(`https://127.0.0.1:${server.port}`, { step: SHORT }))).toEqual(
    retrying('DEADLINE_EXCEEDED', 'none'),
  );
});

it('a certificate that nobody trusts: not a byte of the request, tried again', async () => {
  let seen = 0;
  const server = await tlsServer((socket) => socket.on('data', ({ length }) => (seen += length)));
  onTestFinished(() => server.close());
  expect(stateOf(await callOf(new URL(server.url).origin))).toEqual(UNSENT);
  expect(seen).toBe(0);
});

it('a trusted certificate for another name: not a byte of the request, tried again', async () => {
  let seen = 0;
  const server = await tlsServer((socket) => socket.on('data', ({ length }) => (seen += length)), {
    host: '127.0.0.2',
  });
  onTestFinished(() => server.close());
  const other = `https://127.0.0.2:${new URL(server.url).port}`;
  const ended = await callOf(other, { ca: TLS_CERTIFICATE });
  expect(stateOf(ended)).toEqual(UNSENT);
  expect(ended.record.error?.detail).toMatch(/ERR_TLS_CERT_ALTNAME_INVALID$/);
  expect(seen).toBe(0);
});

it('plain HTTP where TLS was meant: the request is not shown, tried again', async () => {
  const server = await rawServer((socket) => socket.end(whole('{}', '400 Bad Request')));
  onTestFinished(() => server.close());
  expect(stateOf(await callOf(`https://127.0.0.1:${server.port}`))).toEqual(UNSENT);
  expect(server.received()).not.toContain('POST');
});

it('TLS where plain HTTP was meant: the request is on the wire, outcome unknown', async () => {
  const server = await tlsServer(() => undefined);
  onTestFinished(() => server.close());
  const ended = await callOf(new URL(server.url).origin.replace('https', 'http'));
  expect(stateOf(ended)).toEqual(retrying('CONNECTION_BROKEN', 'unknown'));
});

it('silence after the TLS handshake: outcome unknown, over at the deadline', async () => {
  const server = await tlsServer(() => undefined);
  onTestFinished(() => server.close());
  const ended = await callOf(new URL(server.url).origin, { ca: TLS_CERTIFICATE, step: SHORT });
  expect(stateOf(ended)).toEqual(retrying('DEADLINE_EXCEEDED', 'unknown'));
});

it.each<[string, number | undefined, (socket: net.Socket) => void]>([
  ['never answers', undefined, () => undefined],
  [
    'says "100 Continue" and falls silent',
    undefined,
    (socket) => socket.write('HTTP/1.1 100 Continue\r\n\r\n'),
  ],
  [
    'says "102 Processing" again and again',
    undefined,
    (socket) => every(socket, 10, 'HTTP/1.1 102 Processing\r\n\r\n'),
  ],
  [
    'answers with a status that is informational, and nothing else',
    undefined,
    (socket) => socket.write('HTTP/1.1 199 Wait\r\n\r\n'),
  ],
  [
    'drips its status line',
    undefined,
    (socket) => {
      socket.write('HTTP/1.1 200 O');
      every(socket, 20, 'o');
    },
  ],
  [
    'drips headers that never end',
    undefined,
    (socket) => {
      socket.write(HEAD);
      every(socket, 10, 'x-a: b\r\n');
    },
  ],
  [
    'drips one header that never ends',
    undefined,
    (socket) => {
      socket.write(`${HEAD}x-a: `);
      every(socket, 10, 'b');
    },
  ],
  ['stops after its headers', 200, (socket) => socket.write(`${HEAD}content-length: 10\r\n\r\n`)],
  ['promises more bytes than it sends', 200, (socket) => socket.write(`${HEAD}content-length: 99\r\n\r\n{}`)],
  ['never says where its body ends', 200, (socket) => socket.write(`${HEAD}\r\n{"orderId":"o-1"}`)],
  [
    'refuses, and drips why',
    400,
    (socket) => {
      socket.write('HTTP/1.1 400 No\r\ncontent-length: 100000\r\n\r\n');
      every(socket, 10, 'x');
    },
  ],
  [
    'drips chunks',
    200,
    (socket) => {
      socket.write(`${HEAD}transfer-encoding: chunked\r\n\r\n`);
      every(socket, 10, '1\r\nx\r\n');
    },
  ],
  [
    'drips the size of a chunk',
    200,
    (socket) => {
      socket.write(`${HEAD}transfer-encoding: chunked\r\n\r\n`);
      every(socket, 40, '0');
    },
  ],
])('a server that %s: outcome unknown, over at the deadline', async (_, status, behave) => {
  const { ended, server, state } = await against(behave, { step: SHORT });
  expect(state).toEqual(retrying('DEADLINE_EXCEEDED', 'unknown', status));
  expect(ended.tookMs).toBeGreaterThan(DEADLINE_MS - 10);
  expect(requestsOf(server)).toBe(1);
});

it('a server that never reads a large request: outcome unknown, over at the deadline', async () => {
  const server = await rawServer((socket) => socket.pause());
  onTestFinished(() => server.close());
  const base = `http://127.0.0.1:${server.port}`;
  // To write it down takes time, too, and whose deadline passes meanwhile has sent nothing.
  const padding = 'x'.repeat(16 * 2 ** 20);
  const engine = await engineFor({ urls: [base], padding, step: { timeout: 1 } });
  expect(stateOf(await engine.call())).toEqual(retrying('DEADLINE_EXCEEDED', 'unknown'));
});

it('one byte a second from fifty servers at a time: each call is over at its own deadline', async () => {
  const servers = await Promise.all(
    Array.from({ length: 50 }, () =>
      rawServer((socket) => {
        socket.write(`${HEAD}content-length: 1000\r\n\r\n`);
        every(socket, 1_000, 'x');
      }),
    ),
  );
  onTestFinished(async () => void (await Promise.all(servers.map((server) => server.close()))));
  const urls = servers.map(({ port }) => `http://127.0.0.1:${port}`);
  const engine = await engineFor({ urls, step: { timeout: 1.5 } });
  const ends = await Promise.all(urls.map((_, at) => engine.call(at)));
  expect(ends.map(stateOf)).toEqual(ends.map(() => retrying('DEADLINE_EXCEEDED', 'unknown', 200)));
  const connections = servers.flatMap(({ accepted }) => accepted);
  expect(connections).toHaveLength(50);
  // No connection outlives its call, though the engine still runs.
  await expect.poll(() => connections.filter(({ closed }) => !closed).length).toBe(0);
});
