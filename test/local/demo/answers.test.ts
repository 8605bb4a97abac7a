import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import type { Caller } from '../../../lib/local/demo/answers.ts';
import { send, start } from './support.ts';

/** Targets whose calls all come from this step. */
const calledBy = (response: z.ZodType | undefined, secrets: readonly string[] = []) => {
  const caller: Caller = { name: 'birthdays/points', response, read: 'json', secrets };
  return start({ names: ['payments', 'loyalty'], findCaller: async () => caller });
};

describe('the reply to a step', () => {
  it('is made from its response schema, for any method and path', async () => {
    const demo = await calledBy(z.object({ points: z.int() }));
    const { url } = demo.server('loyalty');
    expect(await send(`${url}/points`, 'POST', { email: 'a' })).toMatchObject({
      status: 201,
      json: { points: expect.any(Number) },
    });
    expect(await send(`${url}/points/a?b=c`, 'GET')).toMatchObject({
      status: 200,
      json: { points: expect.any(Number) },
    });
    expect(await send(`${url}/points/a`, 'DELETE')).toMatchObject({ status: 200 });
    expect(demo.ledger('loyalty').effects).toMatchObject([
      { method: 'POST', path: '/points', body: { email: 'a' } },
      { method: 'GET', path: '/points/a' },
      { method: 'DELETE', path: '/points/a' },
    ]);
  });

  it('is that of the catalogue where the step takes it, and made where it takes another', async () => {
    const charge = async (response: z.ZodType | undefined) => {
      const demo = await calledBy(response);
      return (await send(`${demo.server('payments').url}/charges`, 'POST', { amount: 1 })).json;
    };
    expect(await charge(z.object({ orderId: z.string() }))).toMatchObject({
      orderId: expect.stringMatching(/^ord_/),
      amount: 1,
    });
    expect(await charge(undefined)).toMatchObject({ orderId: expect.stringMatching(/^ord_/) });
    expect(await charge(z.object({ chargeId: z.string() }))).toEqual({
      chargeId: expect.stringMatching(/^chargeId_/),
    });
  });

  it('is text to a step that reads text, also where the catalogue has another reply', async () => {
    const caller: Caller = { name: 'a/b', response: z.literal('OK 1'), read: 'text', secrets: ['OK'] };
    const demo = await start({ names: ['payments'], findCaller: async () => caller });
    for (let round = 0; round < 2; round += 1) {
      const reply = await fetch(`${demo.server('payments').url}/charges`, {
        method: 'POST',
        headers: { 'idempotency-key': 'k' },
        body: '{"amount":1}',
      });
      expect(reply.headers.get('content-type')).toBe('text/plain; charset=utf-8');
      expect(await reply.text()).toBe('OK 1');
    }
  });

  it('is empty where the step takes any', async () => {
    const demo = await calledBy(undefined);
    expect(await send(`${demo.server('loyalty').url}/points`, 'PUT', [1])).toEqual({ status: 200, json: {} });
  });

  it('is a 501 with what to write, without effect, where no value passes the schema', async () => {
    const demo = await calledBy(z.object({ points: z.int().refine(() => false, 'too odd') }));
    const { status, json } = await send(`${demo.server('loyalty').url}/points`, 'POST', {});
    expect(status).toBe(501);
    expect(json.error).toMatch(
      /^write \.meta\(\{ examples: \[a reply\] \}\) after the response schema of birthdays\/points: .* \{"points":\d+\} \("points": too odd\)$/,
    );
    expect(demo.ledger('loyalty')).toEqual({ effects: [], calls: 1 });
  });

  it('is the same again for the same key', async () => {
    const demo = await calledBy(z.object({ points: z.int() }));
    const ask = async () =>
      (
        await fetch(`${demo.server('loyalty').url}/points`, {
          method: 'POST',
          headers: { 'idempotency-key': 'k' },
        })
      ).text();
    expect(await ask()).toBe(await ask());
    expect(demo.ledger('loyalty').effects).toMatchObject([{ key: 'k', times: 1 }]);
  });

  it('leaves of what is secret only its end in the ledger, wherever it stands', async () => {
    const demo = await calledBy(z.object({}), ['123', '4242424242424242', '42424242424242421111']);
    await send(`${demo.server('loyalty').url}/points`, 'POST', {
      source: {
        number: '4242424242424242',
        pin: 123,
        all: ['card 4242424242424242', '42424242424242421111'],
      },
      amount: 1234,
    });
    expect(demo.ledger('loyalty').effects[0]?.body).toEqual({
      source: { number: '…4242', pin: '…', all: ['card …4242', '…1111'] },
      amount: 1234,
    });
  });

  it('has no effect where the target went down while the step was looked for', async () => {
    let found = (): void => undefined;
    const demo = await start({
      names: ['loyalty'],
      findCaller: () =>
        new Promise((resolve) => {
          found = () => resolve(undefined);
        }),
    });
    const call = send(`${demo.server('loyalty').url}/points`, 'POST', {});
    await expect.poll(() => demo.ledger('loyalty').calls).toBe(1);
    await Promise.all([demo.setFault('loyalty', { down: true }), expect(call).rejects.toThrow()]);
    found();
    await new Promise((done) => setTimeout(done, 20));
    expect(demo.ledger('loyalty').effects).toEqual([]);
  });
});

it('a call by hand is answered by the catalogue alone', async () => {
  const demo = await start({ names: ['loyalty'] });
  expect(await send(`${demo.server('loyalty').url}/points`, 'POST', {})).toEqual({
    status: 404,
    json: { error: 'loyalty answers the calls of workflows alone: start one, and see GET /ledger' },
  });
});
