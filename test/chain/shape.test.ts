import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { chain, unknown } from '../../lib/chain/index.ts';
import { shapeHash, shapeOf } from '../../lib/chain/shape.ts';
import { target } from '../../lib/chain/target.ts';

const payments = target('payments');
const options = { version: 1, start: '/api/order', input: z.object({ amount: z.number() }) } as const;
const charge = { request: () => payments.post('/charges', {}) };
const begun = chain('orders', options)
  .step('payment', charge)
  .step('shipment', { run: () => null, after: ['payment'] })
  .step('receipt', { run: () => null, after: ['payment'] })
  .step('close', { run: () => null, after: ['shipment', 'receipt'] }).definition;

describe('the shape of a definition', () => {
  it('says which step is the pivot, and of no other that it is none', () => {
    const { steps } = shapeOf(
      chain('orders', options)
        .step('payment', charge)
        .step('ship', { run: () => null, pivot: true }).definition,
    );
    expect(JSON.stringify(steps)).toBe(
      '{"payment":{"kind":"request","after":[]},"ship":{"kind":"run","after":["payment"],"pivot":true}}',
    );
  });

  it('is how keys are made, and of each step its kind and what it follows', () => {
    expect(shapeOf(begun)).toEqual({
      key: '{workflowId}:{step}:{action}:{round}',
      steps: {
        close: { kind: 'run', after: ['receipt', 'shipment'] },
        payment: { kind: 'request', after: [] },
        receipt: { kind: 'run', after: ['payment'] },
        shipment: { kind: 'run', after: ['payment'] },
      },
    });
  });

  it('has the same hash in every release: another one would leave all running workflows waiting', () => {
    expect(shapeHash(begun)).toBe('w-A5_mlikNk1zxLj');
  });

  it('stays as it is when schemas, settings, functions, the version or the order of definition change', () => {
    const mended = chain('orders', {
      ...options,
      version: 2,
      onFailure: 'undo',
      input: z.object({ amount: z.number(), note: z.string().optional() }),
      keepDays: 9,
    })
      .step('payment', {
        request: () => payments.put('/other', { more: 1 }),
        response: z.object({ id: z.string() }),
        timeout: 3,
        retries: 9,
        idempotency: { lifetime: 60 },
        undo: { run: () => null },
        lookup: { request: () => payments.get('/charges'), reply: () => unknown() },
        when: () => false,
        lateBy: 5,
        pivot: false,
      })
      .step('receipt', { run: async () => 'other', after: ['payment'] })
      .step('shipment', { run: () => null, after: ['payment'] })
      .step('close', { run: () => null, after: ['receipt', 'shipment'] })
      .output(() => ({})) as typeof begun;
    expect(shapeHash(mended)).toBe(shapeHash(begun));
  });

  const first = chain('orders', options).step('payment', charge);
  it.each([
    ['a step renamed', first.step('delivery', { run: () => null }).step('receipt', { run: () => null })],
    ['a step left out', first],
    [
      'a pivot',
      first.step('shipment', { run: () => null, pivot: true }).step('receipt', { run: () => null }),
    ],
    ['another kind of step', chain('orders', options).step('payment', { run: () => null })],
    ['another order', first.step('receipt', { run: () => null }).step('shipment', { run: () => null })],
    [
      'a step that follows nothing',
      first.step('shipment', { run: () => null, after: [] }).step('receipt', { run: () => null }),
    ],
  ])('is another one with %s', (_, { definition }) => {
    const line = first.step('shipment', { run: () => null }).step('receipt', { run: () => null }).definition;
    expect(shapeHash(definition)).not.toBe(shapeHash(line));
  });
});
