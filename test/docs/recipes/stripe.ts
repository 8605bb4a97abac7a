import * as z from 'zod';
import { chain, form, target } from '../../../lib/chain/index.ts';

const stripe = target('stripe');

export const stripePayment = chain('stripe-payment', {
  version: 1,
  start: '/api/stripe-payment',
  input: z.strictObject({ orderId: z.string(), customer: z.string(), cents: z.int().positive() }),
}).step('payment', {
  request: ({ input }) =>
    stripe.post(
      '/payment_intents',
      form({
        ...{ amount: input.cents, currency: 'eur', customer: input.customer },
        ...{ confirm: true, off_session: true, metadata: { order: input.orderId } },
      }),
    ),
  response: z.object({ id: z.string(), status: z.string(), client_secret: z.string() }),
  sensitive: ['client_secret'],
  undo: {
    request: ({ undone }) => stripe.post('/refunds', form({ payment_intent: undone.result?.id ?? null })),
  },
}).definition;

export const targets = {
  stripe: {
    baseUrl: 'https://api.stripe.com/v1',
    secret: { store: 'secrets-manager', name: 'stripe-key', header: 'authorization', prefix: 'Bearer ' },
  },
} as const;
