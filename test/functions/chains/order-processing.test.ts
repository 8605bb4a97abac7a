import { expect, it } from 'vitest';
import { orderProcessing } from '../../../functions/chains/order-processing.ts';
import { answer, everyFault, type FakeCall, testChain } from '../../../lib/testing/index.ts';

const input = { card: '4242', amount: 5, address: 'Main St 1', email: 'a@example.com' };
const shipped = { trackingId: 't-1', estimatedDelivery: '2030-01-01' };
const charged = { orderId: 'o-1', receiptUrl: 'https://receipts.example/o-1' };
const asked = ({ query, answered }: FakeCall) => answered(query.key) ?? answer(404);
const payments = { 'POST /charges': charged, 'GET /charges': asked, 'POST /refunds': { refundId: 'r-1' } };
const targets = { payments, shipping: { 'POST /shipments': shipped }, mail: () => ({ messageId: 'm-1' }) };

it('an order waits while shipping is away, and goes on by itself', async () => {
  const shipping = ({ attempt }: FakeCall) => (attempt === 1 ? answer(503) : shipped);
  const run = await testChain(orderProcessing, { input, targets: { ...targets, shipping } });
  await run.until('shipment', 'retrying');
  expect(await run.until('completed')).toMatchObject({ orderId: 'o-1', trackingId: 't-1' });
});

it('an order that cannot be shipped stops; undone, it gives its money back', async () => {
  const run = await testChain(orderProcessing, { input, targets: { payments, shipping: () => answer(422) } });
  await run.until('failed');
  await run.undo({ reason: 'the customer has left' });
  await run.until('compensated');
  expect(run.calls[2]?.body).toMatchObject({ charge: 'o-1', amount: 5 });
});

it('an order is charged, shipped and confirmed once, whatever fails', () =>
  everyFault(orderProcessing, { input, targets }));
