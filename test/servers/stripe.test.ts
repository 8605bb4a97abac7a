import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { chain, form, path, type RequestSpec, target } from '../../lib/chain/index.ts';
import { stepline, type Targets } from './stepline.ts';
import { goTool } from './tools/install.ts';
import { type Server, startServer } from './tools/server.ts';
import { withServer } from './tools/suite.ts';

const stripe = target('stripe', { idempotency: { lifetime: 86_400 } });

const refundOrder = chain('refund-order', {
  version: 1,
  start: '/api/refund-order',
  input: z.strictObject({ email: z.email(), amount: z.int().positive(), currency: z.string() }),
})
  .step('customer', {
    request: ({ input }) =>
      stripe.post('/customers', form({ email: input.email, preferred_locales: ['de', 'en'] })),
    response: z.object({ id: z.string().startsWith('cus_'), object: z.literal('customer') }),
  })
  .step('payment', {
    request: ({ input, results, idempotencyKey }) =>
      stripe.post(
        '/payment_intents',
        form({
          amount: input.amount,
          currency: input.currency,
          customer: results.customer.id,
          confirm: true,
          payment_method_types: ['card', 'sepa_debit'],
          metadata: { order: idempotencyKey, note: 'ünïcode & = +' },
          shipping: { name: 'Ada', address: { line1: '1 Main Street', city: 'Springfield' } },
        }),
      ),
    response: z.object({
      id: z.string().startsWith('pi_'),
      amount: z.int(),
      customer: z.string(),
    }),
  })
  .step('read', {
    request: ({ results }) =>
      stripe.get(path`/payment_intents/${results.payment.id}`, { query: { 'expand[]': ['customer'] } }),
    response: z.object({ id: z.string() }),
  })
  .step('refund', {
    request: ({ results }) =>
      stripe.post('/refunds', form({ payment_intent: results.payment.id, amount: results.payment.amount })),
    response: z.object({ id: z.string().startsWith('re_'), payment_intent: z.string().nullable() }),
  })
  .output(({ results }) => ({
    customerId: results.customer?.id ?? null,
    payment: results.payment ?? null,
    readId: results.read?.id ?? null,
    refundId: results.refund?.id ?? null,
  }));

const INPUT = { email: 'ada@example.com', amount: 4_250, currency: 'eur' };
const output = z.object({
  customerId: z.string(),
  payment: z.object({ id: z.string(), amount: z.int(), customer: z.string() }),
  readId: z.string(),
});

/** One request, as a user would get it wrong. */
const wrong = (request: () => RequestSpec) =>
  chain('wrong-call', { version: 1, start: '/api/wrong-call', input: z.strictObject({}) }).step('call', {
    request,
    retries: 0,
  }).definition;

withServer('go', 'stripe-mock', () => {
  let mock: Server;
  beforeAll(async () => {
    mock = await startServer('stripe-mock', (port) => [
      goTool('stripe-mock'),
      ...['-http-addr', `127.0.0.1:${port}`],
      // Left out, it would serve https on every interface, at a port that never changes.
      ...['-https-addr', '127.0.0.1:0'],
    ]);
    vi.stubEnv('STRIPE_KEY', 'Bearer sk_test_123');
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await mock?.stop();
  });
  const settings = (): Targets => ({
    stripe: { baseUrl: `${mock.url}/v1`, headers: { authorization: 'env:STRIPE_KEY' } },
  });

  it('makes a customer and a payment, and refunds it: what each reply holds goes into the next request', async () => {
    const { run } = await stepline([refundOrder], settings());
    const shown = await run('/api/refund-order', INPUT);
    expect(shown, JSON.stringify(shown.error)).toMatchObject({ status: 'completed' });
    const { customerId, payment, readId } = output.parse(shown);
    expect(payment).toEqual({ id: readId, amount: INPUT.amount, customer: customerId });
    // It prints what it understood of each form.
    const understood = mock.log();
    expect(understood).toContain('preferred_locales:[de en]');
    expect(understood).toContain(
      `metadata:map[note:ünïcode & = + order:${shown.workflowId}:payment:do:0] payment_method_types:[card sepa_debit]`,
    );
    expect(understood).toContain('shipping:map[address:map[city:Springfield line1:1 Main Street] name:Ada]');
    expect(understood).toContain('Request data = map[expand:[customer]]');
    expect(understood).toContain(`Request data = map[amount:4250 payment_intent:${payment.id}]`);
  });

  it.each([
    [
      'a field that is no number',
      () => stripe.post('/payment_intents', form({ amount: 'many', currency: 'eur' })),
      /^400 Bad Request; request-id: req_123; the reply was: message: .* object property 'amount' validation failed: value is not numeric/,
    ],
    [
      'a field that is missing',
      () => stripe.post('/payment_intents', form({ currency: 'eur' })),
      /object property 'amount' is required; type: invalid_request_error$/,
    ],
    [
      'a field that it does not know',
      () => stripe.post('/customers', form({ email: 'a', colour: 'red' })),
      /additional properties are not allowed/,
    ],
    [
      'JSON in place of a form',
      () => stripe.post('/customers', { email: 'ada@example.com' }),
      /Expected: `application\/x-www-form-urlencoded`. Was: `application\/json`/,
    ],
    ['no body at all', () => stripe.post('/customers'), /Request's `Content-Type` header was empty/],
    [
      'a path that it does not have',
      () => stripe.post('/nothing', form({})),
      /^404 Not Found; .*POST: \/v1\/nothing/,
    ],
  ])('refuses %s, and the timeline says so in its words', async (_, request, detail) => {
    const { run } = await stepline([wrong(request)], settings());
    const { status, error } = await run('/api/wrong-call', {});
    expect(status).toBe('failed');
    expect(error).toMatchObject({ code: 'REFUSED', effect: 'none', detail: expect.stringMatching(detail) });
  });

  it('refuses who has no key, and shows none', async () => {
    const { run } = await stepline([wrong(() => stripe.post('/customers', form({ email: 'a' })))], {
      stripe: { baseUrl: `${mock.url}/v1`, headers: { authorization: 'Bearer pk_nothing_0123456789' } },
    });
    const { error } = await run('/api/wrong-call', {});
    expect(error).toMatchObject({ httpStatus: 401, effect: 'none' });
    expect(error?.detail).toMatch(/^401 Unauthorized; .*Please authenticate .*Authorization was '/);
    expect(JSON.stringify(error)).not.toContain('pk_nothing');
  });
});

it('a payment whose reply was lost is asked for again under its key, and made once', async () => {
  // stripe-mock keeps no keys, so a demo target stands in for Stripe.
  const { local, begin, ended } = await stepline([refundOrder], {}, ['stripe']);
  await local.demo?.setFault('stripe', { drop: 'after', times: 3, match: '/payment_intents' });
  const id = await begin('/api/refund-order', INPUT);
  const { status, timeline } = await ended(id);
  expect(status).toBe('completed');
  expect(timeline?.filter(({ step }) => step === 'payment').length).toBeGreaterThan(1);
  const effects = local.demo?.ledger('stripe').effects ?? [];
  expect(effects.map(({ key }) => key)).toEqual(
    ['customer', 'payment', 'read', 'refund'].map((step) => `${id}:${step}:do:0`),
  );
  expect(effects.map(({ times }) => times)).toEqual([1, 1, 1, 1]);
});
