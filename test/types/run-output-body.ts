// Checked by `tsc`: each line under an expect-error comment must not compile, and an unused comment is an error itself.
import * as z from 'zod';
import type { ChainDefinition } from '../../lib/chain/index.ts';
import { form, json, multipart, path, target, text } from '../../lib/chain/index.ts';
import { diamond, orders, paid, same } from './chain.ts';

const api = target('api');

interface Receipt {
  id: string;
  lines: { sku: string; count?: number }[];
}
declare const receipt: Receipt;
type Tree = { children: Tree[] };
declare const tree: Tree;
declare const anything: unknown;

// What `run` returns is the result
orders()
  .step('a', { run: async ({ input, idempotencyKey }) => ({ key: idempotencyKey, amount: input.amount }) })
  .step('b', { run: ({ results, signal }) => (signal.aborted ? null : results.a.amount) })
  .step('c', { run: () => receipt })
  .step('d', { run: () => {} })
  .step('e', { run: async () => (Math.random() > 1 ? 'x' : undefined) })
  .step('f', { run: () => tree })
  .step('g', { run: () => anything })
  .step('h', { run: () => anything, response: z.object({ parsed: z.string() }) })
  .step('i', { request: () => api.get('/') })
  .step('empty', { request: () => api.get('/'), response: z.object({ id: z.string() }).optional() })
  .step('j', {
    run: ({ results }) => {
      same<
        typeof results,
        {
          readonly a: { key: string; amount: number };
          readonly b: number | null;
          readonly c: Receipt;
          readonly d: null;
          readonly e: 'x' | null;
          readonly f: Tree;
          readonly g: unknown;
          readonly h: { parsed: string };
          // A request without a schema stores nothing.
          readonly i: null;
          // Where the reply was empty.
          readonly empty: { id: string } | null;
        }
      >();
    },
  });
orders()
  .step('a', { run: async () => ({ id: 'x' }) })
  // @ts-expect-error no such field in what run returned
  .step('b', { run: ({ results }) => results.a.key });
orders()
  .step('a', { request: () => api.get('/') })
  // @ts-expect-error a request without a response schema stores nothing
  .step('b', { run: ({ results }) => results.a.id });
// @ts-expect-error a reply is read as JSON or as text
orders().step('s', { request: () => api.get('/'), response: z.string(), read: 'xml' });
// @ts-expect-error code reads what it calls by itself
orders().step('s', { run: () => 'x', response: z.string(), read: 'text' });
// @ts-expect-error a date would be text for the next step
orders().step('s', { run: () => new Date() });
// @ts-expect-error a date would be text for the next step
orders().step('s', { run: async () => ({ paid: { at: new Date() } }) });
// @ts-expect-error JSON has no maps
orders().step('s', { run: () => new Map([['a', 1]]) });
// @ts-expect-error JSON has no big integers
orders().step('s', { run: () => [1n] });
// @ts-expect-error JSON has no functions
orders().step('s', { run: () => ({ undo: () => 1 }) });
// @ts-expect-error the promise inside is not awaited
orders().step('s', { run: () => ({ id: Promise.resolve('x') }) });

// The output
const shown: ChainDefinition[] = [
  diamond().output(({ input, results }) => {
    same<typeof input, Omit<{ card: string; amount: number; note?: string | undefined }, 'card'>>();
    return { amount: input.amount, orderId: results.payment?.orderId ?? null, j: results.join?.j };
  }),
  diamond().definition,
];
// @ts-expect-error a result is absent until its step completes
paid().output(({ results }) => ({ orderId: results.payment.orderId }));
// @ts-expect-error no step of that name
paid().output(({ results }) => ({ orderId: results.shipment?.orderId }));
// @ts-expect-error no field of that name
paid().output(({ results }) => ({ orderId: results.payment?.id }));
// @ts-expect-error sensitive fields are not shown
paid().output(({ input }) => ({ card: input.card }));
const token = z.object({ id: z.string(), token: z.string() });
const tokens = () =>
  orders()
    .step('token', { request: () => api.get('/'), response: token, sensitive: ['token'] })
    .step('either', {
      request: ({ results }) => api.post('/', { token: results.token.token }),
      response: z
        .object({ paid: z.boolean() })
        .or(z.object({ secret: z.string() }))
        .nullable(),
      sensitive: ['secret'],
    });
