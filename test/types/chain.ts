// Checked by `tsc`: each line under an expect-error comment must not compile, and an unused comment is an error itself.
import * as z from 'zod';
import { chain, target } from '../../lib/chain/index.ts';

const api = target('api');
const orders = () =>
  chain('orders', {
    version: 1,
    start: '/api/orders',
    input: z.strictObject({ card: z.string(), amount: z.number(), note: z.string().optional() }),
    sensitive: ['card'],
  });
const paid = () =>
  orders().step('payment', {
    request: ({ input }) => api.post('/charges', { card: input.card, amount: input.amount }),
    response: z.object({ orderId: z.string(), cents: z.number() }),
  });
/** payment; then left and right; then join. */
const diamond = () =>
  paid()
    .step('left', {
      after: ['payment'],
      request: () => api.get('/left'),
      response: z.object({ l: z.string() }),
    })
    .step('right', {
      after: ['payment'],
      request: () => api.get('/right'),
      response: z.object({ r: z.string() }),
    })
    .step('join', {
      after: ['left', 'right'],
      request: ({ results }) => api.post('/join', [results.left.l, results.right.r, results.payment.orderId]),
      response: z.object({ j: z.string() }),
    });

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Compiles only where both types are the same. */
const same = <A, B>(..._proof: Same<A, B> extends true ? [] : [never]): void => undefined;

// The start key
const event = z.object({ id: z.string(), card: z.string() });
const keyed = { version: 1, start: '/api/events', input: event } as const;
chain('events', { ...keyed, startKey: ({ input, headers }) => headers['x-event-id'] ?? input.id });
chain('events', { ...keyed, sensitive: ['card'], startKey: ({ input }) => input.id });
// @ts-expect-error a start key sees nothing sensitive
chain('events', { ...keyed, sensitive: ['card'], startKey: ({ input }) => input.card });
// @ts-expect-error a start key is text
chain('events', { ...keyed, startKey: () => 7 });

// The input
orders().step('s', { request: ({ input }) => api.post('/', { note: input.note ?? input.card }) });
// @ts-expect-error the input has no such field
orders().step('s', { request: ({ input }) => api.post('/', { mail: input.email }) });
// @ts-expect-error an optional field may be missing
orders().step('s', { request: ({ input }) => api.post(`/${input.note.length}`) });
// @ts-expect-error the input cannot be changed into another type
orders().step('s', { request: ({ input }) => api.post(input.amount) });

// The results
paid().step('s', {
  request: ({ results }) => {
    same<typeof results, { readonly payment: { orderId: string; cents: number } }>();
    return api.get(`/${results.payment.orderId}`);
  },
});
// @ts-expect-error no step of that name
paid().step('s', { request: ({ results }) => api.get(`/${results.paymnet.orderId}`) });
// @ts-expect-error no field of that name in its response
paid().step('s', { request: ({ results }) => api.get(`/${results.payment.id}`) });
// @ts-expect-error a number is not a path
paid().step('s', { request: ({ results }) => api.get(results.payment.cents) });
// @ts-expect-error a step does not see its own result
orders().step('s', { request: ({ results }) => api.post('/', results.s) });
// @ts-expect-error a root sees no results
paid().step('s', { after: [], request: ({ results }) => api.post('/', results.payment) });

// Forks and joins
diamond().step('s', {
  request: ({ results }) => api.post('/', [results.join.j, results.left.l, results.payment.orderId]),
});
diamond().step('s', {
  after: ['left'],
  request: ({ results }) => {
    same<
      typeof results,
      { readonly left: { l: string }; readonly payment: { orderId: string; cents: number } }
    >();
    return api.get('/');
  },
});
// @ts-expect-error right is parallel to left
diamond().step('s', { after: ['left'], request: ({ results }) => api.post('/', results.right) });
// @ts-expect-error join comes later than left
diamond().step('s', { after: ['left'], request: ({ results }) => api.post('/', results.join) });
paid()
  .step('left', { request: () => api.get('/left'), response: z.object({ l: z.string() }) })
  // @ts-expect-error right is declared after left, and parallel to it
  .step('right', { after: ['payment'], request: ({ results }) => api.post('/', results.left) });

// `after`
// @ts-expect-error no step of that name
paid().step('s', { after: ['paymnet'], request: () => api.get('/') });
// @ts-expect-error a step cannot follow itself
paid().step('s', { after: ['s'], request: () => api.get('/') });
// @ts-expect-error the first step has none before it
orders().step('s', { after: ['payment'], request: () => api.get('/') });
// @ts-expect-error a list, not a name
paid().step('s', { after: 'payment', request: () => api.get('/') });

// What a step may say
// @ts-expect-error neither request nor run
orders().step('s', { retries: 1 });
// @ts-expect-error both request and run
orders().step('s', { request: () => api.get('/'), run: () => 1 });
// @ts-expect-error no such option
orders().step('s', { request: () => api.get('/'), retires: 1 });
// @ts-expect-error seconds, not text
orders().step('s', { request: () => api.get('/'), timeout: '30s' });
// @ts-expect-error base and cap
orders().step('s', { request: () => api.get('/'), backoff: { bsae: 1 } });
// @ts-expect-error a schema, not an example
orders().step('s', { request: () => api.get('/'), response: { id: 'x' } });
// @ts-expect-error a request function returns a request
orders().step('s', { request: () => ({ url: 'https://example.com' }) });
// @ts-expect-error a request is built at once; code that waits is a run step
orders().step('s', { request: async () => api.get('/') });
// @ts-expect-error only run steps see a signal
orders().step('s', { request: ({ signal }) => api.post('/', signal.aborted) });

// What a chain may say
const base = { version: 1, start: '/api/x', input: z.strictObject({ card: z.string() }) };
chain('x', { ...base, sensitive: ['card'] });
// @ts-expect-error not a field of the input
chain('x', { ...base, sensitive: ['crad'] });
// @ts-expect-error the version is needed
chain('x', { start: '/api/x', input: z.strictObject({}) });
// @ts-expect-error a start request is an object
chain('x', { ...base, input: z.string() });
// @ts-expect-error no such option
chain('x', { ...base, keepDay: 1 });

export { diamond, orders, paid, same };
