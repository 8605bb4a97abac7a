import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createSecureServer, type ServerOptions } from 'node:https';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { createHttpClient } from '../../../lib/adapters/http/client.ts';
import { proxiesOf } from '../../../lib/adapters/http/proxy.ts';
import type { HttpOutcome, HttpRequest } from '../../../lib/engine/ports.ts';
import { closers } from '../../support/closers.ts';
import { TLS_CERTIFICATE, TLS_KEY } from '../../support/tls-fixture.ts';
import { CRM, SHOP, TARGET } from '../../support/tls-pairs.ts';
import { blackhole, closedPort, gone, portOf } from './raw-server.ts';
import { type OnConnect, type TestProxy, testProxy } from './test-proxy.ts';

const SECRET = 's3cret@';

/** A server that only the proxy finds: its name is `target.test`, or 192.0.2.1. It answers with who calls over which of its connections. */
async function target(
  tls: ServerOptions | 'without TLS' = {},
  onCall: (count: number, socket: Socket) => void = () => undefined,
) {
  const sockets: Socket[] = [];
  const heads: (readonly string[])[] = [];
  const answer: RequestListener = ({ socket, method, url, rawHeaders }, response) => {
    onCall(heads.push([`${method} ${url}`, ...rawHeaders]), socket);
    const subject = socket instanceof TLSSocket ? socket.getPeerCertificate()?.subject : undefined;
    response.end(`${subject?.CN ?? 'nobody'} ${sockets.indexOf(socket)}`);
  };
  const server =
    tls === 'without TLS' ? createServer(answer) : createSecureServer({ ...TARGET, ...tls }, answer);
  server.on(tls === 'without TLS' ? 'connection' : 'secureConnection', (socket: Socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
  });
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const port = portOf(server);
  return { url: `http${tls === 'without TLS' ? '' : 's'}://target.test:${port}/x?q=1`, port, sockets, heads };
}

async function through(onConnect?: OnConnect, options?: Parameters<typeof testProxy>[1]): Promise<TestProxy> {
  const proxy = await testProxy(onConnect, options);
  closers.push(() => proxy.close());
  return proxy;
}

/** A client whose environment names this proxy for all. */
function client(proxy: string, env: Readonly<Record<string, string>> = {}) {
  const http = createHttpClient({
    ca: TARGET.cert + TLS_CERTIFICATE,
    proxies: proxiesOf({ HTTPS_PROXY: proxy, HTTP_PROXY: proxy, ...env }),
  });
  closers.push(() => http.close());
  const call = (url: string, more: Partial<HttpRequest> = {}, deadlineMs = 5_000): Promise<HttpOutcome> =>
    http.call(
      { method: 'POST', url, headers: { authorization: 'Bearer t' }, body: '{}', ...more },
      deadlineMs,
    );
  return { call, close: http.close };
}

const ok = (body: string) => ({ kind: 'reply', status: 200, body });
const withUser = ({ port }: TestProxy): string => `http://me:${encodeURIComponent(SECRET)}@localhost:${port}`;
const AUTHORIZATION = `Basic ${Buffer.from(`me:${SECRET}`).toString('base64')}`;

