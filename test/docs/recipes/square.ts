import * as z from 'zod';
import { chain, target } from '../../../lib/chain/index.ts';

const square = target('square', { idempotency: { format: 'token32' } });

export const squarePayment = chain('square-payment', {
  version: 1,
  start: '/api/square-payment',
  input: z.strictObject({ card: z.string(), cents: z.int().positive() }),
  sensitive: ['card'],
}).step('payment', {
  // Square reads the key in the body, of at most 45 characters.
  request: ({ input, idempotencyKey }) =>
    square.post('/v2/payments', {
      idempotency_key: idempotencyKey,
      source_id: input.card,
      amount_money: { amount: input.cents, currency: 'EUR' },
    }),
  response: z.object({ payment: z.object({ id: z.string(), status: z.string() }) }),
}).definition;

export const targets = {
  square: {
    baseUrl: 'https://connect.squareup.com',
    secret: { store: 'secrets-manager', name: 'square', header: 'authorization', prefix: 'Bearer ' },
  },
} as const;
