import * as z from 'zod';
import { orderProcessing } from '../../functions/chains/order-processing.ts';
import type { ChainDefinition } from '../../lib/chain/index.ts';
import { chain, done, notDone, target, unknown } from '../../lib/chain/index.ts';

const payments = target('payments');
const shipping = target('shipping');
const mail = target('mail');
const sms = target('sms');
const push = target('push');

/** Seconds. */
export const FIXTURE_TIMEOUT = 1;
/** What the stages of these tests multiply waits with: those of the shipped chains would take a minute. */
export const BACKOFF_SCALE = 0.001;
/** What payments may say of a charge. */
const UNDER_WAY = z.object({ state: z.literal('under way') });
const QUICK = { timeout: FIXTURE_TIMEOUT, retries: 1 } as const;

/** The order chain as it is shipped, but for its name, for timeouts and retries that suit a test, and for its lookup: a fault leaves its doubt. */
export const quickOrder: ChainDefinition = {
  ...orderProcessing,
  name: 'quick-order',
  start: '/api/quick-order',
  steps: orderProcessing.steps.map(({ lookup: _, ...step }) => ({
    ...step,
    ...QUICK,
    undo: step.undo && { ...step.undo, ...QUICK },
  })),
};

/** Seconds after the deadline of a call within which it may act. */
export const LATE_BY = 4;

/** The same, taken back by itself where a step failed. */
export const quickUndo: ChainDefinition = {
  ...quickOrder,
  name: 'quick-undo',
  start: '/api/quick-undo',
  onFailure: 'undo',
  steps: quickOrder.steps.map((step) => ({ ...step, lateBy: LATE_BY })),
};

/** payment, which can be taken back; then mail and sms; then push, which waits for both. */
export const quickDiamond = chain('quick-diamond', {
  version: 1,
  start: '/api/quick-diamond',
  input: z.strictObject({ card: z.string(), email: z.email(), phone: z.string() }),
  sensitive: ['card'],
})
  .step('payment', {
    ...QUICK,
    request: ({ input }) => payments.post('/charges', { card: input.card, amount: 1 }),
    response: z.object({ orderId: z.string() }),
    undo: {
      ...QUICK,
      request: ({ undone }) => payments.post('/refunds', { chargeKey: undone.idempotencyKey, amount: 1 }),
    },
  })
  .step('mail', {
    ...QUICK,
    after: ['payment'],
    request: ({ input, results }) =>
      mail.post('/messages', { email: input.email, text: results.payment.orderId }),
    response: z.object({ messageId: z.string() }),
  })
  .step('sms', {
    ...QUICK,
    after: ['payment'],
    request: ({ input, results }) =>
      sms.post('/texts', { phone: input.phone, text: results.payment.orderId }),
    response: z.object({ textId: z.string() }),
  })
  .step('push', {
    ...QUICK,
    after: ['mail', 'sms'],
    request: ({ results }) =>
      push.post('/pushes', { device: 'd', text: `${results.mail.messageId} ${results.sms.textId}` }),
    response: z.object({ pushId: z.string() }),
  })
  .output(({ results }) => ({ pushId: results.push?.pushId ?? null }));

const ORDERED = z.object({ orderId: z.string() });

/** A payment whose target is asked what became of it. */
export const quickLookup = chain('quick-lookup', {
  version: 1,
  start: '/api/quick-lookup',
  input: z.strictObject({ card: z.string() }),
  sensitive: ['card'],
})
  .step('payment', {
    ...QUICK,
    lateBy: 1,
    request: ({ input }) => payments.post('/charges', { card: input.card, amount: 1 }),
    response: ORDERED,
    lookup: {
      ...QUICK,
      request: ({ idempotencyKey }) => payments.get('/charges', { query: { key: idempotencyKey } }),
      reply: ({ status, body }) =>
        status === 404 || status === 410
          ? notDone()
          : UNDER_WAY.safeParse(body).success
            ? unknown()
            : done(body),
    },
    undo: {
      ...QUICK,
      request: ({ undone }) =>
        payments.post('/refunds', { charge: undone.result?.orderId, chargeKey: undone.idempotencyKey }),
    },
  })
  .output(({ results }) => ({ orderId: results.payment?.orderId ?? null }));

/** Code between two calls. */
export const quickCode = chain('quick-code', {
  version: 1,
  start: '/api/quick-code',
  input: z.strictObject({ card: z.string(), address: z.string() }),
  sensitive: ['card'],
})
  .step('payment', {
    ...QUICK,
    request: ({ input }) => payments.post('/charges', { card: input.card, amount: 1 }),
    response: z.object({ orderId: z.string() }),
  })
  .step('label', {
    ...QUICK,
    run: async ({ input, results, idempotencyKey }) => ({
      text: `${results.payment.orderId} to ${input.address}`,
      key: idempotencyKey,
    }),
  })
  .step('shipment', {
    ...QUICK,
    request: ({ input, results }) =>
      shipping.post('/shipments', { orderId: results.label.text, address: input.address }),
    response: z.object({ trackingId: z.string() }),
  })
  .output(({ results }) => ({ label: results.label?.text ?? null, key: results.label?.key ?? null }));

export const fixtureChains = [quickOrder, quickUndo, quickDiamond, quickLookup, quickCode];

export const ORDER = {
  card: '4242424242424242',
  amount: 12.5,
  address: '1 Main Street',
  email: 'ada@example.com',
} as const;

/** The order chain's steps with the target of each. */
export const ORDER_STEPS = [
  ['payment', 'payments'],
  ['shipment', 'shipping'],
  ['confirmation', 'mail'],
] as const;
