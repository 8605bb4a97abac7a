import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import type { Caller } from '../../../lib/local/demo/answers.ts';
import { type DemoTargets, startDemoTargets } from '../../../lib/local/demo/targets.ts';
import { closers } from '../../support/closers.ts';
import { start } from './support.ts';

interface Call {
  readonly method?: 'POST' | 'DELETE' | 'GET';
  readonly key?: string;
  readonly body?: object;
}

async function call(demo: DemoTargets, target: string, path: string, { method = 'POST', key, body }: Call) {
  const reply = await fetch(demo.server(target).url + path, {
    method,
    ...(key === undefined ? {} : { headers: { 'idempotency-key': key } }),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const json = z.record(z.string(), z.unknown()).parse(await reply.json());
  return { status: reply.status, json, isReplay: reply.headers.has('idempotent-replayed') };
}

const charge = async (demo: DemoTargets, key?: string) => {
  const { status, json } = await call(demo, 'payments', '/charges', {
    ...(key === undefined ? {} : { key }),
    body: { amount: 12.5 },
  });
  return { status, charge: String(json.orderId) };
};

const refund = (demo: DemoTargets, key: string, body: object) =>
  call(demo, 'payments', '/refunds', { key, body });

describe('what a demo target did', () => {
  it.each([
    ['its id', ({ charge }: { charge: string }) => ({ charge })],
    ['the key of its call', () => ({ chargeKey: 'k1' })],
    ['both', ({ charge }: { charge: string }) => ({ charge, chargeKey: 'k1' })],
  ])('is taken back by %s, and the ledger names it', async (_, named) => {
    const demo = await start();
    await charge(demo, 'k0');
    const charged = await charge(demo, 'k1');
    const answer = await refund(demo, 'u1', { ...named(charged), amount: 12.5 });
    expect(answer).toMatchObject({
      status: 201,
      json: { refundId: expect.stringMatching(/^ref_/), amount: 12.5 },
    });
    const { effects } = demo.ledger('payments');
    expect(effects.map(({ key, path, undoes }) => [key, path, undoes])).toEqual([
      ['k0', '/charges', undefined],
      ['k1', '/charges', undefined],
      ['u1', '/refunds', 'k1'],
    ]);
  });

  it('is taken back once: the same again under its key, and under another one', async () => {
    const demo = await start();
    await charge(demo, 'k1');
    const first = await refund(demo, 'u1', { chargeKey: 'k1' });
    expect(await refund(demo, 'u1', { chargeKey: 'k1' })).toEqual({ ...first, isReplay: true });
    expect(await refund(demo, 'u2', { chargeKey: 'k1' })).toEqual(first);
    expect(demo.ledger('payments').effects).toHaveLength(2);
  });

  it('without a key is called by its place in the ledger', async () => {
    const demo = await start();
    const [, { charge: second }] = [await charge(demo), await charge(demo)];
    await refund(demo, 'u1', { charge: second });
    expect(demo.ledger('payments').effects[2]?.undoes).toBe('#1');
  });

  it.each([
    ['shipping', '/shipments', 'trackingId', 'POST', '/cancellations', { shipmentKey: 'k1' }],
    ['accounts', '/accounts', 'accountId', 'DELETE', '/accounts?accountKey=k1', undefined],
  ] as const)('is taken back at %s', async (target, path, id, method, undo, body) => {
    const demo = await start();
    expect((await call(demo, target, path, { key: 'k1', body: {} })).json).toHaveProperty(id);
    const undone = await call(demo, target, undo, { method, key: 'u1', ...(body && { body }) });
    expect(undone.status).toBe(201);
    expect(demo.ledger(target).effects.map(({ undoes }) => undoes)).toEqual([undefined, 'k1']);
  });

  it('is not taken back by a call that names nothing, or another thing', async () => {
    const demo = await start();
    await charge(demo, 'k1');
    for (const body of [{}, { charge: 'ord_0' }, { charge: '' }, { charge: 7 }, { chargeKey: 'k2' }]) {
      expect(await refund(demo, 'u1', body)).toMatchObject({
        status: 404,
        json: { error: 'there is nothing to take back' },
      });
    }
    expect(demo.ledger('payments').effects).toHaveLength(1);
  });
});

describe('a call that was taken back before it came', () => {
  it('is refused from then on, and has no effect', async () => {
    const demo = await start();
    expect((await refund(demo, 'u1', { chargeKey: 'k1' })).status).toBe(404);
    expect((await charge(demo, 'k1')).status).toBe(410);
    expect((await charge(demo, 'k1')).status).toBe(410);
    expect(demo.ledger('payments')).toEqual({ effects: [], calls: 3, refused: ['k1'] });
    expect((await charge(demo, 'k2')).status).toBe(201);
  });

  it('is refused also where it was under way', async () => {
    const demo = await start();
    await demo.setFault('payments', { latencyMs: 2_000, match: '/charges' });
    const late = charge(demo, 'k1');
    await expect.poll(() => demo.ledger('payments').calls).toBe(1);
    expect((await refund(demo, 'u1', { chargeKey: 'k1' })).status).toBe(404);
    expect((await late).status).toBe(410);
    expect(demo.ledger('payments').effects).toEqual([]);
  });

  it('is refused after a restart, until the ledger is emptied', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'stepline-ledger-'));
    closers.push(() => rmSync(directory, { recursive: true }));
    const ledgerFile = join(directory, 'ledger.jsonl');
    const before = await startDemoTargets({ ledgerFile });
    await refund(before, 'u1', { chargeKey: 'k1' });
    await charge(before, 'k2');
    const { json } = await refund(before, 'u2', { chargeKey: 'k2' });
    await before.close();
    const after = await start({ ledgerFile });
    expect((await charge(after, 'k1')).status).toBe(410);
    expect((await refund(after, 'u3', { chargeKey: 'k2' })).json).toEqual(json);
    expect(after.ledger('payments').effects.map(({ undoes }) => undoes)).toEqual([undefined, 'k2']);
    await fetch(`${after.admin.url}/ledger`, { method: 'DELETE' });
    expect((await charge(after, 'k1')).status).toBe(201);
  });
});

