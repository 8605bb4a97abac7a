import { expect, it } from 'vitest';
import { orderProcessing } from '../../functions/chains/order-processing.ts';
import { ProblemError, stepline, WorkflowFailed } from '../../lib/client/index.ts';
import { startLocal } from '../../lib/local/process.ts';
import { QUIET } from '../local/process-support.ts';
import { closers } from '../support/closers.ts';

async function stage() {
  const local = await startLocal(
    [orderProcessing],
    { ...QUIET, backoffScale: 0.01 },
    { readable: false, say: () => undefined },
  );
  closers.push(() => local.stop());
  const { demo } = local;
  if (demo === undefined) throw new Error('there are no demo targets');
  return { demo, client: stepline<typeof orderProcessing>(local.baseUrl) };
}

const ORDER = { card: '4242424242424242', amount: 5, address: 'Main St 1', email: 'a@example.com' };

it('an order is started, waited for and read, and a repeat under its key is the same order', async () => {
  const { client } = await stage();
  const order = await client.start('order-processing', ORDER, { idempotencyKey: 'order-17' });
  const done = await order.wait({ timeout: 30 });
  expect(done).toMatchObject({ chain: 'order-processing', status: 'completed' });
  expect(done.trackingId).toEqual(expect.any(String));
  const again = await client.start('order-processing', ORDER, { idempotencyKey: 'order-17' });
  expect(again).toMatchObject({ workflowId: order.workflowId, status: 'completed' });
  expect(await client.workflow(order.workflowId).get()).toEqual(done);
  const { timeline } = await order.timeline();
  expect(timeline.map(({ step, outcome }) => `${step} ${outcome}`)).toEqual([
    'payment completed',
    'shipment completed',
    'confirmation completed',
  ]);
});

it('an order that fails says why, is taken back, and is listed', async () => {
  const { client, demo } = await stage();
  await demo.setFault('shipping', { status: 422 });
  const order = await client.start('order-processing', ORDER);
  const failed = await order.wait({ timeout: 30 }).catch((error: unknown) => error);
  expect(failed).toBeInstanceOf(WorkflowFailed);
  expect(failed).toMatchObject({
    workflow: { status: 'failed', error: { step: 'shipment', httpStatus: 422 } },
  });
  const { steps } = await order.undoPlan();
  expect(steps).toMatchObject([{ step: 'payment', does: 'calls' }]);
  await order.undo({ reason: 'it cannot be shipped' });
  await expect(order.wait({ timeout: 30 })).rejects.toMatchObject({ workflow: { status: 'compensated' } });
  const listed: string[] = [];
  for await (const { workflowId } of client.list({ status: 'compensated' })) listed.push(workflowId);
  expect(listed).toEqual([order.workflowId]);
});

it('what is refused says which field is wrong, and why a change is not allowed', async () => {
  const { client } = await stage();
  const refused = await client
    .start('order-processing', { ...ORDER, amount: -1 })
    .catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(ProblemError);
  expect(refused).toMatchObject({ status: 400, code: 'INVALID_REQUEST', errors: [{ field: 'amount' }] });
  const order = await client.start('order-processing', ORDER);
  await order.wait({ timeout: 30 });
  await expect(order.cancel()).rejects.toMatchObject({ status: 409, code: 'WRONG_STATUS' });
});
