import { existsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import type { ChainDefinition } from '../../../lib/chain/index.ts';
import { chain, target } from '../../../lib/chain/index.ts';
import { FIXTURE_TIMEOUT, quickOrder } from '../../e2e/fixture-chains.ts';

const payments = target('payments');
const mail = target('mail');
const vault = target('vault');
const parameters = target('parameters');
const QUICK = { timeout: FIXTURE_TIMEOUT, retries: 1 } as const;

/** One step, so that the reconciler looks at it soon. */
export const quickOne: ChainDefinition = chain('quick-one', {
  version: 1,
  start: '/api/quick-one',
  input: z.strictObject({ card: z.string() }),
  sensitive: ['card'],
}).step('payment', {
  ...QUICK,
  request: ({ input }) => payments.post('/charges', { card: input.card, amount: 1 }),
  response: z.object({ orderId: z.string() }),
}).definition;

/** Its first attempt holds the processor until Lambda ends the function. */
export const quickDeath = chain('quick-death', {
  version: 1,
  start: '/api/quick-death',
  input: z.strictObject({}),
})
  .step('spin', {
    ...QUICK,
    run: ({ idempotencyKey }) => {
      const been = join(tmpdir(), `stepline-${idempotencyKey.replace(/\W/g, '-')}`);
      if (existsSync(been)) return { done: true };
      writeFileSync(been, '');
      for (;;);
    },
    response: z.object({ done: z.boolean() }),
  })
  .output(({ results }) => ({ done: results.spin?.done ?? null }));

/** Two targets that want a secret, one from each store; and code that calls one of them, and reads a secret of its own. */
export const quickSecret: ChainDefinition = chain('quick-secret', {
  version: 1,
  start: '/api/quick-secret',
  input: z.strictObject({}),
})
  .step('vault', { ...QUICK, request: () => vault.post('/open') })
  .step('parameters', { ...QUICK, request: () => parameters.post('/open') })
  .step('code', {
    ...QUICK,
    targets: [vault],
    secrets: ['signing'],
    run: async ({ call, secret }) => {
      const { status } = await call('again', vault).post('/open', {
        signed: (await secret('signing')).length,
      });
      return { status };
    },
  }).definition;

/** Secrets of the targets that only these chains call. */
export const SECRETS = {
  vault: {
    store: 'secrets-manager',
    name: 'stepline/dev/vault',
    header: 'authorization',
    prefix: 'Bearer ',
  },
  parameters: { store: 'ssm', name: '/stepline/dev/parameters', header: 'x-api-key' },
  signing: { store: 'ssm', name: '/stepline/dev/signing' },
} as const;

export const awsChains: readonly ChainDefinition[] = [quickOne, quickDeath, quickSecret];

/** The next version of the order chain: other steps after the payment. What began before goes on as it was. */
export const quickOrderNext: ChainDefinition = chain(quickOrder.name, {
  version: 2,
  start: quickOrder.start,
  input: z.strictObject({ card: z.string(), amount: z.number(), address: z.string(), email: z.string() }),
  sensitive: ['card'],
})
  .step('payment', {
    ...QUICK,
    request: ({ input }) => payments.post('/charges', { card: input.card, amount: input.amount }),
    response: z.object({ orderId: z.string() }),
  })
  .step('receipt', {
    ...QUICK,
    request: ({ input, results }) =>
      mail.post('/messages', { email: input.email, text: results.payment.orderId }),
    response: z.object({ messageId: z.string() }),
  })
  .output(({ results }) => ({
    orderId: results.payment?.orderId ?? null,
    receiptId: results.receipt?.messageId ?? null,
  }));

export const changedChains: readonly ChainDefinition[] = [quickOrderNext];
