// Checked by `tsc`: each line under an expect-error comment must not compile, and an unused comment is an error itself.
import * as z from 'zod';
import { done, later, notDone, path, target, unknown } from '../../lib/chain/index.ts';
import { orders, paid, same } from './chain.ts';

const api = target('api');
const charge = z.object({ id: z.string() });
const request = () => api.post('/charges');
const ask = () => api.get('/charges');
const reply = () => done();
const withNext = (_: unknown, next: () => unknown) => done(next());

// What a lookup sees, and what it answers
paid()
  .step('shipment', {
    // It may come before the schema of its step, and takes nothing from it.
    lookup: {
      request: ({ input, results, idempotencyKey }) => {
        same<typeof input.amount, number>();
        same<typeof idempotencyKey, string>();
        same<typeof results, { readonly payment: { orderId: string; cents: number } }>();
        return api.get(path`/orders/${results.payment.orderId}`, { query: { key: idempotencyKey } });
      },
      reply: ({ status, headers, body }) => {
        same<typeof status, number>();
        same<typeof headers, Readonly<Record<string, string | undefined>>>();
        same<typeof body, unknown>();
        if (status === 410) return unknown();
        return status === 404 ? notDone() : done(body);
      },
      targets: ['other', api],
      read: 'text',
      retries: 2,
      timeout: 60,
      backoff: { base: 1 },
    },
    request,
    response: charge,
    undo: { request: ({ undone }) => api.post('/', { id: undone.result?.id }) },
  })
  .step('code', {
    run: async ({ results }) => ({ from: results.shipment.id }),
    lookup: { request: ({ results }) => api.get(path`/${results.shipment.id}`), reply: () => notDone() },
    pivot: true,
  })
  .step('last', { run: ({ results }) => same<typeof results.code, { from: string }>() });

// @ts-expect-error a lookup does not see the result of its step
orders().step('s', { request, lookup: { request: ({ results }) => api.post('/', results.s), reply } });
// @ts-expect-error nor is it told of something undone
orders().step('s', { request, lookup: { request: ({ undone }) => api.post('/', undone), reply } });
// @ts-expect-error no code, so no signal
orders().step('s', { request, lookup: { request: ({ signal }) => api.post('/', signal.aborted), reply } });
// @ts-expect-error no such field in the input
orders().step('s', { request, lookup: { request: ({ input }) => api.post('/', input.id), reply } });

// What a reply says
// @ts-expect-error a value is no answer
orders().step('s', { request, lookup: { request: ask, reply: ({ body }) => body } });
// @ts-expect-error nor is yes or no
orders().step('s', { request, lookup: { request: ask, reply: ({ status }) => status !== 404 } });
// @ts-expect-error nor is nothing
orders().step('s', { request, lookup: { request: ask, reply: () => undefined } });
// @ts-expect-error nor is its name
orders().step('s', { request, lookup: { request: ask, reply: () => 'done' } });
// @ts-expect-error nor is what makes one
orders().step('s', { request, lookup: { request: ask, reply: () => done } });
// @ts-expect-error nor is what a step's reply says
orders().step('s', { request, lookup: { request: ask, reply: () => later({ because: 'busy' }) } });
// @ts-expect-error it answers at once
orders().step('s', { request, lookup: { request: ask, reply: async () => done() } });
// @ts-expect-error there is no next: a status that says nothing is not asked about
orders().step('s', { request, lookup: { request: ask, reply: withNext } });
// @ts-expect-error the body may be anything
orders().step('s', { request, lookup: { request: ask, reply: ({ body }) => done(body.id) } });
// @ts-expect-error what did not happen has no result
orders().step('s', { request, lookup: { request: ask, reply: ({ body }) => notDone(body) } });

// What a lookup may say
// @ts-expect-error no request
orders().step('s', { request, lookup: { reply } });
// @ts-expect-error no reply
orders().step('s', { request, lookup: { request: ask } });
// @ts-expect-error a request is built at once
orders().step('s', { request, lookup: { request: async () => api.get('/'), reply } });
// @ts-expect-error not by code
orders().step('s', { request, lookup: { request: ask, reply, run: () => null } });
// @ts-expect-error secrets are for code
orders().step('s', { request, lookup: { request: ask, reply, secrets: ['key'] } });
// @ts-expect-error the response of the step checks the result
orders().step('s', { request, lookup: { request: ask, reply, response: charge } });
// @ts-expect-error reply says what the status means
orders().step('s', { request, lookup: { request: ask, reply, statuses: { 404: 'done' } } });
// @ts-expect-error it takes no key
orders().step('s', { request, lookup: { request: ask, reply, idempotency: 'none' } });
// @ts-expect-error it never acts, late or not
orders().step('s', { request, lookup: { request: ask, reply, lateBy: 5 } });
// @ts-expect-error JSON or text
orders().step('s', { request, lookup: { request: ask, reply, read: 'xml' } });
// @ts-expect-error an undo is not asked for
orders().step('s', { request, undo: { request, lookup: { request: ask, reply } } });
