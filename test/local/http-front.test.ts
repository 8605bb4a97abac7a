import { once } from 'node:events';
import type { Server } from 'node:http';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import type { Service } from '../../functions/handlers.ts';
import { routesOf } from '../../functions/routes.ts';
import { LIMITS } from '../../lib/contract/limits.ts';
import { problem } from '../../lib/contract/wire.ts';
import type { HttpOutcome } from '../../lib/engine/ports.ts';
import { type LocalEngine, startLocalEngine } from '../../lib/local/engine.ts';
import { createFront } from '../../lib/local/http-front.ts';
import { portOf } from '../adapters/http/raw-server.ts';
import { closers } from '../support/closers.ts';
import { comeToRest, DIAMOND, reply, testPorts } from './engine-support.ts';

const BODY = JSON.stringify({ card: '4242424242424242' });
const ID = `wf_${'0a'.repeat(16)}`;

async function engineOfTest(): Promise<LocalEngine & Awaited<ReturnType<typeof testPorts>>> {
  const ports = await testPorts();
  const engine = await startLocalEngine({ chains: [DIAMOND], ...ports });
  closers.push(() => engine.stop());
  return { ...ports, ...engine };
}

async function listen(server: Server): Promise<{ readonly port: number; readonly url: string }> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const port = portOf(server);
  return { port, url: `http://127.0.0.1:${port}` };
}

async function front() {
  const engine = await engineOfTest();
  const server = createFront(Promise.resolve(engine.service));
  return { ...engine, server, ...(await listen(server)) };
}

/** An answer as it came over a socket. */
interface RawAnswer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** One connection on which a test writes what it wants, byte by byte. */
class Connection {
  private text = '';
  private readonly socket: net.Socket;

  constructor(port: number) {
    this.socket = net.connect(port, '127.0.0.1');
    this.socket.on('error', () => undefined);
    this.socket.on('data', (chunk) => {
      this.text += chunk.toString('utf8');
    });
    closers.push(() => this.socket.destroy());
  }

  write(text: string | Buffer): Promise<void> {
    return new Promise((resolve) => {
      this.socket.write(text, () => resolve());
    });
  }

  /** The next answer, whose length its header tells. */
  async answer(): Promise<RawAnswer> {
    const { head, length } = await vi.waitFor(() => {
      const end = this.text.indexOf('\r\n\r\n');
      if (end < 0) throw new Error(`no answer so far: ${this.text}`);
      const head = this.text.slice(0, end);
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1]);
      return { head, length };
    }, 5_000);
    const from = head.length + 4;
    await vi.waitFor(() => expect(this.text.length).toBeGreaterThanOrEqual(from + length), 5_000);
    const body = this.text.slice(from, from + length);
    this.text = this.text.slice(from + length);
    return { status: Number(head.slice(9, 12)), head: head.toLowerCase(), body };
  }

  get received(): string {
    return this.text;
  }

  async closed(): Promise<void> {
    if (!this.socket.closed) await once(this.socket, 'close');
  }

  destroy(): void {
    this.socket.destroy();
  }
}

const request = (port: number, line: string, headers: readonly string[] = [], body = ''): string =>
  [`${line} HTTP/1.1`, `host: localhost:${port}`, ...headers, '', body].join('\r\n');

const jsonOf = async (response: Response): Promise<Readonly<Record<string, unknown>>> =>
  z.record(z.string(), z.unknown()).parse(await response.json());