describe('a call of an https target through a proxy', () => {
  it('goes by CONNECT, with the proxy’s user and password for the proxy alone', async () => {
    const { url, port, heads } = await target();
    const proxy = await through();
    expect(await client(withUser(proxy)).call(url)).toEqual(ok('nobody 0'));
    expect(proxy.asked).toMatchObject([
      { line: `CONNECT target.test:${port}`, headers: { 'proxy-authorization': AUTHORIZATION } },
    ]);
    expect(proxy.asked[0]?.headers).not.toHaveProperty('authorization');
    const [head = []] = heads;
    expect(head[0]).toBe('POST /x?q=1');
    expect(head.join('\n').toLowerCase()).not.toContain('proxy');
    expect(head).toContain(`target.test:${port}`);
  });

  it('shares a kept tunnel with other calls of the target, and with no other target', async () => {
    const [one, other] = [await target(), await target()];
    const proxy = await through();
    const { call } = client(proxy.url);
    for (let round = 0; round < 5; round += 1) expect(await call(one.url)).toEqual(ok('nobody 0'));
    expect(await call(other.url)).toEqual(ok('nobody 0'));
    expect(await call(one.url, { fresh: true })).toEqual(ok('nobody 1'));
    await gone(one.sockets[1]);
    expect(await call(one.url)).toEqual(ok('nobody 0'));
    expect(proxy.asked).toHaveLength(3);
  });

  it('does not wait for other calls', async () => {
    const { url } = await target();
    const proxy = await through();
    const { call } = client(proxy.url);
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => call(url)));
    expect(outcomes.every(({ kind }) => kind === 'reply')).toBe(true);
    expect(proxy.asked).toHaveLength(20);
  });

  it('is sent again through a new tunnel where its kept one broke before any byte of a reply', async () => {
    const { url } = await target({}, (count, socket) => {
      if (count === 2) socket.destroy();
    });
    const proxy = await through();
    const { call } = client(proxy.url);
    await call(url);
    expect(await call(url)).toEqual({ ...ok('nobody 1'), repeated: true });
    expect(proxy.asked).toHaveLength(2);
  });

  it('shows its TLS identity to the target, over tunnels of its own', async () => {
    const { url } = await target({ requestCert: true, rejectUnauthorized: false, ca: [SHOP.cert, CRM.cert] });
    const proxy = await through();
    const { call } = client(proxy.url);
    const shop = { ca: TARGET.cert, ...SHOP };
    expect(await call(url, { tls: shop })).toEqual(ok('shop 0'));
    expect(await call(url, { tls: { ...shop, ...CRM } })).toEqual(ok('crm 1'));
    expect(await call(url)).toEqual(ok('nobody 2'));
    expect(await call(url, { tls: shop })).toEqual(ok('shop 0'));
  });

  it.each([
    ['target.test', TARGET, undefined],
    ['192.0.2.1', TARGET, undefined],
    ['192.0.2.2', TARGET, 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['other.test', TARGET, 'ERR_TLS_CERT_ALTNAME_INVALID'],
    // The name of the proxy is localhost, too.
    ['192.0.2.1', { cert: TLS_CERTIFICATE, key: TLS_KEY }, 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ])('checks the certificate against the name of the target: %s', async (host, pair, code) => {
    const { port, heads } = await target(pair);
    const outcome = await client((await through()).url).call(`https://${host}:${port}/`);
    if (code === undefined) expect(outcome).toEqual(ok('nobody 0'));
    else {
      expect(outcome).toMatchObject({
        code: 'CONNECTION_FAILED',
        sent: 'no',
        message: expect.stringContaining(code),
      });
      expect(heads).toEqual([]);
    }
  });

  it('goes through a proxy that speaks TLS itself', async () => {
    const { url } = await target();
    const proxy = await through(undefined, { secure: true });
    const { call } = client(proxy.url);
    expect(await call(url)).toEqual(ok('nobody 0'));
    expect(await call(url)).toEqual(ok('nobody 0'));
    expect(proxy.asked).toHaveLength(1);
  });
});

