import type net from 'node:net';
import { describe, expect, it } from 'vitest';
import { flood } from '../adapters/http/raw-server.ts';
import { against, completed, failed, HEAD, ORDER, requestsOf, retrying, stateOf, whole } from './attempt.ts';

const CHUNKED = `${HEAD}transfer-encoding: chunked\r\n\r\n`;
const EARLY = 'HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n';
const sized = (length: string): string => `${HEAD}content-length: ${length}\r\n\r\n${ORDER}`;

describe('a reply that breaks is no reply: outcome unknown, tried again, though it', () => {
  it.each<[string, number | undefined, (socket: net.Socket) => void]>([
    ['is nothing at all', undefined, (socket) => socket.end()],
    ['is a reset', undefined, (socket) => socket.resetAndDestroy()],
    ['ends after half of its headers', undefined, (socket) => socket.end(`${HEAD}content-le`)],
    ['ends after half of its body', 200, (socket) => socket.end(sized('100'))],
    [
      'is reset after half of its body',
      200,
      (socket) => {
        socket.write(sized('100'));
        setTimeout(() => socket.resetAndDestroy(), 20);
      },
    ],
    ['is a refusal that ends too soon', 400, (socket) => socket.end(whole('no', '400 No').slice(0, -1))],
    ['ends amid its chunks', 200, (socket) => socket.end(`${CHUNKED}11\r\n{"orderId"`)],
    ['has no last chunk', 200, (socket) => socket.end(`${CHUNKED}11\r\n${ORDER}\r\n`)],
    ['is longer than it says', 200, (socket) => socket.write(sized('16'))],
    ['has a chunk size that is none', 200, (socket) => socket.write(`${CHUNKED}zz\r\n${ORDER}\r\n0\r\n\r\n`)],
    ['has a negative chunk size', 200, (socket) => socket.write(`${CHUNKED}-11\r\n${ORDER}\r\n0\r\n\r\n`)],
    [
      'has a chunk size that no number holds',
      200,
      (socket) => socket.write(`${CHUNKED}${'f'.repeat(40)}\r\n`),
    ],
    [
      'has a chunk longer than it says',
      200,
      (socket) => socket.write(`${CHUNKED}2\r\n${ORDER}\r\n0\r\n\r\n`),
    ],
    [
      'has two lengths',
      undefined,
      (socket) => socket.write(`${HEAD}content-length: 17\r\n${sized('3').slice(17)}`),
    ],
    ['has its length twice', undefined, (socket) => socket.write(sized('17\r\ncontent-length: 17'))],
    ['has a list of lengths', undefined, (socket) => socket.write(sized('17, 17'))],
    ['has a negative length', undefined, (socket) => socket.write(sized('-17'))],
    ['has a length that no number holds', undefined, (socket) => socket.write(sized('9'.repeat(40)))],
    [
      'has a length and chunks',
      undefined,
      (socket) => socket.write(sized('17\r\ntransfer-encoding: chunked')),
    ],
    ['is HTTP/0.9', undefined, (socket) => socket.end(ORDER)],
    ['is informational answers without end', undefined, (socket) => flood(socket, EARLY.repeat(500))],
    ['is another protocol', undefined, (socket) => socket.write('220 mail.example ESMTP\r\n')],
    ['has a status of two digits', undefined, (socket) => socket.write(whole(ORDER, '20 OK'))],
    ['has a status of four digits', undefined, (socket) => socket.write(whole(ORDER, '2000 OK'))],
    ['has a NUL in a header', undefined, (socket) => socket.write(whole(ORDER, '200 OK', 'x: a\0b\r\n'))],
    [
      'has a space after the name of a header',
      undefined,
      (socket) => socket.write(whole(ORDER, '200 OK', 'x : a\r\n')),
    ],
    [
      'has headers without end',
      undefined,
      (socket) => flood(socket, `${HEAD}x-a: ${'b'.repeat(1_000)}\r\n`.repeat(50)),
    ],
    ['has one header without end', undefined, (socket) => flood(socket, `${HEAD}x-a: ${'b'.repeat(60_000)}`)],
    [
      'has trailers without end',
      200,
      (socket) => {
        socket.write(`${CHUNKED}11\r\n${ORDER}\r\n0\r\n`);
        flood(socket, 'x-a: b\r\n'.repeat(10_000));
      },
    ],
    [
      'has a chunk extension without end',
      200,
      (socket) => {
        socket.write(`${CHUNKED}11;`);
        flood(socket, 'x'.repeat(60_000));
      },
    ],
    ['is a 204 with a body', 204, (socket) => socket.write(whole(ORDER, '204 No Content'))],
    [
      'switches protocols',
      undefined,
      (socket) => socket.write('HTTP/1.1 101 Now\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
    ],
  ])('%s', async (_, status, behave) => {
    const { server, state } = await against(behave);
    expect(state).toEqual(retrying('CONNECTION_BROKEN', 'unknown', status));
    expect(requestsOf(server)).toBe(1);
  });
});

describe('a status that no standard knows', () => {
  it('beyond 599 is a target that is not available: tried again, outcome unknown', async () => {
    const { state } = await against((socket) => socket.write(whole(ORDER, '999 Enough')));
    expect(state).toEqual(retrying('TARGET_UNAVAILABLE', 'unknown', 999));
  });

  it.each(['000', '099', '101'])('below 200 (%s) ends the step, outcome unknown', async (status) => {
    const { state } = await against((socket) => socket.write(whole('', status)));
    expect(state).toEqual(failed('REDIRECTED', 'unknown', Number(status)));
  });
});

describe('a reply at the edge of what is one', () => {
  it.each(['HTTP/1.0', 'HTTP/1.1'])(
    'of %s that ends with its connection and is no JSON may have been cut: tried again, outcome unknown',
    async (version) => {
      for (const part of [ORDER.slice(0, 10), '']) {
        const { state, message } = await against((socket) => socket.end(`${version} 200 OK\r\n\r\n${part}`));
        expect(state).toEqual(retrying('CONNECTION_BROKEN', 'unknown', 200));
        expect(message).toMatch(
          /it ends with its connection, so it may have been cut; 200 OK; the reply was/,
        );
      }
    },
  );

  it('that ends with its connection and is JSON was not cut: what breaks the schema fails', async () => {
    const { state } = await against((socket) => socket.end('HTTP/1.0 200 OK\r\n\r\n{"orderId":7}'));
    expect(state).toEqual(failed('REPLY_INVALID', 'unknown', 200));
  });

  it('whose length is too short fails where the rest comes later, outcome unknown', async () => {
    const { state } = await against((socket) => {
      socket.write(`${HEAD}content-length: 10\r\n\r\n${ORDER.slice(0, 10)}`);
      setTimeout(() => socket.write(ORDER.slice(10)), 20);
    });
    expect(state).toEqual(failed('REPLY_INVALID', 'unknown', 200));
  });

  it('may come after a hundred informational answers', async () => {
    const { state } = await against((socket) => socket.write(EARLY.repeat(100) + whole(ORDER)));
    expect(state).toEqual(completed);
  });

  it.each(['HTTP/1.0', 'HTTP/1.1'])(
    '%s that ends with its connection is a reply like any other',
    async (version) => {
      const { ended } = await against((socket) => socket.end(`${version} 200 OK\r\n\r\n${ORDER}`));
      expect(stateOf(ended)).toEqual(completed);
      expect(ended.record.result).toEqual({ orderId: 'o-1' });
    },
  );
});
