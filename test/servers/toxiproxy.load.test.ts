import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import * as z from 'zod';
import { chain, target } from '../../lib/chain/index.ts';
import type { TimelineEntry, WorkflowAnswer } from '../../lib/contract/wire.ts';
import { type Control, startControl } from '../hostile/control.ts';
import { type Books, openBooks } from './books.ts';
import { stepline } from './stepline.ts';
import { withServer } from './tools/suite.ts';
import { startToxiproxy, type Toxic, type ToxicProxy, type Toxiproxy } from './toxiproxy.ts';

const payments = target('payments');
const shipping = target('shipping');

/** Seconds. */
const TIMEOUT = 0.3;
/** Milliseconds beyond the deadline: the writes of an attempt are within. */
const GRACE_MS = 250;

/** One step that is tried again, and one that is not. */
const order = chain('poisoned-order', {
  version: 1,
  start: '/api/poisoned-order',
  input: z.strictObject({ number: z.int() }),
})
  .step('payment', {
    request: ({ input }) => payments.post('/charges', { amount: input.number, note: 'x'.repeat(2_000) }),
    response: z.object({ id: z.string() }),
    ...{ timeout: TIMEOUT, retries: 3 },
  })
  .step('shipment', {
    request: ({ results }) =>
      shipping.post('/shipments', { of: results.payment.id, note: 'x'.repeat(2_000) }),
    response: z.object({ id: z.string() }),
    ...{ timeout: TIMEOUT, retries: 0 },
  }).definition;

const toxic = (type: Toxic['type'], stream: Toxic['stream'], attributes: Toxic['attributes']): Toxic => ({
  ...{ type, stream, attributes },
});

/** What befalls the ways, one after another; `off` is a proxy that refuses. */
const WEATHER: readonly (Toxic | 'off')[] = [
  toxic('latency', 'downstream', { latency: 300, jitter: 200 }),
  toxic('limit_data', 'downstream', { bytes: 40 }),
  toxic('timeout', 'downstream', { timeout: 0 }),
  'off',
  toxic('bandwidth', 'upstream', { rate: 1 }),
  toxic('reset_peer', 'downstream', { timeout: 50 }),
  toxic('limit_data', 'upstream', { bytes: 300 }),
  toxic('latency', 'upstream', { latency: 1_500 }),
  toxic('slow_close', 'downstream', { delay: 500 }),
  toxic('slicer', 'downstream', { average_size: 8, size_variation: 4, delay: 20_000 }),
];
/** Each lasts so long, in milliseconds. */
const SPELL_MS = 500;
/** Between two orders, in milliseconds. */
const PAUSE_MS = 25;

withServer('go', 'toxiproxy between the engine and its targets', () => {
  let toxiproxy: Toxiproxy;
  let books: Books;
  let control: Control;
  let ways: readonly [ToxicProxy, ToxicProxy];
  beforeAll(async () => {
    toxiproxy = await startToxiproxy();
    books = await openBooks();
    control = startControl();
    ways = [await toxiproxy.proxy('payments', books.port), await toxiproxy.proxy('shipping', books.port)];
  });
  afterAll(async () => {
    await control?.close();
    await toxiproxy?.stop();
    await books?.close();
  });

  /** Each befalls the payments while all is well with the shipments, and then the other way about. */
  async function weather(): Promise<void> {
    for (const one of WEATHER) {
      for (const way of ways) {
        await (one === 'off' ? way.turn(false) : way.poison(one));
        await sleep(SPELL_MS);
        await (one === 'off' ? way.turn(true) : way.poison());
      }
    }
  }

  /** Whether the target has acted for a step. */
  const hasActed = (id: string, step: string): boolean =>
    [...books.effects.keys()].some((key) => key.startsWith(`${id}:${step}:`));

  it('whatever goes on and off under load, each order has each effect once, and its state says so', async () => {
    const [payment, shipment] = ways;
    const settings = { payments: { baseUrl: payment.url }, shipping: { baseUrl: shipment.url } };
    const { local, begin, ended, allEnded } = await stepline([order], settings);
    const ids: string[] = [];
    let isOver = false;
    const load = async (): Promise<void> => {
      for (; !isOver; await sleep(PAUSE_MS))
        ids.push(await begin('/api/poisoned-order', { number: ids.length + 1 }));
    };
    /** How late the latest bare timer was, in a thread of its own: how busy the machine is. */
    let latestMs = 0;
    const watch = async (): Promise<void> => {
      while (!isOver) latestMs = Math.max(latestMs, await control.lateness(TIMEOUT * 1_000));
    };
    const over = weather().finally(() => {
      isOver = true;
    });
    await Promise.all([over, load(), watch()]);

    const first = await allEnded(ids);
    const attempts = first.flatMap(({ timeline = [] }) => timeline);
    expect(Math.max(...attempts.map(tookMs))).toBeLessThanOrEqual(TIMEOUT * 1_000 + GRACE_MS + latestMs);
    // The weather was felt.
    expect([...new Set(attempts.map(({ error }) => error?.code))].toSorted()).toEqual([
      ...['CONNECTION_BROKEN', 'CONNECTION_FAILED', 'DEADLINE_EXCEEDED', undefined],
    ]);
    const failed = first.filter(({ status }) => status === 'failed');
    expect(failed.length).toBeGreaterThan(0);
    expect(failed.length).toBeLessThan(first.length);
    for (const { workflowId, error, steps } of failed) {
      expect(steps[error?.step ?? '']).toBe('failed');
      if (error?.effect === 'none') expect(hasActed(workflowId, error.step), workflowId).toBe(false);
    }

    // In good weather a resume ends each of them, under the key that it had.
    for (const { workflowId } of failed) {
      await fetch(`${local.baseUrl}/api/workflows/${workflowId}/resume`, { method: 'POST' });
      expect(await ended(workflowId)).toMatchObject({ status: 'completed' });
    }
    const last = await allEnded(ids);
    expect(last.filter(({ status }) => status !== 'completed')).toEqual([]);
    expect(effectsOf(last)).toEqual(ids.flatMap((id) => [`${id} payment`, `${id} shipment`]).toSorted());
    expect(Math.max(...books.effects.values())).toBe(1);
    expect(books.requests()).toBeGreaterThan(books.effects.size);
  });

  /** Workflow and step of every effect, those of two rounds twice. */
  const effectsOf = (all: readonly WorkflowAnswer[]): readonly string[] => {
    const ours = new Set(all.map(({ workflowId }) => workflowId));
    return [...books.effects.keys()]
      .map((key) => key.split(':'))
      .filter(([id = '']) => ours.has(id))
      .map(([id, step]) => `${id} ${step}`)
      .toSorted();
  };
});

const tookMs = ({ startedAt, endedAt }: TimelineEntry): number =>
  Date.parse(endedAt ?? '') - Date.parse(startedAt);
