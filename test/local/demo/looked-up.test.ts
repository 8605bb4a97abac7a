import { describe, expect, it } from 'vitest';
import type { Caller } from '../../../lib/local/demo/answers.ts';
import type { DemoTargets } from '../../../lib/local/demo/targets.ts';
import { start } from './support.ts';

const charge = (demo: DemoTargets, key: string | undefined, body: object = { amount: 12.5 }) =>
  fetch(`${demo.server('payments').url}/charges`, {
    method: 'POST',
    headers: key === undefined ? {} : { 'idempotency-key': key },
    body: JSON.stringify(body),
  });

const ask = (demo: DemoTargets, query: string, target = 'payments') =>
  fetch(`${demo.server(target).url}/charges${query}`);

const lookingUp = (key: string, targets?: readonly string[]): Caller => ({
  name: 'the lookup of an-order/payment',
  response: undefined,
  read: 'json',
  secrets: [],
  looksUp: { key, targets },
});

describe('what a demo target did', () => {
  it('is told to who asks by hand, by the key of the call', async () => {
    const demo = await start();
    const charged = await (await charge(demo, 'k1')).json();
    const reply = await ask(demo, '?key=k1');
    expect([reply.status, await reply.json()]).toEqual([200, charged]);
    const nothing = await ask(demo, '?key=k2');
    expect([nothing.status, await nothing.json()]).toEqual([
      404,
      { error: 'no call with this key has had an effect' },
    ]);
  });

  it('is told to the lookup of a step, wherever that writes the key', async () => {
    const demo = await start({ findCaller: async ({ 'x-as': as }) => (as ? lookingUp('k1') : undefined) });
    const charged = await (await charge(demo, 'k1')).json();
    const reply = await fetch(`${demo.server('payments').url}/found/anywhere`, { headers: { 'x-as': 'it' } });
    expect([reply.status, await reply.json()]).toEqual([200, charged]);
  });

  it.each([
    ['by what the body says, where the target takes no key', undefined, { reference: 'k1' }],
    ['by one of the calls that code made under it', 'k1:card', { amount: 1 }],
  ])('is found %s', async (_, key, body) => {
    const demo = await start();
    await charge(demo, 'k0');
    const charged = await (await charge(demo, key, body)).json();
    expect(await (await ask(demo, '?key=k1')).json()).toEqual(charged);
  });

  it('is no effect when it is told, and none of what takes back', async () => {
    const demo = await start();
    await charge(demo, 'k1');
    await fetch(`${demo.server('payments').url}/refunds`, {
      method: 'POST',
      headers: { 'idempotency-key': 'k2' },
      body: JSON.stringify({ chargeKey: 'k1' }),
    });
    expect((await ask(demo, '?key=k2')).status).toBe(404);
    await ask(demo, '?key=k1');
    expect(demo.ledger('payments')).toMatchObject({ calls: 4, effects: [{ key: 'k1' }, { key: 'k2' }] });
  });

  it('is not told by a target that the step does not call: it would know nothing of it', async () => {
    const demo = await start({ findCaller: async () => lookingUp('k1', ['shipping']) });
    const reply = await ask(demo, '?key=k1');
    expect([reply.status, await reply.text()]).toEqual([501, expect.stringContaining('an-order/payment')]);
    expect(demo.ledger('payments').effects).toEqual([]);
  });

  it('is not told by a call whose fault is another', async () => {
    const demo = await start();
    await charge(demo, 'k1');
    await demo.setFault('payments', { status: 503, times: 1 });
    expect((await ask(demo, '?key=k1')).status).toBe(503);
    expect((await ask(demo, '?key=k1')).status).toBe(200);
    expect((await ask(demo, '')).status).toBe(405);
  });
});