tokens().output(({ results }) => ({ id: results.token?.id ?? null }));
// @ts-expect-error sensitive fields of a result are not shown
tokens().output(({ results }) => ({ token: results.token?.token ?? null }));
// @ts-expect-error no field of that name in the response
orders().step('token', { request: () => api.get('/'), response: token, sensitive: ['secret'] });
// @ts-expect-error without a response no field is known
orders().step('token', { request: () => api.get('/'), sensitive: ['token'] });
// @ts-expect-error every answer has a status of its own
paid().output(() => ({ status: 'paid' }));
// @ts-expect-error every answer has an error of its own
paid().output(({ results }) => ({ orderId: results.payment?.orderId, error: null }));
// @ts-expect-error an output is given at once
paid().output(async () => ({ a: 1 }));
// @ts-expect-error an output has names
paid().output(() => 'paid');
const ended = paid().output(() => ({}));
// @ts-expect-error the output ends a chain
ended.step('late', { request: () => api.get('/') });
// @ts-expect-error a chain that is not ended is not a definition
const unended: ChainDefinition = paid();

// Paths and queries
api.get(path`/a/${'b'}/${1}/${true}`, { query: { a: 1, b: ['c', null], d: undefined } });
// @ts-expect-error an optional value may be missing
api.get(path`/a/${receipt.lines[0]?.count}`);
// @ts-expect-error an object is no value of a path
api.get(path`/a/${receipt}`);
// @ts-expect-error a query is not nested
api.get('/', { query: { created: { gte: 1 } } });
// @ts-expect-error what path makes is more than its text
api.get({ text: '/' });

// Bodies
api.post('/');
api.post('/', undefined, { headers: { accept: 'text/plain' } });
api.put('/', { a: [1, null, { b: 'c' }], d: receipt, e: tree });
api.patch('/', anything);
api.post('/', json('text'));
api.post('/', form({ amount: 1, lines: receipt.lines, none: null }, { arrays: 'repeat' }));
api.put('/', text('<a/>', 'application/xml'));
api.post('/', multipart([{ name: 'a', value: 1 }]));
api.post('/', multipart([{ name: 'a', filename: 'a.csv', contentType: 'text/csv', content: 'b' }]));
// @ts-expect-error a bare text says not what it is
api.post('/', '<a/>');
// @ts-expect-error a form is an object
form('a=1');
// @ts-expect-error a form has no dates
form({ at: new Date() });
// @ts-expect-error there is no such way to write lists
form({}, { arrays: 'comma' });
// @ts-expect-error a text has a content type
text('<a/>');
// @ts-expect-error a file has a content type
multipart([{ name: 'a', filename: 'a.csv', content: 'b' }]);
// @ts-expect-error what form makes is more than its members
const madeByHand: ReturnType<typeof form> = {
  kind: 'a form',
  agrees: () => true,
  encode: () => ({ contentType: '', content: '' }),
};
// @ts-expect-error write when.toISOString()
api.post('/', { when: new Date() });
// @ts-expect-error JSON has no maps
api.put('/', new Map());
// @ts-expect-error JSON has no big integers
api.patch('/', { amount: 1n });
// @ts-expect-error the promise is not awaited
api.post('/', Promise.resolve({}));
// @ts-expect-error a get has no body
api.get('/', { a: 1 });
// @ts-expect-error a delete has no body
api.delete('/', { a: 1 });
// @ts-expect-error headers are text
api.get('/', { headers: { retries: 1 } });
// @ts-expect-error there is no such method
api.head('/');

export { madeByHand, shown, unended };
