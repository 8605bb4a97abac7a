import type net from 'node:net';
import { describe, expect, it } from 'vitest';
import { createHttpClient, type HttpClientOptions } from '../../../lib/adapters/http/client.ts';
import type { HttpOutcome } from '../../../lib/engine/ports.ts';
import { closers } from '../../support/closers.ts';
import { TLS_CERTIFICATE } from '../../support/tls-fixture.ts';
import { blackhole, closedPort, every, flood, gone, rawServer, tlsServer } from './raw-server.ts';

const DEADLINE = 250;
/** Of calls that are about something else: a handshake takes its time on a busy machine. */
const PATIENT = 5_000;
/** Promise 4 of the architecture page. */
const GRACE = 250;

/** Makes one call and holds it to the deadline. */
async function call(
  url: string,
  options?: HttpClientOptions,
  deadline = DEADLINE,
): Promise<HttpOutcome & { tookMs: number }> {
  const http = createHttpClient(options);
  closers.push(() => http.close());
  const begun = performance.now();
  const outcome = await http.call({ method: 'POST', url, headers: {}, body: '{}' }, deadline);
  const tookMs = performance.now() - begun;
  expect(tookMs).toBeLessThan(deadline + GRACE);
  return { ...outcome, tookMs };
}

const against = async (onRequest: Parameters<typeof rawServer>[0]) => {
  const server = await rawServer(onRequest);
  closers.push(() => server.close());
  return { server, outcome: await call(server.url) };
};

const HEAD = 'HTTP/1.1 200 OK\r\n';

describe('a call ends by its deadline, its outcome unknown, against a server that', () => {
  it.each<[string, number | undefined, (socket: net.Socket) => void]>([
    ['never answers', undefined, () => undefined],
    [
      'never ends its status line',
      undefined,
      (socket) => {
        socket.write('HTTP/1.1 200 O');
        every(socket, 20, 'o');
      },
    ],
    [
      'drips headers for ever',
      undefined,
      (socket) => {
        socket.write(HEAD);
        every(socket, 10, 'x-a: b\r\n');
      },
    ],
    [
      'says "100 Continue" and falls silent',
      undefined,
      (socket) => socket.write('HTTP/1.1 100 Continue\r\n\r\n'),
    ],
    ['stops after the headers', 200, (socket) => socket.write(`${HEAD}content-length: 10\r\n\r\n`)],
    [
      'drips its body',
      200,
      (socket) => {
        socket.write(`${HEAD}content-length: 100000\r\n\r\n`);
        every(socket, 10, 'x');
      },
    ],
    [
      'drips chunks for ever',
      200,
      (socket) => {
        socket.write(`${HEAD}transfer-encoding: chunked\r\n\r\n`);
        every(socket, 10, '1\r\nx\r\n');
      },
    ],
    [
      'promises more bytes than it sends',
      200,
      (socket) => socket.write(`${HEAD}content-length: 9\r\n\r\n{}`),
    ],
  ])('%s', async (_, status, behave) => {
    const { outcome, server } = await against(behave);
    expect(outcome).toMatchObject({ kind: 'failure', code: 'DEADLINE_EXCEEDED', sent: 'unknown' });
    expect(outcome.status).toBe(status);
    expect(outcome.tookMs).toBeGreaterThan(DEADLINE - 10);
    await gone(server.accepted[0]);
  });
});

