import { createServer, type Server } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHttpClient, type HttpClient } from '../../lib/adapters/http/client.ts';
import type { HttpOutcome } from '../../lib/engine/ports.ts';
import { portOf } from '../adapters/http/raw-server.ts';
import { type Control, startControl } from '../hostile/control.ts';
import { withServer } from './tools/suite.ts';
import { startToxiproxy, type Toxic, type ToxicProxy, type Toxiproxy } from './toxiproxy.ts';

/** Milliseconds. A call ends by its deadline and the grace, whatever becomes of its connection. */
const DEADLINE_MS = 700;
const GRACE_MS = 250;

const REPLY = JSON.stringify({ orderId: 'o-1', padding: 'r'.repeat(8 * 1_024) });
const REQUEST = JSON.stringify({ card: '4242', padding: 'q'.repeat(8 * 1_024) });

type Stream = Toxic['stream'];
const toxic = (type: Toxic['type'], stream: Stream, attributes: Toxic['attributes'] = {}): Toxic => ({
  ...{ type, stream, attributes },
});

/** How a call ended, in the words of the protocol. */
type End = 'reply' | `${'CONNECTION_FAILED' | 'CONNECTION_BROKEN' | 'DEADLINE_EXCEEDED'} ${'no' | 'unknown'}`;
const endOf = (outcome: HttpOutcome): string =>
  outcome.kind === 'reply' ? 'reply' : `${outcome.code} ${outcome.sent}`;

interface Case {
  readonly what: string;
  readonly toxics: readonly Toxic[];
  readonly ends: End;
  /** The reply has no length, and ends where its connection does. */
  readonly untilClose?: boolean;
  /** At least so many milliseconds. */
  readonly from?: number;
  /** Whether the server has read the request to its end. Left out where either is right. */
  readonly acted?: boolean;
}

const CASES: readonly Case[] = [
  { what: 'no toxic', toxics: [], ends: 'reply', acted: true },
  {
    what: 'a reply that is late',
    toxics: [toxic('latency', 'downstream', { latency: 200 })],
    ...{ ends: 'reply', from: 200, acted: true },
  },
  {
    what: 'a request that is late, and its reply too, each by some chance',
    toxics: [
      toxic('latency', 'upstream', { latency: 100, jitter: 50 }),
      toxic('latency', 'downstream', { latency: 100, jitter: 50 }),
    ],
    ...{ ends: 'reply', from: 100, acted: true },
  },
  {
    what: 'a reply that comes after the deadline',
    toxics: [toxic('latency', 'downstream', { latency: 5_000 })],
    ...{ ends: 'DEADLINE_EXCEEDED unknown', from: DEADLINE_MS, acted: true },
  },
  {
    what: 'a request that comes after the deadline',
    toxics: [toxic('latency', 'upstream', { latency: 5_000 })],
    ...{ ends: 'DEADLINE_EXCEEDED unknown', from: DEADLINE_MS, acted: false },
  },
  {
    what: 'a reply of 1 KB/s',
    toxics: [toxic('bandwidth', 'downstream', { rate: 1 })],
    ...{ ends: 'DEADLINE_EXCEEDED unknown', from: DEADLINE_MS, acted: true },
  },
  {
    what: 'a request of 1 KB/s',
    toxics: [toxic('bandwidth', 'upstream', { rate: 1 })],
    ...{ ends: 'DEADLINE_EXCEEDED unknown', from: DEADLINE_MS, acted: false },
  },
  {
    what: 'a reply of 100 KB/s',
    toxics: [toxic('bandwidth', 'downstream', { rate: 100 })],
    ...{ ends: 'reply', acted: true },
  },
  {
    what: 'a reply in pieces of 64 bytes',
    toxics: [toxic('slicer', 'downstream', { average_size: 64, size_variation: 32, delay: 100 })],
    ...{ ends: 'reply', acted: true },
  },
  {
    what: 'a reply in pieces that are too slow',
    toxics: [toxic('slicer', 'downstream', { average_size: 64, size_variation: 32, delay: 50_000 })],
    ...{ ends: 'DEADLINE_EXCEEDED unknown', from: DEADLINE_MS, acted: true },
  },
  {
    what: 'a reset at once',
    toxics: [toxic('reset_peer', 'downstream', { timeout: 0 })],
    ends: 'CONNECTION_BROKEN unknown',
  },
  {
    what: 'a reset in place of the reply',
    toxics: [toxic('reset_peer', 'downstream', { timeout: 200 })],
    ends: 'CONNECTION_BROKEN unknown',
  },
  {
    what: 'a reset of the request',
    toxics: [toxic('reset_peer', 'upstream', { timeout: 0 })],
    ends: 'CONNECTION_BROKEN unknown',
  },
  ...[0, 1, 60, 1_000, 8_000].map(
    (bytes): Case => ({
      what: `the end after ${bytes} bytes of the reply`,
      toxics: [toxic('limit_data', 'downstream', { bytes })],
      ends: 'CONNECTION_BROKEN unknown',
    }),
  ),
  ...[0, 1, 60, 1_000, 8_000].map(
    (bytes): Case => ({
      what: `the end after ${bytes} bytes of the request`,
      toxics: [toxic('limit_data', 'upstream', { bytes })],
      ...{ ends: 'CONNECTION_BROKEN unknown', acted: false },
    }),
  ),
  {
    what: 'a reply that never comes, on a connection that never ends',
    toxics: [toxic('timeout', 'downstream', { timeout: 0 })],
    ...{ ends: 'DEADLINE_EXCEEDED unknown', from: DEADLINE_MS, acted: true },
  },
  {
    what: 'a connection that swallows the request and ends after 200 ms',
    toxics: [toxic('timeout', 'upstream', { timeout: 200 })],
    ...{ ends: 'CONNECTION_BROKEN unknown', from: 200, acted: false },
  },
  {
    what: 'a connection that swallows the reply and ends after 200 ms',
    toxics: [toxic('timeout', 'downstream', { timeout: 200 })],
    ...{ ends: 'CONNECTION_BROKEN unknown', from: 200, acted: true },
  },
  {
    what: 'a slow close after a reply whose length is known',
    toxics: [toxic('slow_close', 'downstream', { delay: 5_000 })],
    ...{ ends: 'reply', acted: true },
  },
  {
    what: 'a slow close of a reply that ends with its connection',
    toxics: [toxic('slow_close', 'downstream', { delay: 5_000 })],
    ...{ ends: 'DEADLINE_EXCEEDED unknown', untilClose: true, from: DEADLINE_MS, acted: true },
  },
  {
    what: 'a close that comes in time of a reply that ends with its connection',
    toxics: [toxic('slow_close', 'downstream', { delay: 200 })],
    ...{ ends: 'reply', untilClose: true, from: 200, acted: true },
  },
];