describe('a proxy that', () => {
  it.each<[string, OnConnect, string]>([
    [
      'wants to be signed in to',
      (socket) =>
        socket.end('HTTP/1.1 407 s3cret\r\nproxy-authenticate: Basic\r\ncontent-length: 2\r\n\r\nno'),
      'the proxy answered CONNECT with 407 Proxy Authentication Required',
    ],
    [
      'does not reach the target',
      (socket) => socket.write('HTTP/1.1 502 Oh no\r\ncontent-length: 0\r\n\r\n'),
      'the proxy answered CONNECT with 502 Bad Gateway',
    ],
    ['closes', (socket) => socket.end(), 'the proxy closed the connection without an answer'],
    ['resets', (socket) => socket.resetAndDestroy(), 'the proxy cannot be reached: ECONNRESET'],
    [
      'does not speak HTTP',
      (socket) => socket.write('220 ESMTP s3cret\r\n\r\n'),
      'what the proxy answered is not HTTP',
    ],
    [
      'sends nonsense',
      (socket) => socket.write('HTTP\r\ns3cret\r\n\r\n'),
      'what the proxy answered is not HTTP',
    ],
  ])('%s fails the call as not sent, and is named', async (_, onConnect, why) => {
    const { url, port, heads } = await target();
    const proxy = await through(onConnect);
    const outcome = await client(withUser(proxy)).call(url);
    expect(outcome).toMatchObject({ kind: 'failure', code: 'CONNECTION_FAILED', sent: 'no' });
    const where = `cannot connect to target.test:${port} through the proxy localhost:${proxy.port}: `;
    expect(outcome).toHaveProperty('message', expect.stringContaining(where + why));
    expect(JSON.stringify(outcome)).not.toMatch(/s3cret|Basic/);
    expect(outcome).not.toHaveProperty('status');
    expect(heads).toEqual([]);
    expect(proxy.asked).toHaveLength(1);
    await gone(proxy.accepted[0]);
  });

  it('is not there fails the call as not sent, of http and https alike', async () => {
    const port = await closedPort();
    const { call } = client(`http://127.0.0.1:${port}`);
    const failure = (host: string, why: string) => ({
      ...{ kind: 'failure', code: 'CONNECTION_FAILED', sent: 'no' },
      message: `cannot connect to ${host} through the proxy 127.0.0.1:${port}: ${why}`,
    });
    expect(await call('https://target.test')).toEqual(
      failure('target.test', 'the proxy cannot be reached: ECONNREFUSED'),
    );
    expect(await call('http://target.test')).toEqual(failure('target.test', 'ECONNREFUSED'));
  });

  it.each<[string, OnConnect]>([
    ['never answers', () => undefined],
    ['answers half', (socket) => socket.write('HTTP/1.1 200 OK\r\n')],
    ['leads nowhere', (socket) => socket.write('HTTP/1.1 200 OK\r\n\r\n')],
  ])('%s leaves no connection behind at the deadline, and nothing was sent', async (_, onConnect) => {
    const proxy = await through(onConnect);
    const { call } = client(proxy.url);
    expect(await call('https://target.test:1/', {}, 200)).toEqual({
      ...{ kind: 'failure', code: 'DEADLINE_EXCEEDED', sent: 'no' },
      message: `no connection to target.test:1 through the proxy localhost:${proxy.port} within 200 ms`,
    });
    await gone(proxy.accepted[0]);
  });

  it('takes no connection ends the call at its deadline', async () => {
    const hole = await blackhole();
    closers.push(() => hole.close());
    const outcome = await client(`http://127.0.0.1:${hole.port}`).call('https://target.test', {}, 200);
    expect(outcome).toMatchObject({ code: 'DEADLINE_EXCEEDED', sent: 'no' });
  });

  it('is slow has one deadline with TLS and the reply', async () => {
    const proxy = await through((socket) => {
      setTimeout(() => socket.write('HTTP/1.1 200 OK\r\n\r\n'), 900);
    });
    const begun = performance.now();
    const outcome = await client(proxy.url).call('https://target.test', {}, 1_000);
    expect(outcome).toMatchObject({ code: 'DEADLINE_EXCEEDED', sent: 'no' });
    // With a deadline of its own the handshake would end at 1,900 ms.
    expect(performance.now() - begun).toBeLessThan(1_700);
  });

  it('holds a tunnel that is idle keeps no process alive, and the tunnel is given up after 4 s', async () => {
    const { url } = await target();
    const proxy = await through();
    const importing = (name: string) =>
      JSON.stringify(new URL(`../../../lib/adapters/http/${name}.ts`, import.meta.url).href);
    const program = `
      const { createHttpClient } = await import(${importing('client')});
      const { proxiesOf } = await import(${importing('proxy')});
      const outcome = await createHttpClient({
        ca: ${JSON.stringify(TARGET.cert)}, proxies: proxiesOf({ HTTPS_PROXY: ${JSON.stringify(proxy.url)} }),
      }).call({ method: 'POST', url: ${JSON.stringify(url)}, headers: {}, body: '{}' }, 60_000);
      const ended = performance.now();
      process.on('exit', () => console.log(outcome.kind, Math.round(performance.now() - ended)));`;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program]);
    closers.push(() => child.kill());
    let printed = '';
    child.stdout.on('data', (chunk) => {
      printed += chunk;
    });
    const { call } = client(proxy.url);
    expect(await call(url)).toMatchObject({ kind: 'reply' });
    const begun = performance.now();
    const [first] = proxy.accepted;
    await Promise.all([once(child, 'close'), gone(first)]);
    const keptMs = performance.now() - begun;
    expect(keptMs).toBeGreaterThan(3_500);
    const [kind, stayedMs] = printed.trim().split(' ');
    expect(kind).toBe('reply');
    expect(Number(stayedMs)).toBeLessThan(1_000);
  });

  it('is being asked when the client is closed is left at once', async () => {
    const proxy = await through((_, count) => {
      if (count === 1) close();
    });
    const { call, close } = client(proxy.url);
    expect(await call('https://target.test')).toMatchObject({ code: 'CONNECTION_FAILED', sent: 'no' });
    await gone(proxy.accepted[0]);
  });
});

