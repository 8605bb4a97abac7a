import { expect, it } from 'vitest';
import * as z from 'zod';
import { CallError, chain, target } from '../../lib/chain/index.ts';
import { answer, everyFault, testChain } from '../../lib/testing/index.ts';
import { messageOf } from './fixtures.ts';

const payments = target('payments');
const sms = target('sms', { idempotency: { format: 'token32' } });

/** Code that charges, and then tells the customer. */
const telling = (name: () => string) =>
  chain('telling', { version: 1, start: '/api/telling', input: z.strictObject({ amount: z.int() }) })
    .step('charge', {
      targets: [payments, sms],
      secrets: ['signing'],
      run: async ({ call, secret, input }) => {
        const { body } = await call('charge', payments).post('/charges', { amount: input.amount });
        const signed = await secret('signing');
        await call(name(), sms).post('/messages', { signed });
        return z.object({ id: z.string() }).parse(body);
      },
      response: z.object({ id: z.string() }),
    })
    .output(({ results }) => ({ id: results.charge?.id ?? null }));

const targets = { payments: { 'POST /charges': { id: 'c-1' } }, sms: { 'POST /messages': { ok: true } } };
const input = { amount: 5 };

it('calls of code are answered by fakes, each under a key of its own, and secrets are made up', async () => {
  const run = await testChain(
    telling(() => 'text'),
    { input, targets },
  );
  expect(await run.until('completed')).toMatchObject({ id: 'c-1' });
  expect(run.calls).toMatchObject([
    {
      step: 'charge',
      call: 'charge',
      target: 'payments',
      idempotencyKey: expect.stringMatching(/:charge:do:0:charge$/),
    },
    {
      step: 'charge',
      call: 'text',
      target: 'sms',
      idempotencyKey: expect.stringMatching(/^[0-9a-f]{32}$/),
      body: { signed: 'test-signing' },
    },
  ]);
});

it('a secret may have a value', async () => {
  const run = await testChain(
    telling(() => 'text'),
    { input, targets, secrets: { signing: 's3cret' } },
  );
  await run.until('completed');
  expect(run.calls[1]?.body).toEqual({ signed: 's3cret' });
});

it('a call that fails is tried again with its step, and what was done is not done again', async () => {
  const run = await testChain(
    telling(() => 'text'),
    {
      input,
      targets: {
        ...targets,
        sms: { 'POST /messages': ({ attempt }) => (attempt === 1 ? answer(503) : answer(200)) },
      },
    },
  );
  await run.until('charge', 'retrying');
  await run.until('completed');
  expect(new Set(run.calls.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(2);
  expect(run.calls).toHaveLength(4);
});

it('no single fault does anything twice where each call has a name', async () => {
  const { plans, completed } = await everyFault(
    telling(() => 'text'),
    { input, targets },
  );
  expect(plans).toBeGreaterThan(50);
  expect(completed).toBeGreaterThan(50);
});

it('a name that is another at each attempt is found: the call is made twice', async () => {
  let names = 0;
  const wrong = telling(() => {
    names += 1;
    return `text-${names}`;
  });
  const message = await messageOf(
    everyFault(wrong, {
      input,
      targets: ({ acted }) => ({
        ...targets,
        sms: {
          'POST /messages': ({ idempotencyKey }) => {
            acted('a text message', idempotencyKey);
            return { ok: true };
          },
        },
      }),
    }),
  );
  expect(message).toMatch(/^telling, .*: a text message happened twice: /);
});

it('a refusal that code catches goes on', async () => {
  const finding = chain('finding', { version: 1, start: '/api/finding', input: z.strictObject({}) }).step(
    'find',
    {
      targets: [payments],
      run: async ({ call }) => {
        try {
          return (await call('find', payments).get('/customers/1')).status;
        } catch (error) {
          if (error instanceof CallError && error.status === 404) return 'none';
          throw error;
        }
      },
    },
  ).definition;
  const run = await testChain(finding, { targets: { payments: { 'GET /customers/:id': answer(404) } } });
  await run.until('completed');
});
