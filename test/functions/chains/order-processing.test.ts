import { describe, expect, it } from 'vitest';
import { orderProcessing } from '../../../functions/chains/order-processing.ts';
import { backoffMs } from '../../../lib/engine/retry.ts';
import { callsOf, shapeOf, shownBy } from './calls.ts';

const input = { card: '4242', amount: 5, address: 'Main St 1', email: 'a@example.com' };
const results = {
  payment: { orderId: 'o1', receiptUrl: 'https://receipts.example/o1' },
  shipment: { trackingId: 't1', estimatedDelivery: '2030-01-01' },
};

describe('the order chain', () => {
  it('charges, ships and confirms, one after another', () => {
    expect(shapeOf(orderProcessing)).toEqual([
      '/api/process-order',
      ['payment', [], 2, 30],
      ['shipment', ['payment'], 3, 30],
      ['confirmation', ['shipment'], 5, 15],
    ]);
  });

  it('waits for more than a minute at each step before it gives up, however chance falls', () => {
    for (const { name, retries, backoff } of orderProcessing.steps) {
      const draw = { fraction: 0, granularityMs: 1 };
      const waits = Array.from({ length: retries }, (_, retry) => backoffMs(backoff, retry + 1, draw));
      expect(
        waits.reduce((sum, wait) => sum + wait, 0),
        name,
      ).toBeGreaterThan(60_000);
    }
  });

  it('hands on what it was given, and what the steps before returned', () => {
    expect(callsOf(orderProcessing, { input, results })).toEqual([
      { target: 'payments', method: 'POST', path: '/charges', body: { card: '4242', amount: 5 } },
      {
        target: 'shipping',
        method: 'POST',
        path: '/shipments',
        body: { orderId: 'o1', address: 'Main St 1' },
      },
      {
        target: 'mail',
        method: 'POST',
        path: '/messages',
        body: { email: 'a@example.com', trackingId: 't1' },
      },
    ]);
  });

  it('masks the card', () => {
    expect(orderProcessing.sensitive).toEqual(['card']);
  });

  it('takes an order, and refuses one without an amount or with a field that it does not know', () => {
    expect(orderProcessing.input.safeParse(input).success).toBe(true);
    expect(orderProcessing.input.safeParse({ ...input, amount: 0 }).success).toBe(false);
    expect(orderProcessing.input.safeParse({ ...input, typo: 1 }).error?.message).toContain('typo');
  });

  it('shows order and tracking number, and null for what is not known yet', () => {
    expect(shownBy(orderProcessing)).toEqual({ orderId: null, trackingId: null });
    expect(shownBy(orderProcessing, results)).toEqual({ orderId: 'o1', trackingId: 't1' });
  });
});