describe('the front', () => {
  it('starts, shows, lists, cancels and refuses to resume, as the handlers on AWS do', async () => {
    const { url } = await front();
    const start = await fetch(`${url}/api/diamond`, { method: 'POST', body: BODY });
    const { workflowId } = z.object({ workflowId: z.string() }).parse(await start.json());
    expect(start.status).toBe(202);
    expect(start.headers.get('location')).toBe(`/api/workflows/${workflowId}`);
    expect(start.headers.get('cache-control')).toBe('no-store');

    const shown = await fetch(`${url}/api/workflows/${workflowId}`);
    expect([shown.status, await jsonOf(shown)]).toMatchObject([200, { workflowId, chain: 'diamond' }]);
    const list = await fetch(`${url}/api/workflows`);
    expect(await jsonOf(list)).toMatchObject({ workflows: [{ workflowId }], nextCursor: null });
    const resume = await fetch(`${url}/api/workflows/${workflowId}/resume`, { method: 'POST' });
    expect([resume.status, await jsonOf(resume)]).toMatchObject([409, { code: 'WRONG_STATUS' }]);
    const cancel = await fetch(`${url}/api/workflows/${ID}/cancel`, { method: 'POST' });
    expect([cancel.status, await jsonOf(cancel)]).toMatchObject([404, { code: 'UNKNOWN_WORKFLOW' }]);
  });

  it('has a route for each chain and the fixed ones', async () => {
    const { service } = await engineOfTest();
    expect(routesOf(service.chains).map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /api/diamond',
      'GET /api/workflows',
      'POST /api/workflows',
      'GET /api/workflows/{id}',
      'GET /api/workflows/{id}/timeline',
      'POST /api/workflows/{id}/cancel',
      'POST /api/workflows/{id}/resume',
      'POST /api/workflows/{id}/undo',
      'GET /api/workflows/{id}/undo',
      'GET /api/openapi.json',
    ]);
  });

  it('gives the headers on: a start can be repeated under its key', async () => {
    const { url, http, clock } = await front();
    // What is sensitive is compared for as long as it is kept: until the workflow has completed.
    let complete = (_: HttpOutcome): void => undefined;
    const hanging = new Promise<HttpOutcome>((resolve) => {
      complete = resolve;
    });
    http.answer('/d', hanging);
    const start = async (body: string) =>
      await fetch(`${url}/api/diamond`, { method: 'POST', body, headers: { 'Idempotency-Key': 'k-1' } });
    const { workflowId } = await jsonOf(await start(BODY));
    expect(await jsonOf(await start(BODY))).toMatchObject({ workflowId, status: 'processing' });
    expect((await start('{"card":"1"}')).status).toBe(422);
    complete(reply(200));
    await comeToRest(clock);
    expect(await jsonOf(await start('{"card":"1"}'))).toMatchObject({ workflowId, status: 'completed' });
  });

  it('answers one request after the other on the same connection', async () => {
    const { port } = await front();
    const connection = new Connection(port);
    for (let times = 0; times < 3; times += 1) {
      await connection.write(request(port, 'GET /api/workflows'));
      expect(await connection.answer()).toMatchObject({ status: 200 });
    }
  });

  it('says that it is not available when the table is not', async () => {
    const { url, store } = await front();
    await store.close();
    const answer = await fetch(`${url}/api/workflows/${ID}`);
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('1');
  });
});