describe('a call ends at once against a server that', () => {
  it.each<[string, number | undefined, (socket: net.Socket) => void]>([
    ['closes instead of answering', undefined, (socket) => socket.end()],
    ['resets instead of answering', undefined, (socket) => socket.resetAndDestroy()],
    ['closes after half of the body', 200, (socket) => socket.end(`${HEAD}content-length: 100\r\n\r\nhalf`)],
    [
      'resets after half of the body',
      200,
      (socket) => {
        socket.write(`${HEAD}content-length: 100\r\n\r\nhalf`);
        setTimeout(() => socket.resetAndDestroy(), 20);
      },
    ],
    [
      'closes amid the chunks',
      200,
      (socket) => socket.end(`${HEAD}transfer-encoding: chunked\r\n\r\n5\r\nab`),
    ],
    [
      'sends a chunk without a size',
      200,
      (socket) => socket.write(`${HEAD}transfer-encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n`),
    ],
    [
      'sends more than it promised',
      200,
      (socket) => socket.write(`${HEAD}content-length: 2\r\n\r\n{}and more`),
    ],
    [
      'sends two lengths',
      undefined,
      (socket) => socket.write(`${HEAD}content-length: 2\r\ncontent-length: 3\r\n\r\n{}`),
    ],
    [
      'sends endless headers',
      undefined,
      (socket) => flood(socket, `${HEAD}x-a: ${'b'.repeat(1_000)}\r\n`.repeat(50)),
    ],
    [
      'floods informational answers',
      undefined,
      (socket) => flood(socket, 'HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n'.repeat(500)),
    ],
    ['speaks another protocol', undefined, (socket) => socket.write('220 mail.example ESMTP\r\n')],
    [
      'switches protocols',
      undefined,
      (socket) => socket.write('HTTP/1.1 101 Now\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
    ],
  ])('%s: broken, its outcome unknown', async (_, status, behave) => {
    const { outcome } = await against(behave);
    expect(outcome).toMatchObject({ kind: 'failure', code: 'CONNECTION_BROKEN', sent: 'unknown' });
    expect(outcome.status).toBe(status);
    expect(outcome.tookMs).toBeLessThan(DEADLINE - 50);
  });

  it('sends a gigabyte: too large, with little of it kept and the rest never taken', async () => {
    const piece = Buffer.alloc(64 * 1_024, 'x');
    const { outcome, server } = await against((socket) => {
      socket.write(`${HEAD}content-length: ${2 ** 30}\r\n\r\n`);
      flood(socket, piece);
    });
    expect(outcome).toMatchObject({ code: 'REPLY_TOO_LARGE', sent: 'unknown', status: 200 });
    expect(outcome.kind === 'failure' && outcome.excerpt?.length).toBe(1_024 * 1_024);
    await gone(server.accepted[0]);
    // What the kernel's buffers took besides is a few megabytes at most.
    expect(server.accepted[0]?.bytesWritten).toBeLessThan(32 * 2 ** 20);
  });
});

describe('a broken call says how far it got:', () => {
  const reset = (socket: net.Socket, part: string): void => {
    socket.write(part);
    // What has been sent must be read before the reset comes.
    setTimeout(() => socket.resetAndDestroy(), 20);
  };
  it.each<[string, (socket: net.Socket) => void]>([
    ['before any byte of a reply: it was closed', (socket) => socket.end()],
    ['before any byte of a reply: reset by the peer', (socket) => socket.resetAndDestroy()],
    ['in the headers of the reply: it was closed', (socket) => socket.end(`${HEAD}x-a`)],
    ['in the headers of the reply: reset by the peer', (socket) => reset(socket, `${HEAD}x-a`)],
    [
      'after 4 of 100 bytes of the reply’s body: it was closed',
      (socket) => socket.end(`${HEAD}content-length: 100\r\n\r\nhalf`),
    ],
    [
      'after 4 of 100 bytes of the reply’s body: reset by the peer',
      (socket) => reset(socket, `${HEAD}content-length: 100\r\n\r\nhalf`),
    ],
    [
      'after 2 bytes of the reply’s body: it was closed',
      (socket) => socket.end(`${HEAD}transfer-encoding: chunked\r\n\r\n5\r\nab`),
    ],
    ['after 4 bytes of the reply’s body: reset by the peer', (socket) => reset(socket, `${HEAD}\r\nhalf`)],
    [
      'in the headers of the reply: what came is not HTTP (HPE_INVALID_CONSTANT)',
      (socket) => socket.write('220 mail.example ESMTP\r\n'),
    ],
    [
      'in the headers of the reply: it was closed',
      (socket) => socket.write('HTTP/1.1 101 Now\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
    ],
  ])('%s', async (said, behave) => {
    const { outcome, server } = await against(behave);
    expect(outcome).toMatchObject({
      code: 'CONNECTION_BROKEN',
      message: `the connection to 127.0.0.1:${server.port} broke ${said}`,
    });
  });

  it.each<[string, string]>([
    ['before any byte of a reply', ''],
    ['in the headers of the reply', HEAD],
    ['after 2 of 9 bytes of the reply’s body', `${HEAD}content-length: 9\r\n\r\n{}`],
  ])('time ran out %s', async (said, part) => {
    const { outcome, server } = await against((socket) => socket.write(part));
    expect(outcome).toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      message: `no complete reply from 127.0.0.1:${server.port} within ${DEADLINE} ms: time ran out ${said}`,
    });
  });

  it('over TLS the handshake is no part of a reply', async () => {
    const server = await tlsServer((socket) => socket.on('data', () => socket.end()));
    closers.push(server.close);
    expect(await call(server.url, { ca: TLS_CERTIFICATE })).toMatchObject({
      code: 'CONNECTION_BROKEN',
      message: expect.stringMatching(/ broke before any byte of a reply: it was closed$/),
    });
  });
});