describe('a call of an http target through a proxy', () => {
  it('names the target to the proxy, and shares its connection with other targets', async () => {
    const [one, other] = [await target('without TLS'), await target('without TLS')];
    const proxy = await through();
    const { call } = client(withUser(proxy));
    expect(await call(one.url)).toEqual(ok('nobody 0'));
    expect(await call(other.url)).toMatchObject(ok('nobody 0'));
    expect(await call(one.url, { fresh: true })).toMatchObject({ kind: 'reply' });
    expect(proxy.asked[0]).toMatchObject({
      line: `POST http://target.test:${one.port}/x?q=1`,
      headers: {
        host: `target.test:${one.port}`,
        'proxy-authorization': AUTHORIZATION,
        'content-length': '2',
      },
    });
    expect(proxy.accepted).toHaveLength(2);
  });

  it('goes through a proxy that speaks TLS itself', async () => {
    const { url } = await target('without TLS');
    const proxy = await through(undefined, { secure: true });
    expect(await client(proxy.url).call(url)).toEqual(ok('nobody 0'));
  });

  it('that the proxy lets nobody make was not sent; what the proxy says of the target is its reply', async () => {
    const statuses = [407, 502];
    const proxy = await through(undefined, {
      forward: (_, response) => response.writeHead(statuses.shift() ?? 500).end('s3cret'),
    });
    const { call } = client(proxy.url);
    expect(await call('http://target.test/')).toEqual({
      ...{ kind: 'failure', code: 'CONNECTION_FAILED', sent: 'no' },
      message: `cannot connect to target.test through the proxy localhost:${proxy.port}: the proxy answered 407 Proxy Authentication Required`,
    });
    expect(await call('http://target.test/')).toMatchObject({ kind: 'reply', status: 502 });
  });

  it('that breaks says that a proxy was between', async () => {
    const proxy = await through(undefined, { forward: ({ socket }) => socket.destroy() });
    expect(await client(proxy.url).call('http://target.test/')).toMatchObject({
      ...{ code: 'CONNECTION_BROKEN', sent: 'unknown' },
      message: expect.stringContaining(`to target.test through the proxy localhost:${proxy.port} broke`),
    });
  });
});

describe('a call', () => {
  it('of this machine, or of a host of NO_PROXY, goes through no proxy', async () => {
    const own = await target('without TLS');
    const nowhere = `http://127.0.0.1:${await closedPort()}`;
    const { call } = client(nowhere, { NO_PROXY: '192.0.2.1, .test' });
    for (const host of ['127.0.0.1', 'localhost']) {
      expect(await call(`http://${host}:${own.port}/`)).toMatchObject({ kind: 'reply' });
    }
    const outcome = await call('https://nothing.test/');
    expect(outcome).toMatchObject({
      code: 'CONNECTION_FAILED',
      message: expect.not.stringContaining('proxy'),
    });
  });
});
