import { EventEmitter, once } from 'node:events';
import { createServer, type ServerOptions } from 'node:https';
import { TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { createHttpClient } from '../../../lib/adapters/http/client.ts';
import { LIMITS } from '../../../lib/contract/limits.ts';
import type { HttpRequest } from '../../../lib/engine/ports.ts';
import { closers } from '../../support/closers.ts';
import { TLS_CERTIFICATE, TLS_KEY } from '../../support/tls-fixture.ts';
import { CRM, SHOP, TARGET } from '../../support/tls-pairs.ts';
import { gone, portOf } from './raw-server.ts';

const CA = TLS_CERTIFICATE;

/** A server that knows the clients `SHOP` and `CRM`, and answers with who calls over which of its connections, counted from 0. */
async function bank(options: ServerOptions = {}, onCall: (count: number) => unknown = () => undefined) {
  const sockets: TLSSocket[] = [];
  let count = 0;
  const server = createServer(
    { key: TLS_KEY, cert: TLS_CERTIFICATE, requestCert: true, ca: [SHOP.cert, CRM.cert], ...options },
    async ({ socket }, response) => {
      if (!(socket instanceof TLSSocket)) throw new Error('not over TLS');
      count += 1;
      const { subject } = socket.getPeerCertificate();
      const at = sockets.indexOf(socket);
      await onCall(count);
      response.end(`${subject?.CN ?? 'nobody'} ${at}`);
    },
  );
  server.on('secureConnection', (socket) => {
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
  return { url: `https://localhost:${portOf(server)}/x`, sockets, calls: () => count };
}

function client(ca?: string) {
  const http = createHttpClient(ca === undefined ? {} : { ca });
  closers.push(() => http.close());
  return (url: string, tls?: HttpRequest['tls'], more: Partial<HttpRequest> = {}) =>
    http.call(
      { method: 'POST', url, headers: {}, body: '{}', ...(tls === undefined ? {} : { tls }), ...more },
      5_000,
    );
}

const ok = (body: string) => ({ kind: 'reply', status: 200, body });

describe('a call under a TLS identity', () => {
  it('shows its certificate, and keeps connections of its own', async () => {
    const { url, sockets } = await bank({ rejectUnauthorized: false });
    const call = client(CA);
    const shop = { ca: CA, ...SHOP };
    const crm = { ca: CA, ...CRM };
    expect(await call(url, shop)).toEqual(ok('shop 0'));
    expect(await call(url, crm)).toEqual(ok('crm 1'));
    expect(await call(url)).toEqual(ok('nobody 2'));
    // An identity is what it says, not which object says it.
    expect(await call(url, { ...shop })).toEqual(ok('shop 0'));
    expect(await call(url, crm)).toEqual(ok('crm 1'));
    expect(await call(url)).toEqual(ok('nobody 2'));
    expect(await call(url, crm, { fresh: true })).toEqual(ok('crm 3'));
    expect(sockets).toHaveLength(4);
  });

  it('trusts the authorities that it names instead of all others', async () => {
    const { url, calls } = await bank({ requestCert: false });
    const call = client(CA);
    expect(await call(url, { ca: `of the bank\n${TARGET.cert}\nand ours\n${CA}` })).toMatchObject(
      ok('nobody 0'),
    );
    expect(await call(url)).toMatchObject(ok('nobody 1'));
    expect(await call(url, { ca: TARGET.cert })).toMatchObject({
      kind: 'failure',
      code: 'CONNECTION_FAILED',
      sent: 'no',
      message: expect.stringContaining('DEPTH_ZERO_SELF_SIGNED_CERT'),
    });
    expect(calls()).toBe(2);
  });

  it('is sent again on a new connection of the same identity where its kept one broke', async () => {
    const { url, sockets } = await bank({}, (count) => {
      if (count === 2) sockets[0]?.destroy();
    });
    const call = client();
    expect(await call(url, { ca: CA, ...SHOP })).toEqual(ok('shop 0'));
    expect(await call(url, { ca: CA, ...SHOP })).toEqual({ ...ok('shop 1'), repeated: true });
  });

  it.each([
    ['no certificate', 'TLSv1.3', {}, 'CONNECTION_BROKEN', 'unknown'],
    ['one that the server does not know', 'TLSv1.3', TARGET, 'CONNECTION_BROKEN', 'unknown'],
    // Here the handshake says so, before any byte of the request.
    ['one that the server does not know', 'TLSv1.2', TARGET, 'CONNECTION_FAILED', 'no'],
  ] as const)(
    'that shows %s, over %s, is not answered and not sent again',
    async (_, version, pair, code, sent) => {
      const { url, calls, sockets } = await bank({ minVersion: version, maxVersion: version });
      expect(await client()(url, { ca: CA, ...pair })).toMatchObject({ kind: 'failure', code, sent });
      expect(calls()).toBe(0);
      expect(sockets).toHaveLength(0);
    },
  );

  it.each<[string, HttpRequest['tls'], string]>([
    ['a certificate that is none', { ...SHOP, cert: 'shop' }, 'tls.cert holds no certificate'],
    ['authorities that are none', { ca: 'all of them' }, 'tls.ca holds no certificate'],
    ['the key of another', { cert: SHOP.cert, key: CRM.key }, 'tls.key does not belong to tls.cert'],
  ])('is refused before anything is sent for %s', async (_, tls, message) => {
    const { url, sockets } = await bank();
    expect(await client(CA)(url, tls)).toMatchObject({
      kind: 'failure',
      code: 'REQUEST_INVALID',
      sent: 'no',
      message: expect.stringContaining(message),
    });
    expect(sockets).toHaveLength(0);
  });

  it('is refused for a target without TLS', async () => {
    expect(await client()('http://127.0.0.1:9/', { ca: CA })).toMatchObject({
      code: 'REQUEST_INVALID',
      sent: 'no',
      message: expect.stringContaining('tls is for https alone'),
    });
  });
});

describe('of many identities', () => {
  /** Authorities that differ by a comment are another identity. */
  const identity = (n: number) => ({ ca: `${n}\n${CA}`, ...SHOP });

  it('the one that was used last the longest ago gives up its connections', async () => {
    const { url, sockets } = await bank();
    const call = client();
    for (let n = 0; n < LIMITS.tlsIdentities; n += 1) await call(url, identity(n));
    await call(url, identity(0));
    expect(sockets).toHaveLength(LIMITS.tlsIdentities);
    await call(url, identity(LIMITS.tlsIdentities));
    await gone(sockets[1]);
    expect(sockets.filter(({ closed }) => closed)).toHaveLength(1);
    expect(await call(url, identity(0))).toEqual(ok('shop 0'));
  });

  it('a call under way is not broken by later ones, and its connection is closed after it', async () => {
    const events = new EventEmitter();
    const called = once(events, 'called');
    const slow = await bank({}, () => {
      events.emit('called');
      return once(events, 'answer');
    });
    const { url } = await bank();
    const call = client();
    const first = call(slow.url, identity(0));
    await called;
    for (let n = 1; n <= LIMITS.tlsIdentities; n += 1) await call(url, identity(n));
    events.emit('answer');
    expect(await first).toEqual(ok('shop 0'));
    await gone(slow.sockets[0]);
  });
});