describe('a call that never reached the server says so', () => {
  it('when the connection is refused', async () => {
    const port = await closedPort();
    const { tookMs, ...outcome } = await call(`http://127.0.0.1:${port}/x`);
    expect(outcome).toEqual({
      kind: 'failure',
      code: 'CONNECTION_FAILED',
      sent: 'no',
      message: `cannot connect to 127.0.0.1:${port}: ECONNREFUSED`,
    });
    expect(tookMs).toBeLessThan(DEADLINE - 50);
  });

  it('when the name does not resolve', async () => {
    // A label of 64 characters is no name: no resolver has to be asked.
    const outcome = await call(`http://${'a'.repeat(64)}.invalid/x`);
    expect(outcome).toMatchObject({
      code: 'CONNECTION_FAILED',
      sent: 'no',
      message: expect.stringMatching(/ENOTFOUND$/),
    });
  });

  it('when the connection is neither made nor refused', async () => {
    const hole = await blackhole();
    closers.push(() => hole.close());
    const outcome = await call(`http://127.0.0.1:${hole.port}/x`);
    expect(outcome).toMatchObject({ code: 'DEADLINE_EXCEEDED', sent: 'no' });
    expect(outcome.kind === 'failure' && outcome.message).toMatch(/^no connection to 127/);
  });
});

describe('over TLS', () => {
  const listen = async (onSecure: (socket: net.Socket) => void, maxVersion?: 'TLSv1.2') => {
    const server = await tlsServer(onSecure, maxVersion === undefined ? {} : { maxVersion });
    closers.push(() => server.close());
    return server.url;
  };

  it('a trusted certificate gets the request', async () => {
    const url = await listen((socket) => socket.on('data', () => socket.end(`${HEAD}\r\nsecure`)));
    expect(await call(url, { ca: TLS_CERTIFICATE }, PATIENT)).toMatchObject({
      kind: 'reply',
      body: 'secure',
    });
  });

  it.each([undefined, 'TLSv1.2'] as const)('an untrusted one gets not a byte of it (%s)', async (version) => {
    let seen = 0;
    const url = await listen((socket) => socket.on('data', (chunk) => (seen += chunk.length)), version);
    for (let round = 0; round < 20; round += 1) {
      expect(await call(url, {}, PATIENT)).toMatchObject({
        code: 'CONNECTION_FAILED',
        sent: 'no',
        message: expect.stringMatching(/DEPTH_ZERO_SELF_SIGNED_CERT/),
      });
    }
    expect(seen).toBe(0);
  });

  it('a handshake that stalls ends by the deadline, not sent', async () => {
    const server = await rawServer();
    closers.push(() => server.close());
    const outcome = await call(`https://127.0.0.1:${server.port}/x`);
    expect(outcome).toMatchObject({ code: 'DEADLINE_EXCEEDED', sent: 'no' });
  });

  it('a server that speaks no TLS is not sent the request', async () => {
    const server = await rawServer((socket) => socket.end('HTTP/1.1 400 no TLS here\r\n\r\n'));
    closers.push(() => server.close());
    const outcome = await call(`https://127.0.0.1:${server.port}/x`);
    expect(outcome).toMatchObject({ code: 'CONNECTION_FAILED', sent: 'no' });
    expect(server.received()).not.toContain('POST');
  });

  it('a server that falls silent after the handshake may have acted', async () => {
    const url = await listen(() => undefined);
    const outcome = await call(url, { ca: TLS_CERTIFICATE });
    expect(outcome).toMatchObject({ code: 'DEADLINE_EXCEEDED', sent: 'unknown' });
  });
});
