import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type net from 'node:net';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createHttpClient } from '../../../lib/adapters/http/client.ts';
import { closers } from '../../support/closers.ts';
import { TLS_CERTIFICATE } from '../../support/tls-fixture.ts';
import { gone, type RawServer, rawServer, tlsServer } from './raw-server.ts';

const requestsOf = (server: RawServer): number => server.received().split('POST ').length - 1;

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}';

const setup = async (onRequest: Parameters<typeof rawServer>[0]) => {
  const server = await rawServer(onRequest);
  const http = createHttpClient();
  closers.push(
    () => server.close(),
    () => http.close(),
  );
  const call = (ms = 1_000, more: { fresh?: true } = {}) =>
    http.call(
      { method: 'POST', url: server.url, headers: { 'idempotency-key': 'k' }, body: '{}', ...more },
      ms,
    );
  return { server, http, call };
};

describe('a request on a kept connection that breaks before any byte of a reply', () => {
  const ends: readonly [string, (socket: net.Socket) => void][] = [
    ['closed', (socket) => socket.end()],
    ['reset', (socket) => socket.resetAndDestroy()],
  ];

  it.each(ends)('(%s) is repeated once, the same, on a connection of its own', async (_, end) => {
    const { server, call } = await setup((socket, count) => (count === 2 ? end(socket) : socket.write(OK)));
    expect(await call()).toEqual({ kind: 'reply', status: 200, body: '{}' });
    expect(await call()).toEqual({ kind: 'reply', status: 200, body: '{}', repeated: true });
    const [, second, third] = server.received().split('POST ');
    expect(third).toBe(second);
    expect(third).toMatch(/idempotency-key: k\r\n/);
    await gone(server.accepted[1]);
  });

  it('is repeated once only', async () => {
    const { server, call } = await setup((socket, count) => (count === 1 ? socket.write(OK) : socket.end()));
    await call();
    expect(await call()).toMatchObject({
      code: 'CONNECTION_BROKEN',
      sent: 'unknown',
      message: expect.stringMatching(
        /^a kept connection broke before any reply; then, on a new one, the conn/,
      ),
    });
    expect(requestsOf(server)).toBe(3);
  });

  it('may have been read, though nobody takes the repeat', async () => {
    const { server, call } = await setup((socket, count) => {
      if (count === 1) return socket.write(OK);
      server.stop();
      socket.resetAndDestroy();
    });
    await call();
    expect(await call()).toEqual({
      kind: 'failure',
      code: 'CONNECTION_BROKEN',
      sent: 'unknown',
      message: `a kept connection broke before any reply; then, on a new one, cannot connect to 127.0.0.1:${server.port}: ECONNREFUSED`,
    });
  });

  it('has one deadline with its repeat', async () => {
    const { call } = await setup((socket, count) => {
      if (count === 1) socket.write(OK);
      if (count === 2) setTimeout(() => socket.end(), 100);
    });
    await call();
    const begun = performance.now();
    expect(await call(200)).toMatchObject({ code: 'DEADLINE_EXCEEDED', sent: 'unknown' });
    expect(performance.now() - begun).toBeLessThan(290);
  });

  it('over TLS is repeated too', async () => {
    let count = 0;
    const server = await tlsServer((socket) =>
      socket.on('data', () => {
        count += 1;
        if (count === 2) socket.end();
        else socket.write(OK);
      }),
    );
    const http = createHttpClient({ ca: TLS_CERTIFICATE });
    closers.push(server.close, http.close);
    const call = () => http.call({ method: 'POST', url: server.url, headers: {}, body: '{}' }, 2_000);
    await call();
    expect(await call()).toEqual({ kind: 'reply', status: 200, body: '{}', repeated: true });
    expect(count).toBe(3);
  });

  it('is not repeated where the connection is new', async () => {
    const { server, call } = await setup((socket) => socket.end());
    expect(await call()).toMatchObject({ code: 'CONNECTION_BROKEN', sent: 'unknown' });
    expect(requestsOf(server)).toBe(1);
  });

  it.each([
    ['a byte', 'H'],
    ['half of the headers', OK.slice(0, 20)],
    ['an informational answer', 'HTTP/1.1 103 Early Hints\r\n\r\n'],
    ['half of the body', OK.slice(0, -1)],
  ])('is not repeated after %s', async (_, part) => {
    const { server, call } = await setup((socket, count) =>
      count === 1 ? socket.write(OK) : socket.end(part),
    );
    await call();
    expect(await call()).toMatchObject({ code: 'CONNECTION_BROKEN', sent: 'unknown' });
    expect(requestsOf(server)).toBe(2);
  });
});

