import { once } from 'node:events';
import { createServer } from 'node:http';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { createHttpClient, type HttpClientOptions } from '../../../lib/adapters/http/client.ts';
import type { HttpOutcome, HttpRequest } from '../../../lib/engine/ports.ts';
import { closers } from '../../support/closers.ts';
import { portOf, type RawServer, rawServer } from './raw-server.ts';

const client = (options?: HttpClientOptions) => {
  const made = createHttpClient(options);
  closers.push(() => made.close());
  return made;
};

const server = async (onRequest: Parameters<typeof rawServer>[0]): Promise<RawServer> => {
  const made = await rawServer(onRequest);
  closers.push(() => made.close());
  return made;
};

const answering = (body: string | Buffer, head = 'content-type: application/json') =>
  server((socket) => {
    socket.write(`HTTP/1.1 200 OK\r\n${head}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`);
    socket.write(body);
  });

const post = (url: string, more: Partial<HttpRequest> = {}): HttpRequest => ({
  method: 'POST',
  url,
  headers: { 'content-type': 'application/json' },
  body: '{"a":"ä"}',
  ...more,
});

const ok = (body: string): HttpOutcome => ({ kind: 'reply', status: 200, body });

describe('a reply', () => {
  it('comes with its status, its body and the headers that the engine knows, as they were sent, and no others', async () => {
    const { url } = await server((socket) =>
      socket.write(
        [
          'HTTP/1.1 429 Slow down',
          'Retry-After: Wed, 21 Oct 2026 07:28:00 GMT',
          'RateLimit: "minute";r=0;t=5',
          'RateLimit: "day";r=9;t=600',
          'X-RateLimit-Limit: 60',
          'X-RateLimit-Remaining: 0',
          'X-RateLimit-Reset: 1792567680',
          'Location: /later?q=1',
          'WWW-Authenticate: Basic realm="a"',
          'WWW-Authenticate: Bearer',
          'X-Request-Id: r-1',
          'Set-Cookie: a=b',
          'content-length: 4\r\n\r\nlate',
        ].join('\r\n'),
      ),
    );
    expect(await client().call(post(url), 1_000)).toEqual({
      kind: 'reply',
      status: 429,
      headers: {
        'retry-after': 'Wed, 21 Oct 2026 07:28:00 GMT',
        ratelimit: '"minute";r=0;t=5, "day";r=9;t=600',
        'x-ratelimit-remaining': '0',
        'x-ratelimit-reset': '1792567680',
        location: '/later?q=1',
        'www-authenticate': 'Basic realm="a", Bearer',
        'x-request-id': 'r-1',
      },
      body: 'late',
    });
  });

  it('that breaks in its body has its headers all the same', async () => {
    const { url } = await server((socket) =>
      socket.end('HTTP/1.1 200 OK\r\ncf-ray: 7a-FRA\r\ncontent-length: 9\r\n\r\n{'),
    );
    expect(await client().call(post(url), 1_000)).toMatchObject({
      kind: 'failure',
      code: 'CONNECTION_BROKEN',
      status: 200,
      headers: { 'cf-ray': '7a-FRA' },
    });
  });

  it('may be chunked, empty, or end with the connection', async () => {
    const heads = [
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\n{"a\r\n4\r\n":1}\r\n0\r\n\r\n',
      'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n',
      'HTTP/1.1 200 OK\r\n\r\nuntil the end',
    ];
    const { url } = await server((socket, count) => {
      socket.write(heads[count - 1] ?? '');
      if (count === 3) socket.end();
    });
    const http = client();
    expect(await http.call(post(url), 1_000)).toEqual(ok('{"a":1}'));
    expect(await http.call(post(url), 1_000)).toEqual(ok(''));
    expect(await http.call(post(url), 1_000)).toEqual({ ...ok('until the end'), untilClose: true });
  });

  it.each([
    ['204 No Content\r\n\r\n', undefined],
    ['200 OK\r\ntransfer-encoding: Chunked\r\n\r\n0\r\n\r\n', undefined],
    ['200 OK\r\n\r\n', true],
    ['200 OK\r\ntransfer-encoding: identity\r\n\r\n', true],
  ])('says whether its end is that of its connection: %j', async (head, untilClose) => {
    for (const version of ['1.0', '1.1']) {
      const { url } = await server((socket) => socket.end(`HTTP/${version} ${head}`));
      const { untilClose: said, ...outcome } = {
        untilClose: undefined,
        ...(await client().call(post(url), 1_000)),
      };
      expect(outcome).toMatchObject({ kind: 'reply', body: '' });
      expect(said, version).toBe(untilClose);
    }
  });

  it('that redirects is a reply like any other, and the other address is never called', async () => {
    const other = await server((socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'));
    const { url } = await server((socket) =>
      socket.write(`HTTP/1.1 307 Elsewhere\r\nlocation: ${other.url}\r\ncontent-length: 0\r\n\r\n`),
    );
    expect(await client().call(post(url), 1_000)).toEqual({
      kind: 'reply',
      status: 307,
      headers: { location: other.url },
      body: '',
    });
    expect(other.accepted).toHaveLength(0);
  });

  it('is read as UTF-8: a character split over two packets is whole, an invalid byte is told, a byte order mark goes', async () => {
    const euro = Buffer.from('"€"');
    const split = await server((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${euro.length}\r\n\r\n`);
      socket.write(euro.subarray(0, 2));
      setTimeout(() => socket.write(euro.subarray(2)), 20);
    });
    const invalid = await answering(Buffer.from([0x22, 0xff, 0x22]));
    const marked = await answering('\uFEFF{}');
    const http = client();
    expect(await http.call(post(split.url), 1_000)).toEqual(ok('"€"'));
    expect(await http.call(post(invalid.url), 1_000)).toEqual({
      ...ok('"\uFFFD"'),
      unreadable: 'it is not UTF-8, and declares no other charset',
    });
    expect(await http.call(post(marked.url), 1_000)).toEqual(ok('{}'));
  });

  it('is decoded from its coding, then from its charset', async () => {
    const coded = await answering(
      gzipSync(Buffer.from('"Müller"', 'latin1')),
      'content-type: application/json; charset=iso-8859-1\r\ncontent-encoding: gzip',
    );
    const cut = await answering(gzipSync('{}').subarray(0, -1), 'content-encoding: gzip');
    const empty = await answering('', 'content-encoding: gzip');
    const http = client();
    expect(await http.call(post(coded.url), 1_000)).toEqual(ok('"Müller"'));
    expect(await http.call(post(cut.url), 1_000)).toEqual({
      ...ok(''),
      unreadable: 'its gzip cannot be decoded: unexpected end of file',
    });
    expect(await http.call(post(empty.url), 1_000)).toEqual(ok(''));
  });

  it('that grows beyond the limit as it is decoded is too large, whatever its length says', async () => {
    const bomb = await answering(gzipSync(Buffer.alloc(1_025)), 'content-encoding: gzip');
    expect(await client({ maxReplyBytes: 1_024 }).call(post(bomb.url), 1_000)).toEqual({
      kind: 'failure',
      code: 'REPLY_TOO_LARGE',
      sent: 'unknown',
      status: 200,
      message: 'the reply is larger than 1024 bytes when it is decoded',
    });
  });

  it('of exactly the limit is a reply; one byte more is too large and shows its beginning', async () => {
    const { url } = await server((socket, count) => {
      const body = `begins ${'x'.repeat(count === 1 ? 1_017 : 1_018)}`;
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    });
    const http = client({ maxReplyBytes: 1_024 });
    expect(await http.call(post(url), 1_000)).toMatchObject({ kind: 'reply', status: 200 });
    expect(await http.call(post(url), 1_000)).toEqual({
      kind: 'failure',
      code: 'REPLY_TOO_LARGE',
      sent: 'unknown',
      status: 200,
      message: 'the reply is larger than 1024 bytes',
      excerpt: `begins ${'x'.repeat(1_017)}`,
    });
  });
});

describe('a request', () => {
  it('carries its headers, its length in bytes, and asks for no compression', async () => {
    const seen = await answering('{}');
    await client().call(post(seen.url, { headers: { 'idempotency-key': 'k1' } }), 1_000);
    const [head, body] = seen.received().split('\r\n\r\n');
    expect(head?.split('\r\n').sort()).toEqual(
      [
        'POST /path HTTP/1.1',
        'idempotency-key: k1',
        'accept-encoding: identity',
        'content-length: 10',
        `host: 127.0.0.1:${seen.port}`,
        'Connection: keep-alive',
      ].sort(),
    );
    expect(Buffer.from(body ?? '', 'latin1').toString()).toBe('{"a":"ä"}');
  });

  it('carries the headers of a call as they are, among them its key, its workflow and its trace', async () => {
    const seen = await answering('{}');
    const headers = {
      accept: 'application/json',
      'content-type': 'application/json',
      'idempotency-key': 'wf_1:payment:do:0',
      'stepline-workflow-id': 'wf_1',
      traceparent: '00-0123456789abcdef0123456789abcdef-0123456789abcdef-01',
      authorization: 'Bearer s3cret: x, y',
    };
    await client().call(post(seen.url, { headers }), 1_000);
    for (const [name, value] of Object.entries(headers)) {
      expect(seen.received().split(`${name}: ${value}\r\n`), name).toHaveLength(2);
    }
  });

  it.each([
    ['host', { Host: 'payments.test' }, 'host: payments.test'],
    ['compression, which is never wanted', { 'Accept-Encoding': 'gzip' }, 'accept-encoding: identity'],
    ['anything twice: the last one counts', { Accept: 'a/b', ACCEPT: 'c/d' }, 'accept: c/d'],
  ])('has one header of %s', async (_, headers, line) => {
    const seen = await answering('{}');
    await client().call(post(seen.url, { headers }), 1_000);
    const [name = ''] = line.split(':');
    const [head = ''] = seen.received().split('\r\n\r\n');
    expect(head.split('\r\n').filter((one) => one.toLowerCase().startsWith(`${name}:`))).toEqual([line]);
  });

  it('says by its host header which port it goes to, unless that is the usual one', async () => {
    const seen = await answering('{}');
    await client().call(post(`http://LOCALHOST:${seen.port}/`), 1_000);
    expect(seen.received()).toContain(`\r\nhost: localhost:${seen.port}\r\n`);
  });

  it.each(['POST', 'PUT', 'PATCH'])('%s without a body says that it is empty', async (method) => {
    const seen = await answering('{}');
    await client().call({ method, url: seen.url, headers: {} }, 1_000);
    expect(seen.received()).toMatch(new RegExp(`^${method} /path HTTP/1.1\r\n`));
    expect(seen.received()).toContain('\r\ncontent-length: 0\r\n');
    expect(seen.received()).not.toMatch(/transfer-encoding/i);
  });

  it.each(['POST', 'PATCH'])('%s with a body goes with its length once, and whole', async (method) => {
    const seen = await answering('{}');
    const http = client();
    for (const body of ['{"a":"ä"}', '']) await http.call(post(seen.url, { method, body }), 1_000);
    expect(seen.received().match(/content-length: \d+/gi)).toEqual([
      'content-length: 10',
      'content-length: 0',
    ]);
  });

  it.each(['GET', 'DELETE'])('%s without a body says nothing of a body', async (method) => {
    const seen = await answering('{}');
    await client().call({ method, url: seen.url, headers: {} }, 1_000);
    expect(seen.received()).toMatch(new RegExp(`^${method} /path HTTP/1.1\r\n`));
    expect(seen.received()).not.toMatch(/content-|transfer-encoding/i);
  });

  it('DELETE with a body frames it by its length', async () => {
    const seen = await answering('{}');
    await client().call(post(seen.url, { method: 'DELETE' }), 1_000);
    expect(seen.received()).toMatch(/content-length: 10\r\n/);
    expect(seen.received()).not.toMatch(/transfer-encoding/i);
  });

  it('goes to the query and to a path with spaces, escaped', async () => {
    const seen = await answering('{}');
    await client().call(post(`http://127.0.0.1:${seen.port}/a b/ü?q=x y`), 1_000);
    expect(seen.received()).toMatch(/^POST \/a%20b\/%C3%BC\?q=x%20y HTTP/);
  });

  it('goes to an IPv6 address too', async (context) => {
    const v6 = createServer((_, response) => response.end('six'));
    v6.listen(0, '::1');
    const listening = await Promise.race([
      once(v6, 'listening').then(() => true),
      once(v6, 'error').then(() => false),
    ]);
    if (!listening) return context.skip();
    closers.push(() => v6.close());
    expect(await client().call(post(`http://[::1]:${portOf(v6)}/`), 1_000)).toEqual(ok('six'));
  });

  it.each<[string, Partial<HttpRequest>, RegExp]>([
    ['a URL that is none', { url: 'payments/charges' }, /URL/],
    ['another protocol', { url: 'ftp://127.0.0.1/x' }, /begins with "ftp:"/],
    ['a password in the URL', { url: 'http://me:s3cret@127.0.0.1/x' }, /user name or password/],
    ['a port that is none', { url: 'http://127.0.0.1:70000/x' }, /URL/],
    ['a line break in a header', { headers: { authorization: 's3cret\r\nx: y' } }, /"authorization"/],
    ['a header that is not Latin', { headers: { 'x-name': '王 s3cret' } }, /"x-name"/],
    ['a header name with a space', { headers: { 'a b': 's3cret' } }, /"a b"/],
    ['a length of its own', { headers: { 'Content-Length': '5' } }, /"Content-Length"/],
    ['a framing of its own', { headers: { 'transfer-encoding': 'chunked' } }, /"transfer-encoding"/],
    ['a method with a space', { method: 'GET /x' }, /[Mm]ethod/],
  ])('with %s is refused before it is sent, without showing a value', async (_, wrong, message) => {
    const outcome = await client().call(post('http://127.0.0.1:9/x', wrong), 1_000);
    expect(outcome).toMatchObject({
      kind: 'failure',
      code: 'REQUEST_INVALID',
      sent: 'no',
      message: expect.stringMatching(message),
    });
    expect(JSON.stringify(outcome)).not.toContain('s3cret');
  });

  it('for which no time is left is not sent', async () => {
    const seen = await answering('{}');
    for (const deadline of [0, -5, Number.NaN]) {
      expect(await client().call(post(seen.url), deadline)).toMatchObject({
        code: 'DEADLINE_EXCEEDED',
        sent: 'no',
      });
    }
    expect(seen.accepted).toHaveLength(0);
  });
});
