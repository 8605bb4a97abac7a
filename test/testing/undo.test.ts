import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { orderProcessing } from '../../functions/chains/order-processing.ts';
import { chain } from '../../lib/chain/index.ts';
import { answer, everyFault, type FakeCall, testChain } from '../../lib/testing/index.ts';
import { messageOf, order, shop, well } from './fixtures.ts';

const refunds = { 'POST /refunds': answer(204) };
const refusing = {
  ...well,
  payments: { ...well.payments, ...refunds },
  shipping: { 'POST /shipments': answer(422) },
};
const failedOrder = async (targets = {}) => {
  const run = await testChain(orderProcessing, { input: order, targets: { ...refusing, ...targets } });
  await run.until('failed');
  return run;
};

describe('a workflow of a test', () => {
  it('is taken back where the test asks for it, by calls that say that they are of an undo', async () => {
    const run = await failedOrder();
    expect(await run.undo({ reason: 'sold out' })).toMatchObject({ status: 'compensating' });
    await run.finished();
    expect(run.timeline).toMatchObject({
      status: 'compensated',
      operations: [{ operation: 'undo', reason: 'sold out' }],
    });
    const [charge, shipment, refund] = run.calls;
    expect([charge, shipment, refund].map((call) => [call?.step, call?.action])).toEqual([
      ['payment', undefined],
      ['shipment', undefined],
      ['payment', 'undo'],
    ]);
    expect(refund?.body).toMatchObject({ charge: 'o-1', chargeKey: charge?.idempotencyKey });
    expect(refund?.idempotencyKey).toBe(`${run.workflow.workflowId}:payment:undo:0`);
  });

  it('is cancelled and taken back, the call under way included', async () => {
    const run = await testChain(orderProcessing, { input: order, targets: refusing });
    await run.until('payment', 'completed');
    await run.cancel({ undo: true });
    await run.until('compensated');
    expect(run.calls.map(({ path }) => path)).toEqual(['/charges', '/shipments', '/refunds']);
    expect(await messageOf(run.undo())).toMatch('the workflow is compensated');
  });

  it('goes on after an undo that failed, and says why it stands still', async () => {
    let refund = answer(422, { error: 'too old' });
    const run = await failedOrder({ payments: { ...well.payments, 'POST /refunds': () => refund } });
    await run.undo();
    await run.until('compensation_failed');
    expect(await messageOf(run.until('compensated'))).toMatch(
      /the workflow is compensation_failed .* REFUSED of payment: .*too old.* Calls: .*POST \/refunds \(undo of payment, 1\.\)/,
    );
    refund = answer(204);
    await run.resume();
    await run.until('compensated');
  });

  it('shows what an undo would do, and calls nobody', async () => {
    const run = await failedOrder();
    const [calls, now] = [run.calls.length, run.now.getTime()];
    const request = { target: 'payments', method: 'POST', path: '/refunds' };
    expect(await run.undoPlan()).toMatchObject({ steps: [{ step: 'payment', does: 'calls', request }] });
    expect(await run.undoPlan()).not.toHaveProperty('refused');
    expect([run.calls.length, run.now.getTime()]).toEqual([calls, now]);
    await run.undo();
    await run.finished();
    // Its input is erased: nothing could be built any more.
    expect(await run.undoPlan()).toMatchObject({ refused: { code: 'WRONG_STATUS' }, steps: [] });
  });

  it('misses a fake for an undo as for a step', async () => {
    const run = await failedOrder({ payments: well.payments });
    await run.undo();
    expect(await messageOf(run.finished())).toMatch(
      "no fake answers POST /refunds of target \"payments\" (the undo of step \"payment\"). It has 'POST /charges', 'GET /charges'. Write targets: { payments: { 'POST /refunds': () => answer(204) } }",
    );
  });
});

describe('every fault of a chain whose requests are taken back', () => {
  const ID = z.object({ id: z.string() });
  const hiring = chain('hiring', {
    version: 1,
    start: '/api/hire',
    input: z.strictObject({}),
    onFailure: 'undo',
  })
    .step('car', {
      request: () => shop.post('/cars'),
      response: ID,
      retries: 0,
      undo: { request: ({ undone }) => shop.post('/returns', { key: undone.idempotencyKey }) },
    })
    .step('note', { request: () => shop.post('/notes'), retries: 1 });

  it('takes no offence at what a target does when all is over, of which its undo could know nothing', async () => {
    // It gives back what it has hired out, and says that it knows of nothing else.
    const careful = () => {
      const hired = new Set<unknown>();
      const cars = ({ idempotencyKey }: FakeCall) => {
        hired.add(idempotencyKey);
        return { id: 'c-1' };
      };
      const returns = ({ fields }: FakeCall) => answer(hired.has(fields.key) ? 204 : 404);
      return { shop: { 'POST /cars': cars, 'POST /returns': returns, 'POST /notes': answer(204) } };
    };
    const { compensated } = await everyFault(hiring.definition, { targets: careful });
    expect(compensated).toBeGreaterThan(3);
  });

  it('finds an effect that stands though the workflow counts as taken back', async () => {
    const forgetful = {
      shop: { 'POST /cars': { id: 'c-1' }, 'POST /returns': answer(404), 'POST /notes': answer(204) },
    };
    expect(await messageOf(everyFault(hiring.definition, { targets: forgetful }))).toContain(
      'the workflow was taken back, and the effect of step "car" stands',
    );
  });
});

describe('code that takes back what code did', () => {
  const done: string[] = [];
  const booking = chain('booking', {
    version: 1,
    start: '/api/book',
    input: z.strictObject({}),
    onFailure: 'undo',
  })
    .step('room', {
      run: ({ idempotencyKey }) => {
        done.push(idempotencyKey);
        return { room: 7 };
      },
      undo: {
        targets: [shop],
        run: async ({ undone, call }) => {
          done.push(`not ${undone.idempotencyKey}`);
          await call('tell', shop).post('/rooms', { room: undone.result?.room, free: true });
        },
      },
    })
    .step('note', { request: () => shop.post('/notes'), response: z.object({ id: z.string() }) })
    .output(({ results }) => ({ id: results.note?.id ?? null }));
  const targets = { shop: { 'POST /rooms': answer(204), 'POST /notes': { id: 'n-1' } } };

  it('runs in virtual time as that of a step does', async () => {
    const refuses = { shop: { ...targets.shop, 'POST /notes': answer(422) } };
    const run = await testChain(booking, { targets: refuses });
    await run.until('compensated');
    const key = `${run.workflow.workflowId}:room:do:0`;
    expect(done).toEqual([key, `not ${key}`]);
    expect(run.calls[1]).toMatchObject({ step: 'room', action: 'undo', call: 'tell', body: { room: 7 } });
  });

  it('ends under every fault, and what failed is taken back', async () => {
    const { plans, completed, cancelled, compensated } = await everyFault(booking, { targets });
    expect(compensated).toBeGreaterThan(3);
    expect(completed + cancelled + compensated).toBe(plans);
  });
});