withServer('go', 'toxiproxy between a call and its target', () => {
  let toxiproxy: Toxiproxy;
  let target: Server;
  let proxy: ToxicProxy;
  let control: Control;
  let read = 0;
  beforeAll(async () => {
    target = createServer(async (request, response) => {
      try {
        await buffer(request);
      } catch {
        return;
      }
      read += 1;
      const untilClose = request.url === '/until-close';

      // Neither a length nor chunks.
      response.useChunkedEncodingByDefault = !untilClose;
      response.shouldKeepAlive = !untilClose;
      const length = untilClose ? {} : { 'content-length': String(REPLY.length) };
      response.writeHead(200, { 'content-type': 'application/json', ...length }).end(REPLY);
    });
    await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
    toxiproxy = await startToxiproxy();
    proxy = await toxiproxy.proxy('target', portOf(target));
    control = startControl();
  });
  afterAll(async () => {
    await control?.close();
    await toxiproxy?.stop();
    target?.closeAllConnections();
    target?.close();
  });

  /** One call, which must end in time. A bare timer of the same deadline says how busy the machine is. */
  async function call(http: HttpClient, path: string, fresh: boolean) {
    const late = control.lateness(DEADLINE_MS);
    const began = performance.now();
    const request = { method: 'POST', url: proxy.url + path, headers: {}, body: REQUEST } as const;
    const outcome = await http.call(fresh ? { ...request, fresh } : request, DEADLINE_MS);
    const tookMs = performance.now() - began;
    const lateMs = tookMs > DEADLINE_MS ? await late : 0;
    expect(tookMs - lateMs, 'milliseconds').toBeLessThanOrEqual(DEADLINE_MS + GRACE_MS);
    return { outcome, tookMs };
  }

  describe.each([
    ['a connection of its own', true],
    ['connections that are kept', false],
  ])('on %s', (_, fresh) => {
    it.each(CASES.map((one) => [one.what, one] as const))(
      '%s',
      async (_, { toxics, ends, untilClose, from = 0, acted }) => {
        const http = createHttpClient();
        try {
          const path = untilClose ? '/until-close' : '/charges';
          await proxy.poison();
          // This one leaves its connection, if it is to be kept.
          expect(endOf((await call(http, path, fresh)).outcome)).toBe('reply');
          await proxy.poison(...toxics);
          const before = read;
          const { outcome, tookMs } = await call(http, path, fresh);
          expect(endOf(outcome), outcome.kind === 'failure' ? outcome.message : '').toBe(ends);
          // Timers of Node round to milliseconds.
          expect(tookMs).toBeGreaterThanOrEqual(from - 5);
          if (outcome.kind === 'reply') expect(outcome.body).toBe(REPLY);
          if (acted !== undefined) expect(read > before).toBe(acted);
          await proxy.poison();
          expect(endOf((await call(http, path, fresh)).outcome), 'healed').toBe('reply');
        } finally {
          http.close();
        }
      },
    );

    it('a proxy that is off refuses connections, so nothing was sent', async () => {
      const http = createHttpClient();
      try {
        await proxy.turn(false);
        expect(endOf((await call(http, '/charges', fresh)).outcome)).toBe('CONNECTION_FAILED no');
      } finally {
        await proxy.turn(true);
        http.close();
      }
    });
  });
});
