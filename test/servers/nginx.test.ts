import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import * as z from 'zod';
import { createHttpClient } from '../../lib/adapters/http/client.ts';
import { chain, target } from '../../lib/chain/index.ts';
import type { HttpOutcome } from '../../lib/engine/ports.ts';
import { closers } from '../support/closers.ts';
import { type Books, openBooks } from './books.ts';
import { KEEP_ALIVE, startNginx } from './nginx.ts';
import { stepline } from './stepline.ts';
import type { Server } from './tools/server.ts';
import { withServer } from './tools/suite.ts';

const payments = target('payments', { idempotency: 'none' });
const mail = target('mail');
const response = z.object({ id: z.string() });

const order = chain('burst-order', {
  version: 1,
  start: '/api/burst-order',
  input: z.strictObject({ number: z.int() }),
})
  // Its calls have connections of their own.
  .step('payment', {
    request: ({ input }) => payments.post('/charges', { number: input.number }),
    ...{ response, retries: 0 },
  })
  // Its calls take those that are kept.
  .step('confirmation', {
    request: ({ input }) => mail.post('/messages', { number: input.number }),
    response,
  }).definition;

const ORDERS = 2_000;
const BURST = 100;
/** From one burst to the next: the connections of the last have waited for as long as they may. */
const IDLE_MS = KEEP_ALIVE * 1_000;
const MOST_ROUNDS = 40;

withServer('nginx', 'nginx that closes connections as they are used again', () => {
  let books: Books;
  let nginx: Server;
  beforeAll(async () => {
    // Whatever comes twice is counted twice.
    books = await openBooks({ keeps: false });
    nginx = await startNginx(books.port);
  });
  afterAll(async () => {
    await nginx?.stop();
    await books?.close();
  });

  it('2,000 orders in bursts at that moment: none fails, none is tried twice, none acts twice', async () => {
    const { begin, allEnded } = await stepline([order], {
      payments: { baseUrl: nginx.url },
      mail: { baseUrl: nginx.url },
    });
    const before = books.requests();
    const ids: string[] = [];
    for (let due = performance.now(); ids.length < ORDERS; due += IDLE_MS) {
      await sleep(Math.max(0, due - performance.now()));
      const numbers = Array.from({ length: BURST }, (_, at) => ids.length + at);
      ids.push(...(await Promise.all(numbers.map((number) => begin('/api/burst-order', { number })))));
    }
    const all = await allEnded(ids);
    expect(all.filter(({ status, timeline }) => status !== 'completed' || timeline?.length !== 2)).toEqual(
      [],
    );
    expect(books.requests() - before).toBe(2 * ORDERS);
    expect(new Set(books.effects.values())).toEqual(new Set([1]));
    expect(books.effects.size).toBe(2 * ORDERS);
  }, 180_000);

  it('a call that meets the end of its connection is sent once more, and nginx passes on one of the two', async () => {
    const http = createHttpClient();
    closers.push(() => http.close());
    const before = books.requests();
    const outcomes: HttpOutcome[] = [];
    const repeated = () => outcomes.filter((one) => one.kind === 'reply' && one.repeated).length;
    // Each burst on kept connections is a little nearer to the moment, or further behind it, until some have met it.
    for (let round = 0; round < MOST_ROUNDS && repeated() < 5; round += 1) {
      const keys = Array.from({ length: 50 }, (_, at) => `${round}-${at}`);
      const calls = keys.map((key) =>
        http.call({ method: 'POST', url: nginx.url, headers: { 'idempotency-key': key }, body: '{}' }, 5_000),
      );
      outcomes.push(...(await Promise.all(calls)));
      await sleep(IDLE_MS - 4 + (round % 8));
    }
    expect(repeated()).toBeGreaterThan(0);
    expect(outcomes.filter(({ kind }) => kind !== 'reply')).toEqual([]);
    expect(books.requests() - before).toBe(outcomes.length);
  });
});
