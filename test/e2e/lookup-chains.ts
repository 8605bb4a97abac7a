import * as z from 'zod';
import type { ChainDefinition } from '../../lib/chain/definition.ts';
import { chain, done, notDone, target } from '../../lib/chain/index.ts';
import { LIMITS } from '../../lib/contract/limits.ts';
import { FIXTURE_TIMEOUT, quickLookup } from './fixture-chains.ts';

const payments = target('payments');
const shipping = target('shipping');
/** Payments as one that takes no keys. */
const keyless = target('payments', { idempotency: 'none', lateBy: 1 });
const QUICK = { timeout: FIXTURE_TIMEOUT, retries: 1 } as const;
const ORDERED = z.object({ orderId: z.string() });

const base = (name: string) =>
  ({
    version: 1,
    start: `/api/${name}`,
    input: z.strictObject({ card: z.string() }),
    sensitive: ['card'],
  }) as const;

/** The same as `quickLookup`, at a target that forgets a key when an attempt has just had the time to fail. */
export const quickForgotten: ChainDefinition = {
  ...quickLookup,
  name: 'quick-forgotten',
  start: '/api/quick-forgotten',
  steps: quickLookup.steps.map((step) => ({
    ...step,
    keyLifetime: LIMITS.leaseMargin + 2 * FIXTURE_TIMEOUT,
  })),
};

/** A charge without a key, which is found by the reference that it says itself. */
export const quickKeyless = chain('quick-keyless', base('quick-keyless'))
  .step('payment', {
    ...QUICK,
    request: ({ idempotencyKey }) => keyless.post('/charges', { reference: idempotencyKey, amount: 1 }),
    response: ORDERED,
    lookup: {
      ...QUICK,
      request: ({ idempotencyKey }) => keyless.get('/charges', { query: { reference: idempotencyKey } }),
      reply: ({ status, body }) => (status === 404 ? notDone() : done(body)),
    },
  })
  .output(({ results }) => ({ orderId: results.payment?.orderId ?? null }));

/** A parcel that can be taken back, and a payment, beyond which there is only forward. */
export const quickPivot = chain('quick-pivot', { ...base('quick-pivot'), onFailure: 'undo' })
  .step('shipment', {
    ...QUICK,
    request: () => shipping.post('/shipments', { address: '1 Main Street' }),
    undo: {
      ...QUICK,
      request: ({ undone }) => shipping.post('/cancellations', { shipmentKey: undone.idempotencyKey }),
    },
  })
  .step('payment', {
    ...QUICK,
    lateBy: 1,
    pivot: true,
    request: ({ input }) => payments.post('/charges', { card: input.card, amount: 1 }),
    response: ORDERED,
    lookup: {
      ...QUICK,
      request: ({ idempotencyKey }) => payments.get('/charges', { query: { key: idempotencyKey } }),
      reply: ({ status, body }) => (status === 404 ? notDone() : done(ORDERED.parse(body))),
    },
  })
  .output(({ results }) => ({ orderId: results.payment?.orderId ?? null }));

export const lookupChains = [quickForgotten, quickKeyless, quickPivot];
