import * as z from 'zod';
import { chain, done, notDone, target } from '../../lib/chain/index.ts';

const payments = target('payments');
const shipping = target('shipping');
const mail = target('mail');

/**
 * Charges a card, ships the order, and confirms it by mail. The waits of each step outlast a minute in which its target is away: those of the
 * payment take 68 to 135 s together, of the shipment 70 to 140 s, of the confirmation 124 to 248 s. An order that failed stops, to be mended and
 * resumed; whoever gives it up instead has it taken back, by `POST /api/workflows/{id}/undo`. Where nobody knows whether a card was charged, payments is
 * asked first.
 */
export const orderProcessing = chain('order-processing', {
  version: 1,
  start: '/api/process-order',
  input: z.strictObject({
    card: z.string().min(1),
    amount: z.number().positive(),
    address: z.string().min(1),
    email: z.email(),
  }),
  sensitive: ['card'],
})
  .step('payment', {
    request: ({ input }) => payments.post('/charges', { card: input.card, amount: input.amount }),
    response: z.object({ orderId: z.string(), receiptUrl: z.url() }),
    retries: 2,
    backoff: { base: 45 },
    timeout: 30,
    lookup: {
      request: ({ idempotencyKey }) => payments.get('/charges', { query: { key: idempotencyKey } }),
      reply: ({ status, body }) => (status === 404 ? notDone() : done(body)),
    },
    undo: {
      request: ({ input, undone }) =>
        payments.post('/refunds', {
          charge: undone.result?.orderId,
          chargeKey: undone.idempotencyKey,
          amount: input.amount,
        }),
    },
  })
  .step('shipment', {
    request: ({ input, results }) =>
      shipping.post('/shipments', { orderId: results.payment.orderId, address: input.address }),
    response: z.object({ trackingId: z.string(), estimatedDelivery: z.string() }),
    retries: 3,
    backoff: { base: 20 },
    timeout: 30,
    undo: {
      request: ({ undone }) =>
        shipping.post('/cancellations', {
          trackingId: undone.result?.trackingId,
          shipmentKey: undone.idempotencyKey,
        }),
    },
  })
  // It has no undo: a mail that was sent stays.
  .step('confirmation', {
    request: ({ input, results }) =>
      mail.post('/messages', { email: input.email, trackingId: results.shipment.trackingId }),
    response: z.object({ messageId: z.string() }),
    retries: 5,
    timeout: 15,
  })
  .output(({ results }) => ({
    orderId: results.payment?.orderId ?? null,
    trackingId: results.shipment?.trackingId ?? null,
  }));
