import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { orderProcessing } from '../../functions/chains/order-processing.ts';
import { chain, form, path, target, text } from '../../lib/chain/index.ts';
import { answer, broken, type FakeCall, type Fakes, fakeTarget, testChain } from '../../lib/testing/index.ts';
import { messageOf, oneRequest, order, orderWith, shop, well } from './fixtures.ts';

/** What a fake is told of the call of a request. */
async function seenOf(request: Parameters<typeof oneRequest>[0], fakes?: Fakes[string]): Promise<FakeCall> {
  const seen: FakeCall[] = [];
  const run = await testChain(oneRequest(request), {
    input: { id: 'i-1' },
    targets: { shop: fakes ?? ((call) => seen.push(call) && { id: 'x' }) },
  });
  await run.until('completed');
  const [call] = seen;
  if (call === undefined) throw new Error('the fake was not called');
  return call;
}

const statusOf = async (request: Parameters<typeof oneRequest>[0], fakes: Fakes[string]): Promise<string> => {
  const run = await testChain(oneRequest(request), { targets: { shop: fakes } });
  await run.finished();
  return run.workflow.status;
};

describe('a fake sees the call', () => {
  it('with its method, path, query, headers and JSON', async () => {
    const options = { query: { limit: 10, tag: ['a', 'b'] }, headers: { 'X-Region': 'eu' } };
    const call = await seenOf(({ input }) => shop.post('/orders', { of: input.id }, options));
    expect(call).toEqual({
      step: 'one',
      method: 'POST',
      path: '/orders',
      params: {},
      query: { limit: '10', tag: ['a', 'b'] },
      headers: expect.objectContaining({ 'x-region': 'eu', 'content-type': 'application/json' }),
      body: { of: 'i-1' },
      fields: { of: 'i-1' },
      attempt: 1,
      idempotencyKey: expect.stringMatching(/:one:do:0$/),
      answered: expect.any(Function),
    });
  });

  it('with the fields of a form, as they were sent', async () => {
    const call = await seenOf(() => shop.post('/orders', form({ amount: 5, items: ['a', 'b'] })));
    expect(call.body).toEqual({ amount: '5', 'items[0]': 'a', 'items[1]': 'b' });
    const repeated = await seenOf(() =>
      shop.post('/orders', form({ items: ['a', 'b'] }, { arrays: 'repeat' })),
    );
    expect(repeated.fields).toEqual({ items: ['a', 'b'] });
  });

  it('with the text of anything else, and without a body where there is none', async () => {
    const sent = await seenOf(() => shop.post('/orders', text('<a/>', 'application/xml')));
    expect([sent.body, sent.fields]).toEqual(['<a/>', {}]);
    expect((await seenOf(() => shop.get('/orders'))).body).toBeUndefined();
  });

  it('with the key as its target wants it', async () => {
    const paypal = target('shop', { idempotency: { header: 'paypal-request-id', format: 'uuid' } });
    const call = await seenOf(() => paypal.post('/orders', {}));
    expect(call.idempotencyKey).toMatch(/^[0-9a-f-]{36}$/);
    expect(call.headers['paypal-request-id']).toBe(call.idempotencyKey);
    const none = target('shop', { idempotency: 'none' });
    expect((await seenOf(() => none.post('/orders', {}))).idempotencyKey).toBeUndefined();
  });
});

describe('a fake is found', () => {
  it('by what stands in its path, decoded', async () => {
    const run = await testChain(
      oneRequest(() => shop.get(path`/customers/${'a/b c'}/cards`)),
      { targets: { shop: { 'GET /customers/:id/cards': ({ params }) => ({ id: params.id }) } } },
    );
    expect(await run.until('completed')).toMatchObject({ id: 'a/b c' });
  });

  it('by the fewest open places, whatever their order', async () => {
    const fakes = { 'GET /*/me': answer(500), 'GET /:a/:b': answer(500), 'GET /users/me': answer(204) };
    expect(await statusOf(() => shop.get('/users/me'), fakes)).toBe('completed');
    expect(await statusOf(() => shop.get('/users/me?a=1'), fakes)).toBe('completed');
  });

  it('for none but its method, and a path of as many parts', async () => {
    const missing = async (fakes: Fakes[string]): Promise<string> =>
      await messageOf(statusOf(() => shop.get('/users/me'), fakes));
    for (const fakes of [{ 'POST /users/me': 1 }, { 'GET /users': 1 }, { 'GET /users/me/*': 1 }])
      expect(await missing(fakes)).toMatch('no fake answers GET /users/me of target "shop" (step "one")');
  });

  it('for all calls of a target, where that is a function', async () => {
    expect(
      await statusOf(
        () => shop.get('/users/me'),
        ({ method }) => ({ id: method }),
      ),
    ).toBe('completed');
  });

  it('and may be a value, a text of JSON, or a promise', async () => {
    const TEXT = chain('text', { version: 1, start: '/api/text', input: z.strictObject({}) })
      .step('one', { request: () => shop.get('/name'), response: z.string() })
      .output(({ results }) => ({ name: results.one ?? null }));
    for (const fake of ['Ada', () => 'Ada', async () => 'Ada']) {
      const run = await testChain(TEXT, { targets: { shop: { 'GET /name': fake } } });
      expect(await run.until('completed')).toMatchObject({ name: 'Ada' });
    }
  });
});

