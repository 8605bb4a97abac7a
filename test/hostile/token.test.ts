import type net from 'node:net';
import { expect, it } from 'vitest';
import {
  engineFor,
  failed,
  ORDER,
  requestsOf,
  retrying,
  type StepState,
  serverFor,
  stateOf,
  whole,
} from './attempt.ts';
import { SECRET } from './engine.ts';

/** Seconds: what ends by its deadline alone need not be waited for long. */
const SHORT = { timeout: 0.2 };

/** One attempt at a target that wants a token, of an authorization server that does this with each request. */
async function askedFrom(
  onRequest: (socket: net.Socket, count: number) => void,
  step: { readonly timeout?: number } = {},
) {
  const target = await serverFor((socket) => socket.write(whole(ORDER)));
  const tokens = await serverFor(onRequest);
  const auth = {
    ...{ type: 'oauth2', tokenUrl: `${tokens.base}/token`, clientId: 'id' },
    clientSecret: { store: 'env', name: 'SECRET' },
  };
  const engine = await engineFor({ urls: [target.base], auth, step });
  const ended = await engine.call();
  return {
    state: stateOf(ended),
    error: ended.record.error,
    sent: requestsOf(target),
    asked: requestsOf(tokens),
  };
}

it.each<[string, (socket: net.Socket) => void]>([
  ['says nothing', () => undefined],
  ['begins a reply and goes on no more', (socket) => void socket.write('HTTP/1.1 200 OK\r\ncontent-le')],
  ['drips its token', (socket) => void socket.write('HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{')],
])(
  'an authorization server that %s takes no more than the step’s time, and nothing is sent to the target',
  async (_, onRequest) => {
    const { state, error, sent } = await askedFrom(onRequest, SHORT);
    expect(state).toEqual(retrying('DEADLINE_EXCEEDED', 'none'));
    expect(error?.detail).toBe(
      'the settings of target "api-0" were not read within 200 ms; nothing was sent',
    );
    expect(sent).toBe(0);
  },
);

it.each<[string, (socket: net.Socket) => void, StepState, RegExp]>([
  ['closes', (socket) => void socket.end(), retrying('SECRET_UNAVAILABLE', 'none'), /: CONNECTION_BROKEN$/],
  [
    'answers two megabytes',
    (socket) => void socket.write(whole(`{"access_token":"${'x'.repeat(2_000_000)}"}`)),
    failed('TARGET_MISSING', 'none'),
    /: REPLY_TOO_LARGE$/,
  ],
  [
    'is busy',
    (socket) => void socket.write(whole('later', '503 Busy')),
    retrying('SECRET_UNAVAILABLE', 'none'),
    /: it answered 503$/,
  ],
  [
    'echoes the secret',
    (socket) =>
      void socket.write(whole(`{"error":"${SECRET} is wrong","error_description":"${SECRET}"}`, '400 Bad')),
    failed('TARGET_MISSING', 'none'),
    /: it answered 400$/,
  ],
  [
    'redirects',
    (socket) => void socket.write(whole('', '302 Found', 'location: /login\r\n')),
    failed('TARGET_MISSING', 'none'),
    /: it answered 302$/,
  ],
  [
    'answers a page',
    (socket) => void socket.write(whole('<html>')),
    failed('TARGET_MISSING', 'none'),
    /without an access_token$/,
  ],
])('an authorization server that %s: nothing is sent to the target', async (_, onRequest, wanted, detail) => {
  const { state, error, sent } = await askedFrom(onRequest);
  expect(state).toEqual(wanted);
  expect(error?.detail).toMatch(detail);
  expect(sent).toBe(0);
});

it('a token is asked for once by all calls of one moment', async () => {
  const target = await serverFor((socket) => socket.write(whole(ORDER)));
  const tokens = await serverFor((socket) => socket.write(whole('{"access_token":"t-1"}')));
  const auth = {
    ...{ type: 'oauth2', tokenUrl: `${tokens.base}/token`, clientId: 'id' },
    clientSecret: { store: 'env', name: 'SECRET' },
  };
  const engine = await engineFor({ urls: [target.base], auth });
  const ended = await Promise.all(Array.from({ length: 5 }, () => engine.call()));
  expect(ended.map(({ record }) => record.status)).toEqual(Array(5).fill('completed'));
  expect(requestsOf(tokens)).toBe(1);
  expect(target.received()).toContain('authorization: Bearer t-1');
});
