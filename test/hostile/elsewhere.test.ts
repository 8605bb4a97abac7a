import { describe, expect, it } from 'vitest';
import { parseTargets } from '../../lib/adapters/targets/settings.ts';
import {
  against,
  engineFor,
  failed,
  ORDER,
  requestsOf,
  retrying,
  serverFor,
  stateOf,
  whole,
} from './attempt.ts';
import { SECRET } from './engine.ts';

describe('a redirect', () => {
  it.each([300, 301, 302, 303, 304, 305, 307, 308])(
    '%d elsewhere is not followed: the other server sees neither the request nor the secret',
    async (status) => {
      const other = await serverFor((socket) => socket.write(whole(ORDER)));
      const body = status === 304 ? '' : 'moved';
      const { server, state, engine } = await against((socket) =>
        socket.write(whole(body, `${status} Moved`, `location: ${other.base}/steal\r\n`)),
      );
      expect(state).toEqual(failed('REDIRECTED', 'unknown', status));
      // On-call is told last: nothing follows of its own.
      expect(await engine.told()).toMatchObject({ count: 1, code: 'REDIRECTED' });
      expect(other.accepted).toHaveLength(0);
      expect(requestsOf(server)).toBe(1);
      expect(server.received()).toContain(SECRET);
    },
  );

  it('to itself, in a circle, is one request', async () => {
    const { server, state, engine } = await against((socket) =>
      socket.write(whole('', '302 Again', 'location: /charges\r\n')),
    );
    expect(state).toEqual(failed('REDIRECTED', 'unknown', 302));
    await engine.told();
    expect(requestsOf(server)).toBe(1);
  });

  it.each([
    ['to a file', 'location: file:///etc/passwd\r\n'],
    ['to nowhere', ''],
    ['to two places', 'location: /a\r\nlocation: /b\r\n'],
    ['to what is no address', 'location: http://[::1\r\n'],
  ])('%s is a redirect like any other', async (_, location) => {
    const { state } = await against((socket) => socket.write(whole('', '302 Found', location)));
    expect(state).toEqual(failed('REDIRECTED', 'unknown', 302));
  });

  it.each([
    ['Refresh', (base: string) => `refresh: 0; url=${base}\r\n`],
    ['Location of something created', (base: string) => `location: ${base}\r\n`],
    ['Alt-Svc', (base: string) => `alt-svc: h2="${new URL(base).host}"; ma=86400\r\n`],
  ])('that a reply hides in a header leads nowhere: %s', async (_, header) => {
    const other = await serverFor((socket) => socket.write(whole(ORDER)));
    const server = await serverFor((socket) => socket.write(whole(ORDER, '201 Created', header(other.base))));
    const engine = await engineFor({ urls: [server.base] });
    for (let round = 0; round < 2; round += 1) {
      expect(stateOf(await engine.call())).toMatchObject({ status: 'completed' });
    }
    expect(requestsOf(server)).toBe(2);
    expect(other.accepted).toHaveLength(0);
  });
});

describe('settings of a target that would smuggle a request', () => {
  const SMUGGLED = 'a\r\nx-admin: 1\r\n\r\nGET /steal HTTP/1.1';
  it.each<[string, object, RegExp]>([
    ['a line break in a header', { headers: { authorization: SMUGGLED } }, /HTTP does not allow/],
    ['a line break in the name of a header', { headers: { 'a\r\nx-admin': '1' } }, /HTTP does not allow/],
    ['a NUL in a header', { headers: { authorization: 'a\0b' } }, /HTTP does not allow/],
    ['a variable with a line break', { headers: { authorization: 'env:KEY' } }, /HTTP does not allow/],
    ['a length of its own', { headers: { 'Content-Length': '0' } }, /sets this header/],
    ['chunks of its own', { headers: { 'transfer-encoding': 'chunked' } }, /sets this header/],
    ['another host', { headers: { Host: 'other.test' } }, /sets this header/],
    ['a password in the address', { baseUrl: 'http://me:pass@127.0.0.1' }, /belongs in a header/],
    ['a query in the address', { baseUrl: 'http://127.0.0.1/?x=' }, /without query/],
  ])('are refused when they are read, and their value is not shown: %s', (_, setting, problem) => {
    const settings = { api: { baseUrl: 'http://127.0.0.1', ...setting } };
    const parse = () => parseTargets(settings, { KEY: SMUGGLED });
    expect(parse).toThrow(problem);
    expect(parse).not.toThrow(/GET \/steal/);
  });

  it('lose the line breaks of their address, as every URL does', async () => {
    const server = await serverFor((socket) => socket.write(whole('no', '503 No')));
    const engine = await engineFor({ urls: [`${server.base}/v1\r\nx-admin:1`] });
    expect(stateOf(await engine.call())).toEqual(retrying('TARGET_UNAVAILABLE', 'unknown', 503));
    expect(server.received()).toMatch(/^POST \/v1x-admin:1\/charges HTTP\/1\.1\r\n/);
    expect(server.received()).not.toMatch(/^x-admin/m);
  });
});