describe('a call that no fake answers', () => {
  it('fails the test with the line to write, and with what its step takes', async () => {
    const { shipping: _, ...others } = well;
    const run = await testChain(orderProcessing, { input: order, targets: others });
    const message = await messageOf(run.until('completed'));
    expect(message).toMatch(
      /^no fake answers POST \/shipments of target "shipping" \(step "shipment"\)\. Write targets: \{ shipping: \{ 'POST \/shipments': \(\) => answer\(200, \{ trackingId: '\w+', estimatedDelivery: '\w+' \}\) \} \}$/,
    );
    // Whatever comes after fails for the same reason.
    expect(await messageOf(run.advance({ days: 1 }))).toBe(message);
  });

  it('names the fakes that its target has', async () => {
    const run = await orderWith({ shipping: { 'POST /shipment': {}, 'GET /shipments': {} } });
    expect(await messageOf(run.finished())).toContain(`It has 'POST /shipment', 'GET /shipments'.`);
  });
});

describe('a mistake in fakes', () => {
  const mistake = (targets: Fakes): Promise<string> =>
    messageOf(testChain(orderProcessing, { input: order, targets }));

  it('is told before anything runs', async () => {
    expect(await mistake({ ...well, payment: {} })).toBe(
      'targets has "payment", which no step of order-processing calls. Did you mean "payments"? Its steps call "payments", "shipping", "mail".',
    );
    // @ts-expect-error the method is in capitals
    expect(await mistake({ ...well, mail: { 'post /messages': {} } })).toMatch(
      'targets.mail has "post /messages": write a method in capitals',
    );
    expect(await mistake({ ...well, mail: { 'GET /messages?a=1': {} } })).toMatch('a path without a query');
  });

  it('ends the test with what the fake threw, or with what it should return', async () => {
    const run = await orderWith({
      mail: {
        'POST /messages': ({ body }) => {
          expect(body).toEqual({ email: 'nobody' });
        },
      },
    });
    await expect(run.finished()).rejects.toThrow(/a@example\.com/);
    const nothing = await orderWith({ mail: { 'POST /messages': () => undefined } });
    expect(await messageOf(nothing.finished())).toMatch(
      'the fake for POST /messages returned nothing: write answer(204)',
    );
    const later = await orderWith({
      mail: { 'POST /messages': () => Promise.reject(new Error('broken fake')) },
    });
    expect(await messageOf(later.finished())).toBe('broken fake');
    const odd = await orderWith({ mail: { 'POST /messages': () => answer(200, () => 1) } });
    expect(await messageOf(odd.finished())).toMatch('which is no JSON');
    expect(() => answer(20)).toThrow('a status is a whole number from 200 to 599');
  });
});

describe('a fake target honours idempotency keys', () => {
  /** Counts how often it is asked, and answers first what the step cannot use. */
  const counting = () => {
    const fake = {
      asked: 0,
      say: () => ({ messageId: fake.answer() }),
      answer: () => (++fake.asked === 1 ? 1 : 'm-2'),
    };
    return fake;
  };

  it('asks the function again until it has answered, and never after that', async () => {
    let asked = 0;
    const breaking = await orderWith({
      mail: {
        'POST /messages': ({ attempt }) => {
          asked += 1;
          return attempt === 1 ? broken() : { messageId: 'm-1' };
        },
      },
    });
    await breaking.until('completed');
    expect(asked).toBe(2);
    // The same reply comes again, as from a target that knows the key.
    const fake = counting();
    const run = await orderWith({ mail: { 'POST /messages': fake.say } });
    await run.until('failed');
    await run.resume();
    await run.until('failed');
    expect([fake.asked, run.calls.length]).toEqual([1, 4]);
  });

  it('where it reads them, for as long as it says', async () => {
    const askedAfterResume = async (idempotency: Parameters<typeof fakeTarget>[0]): Promise<number> => {
      const fake = counting();
      const run = await orderWith({ mail: fakeTarget(idempotency, { 'POST /messages': fake.say }) });
      await run.until('failed');
      await run.advance({ minutes: 1 });
      await run.resume();
      await run.finished();
      return fake.asked;
    };
    expect(await askedAfterResume({})).toBe(1);
    expect(await askedAfterResume({ header: 'Idempotency-Key', lifetime: 90 })).toBe(1);
    expect(await askedAfterResume({ lifetime: 30 })).toBe(2);
    expect(await askedAfterResume({ header: 'x-key' })).toBe(2);
    expect(await askedAfterResume('none')).toBe(2);
  });
});