describe('connections', () => {
  it('are reused: calls one after another share one', async () => {
    const { server, call } = await setup((socket) => socket.write(OK));
    for (let round = 0; round < 5; round += 1) expect(await call()).toMatchObject({ kind: 'reply' });
    expect(server.accepted).toHaveLength(1);
  });

  it('do not wait for each other: as many calls at a time as are made', async () => {
    const waiting: (() => void)[] = [];
    const { call } = await setup((socket) => {
      waiting.push(() => socket.write(OK));
      if (waiting.length === 100) for (const answer of waiting) answer();
    });
    const outcomes = await Promise.all(Array.from({ length: 100 }, () => call(5_000)));
    expect(outcomes.every((outcome) => outcome.kind === 'reply')).toBe(true);
  });

  it('that an earlier call left open are not taken by a request that wants its own, and that is not kept', async () => {
    const { server, call } = await setup((socket) => socket.write(OK));
    await call();
    for (let round = 0; round < 2; round += 1) {
      expect(await call(1_000, { fresh: true })).toMatchObject({ kind: 'reply' });
      await gone(server.accepted.at(-1));
    }
    expect(server.accepted).toHaveLength(3);
    expect(server.accepted[0]?.closed).toBe(false);
    // A server that is told to close may leave out where its reply ends.
    expect(server.received().match(/connection: keep-alive/gi)).toHaveLength(3);
    await call();
    expect(server.accepted).toHaveLength(3);
  });

  it('that fall silent as they are reused leave the outcome unknown', async () => {
    const { call } = await setup((socket, count) => {
      if (count === 1) socket.write(OK);
    });
    await call();
    expect(await call(100)).toMatchObject({ code: 'DEADLINE_EXCEEDED', sent: 'unknown' });
  });

  it('of a call that failed serve no other', async () => {
    const { server, call } = await setup((socket, count) => {
      // The first answer comes after its caller has gone: the second must not take it for its own.
      if (count === 1) setTimeout(() => socket.writable && socket.write(OK), 60);
      else socket.write('HTTP/1.1 201 Mine\r\ncontent-length: 0\r\n\r\n');
    });
    expect(await call(40)).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(await call()).toMatchObject({ kind: 'reply', status: 201 });
    expect(server.accepted).toHaveLength(2);
  });

  it('that break after the reply disturb nobody', async () => {
    const { server, call } = await setup((socket) => socket.write(OK));
    await call();
    server.accepted[0]?.resetAndDestroy();
    await new Promise((done) => setTimeout(done, 20));
    expect(await call()).toMatchObject({ kind: 'reply' });
    expect(server.accepted).toHaveLength(2);
  });

  it('end with close, and so does a call under way', async () => {
    const { server, http, call } = await setup((socket, count) => {
      if (count === 1) socket.write(OK);
      else http.close();
    });
    await call();
    expect(await call()).toMatchObject({ code: 'CONNECTION_BROKEN', sent: 'unknown' });
    await gone(server.accepted[0]);
  });

  it('that are idle keep no process alive, and neither does a deadline that was not needed', async () => {
    const { server } = await setup((socket) => socket.write(OK));
    const source = fileURLToPath(new URL('../../../lib/adapters/http/client.ts', import.meta.url));
    const program = `
      const { createHttpClient } = await import(${JSON.stringify(source)});
      const outcome = await createHttpClient().call(
        { method: 'POST', url: ${JSON.stringify(server.url)}, headers: {}, body: '{}' }, 60_000);
      const ended = performance.now();
      process.on('exit', () => console.log(outcome.kind, Math.round(performance.now() - ended)));`;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program]);
    closers.push(() => child.kill());
    let printed = '';
    child.stdout.on('data', (chunk) => {
      printed += chunk;
    });
    await once(child, 'close');
    const [kind, stayedMs] = printed.trim().split(' ');
    expect(kind).toBe('reply');
    // An idle socket is given up after 4 s: leaving earlier is leaving by itself.
    expect(Number(stayedMs)).toBeLessThan(1_000);
  });
});
