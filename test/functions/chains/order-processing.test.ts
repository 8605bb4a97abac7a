import { expect, it } from 'vitest';
import { orderProcessing } from '../../../functions/chains/order-processing.ts';
import { answer, everyFault, type FakeCall, testChain } from '../../../lib/testing/index.ts';

const input = { card: '4242', amount: 5, address: 'Main St 1', email: 'a@example.com' };
const shipped = { trackingId: 't-1', estimatedDelivery: '2030-01-01' };
const targets = {
  payments: { 'POST /charges': { orderId: 'o-1', receiptUrl: 'https://receipts.example/o-1' } },
  shipping: { 'POST /shipments': shipped },
  mail: { 'POST /messages': { messageId: 'm-1' } },
};

it('an order waits while shipping is away, and goes on by itself', async () => {
  const shipping = ({ attempt }: FakeCall) => (attempt === 1 ? answer(503) : shipped);
  const run = await testChain(orderProcessing, { input, targets: { ...targets, shipping } });
  await run.until('shipment', 'retrying');
  expect(run.workflow).toMatchObject({ status: 'processing', orderId: 'o-1', trackingId: null });
  await run.advance({ minutes: 1 });
  expect(run.workflow).toMatchObject({ status: 'completed', trackingId: 't-1' });
  expect(run.calls.map(({ step }) => step)).toEqual(['payment', 'shipment', 'shipment', 'confirmation']);
  expect(run.calls[3]?.body).toEqual({ email: 'a@example.com', trackingId: 't-1' });
});

it('an order is charged, shipped and confirmed once, whatever fails', async () => {
  await everyFault(orderProcessing, { input, targets });
});
