import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { form, multipart, text } from '../../../lib/chain/index.ts';
import type { RequestBody } from '../../../lib/chain/request/body.ts';
import type { Caller } from '../../../lib/local/demo/answers.ts';
import { start } from './support.ts';

/** What the ledger says of a body after a call by a step, or by hand. */
async function recorded(content: string, contentType: string | undefined, byHand = false): Promise<unknown> {
  const caller: Caller = {
    name: 'orders/pay',
    response: z.object({}),
    read: 'json',
    secrets: ['tok_secret_1234'],
  };
  const demo = await start({ names: ['payments'], findCaller: async () => (byHand ? undefined : caller) });
  const reply = await fetch(`${demo.server('payments').url}/charges`, {
    method: 'POST',
    // Bytes: of a text fetch says by itself that it is text.
    body: new TextEncoder().encode(content),
    headers: contentType === undefined ? {} : { 'content-type': contentType },
  });
  const { effects } = demo.ledger('payments');
  return reply.ok
    ? effects[0]?.body
    : { status: reply.status, ...z.object({ error: z.string() }).parse(await reply.json()) };
}

const sent = (body: RequestBody): Promise<unknown> => {
  const { content, contentType } = body.encode('key');
  return recorded(content, contentType);
};

describe('a demo target reads', () => {
  it('a form, nested, however its lists are written', async () => {
    const value = { amount: 5, metadata: { order: 'é &' }, tags: ['a', 'b'] };
    const read = { amount: '5', metadata: { order: 'é &' }, tags: ['a', 'b'] };
    expect(await sent(form({ ...value, items: [{ price: 'p1' }, { price: 'p2' }] }))).toEqual({
      ...read,
      items: [{ price: 'p1' }, { price: 'p2' }],
    });
    expect(await sent(form(value, { arrays: 'repeat' }))).toEqual(read);
    expect(await sent(form(value, { arrays: 'brackets' }))).toEqual(read);
    expect(await sent(form({}))).toBeNull();
  });

  it('names of forms that nest otherwise, and none as a prototype', async () => {
    const TYPE = 'application/x-www-form-urlencoded';
    expect(await recorded('a[__proto__][x]=1&[]=2&b[=3&c[]=4&d[][e]=5&d[][e]=6', TYPE)).toEqual({
      a: JSON.parse('{"__proto__":{"x":"1"}}'),
      '[]': '2',
      'b[': '3',
      c: ['4'],
      d: [{ e: '5' }, { e: '6' }],
    });
  });

  it('a multipart body', async () => {
    const file = { name: 'file', filename: 'a.csv', contentType: 'text/csv', content: 'id\r\n1\n' };
    expect(await sent(multipart([{ name: 'purpose', value: 'batch' }, file]))).toEqual({
      purpose: 'batch',
      file: { filename: 'a.csv', contentType: 'text/csv; charset=utf-8', content: 'id\r\n1\n' },
    });
  });

  it('text as text, and JSON as JSON whatever it is called', async () => {
    expect(await sent(text('<a>é</a>', 'application/xml'))).toBe('<a>é</a>');
    expect(await sent(text('{ is no JSON', 'text/plain'))).toBe('{ is no JSON');
    for (const type of ['application/json', 'application/vnd.api+json', 'text/plain', undefined]) {
      expect(await recorded('{"amount":5}', type)).toEqual({ amount: 5 });
    }
    // curl -d
    expect(await recorded('{"amount":5}', 'application/x-www-form-urlencoded', true)).toEqual({ amount: 5 });
    expect(await recorded('amount=5', 'application/x-www-form-urlencoded', true)).toEqual({ amount: '5' });
  });

  it('and keeps nothing secret of them', async () => {
    const card = 'tok_secret_1234';
    expect(await sent(form({ source: { card } }))).toEqual({ source: { card: '…1234' } });
    expect(await sent(text(`<card>${card}</card>`, 'application/xml'))).toBe('<card>…1234</card>');
    expect(await sent(multipart([{ name: 'card', value: card }]))).toEqual({ card: '…1234' });
  });

  it('nothing that its content type does not describe: 400, without effect', async () => {
    expect(await recorded('a', 'multipart/form-data; boundary=b')).toEqual({
      status: 400,
      error: 'the body is not multipart/form-data',
    });
    expect(await recorded('a=1', 'application/json')).toEqual({ status: 400, error: 'the body is not JSON' });
    expect(await recorded('hello', 'text/plain', true)).toEqual({
      status: 400,
      error: 'the body is no JSON object',
    });
  });
});
