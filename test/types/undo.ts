// Checked by `tsc`: each line under an expect-error comment must not compile, and an unused comment is an error itself.
import * as z from 'zod';
import { chain, target } from '../../lib/chain/index.ts';
import { orders, paid, same } from './chain.ts';

const api = target('api', { lateBy: 600 });
const charge = z.object({ id: z.string(), cents: z.number() });
const request = () => api.post('/charges');

// What an undo sees
paid().step('s', {
  request: ({ results }) => api.post('/', { orderId: results.payment.orderId }),
  response: charge,
  undo: {
    request: ({ input, results, idempotencyKey, undone }) => {
      same<typeof undone.result, { id: string; cents: number } | undefined>();
      same<typeof undone.idempotencyKey, string>();
      same<typeof results, { readonly payment: { orderId: string; cents: number } }>();
      return api.post('/refunds', {
        charge: undone.result?.id,
        chargeKey: undone.idempotencyKey,
        amount: input.amount,
        idempotencyKey,
      });
    },
    response: z.object({ refund: z.string() }),
    retries: 2,
    timeout: 60,
    backoff: { base: 1 },
    idempotency: { lifetime: 60 },
    statuses: { 409: 'done' },
  },
});
orders()
  // The schema may come after what it decides.
  .step('a', {
    undo: { request: ({ undone }) => api.post('/', { id: undone.result?.id }) },
    request,
    response: charge,
  })
  .step('b', {
    run: async ({ input }) => ({ id: 'x', amount: input.amount }),
    undo: {
      run: async ({ undone, results, signal, call }) => {
        same<typeof undone.result, { id: string; amount: number } | undefined>();
        same<typeof results, { readonly a: { id: string; cents: number } }>();
        await call('refund', api).post('/refunds', { charge: undone.result?.id, aborted: signal.aborted });
      },
      targets: [api],
      secrets: ['webhook-key'],
    },
  })
  .step('c', {
    undo: { run: ({ undone }) => same<typeof undone.result, { id: string } | undefined>() },
    run: () => ({ id: 'x' }),
  })
  .step('d', {
    request,
    undo: { request: ({ undone }) => api.post('/', same<typeof undone.result, null | undefined>()) },
  })
  .step('e', {
    request,
    response: z.any(),
    undo: { request: ({ undone }) => api.post('/', same<typeof undone.result, unknown>()) },
  })
  .step('f', {
    request,
    response: charge,
    sensitive: ['id'],
    undo: { request: ({ undone }) => api.post('/', { id: undone.result?.id }) },
  });
orders().step('s', {
  request,
  response: charge,
  // @ts-expect-error in doubt there is no result
  undo: { request: ({ undone }) => api.post('/', { id: undone.result.id }) },
});
// @ts-expect-error in doubt there is no result
orders().step('s', { request, response: charge, undo: { run: ({ undone }) => undone.result.id } });
// @ts-expect-error in doubt there is no result
orders().step('s', { run: () => ({ id: 'x' }), undo: { run: ({ undone }) => undone.result.id } });
// @ts-expect-error in doubt there is no result, whatever it is
orders().step('s', { request, response: z.any(), undo: { run: ({ undone }) => undone.result.id } });
// @ts-expect-error no field of that name in the response of the step
orders().step('s', { request, response: charge, undo: { run: ({ undone }) => undone.result?.charge } });
// @ts-expect-error a request without a response has nothing to be read
orders().step('s', { request, undo: { run: ({ undone }) => undone.result?.id } });
// @ts-expect-error an undo does not see the result of its step among those of others
orders().step('s', { request, undo: { request: ({ results }) => api.post('/', results.s) } });
// @ts-expect-error only an undo sees what is undone
orders().step('s', { request: ({ undone }) => api.post('/', undone.idempotencyKey) });

// What an undo may say
// @ts-expect-error neither request nor run
orders().step('s', { request, undo: { retries: 1 } });
// @ts-expect-error both request and run
orders().step('s', { request, undo: { request, run: () => 1 } });
// @ts-expect-error a request is built at once
orders().step('s', { request, undo: { request: async () => api.post('/') } });
// @ts-expect-error an undo follows from its step, and nothing else
orders().step('s', { request, undo: { request, after: [] } });
// @ts-expect-error nothing of an undo is shown
orders().step('s', { request, undo: { request, response: charge, sensitive: ['id'] } });
// @ts-expect-error the step says how many at a time
orders().step('s', { request, undo: { request, concurrency: 2 } });
// @ts-expect-error an undo is not undone
orders().step('s', { request, undo: { request, undo: { request } } });
// @ts-expect-error code has no replies
orders().step('s', { request, undo: { run: () => null, statuses: { 404: 'done' } } });
// @ts-expect-error it is a switch
orders().step('s', { request, pivot: 'yes' });
// @ts-expect-error seconds, not text
orders().step('s', { request, lateBy: '60s' });
// @ts-expect-error seconds, not text
target('x', { lateBy: '60s' });
const base = { version: 1, start: '/api/x', input: z.strictObject({}) };
chain('x', { ...base, onFailure: 'undo' }).step('s', { request, undo: { request }, lateBy: 5 });
// @ts-expect-error there is no such way to fail
chain('x', { ...base, onFailure: 'resume' });

// `when`
const perhaps = () =>
  paid()
    .step('gift', {
      when: ({ input, results }) => input.note !== undefined && results.payment.cents > 0,
      request: ({ input }) => api.post('/gifts', { note: input.note }),
      response: charge,
      sensitive: ['cents'],
      undo: { request: ({ undone }) => api.post('/', { id: undone.result?.id }) },
    })
    .step('code', { when: () => false, run: ({ input }) => ({ amount: input.amount }) })
    .step('always', { request: ({ results }) => api.post('/', { gift: results.gift?.id ?? null }) });
perhaps().step('s', {
  run: ({ results }) =>
    same<
      typeof results,
      {
        readonly payment: { orderId: string; cents: number };
        readonly gift: { id: string; cents: number } | undefined;
        readonly code: { amount: number } | undefined;
        readonly always: null;
      }
    >(),
});
perhaps().output(({ results }) => {
  same<typeof results.gift, { id: string } | undefined>();
  same<typeof results.code, { amount: number } | undefined>();
  return { gift: results.gift?.id ?? null };
});
// @ts-expect-error a step that was skipped has no result
perhaps().step('s', { request: ({ results }) => api.post('/', { id: results.gift.id }) });
// @ts-expect-error nor in the output
perhaps().output(({ results }) => ({ gift: results.gift.id }));
// @ts-expect-error a root sees no results, nor does it ask them
paid().step('s', { after: [], request, when: ({ results }) => results.payment.cents > 0 });
// @ts-expect-error it is asked before the step has a result
paid().step('s', { request, when: ({ results }) => results.s === null });
// @ts-expect-error yes or no
orders().step('s', { request, when: ({ input }) => input.note });
// @ts-expect-error it is asked at once
orders().step('s', { request, when: async () => true });
