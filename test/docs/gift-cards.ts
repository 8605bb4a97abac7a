import * as z from 'zod';
import { chain, target } from '../../lib/chain/index.ts';

const payments = target('payments');
const mail = target('mail');

export const giftCards = chain('gift-cards', {
  version: 1,
  start: '/api/buy-gift-card',
  input: z.strictObject({ card: z.string(), amount: z.number().positive(), email: z.email() }),
  sensitive: ['card'],
})
  .step('payment', {
    request: ({ input }) => payments.post('/charges', { card: input.card, amount: input.amount }),
    response: z.object({ orderId: z.string() }),
    retries: 2,
    timeout: 30,
  })
  .step('delivery', {
    request: ({ input, results }) =>
      mail.post('/messages', { email: input.email, text: `Your gift card: ${results.payment.orderId}` }),
    response: z.object({ messageId: z.string() }),
    retries: 5,
    timeout: 15,
  })
  .output(({ results }) => ({ giftCard: results.payment?.orderId ?? null }));
