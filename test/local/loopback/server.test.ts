import { type IncomingHttpHeaders, request } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BROWSER_USE, SITE_HEADER } from '../../../lib/contract/names.ts';
import { problem } from '../../../lib/contract/wire.ts';
import { readOptions } from '../../../lib/local/options.ts';
import { type LocalProcess, startLocal } from '../../../lib/local/process.ts';
import { SAMPLE } from '../../../lib/local/sample.ts';
import { chains } from '../../support/shipped-chains.ts';

const FRONT_END = 'http://localhost:5173';
const EVIL = 'https://evil.test';

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** A request as a browser writes it, or as any program may: `fetch` lets nobody set these headers. */
const ask = (
  url: string,
  method: string,
  headers: Readonly<Record<string, string>> = {},
  body = '',
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const asked = request(url, { method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece) => {
        text += piece;
      });
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text }));
    });
    asked.on('error', reject);
    asked.end(body);
  });

async function started(...words: readonly string[]): Promise<LocalProcess> {
  const options = readOptions(['--port', '0', '--memory', '--no-sample', '--log-level', 'silent', ...words]);
  if (options === 'help') throw new Error('no help was asked for');
  return await startLocal(chains, options, { readable: false, say: () => undefined });
}

/** What a page of somebody else, or a name of his that leads here, makes a browser send. */
const FOREIGN: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
  ['a page of another site', { origin: EVIL, [SITE_HEADER]: 'cross-site', 'content-type': 'text/plain' }],
  ['a page of another site in an old browser', { origin: EVIL }],
  ['a page of another server of this machine', { origin: 'http://localhost:1', [SITE_HEADER]: 'same-site' }],
  ['a frame that hides its origin', { origin: 'null', [SITE_HEADER]: 'cross-site' }],
  ['a link or an image of another site', { [SITE_HEADER]: 'cross-site' }],
  ['a page whose name leads here', { host: 'rebound.evil.test:3000', [SITE_HEADER]: 'same-origin' }],
];

let local: LocalProcess;
const demo = () => {
  if (local.demo === undefined) throw new Error('there are demo targets');
  return local.demo;
};
const effects = () => demo().ledger('payments').effects;

beforeEach(async () => {
  local = await started('--allow-origin', FRONT_END);
});
afterEach(() => local.stop());

describe.each(FOREIGN)('%s', (_, headers) => {
  it('starts, cancels and reads nothing: 403 says what to do', async () => {
    const body = JSON.stringify(SAMPLE.body);
    const start = await ask(local.baseUrl + SAMPLE.path, 'POST', headers, body);
    const cancel = await ask(`${local.baseUrl}/api/workflows/wf_1/cancel`, 'POST', headers);
    const list = await ask(`${local.baseUrl}/api/workflows`, 'GET', headers);
    for (const answer of [start, cancel, list]) {
      expect(answer.status).toBe(403);
      expect(answer.headers['content-type']).toBe('application/problem+json');
      expect(answer.headers['access-control-allow-origin']).toBeUndefined();
      const { code, detail } = problem.parse(JSON.parse(answer.text));
      expect(code).toBe('FOREIGN_CALLER');
      expect(detail).toMatch(/start again with --allow-origin |answers only to 127\.0\.0\.1:/);
    }
    const { text } = await ask(`${local.baseUrl}/api/workflows`, 'GET');
    expect(JSON.parse(text)).toEqual({ workflows: [], nextCursor: null });
    expect(effects()).toEqual([]);
  });

  it('calls no demo target, and drives none', async () => {
    const { url } = demo().server('payments');
    expect((await ask(`${url}/charges`, 'POST', headers, '{"card":"4000","amount":1}')).status).toBe(403);
    expect((await ask(`${url}/ledger`, 'GET', headers)).status).toBe(403);
    const fault = await ask(`${demo().admin.url}/faults/payments`, 'PUT', headers, '{"status":503}');
    expect([fault.status, JSON.parse(fault.text)]).toEqual([
      403,
      { error: expect.stringMatching(/may not call this server|answers only to/) },
    ]);
    const faults = await ask(`${demo().admin.url}/faults`, 'GET');
    expect(JSON.parse(faults.text)).toMatchObject({ payments: [] });
    expect(effects()).toEqual([]);
  });
});

it.each(['127.0.0.1', 'localhost', '[::1]'])('a program that calls it %s is answered', async (name) => {
  for (const url of [`${local.baseUrl}/api/workflows`, `${demo().admin.url}/ledger`]) {
    const host = `${name}:${new URL(url).port}`;
    expect((await ask(url, 'GET', { host })).status).toBe(200);
  }
});

describe('a front end of one’s own', () => {
  const headers = { origin: FRONT_END, [SITE_HEADER]: 'same-site' };

  it('asks before it calls, and hears what it may', async () => {
    const preflight = await ask(local.baseUrl + SAMPLE.path, 'OPTIONS', {
      ...headers,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type,idempotency-key',
    });
    expect([preflight.status, preflight.text]).toEqual([204, '']);
    expect(preflight.headers).toMatchObject({
      'access-control-allow-origin': FRONT_END,
      'access-control-allow-methods': BROWSER_USE.methods.join(','),
      'access-control-allow-headers': BROWSER_USE.requestHeaders.join(','),
      'access-control-max-age': '3600',
      vary: 'origin',
    });
  });

  it('starts and follows an order, and its browser shows it every answer, refusals too', async () => {
    const start = await ask(
      local.baseUrl + SAMPLE.path,
      'POST',
      { ...headers, 'content-type': 'application/json', 'idempotency-key': 'k-1' },
      JSON.stringify(SAMPLE.body),
    );
    const shown = await ask(local.baseUrl + String(start.headers.location), 'GET', headers);
    const nowhere = await ask(`${local.baseUrl}/nowhere`, 'GET', headers);
    expect([start, shown, nowhere].map(({ status }) => status)).toEqual([202, 200, 404]);
    for (const answer of [start, shown, nowhere]) {
      expect(answer.headers).toMatchObject({
        'access-control-allow-origin': FRONT_END,
        'access-control-expose-headers': 'etag,location,retry-after',
        vary: 'origin',
        'content-length': String(Buffer.byteLength(answer.text)),
      });
    }
  });

  it('has no business at the demo targets', async () => {
    const { status } = await ask(`${demo().admin.url}/faults`, 'DELETE', headers);
    expect(status).toBe(403);
  });

  it('of which nothing was said at the start is as foreign as any other', async () => {
    const other = await started();
    try {
      const preflight = { ...headers, 'access-control-request-method': 'POST' };
      const answer = await ask(other.baseUrl + SAMPLE.path, 'OPTIONS', preflight);
      expect([answer.status, answer.headers['access-control-allow-origin']]).toEqual([403, undefined]);
      expect(JSON.parse(answer.text)).toMatchObject({
        detail: expect.stringContaining(`start again with --allow-origin ${FRONT_END}`),
      });
    } finally {
      await other.stop();
    }
  });
});