describe('a path', () => {
  it.each(['/', '/api', '/api/diamond/', '/api/workflows/', `/api/workflows/${ID}/`, '/api/workflows/a/b/c'])(
    '%s has no route: 404 lists those there are',
    async (path) => {
      const { url } = await front();
      const answer = await fetch(url + path, { method: 'POST', body: '{}' });
      expect(answer.status).toBe(404);
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
      const { code, detail } = problem.parse(await answer.json());
      expect(code).toBe('UNKNOWN_ROUTE');
      expect(detail).toBe(
        `no route has the path ${path}; the routes are POST /api/diamond, GET /api/workflows, POST /api/workflows, ` +
          'GET /api/workflows/{id}, GET /api/workflows/{id}/timeline, POST /api/workflows/{id}/cancel, ' +
          'POST /api/workflows/{id}/resume, POST /api/workflows/{id}/undo, GET /api/workflows/{id}/undo, ' +
          'GET /api/openapi.json',
      );
    },
  );

  it.each([
    ['GET', '/api/diamond', 'POST'],
    ['PUT', '/api/workflows', 'GET, POST'],
    ['DELETE', `/api/workflows/${ID}`, 'GET'],
    ['GET', `/api/workflows/${ID}/cancel`, 'POST'],
    ['PUT', `/api/workflows/${ID}/resume`, 'POST'],
    ['OPTIONS', '/api/diamond', 'POST'],
    ['PROPFIND', '/api/workflows', 'GET, POST'],
  ])('takes no %s %s: 405 says which method', async (method, path, allow) => {
    const { url } = await front();
    const answer = await fetch(url + path, { method });
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe(allow);
    expect(problem.parse(await answer.json())).toMatchObject({
      code: 'METHOD_NOT_ALLOWED',
      detail: `${path} takes ${allow}, not ${method}`,
    });
  });

  it('asked with HEAD is a 405 without a body', async () => {
    const { port } = await front();
    const connection = new Connection(port);
    await connection.write(request(port, 'HEAD /api/workflows'));
    await connection.closed();
    const [head = '', body] = connection.received.split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 405 /);
    expect(head.toLowerCase()).toContain('allow: get');
    expect(body).toBe('');
  });

  it('asked with a method that HTTP does not know is a 400', async () => {
    const { port } = await front();
    const connection = new Connection(port);
    await connection.write(request(port, 'FETCH /api/workflows'));
    await connection.closed();
    expect(connection.received).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('may be percent-encoded where it names a workflow', async () => {
    const { url } = await front();
    const start = await fetch(`${url}/api/diamond`, { method: 'POST', body: BODY });
    const workflowId = String((await jsonOf(start)).workflowId);
    const answer = await fetch(`${url}/api/workflows/${workflowId.replace('_', '%5f')}`);
    expect([answer.status, await jsonOf(answer)]).toMatchObject([200, { workflowId }]);
  });

  it.each(['%zz', '%', '%00', '..%2f..', '%E2%82', 'wf_1', ID.toUpperCase(), `${ID}%0a`, '__proto__'])(
    'that names %s names no workflow',
    async (id) => {
      const { port } = await front();
      const connection = new Connection(port);
      await connection.write(request(port, `GET /api/workflows/${id}`));
      const { status, body } = await connection.answer();
      expect([status, problem.parse(JSON.parse(body)).code]).toEqual([404, 'UNKNOWN_WORKFLOW']);
    },
  );
});

describe('the query', () => {
  const asked = async (query: string) => {
    const { url } = await front();
    const answer = await fetch(`${url}/api/workflows?${query}`);
    return { status: answer.status, json: await jsonOf(answer) };
  };

  it('is decoded', async () => {
    expect(await asked('st%61tus=fa%69led&limit=5')).toMatchObject({ status: 200, json: { workflows: [] } });
  });

  it('joins a parameter that is repeated, as an HTTP API does', async () => {
    expect(await asked('status=failed&status=completed')).toMatchObject({
      status: 400,
      json: { errors: [{ field: 'status' }] },
    });
    expect(await asked('chain=a&chain=b')).toMatchObject({ status: 400 });
    expect(await asked('limit=1&limit=2')).toMatchObject({
      status: 400,
      json: { errors: [{ field: 'limit' }] },
    });
  });

  it.each(['colour=red', '=', '__proto__=1', 'constructor=1'])(
    'refuses %s: there is no such parameter',
    async (query) => {
      expect(await asked(query)).toMatchObject({ status: 400, json: { code: 'INVALID_REQUEST' } });
    },
  );

  it('may be empty', async () => {
    expect(await asked('')).toMatchObject({ status: 200 });
  });
});

describe('a body', () => {
  const large = 'x'.repeat(LIMITS.inputBytes + 1);

  it('of 128 KB is read to its end', async () => {
    const { url } = await front();
    const padding = ' '.repeat(LIMITS.inputBytes - BODY.length);
    const answer = await fetch(`${url}/api/diamond`, { method: 'POST', body: BODY + padding });
    expect(answer.status).toBe(202);
  });

  it.each([
    ['whose length is told before', [`content-length: ${large.length}`], large],
    [
      'that comes in pieces',
      ['transfer-encoding: chunked'],
      `${large.length.toString(16)}\r\n${large}\r\n0\r\n\r\n`,
    ],
  ])('of more than 128 KB %s is a 413, and others go on being answered', async (_, headers, body) => {
    const { port, url } = await front();
    const connection = new Connection(port);
    await connection.write(request(port, 'POST /api/diamond', headers, body));
    const answer = await connection.answer();
    expect(answer.status).toBe(413);
    expect(answer.head).toContain('connection: close');
    expect(problem.parse(JSON.parse(answer.body))).toMatchObject({
      code: 'TOO_LARGE',
      detail: `the body has more than ${LIMITS.inputBytes} bytes`,
    });
    await connection.closed();
    expect((await fetch(`${url}/api/workflows`)).status).toBe(200);
  });

  it.each([
    ['/api/diamond', 413],
    ['/nowhere', 404],
  ])('of a megabyte to %s is refused in a way that its sender sees: %d', async (path, status) => {
    const { url } = await front();
    const answer = await fetch(url + path, { method: 'POST', body: 'x'.repeat(1_024 * 1_024) });
    expect(answer.status).toBe(status);
    await answer.text();
  });

  it('that is larger than it may be is refused before its end', async () => {
    const { port } = await front();
    const connection = new Connection(port);
    await connection.write(request(port, 'POST /api/diamond', ['content-length: 100000000'], large));
    expect((await connection.answer()).status).toBe(413);
  });

  it('that comes slowly, in pieces that cut characters, is put together', async () => {
    const { port, http, clock } = await front();
    const connection = new Connection(port);
    const body = Buffer.from(JSON.stringify({ card: 'ä日\u{1f69a}' }));
    await connection.write(request(port, 'POST /api/diamond', [`content-length: ${body.length}`]));
    for (const byte of body) {
      await connection.write(Buffer.of(byte));
      await sleep(1);
    }
    expect((await connection.answer()).status).toBe(202);
    await clock.advance(0);
    await vi.waitFor(() => expect(http.requests[0]?.body).toBe(body.toString('utf8')));
  });

  it('is read in its charset, and bytes that are no text are a 400 that says so', async () => {
    const { url, http, clock } = await front();
    const body = Buffer.from('{"card":"Müller"}', 'latin1');
    const send = (type: string) =>
      fetch(`${url}/api/diamond`, { method: 'POST', body, headers: { 'content-type': type } });
    expect((await send('application/json; charset=iso-8859-1')).status).toBe(202);
    await clock.advance(0);
    await vi.waitFor(() => expect(http.requests[0]?.body).toBe('{"card":"Müller"}'));
    const refused = await send('application/json');
    expect([refused.status, await jsonOf(refused)]).toMatchObject([
      400,
      {
        code: 'INVALID_JSON',
        detail: 'the body cannot be read: it is not UTF-8, and declares no other charset',
      },
    ]);
  });

  it('that is not JSON is a 400 that says so', async () => {
    const { url } = await front();
    const answer = await fetch(`${url}/api/diamond`, { method: 'POST', body: '{' });
    expect([answer.status, await jsonOf(answer)]).toMatchObject([400, { code: 'INVALID_JSON' }]);
  });

  it('whose sender goes away halfway starts nothing, and others go on being answered', async () => {
    const { port, url, store } = await front();
    const create = vi.spyOn(store, 'create');
    const connection = new Connection(port);
    await connection.write(request(port, 'POST /api/diamond', ['content-length: 100'], BODY));
    await sleep(10);
    connection.destroy();
    await connection.closed();
    expect((await fetch(`${url}/api/workflows`)).status).toBe(200);
    expect(create).not.toHaveBeenCalled();
    expect(store.stats().flushes).toBe(0);
  });
});

describe('a client that is slow', () => {
  it('does not keep others waiting', async () => {
    const { port, url } = await front();
    for (const text of ['', 'GET /api/work', request(port, 'POST /api/diamond', ['content-length: 9'])]) {
      await new Connection(port).write(text);
    }
    expect((await fetch(`${url}/api/workflows`)).status).toBe(200);
  });

  it('has an end: ten seconds for its headers, thirty for its request', async () => {
    const { server } = await front();
    expect([server.headersTimeout, server.requestTimeout]).toEqual([10_000, 30_000]);
  });
});

describe('before it is open, the front', () => {
  it('lets requests wait, and answers them then', async () => {
    const { service } = await engineOfTest();
    let open = (_: Service): void => undefined;
    const ready = new Promise<Service>((resolve) => {
      open = resolve;
    });
    const { url } = await listen(createFront(ready));
    const early = Promise.all([
      fetch(`${url}/api/diamond`, { method: 'POST', body: BODY }),
      fetch(`${url}/api/workflows`),
      fetch(`${url}/nowhere`),
    ]);
    expect(await Promise.race([early, sleep(20, 'waits')])).toBe('waits');
    open(service);
    expect((await early).map(({ status }) => status)).toEqual([202, 200, 404]);
  });

  it('ends the requests that wait for something that failed', async () => {
    let fail = (_: Error): void => undefined;
    const ready = new Promise<Service>((_, reject) => {
      fail = reject;
    });
    const { port } = await listen(createFront(ready));
    const connection = new Connection(port);
    await connection.write(request(port, 'GET /api/workflows'));
    fail(new Error('no store'));
    await connection.closed();
    expect(connection.received).toBe('');
  });
});
