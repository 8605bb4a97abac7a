import type net from 'node:net';
import { describe, expect, it } from 'vitest';
import { gone } from '../adapters/http/raw-server.ts';
import { settle } from '../support/manual-clock.ts';
import {
  completed,
  engineFor,
  failed,
  ORDER,
  requestsOf,
  retrying,
  serverFor,
  stateOf,
  whole,
} from './attempt.ts';
import type { Surroundings } from './engine.ts';

/** The reply to a second call, which is that call's own. */
const OWN = whole('{"orderId":"own"}');
/** A reply that nobody asked for. */
const STALE = whole('{"orderId":"stale"}');

/** A server and an engine that calls it again and again over one connection, as long as that stands. */
async function reusing(
  onRequest: (socket: net.Socket, count: number) => void,
  more: Omit<Surroundings, 'urls'> = {},
) {
  const server = await serverFor(onRequest);
  const engine = await engineFor({ urls: [server.base], ...more });
  return { server, call: () => engine.call() };
}

describe('a connection that waits for its next call', () => {
  describe.each<[string, (socket: net.Socket) => void]>([
    ['closed', (socket) => socket.end()],
    ['reset', (socket) => socket.resetAndDestroy()],
  ])('and is %s as that call comes', (_, end) => {
    it('costs no attempt: the request is sent once more, under its key, on a new connection', async () => {
      const { server, call } = await reusing((socket, count) => {
        if (count === 2) end(socket);
        else socket.write(count === 1 ? whole(ORDER) : OWN);
      });
      expect(stateOf(await call())).toEqual(completed);
      const second = await call();
      expect(stateOf(second)).toEqual(completed);
      expect(second.record.result).toEqual({ orderId: 'own' });
      const [, , keys] = server.received().split('POST ');
      expect(
        server
          .received()
          .match(/idempotency-key: \S+/g)
          ?.slice(1),
      ).toEqual(Array(2).fill(keys?.match(/idempotency-key: \S+/)?.[0]));
      expect(server.accepted).toHaveLength(2);
    });

    it('leaves the outcome unknown where the second is refused: the first may have been read', async () => {
      const { call } = await reusing((socket, count) => {
        if (count === 2) end(socket);
        else socket.write(count === 1 ? whole(ORDER) : whole('no', '422 No'));
      });
      await call();
      expect(stateOf(await call())).toEqual(failed('REFUSED', 'unknown', 422));
    });

    it('leaves the outcome unknown where the second breaks, too, and there is no third', async () => {
      const { server, call } = await reusing((socket, count) => {
        if (count === 1) socket.write(whole(ORDER));
        else end(socket);
      });
      await call();
      expect(stateOf(await call())).toEqual(retrying('CONNECTION_BROKEN', 'unknown'));
      expect(requestsOf(server)).toBe(3);
    });

    it('is not met by a step without retries: its calls have connections of their own', async () => {
      const { server, call } = await reusing((socket) => socket.write(whole(ORDER)), {
        step: { retries: 0 },
      });
      for (let round = 0; round < 3; round += 1) expect(stateOf(await call())).toEqual(completed);
      expect(server.accepted).toHaveLength(3);
      await Promise.all(server.accepted.map(gone));
    });
  });

  it('and falls silent as that call comes leaves its outcome unknown', async () => {
    const { call } = await reusing(
      (socket, count) => {
        if (count === 1) socket.write(whole(ORDER));
      },
      { step: { timeout: 0.5 } },
    );
    await call();
    expect(stateOf(await call())).toEqual(retrying('DEADLINE_EXCEEDED', 'unknown'));
  });

  it.each<[string, (socket: net.Socket) => void]>([
    ['is closed', (socket) => socket.end()],
    ['is reset', (socket) => socket.resetAndDestroy()],
    ['is told to go away', (socket) => socket.end(whole('', '408 Request Timeout', 'connection: close\r\n'))],
    // Who sends a second reply has counted wrong: every later call would get that of another one.
    ['gets a reply that nobody asked for', (socket) => socket.write(STALE)],
    ['gets a part of one', (socket) => socket.write(STALE.slice(0, 20))],
    ['gets a single byte', (socket) => socket.write('\n')],
  ])('and meanwhile %s is given up: the next call has a new one, and its own reply', async (_, meanwhile) => {
    const { server, call } = await reusing((socket, count) => socket.write(count === 1 ? whole(ORDER) : OWN));
    await call();
    const [first] = server.accepted;
    if (first === undefined) throw new Error('no connection was made');
    meanwhile(first);
    // Sooner than the 4 s after which an idle connection is given up anyway.
    await expect.poll(() => first.closed, { timeout: 2_000 }).toBe(true);
    // The client has heard of it, too.
    await settle();
    expect((await call()).record.result).toEqual({ orderId: 'own' });
    expect(server.accepted).toHaveLength(2);
  });
});

describe('what follows a reply at once', () => {
  it.each([
    ['another reply', whole(ORDER) + STALE, completed],
    [
      'a reply behind one that may have no body',
      `HTTP/1.1 204 No Content\r\n\r\n${STALE}`,
      failed('REPLY_INVALID', 'unknown', 204),
    ],
    [
      'another reply, hidden behind a length that is too short',
      whole(ORDER).replace('17', '0') + STALE,
      retrying('CONNECTION_BROKEN', 'unknown', 200),
    ],
  ])('never becomes the reply of the next call: %s', async (_, written, expected) => {
    const { server, call } = await reusing((socket, count) => socket.write(count === 1 ? written : OWN));
    expect(stateOf(await call())).toEqual(expected);
    const next = await call();
    expect(next.record.result).toEqual({ orderId: 'own' });
    expect(server.accepted).toHaveLength(2);
  });

  it('breaks the next call, outcome unknown, where it is half of another reply whose rest comes then', async () => {
    const { call } = await reusing((socket, count) =>
      socket.write(count === 1 ? whole(ORDER) + STALE.slice(0, 20) : STALE.slice(20) + OWN),
    );
    expect(stateOf(await call())).toEqual(completed);
    expect(stateOf(await call())).toEqual(retrying('CONNECTION_BROKEN', 'unknown'));
  });
});

describe('a reply that comes before the request was read', () => {
  const padding = 'x'.repeat(16 * 2 ** 20);
  it.each([
    ['a good one', whole(ORDER), completed],
    ['a refusal', whole('too large', '413 Content Too Large'), failed('REFUSED', 'none', 413)],
    ['a good one that says it was the last', whole(ORDER, '200 OK', 'connection: close\r\n'), completed],
  ])('counts, and the connection ends though the server reads no further: %s', async (_, reply, expected) => {
    const { server, call } = await reusing(
      (socket, count) => {
        if (count > 1) return;
        socket.pause();
        socket.write(reply);
      },
      { padding },
    );
    expect(stateOf(await call())).toEqual(expected);
    const [first] = server.accepted;
    // Whoever does not read does not see the end: what had left already comes first, and then it.
    first?.resume();
    await gone(first);
    expect(server.received().length).toBeLessThan(padding.length);
  });
});