describe('the undo of a step', () => {
  /** Targets whose calls come from a step, but for those to an address with `undo` in it, which come from its undo. */
  const calledBy = async (targets: readonly string[]) => {
    const step: Caller = { name: 'trips/hotel', response: undefined, read: 'json', secrets: [] };
    return await start({
      names: ['hotels', 'books'],
      findCaller: async ({ 'idempotency-key': key }) =>
        String(key).includes('undo') ? { ...step, undoes: { key: 'do:0', targets } } : step,
    });
  };
  const book = (demo: DemoTargets, key: string) =>
    call(demo, 'hotels', '/bookings', { key, body: { room: 1 } });
  const undone = (demo: DemoTargets) => demo.ledger('hotels').effects.map(({ undoes }) => undoes);

  it('takes back what the step did, whatever it is asked with', async () => {
    const demo = await calledBy(['hotels']);
    await book(demo, 'do:0');
    await call(demo, 'hotels', '/bookings/of/room/1', { method: 'DELETE', key: 'undo:0' });
    expect(undone(demo)).toEqual([undefined, 'do:0']);
  });

  it('takes back what the code of the step did, one call after the other', async () => {
    const demo = await calledBy(['hotels']);
    for (const key of ['do:0:room', 'do:0:meal']) await book(demo, key);
    for (const key of ['undo:0:meal', 'undo:0:room'])
      await call(demo, 'hotels', '/cancel', { key, body: {} });
    expect(undone(demo)).toEqual([undefined, undefined, 'do:0:room', 'do:0:meal']);
  });

  it('finds nothing where the step did nothing, and has its call refused where it names that key', async () => {
    const demo = await calledBy(['hotels']);
    expect((await call(demo, 'hotels', '/cancel', { key: 'undo:0', body: { id: 1 } })).status).toBe(404);
    expect(demo.ledger('hotels').refused).toBeUndefined();
    const named = await call(demo, 'hotels', '/by-key/do%3A0', { method: 'DELETE', key: 'undo:0' });
    expect(named.status).toBe(404);
    expect((await book(demo, 'do:0')).status).toBe(410);
  });

  it('may look before it acts, and tell another target, which keeps no effect of the step', async () => {
    const demo = await calledBy(['hotels']);
    expect(await call(demo, 'hotels', '/bookings', { method: 'GET', key: 'undo:0:look' })).toMatchObject({
      status: 200,
    });
    expect((await call(demo, 'books', '/reversals', { key: 'undo:0:tell', body: {} })).status).toBe(201);
    expect(demo.ledger('books').effects[0]).not.toHaveProperty('undoes');
  });
});
