import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { calledTargets } from '../../lib/chain/calls.ts';
import type { StepDefinition } from '../../lib/chain/definition.ts';
import { form, json, multipart, path, target, text } from '../../lib/chain/index.ts';
import { emptyChain, withStep } from '../../lib/chain/validate.ts';

const payments = target('payments');
const shipping = target('shipping');

type Request = NonNullable<StepDefinition['request']>;
/** A request function as one that knows its types would be written. */
const looking = (request: (context: { input: Order; results: Results }) => ReturnType<Request>): unknown =>
  request;
interface Item {
  readonly price: number;
  readonly name: string;
  readonly next?: Item;
}
interface Order {
  readonly id: string;
  readonly vip: boolean;
  readonly amount: number;
  readonly when: string;
  readonly items: readonly Item[];
}
interface Results {
  readonly payment: { readonly orderId: string };
}

const called = (request: unknown): readonly string[] | undefined => {
  const orders = emptyChain('orders', { version: 1, start: '/api/orders', input: z.strictObject({}) });
  return withStep(orders, 'payment', { request }).steps[0]?.targets;
};

const chargeOf = ({ vip }: Order) => (vip ? payments : shipping).post('/c');

describe('the targets of a request', () => {
  it.each<readonly [string, unknown]>([
    ['puts values into its body', looking(({ input }) => payments.post('/c', { amount: input.amount }))],
    ['puts values into its path', looking(({ input }) => payments.get(path`/c/${input.id}/${input.amount}`))],
    ['puts values into a plain path', looking(({ input }) => payments.get(`/c/${input.id}`))],
    [
      'puts values into its query',
      looking(({ input }) =>
        payments.get('/c', {
          query: { id: input.id, names: input.items.map(({ name }) => name), n: [input.amount] },
        }),
      ),
    ],
    [
      'adds prices up',
      looking(({ input }) => payments.post('/c', { sum: input.items.map(({ price }) => price * 2).join() })),
    ],
    ['spreads its input', looking(({ input }) => payments.post('/c', { ...input, items: [...input.items] }))],
    [
      'takes lists apart',
      looking(({ input }) => {
        const [first, second] = input.items;
        return payments.post('/c', { first: first?.name ?? null, second: second?.name ?? null });
      }),
    ],
    [
      'makes text and numbers',
      looking(({ input, results }) =>
        payments.post('/c', {
          cents: Math.round(input.amount * 100),
          name: results.payment.orderId.trim().toUpperCase().slice(0, 3),
          day: new Date(input.when).toISOString(),
          all: JSON.stringify(input),
        }),
      ),
    ],
    ['makes the target on the spot', () => target('payments').post('/c')],
    [
      'sends a form',
      looking(({ input }) =>
        payments.post('/c', form({ id: input.id, items: input.items, n: [input.amount] })),
      ),
    ],
    [
      'sends its input as a form',
      looking(({ input }) => payments.post('/c', form(input, { arrays: 'brackets' }))),
    ],
    ['sends JSON', looking(({ input }) => payments.post('/c', json(input)))],
    [
      'sends text',
      looking(({ input }) => payments.post('/c', text(`<id>${input.id}</id>`, 'application/xml'))),
    ],
    ['sends a value as text', looking(({ input }) => payments.post('/c', text(input.id, 'text/plain')))],
    [
      'sends parts',
      looking(({ input }) =>
        payments.post(
          '/c',
          multipart([
            { name: 'id', value: input.id },
            {
              name: 'file',
              filename: `${input.id}.csv`,
              contentType: 'text/csv',
              content: input.items.map(({ name }) => name).join(),
            },
            ...input.items.map(({ name }) => ({ name, value: 1 })),
          ]),
        ),
      ),
    ],
    [
      'sends a list of parts',
      looking(({ input }) =>
        payments.post('/c', multipart(input.items.map(({ name }) => ({ name, value: name })))),
      ),
    ],
    ['sends a header', looking(({ input }) => payments.get('/c', { headers: { 'x-id': input.id } }))],
    [
      'sends a content type',
      looking(({ input }) => payments.post('/c', {}, { headers: { 'content-type': input.id } })),
    ],
  ])('are known where it %s', (_, request) => {
    expect(called(request)).toEqual(['payments']);
  });

  it.each<readonly [string, unknown]>([
    ['throws for a value that it does not know', looking(({ input }) => payments.get(input.id))],
    ['returns nothing', () => undefined],
    ['returns null', () => null],
    ['returns a list', () => [payments.post('/c')]],
    ['returns a promise', async () => payments.post('/c')],
    ['returns a promise that is rejected', async ({ input }: { input: Order }) => payments.get(input.id)],
    ['lets a value decide', looking(({ input }) => (input.vip ? payments : shipping).post('/c'))],
    [
      'lets a value decide between calls',
      looking(({ input }) => (input.id === 'a' ? payments.post('/c') : shipping.post('/s'))),
    ],
    [
      'goes on for another target',
      looking(({ input }) => {
        if (input.amount > 100) return shipping.post('/s');
        return payments.post('/c');
      }),
    ],
    ['leaves the call to a function', looking(({ input }) => chargeOf(input))],
    [
      'goes round in a value without an end',
      looking(({ input }) => {
        let item = input.items[0];
        while (item?.next) item = item.next;
        return payments.post('/c', { last: item?.name ?? null });
      }),
    ],
  ])('are not known where it %s', (_, request) => {
    expect(called(request)).toBeUndefined();
  });

  it('are never asked of a function that has not ended', () => {
    expect(calledTargets(() => ({ target: 'payments', method: 'GET', path: '/' }))?.targets).toEqual([
      'payments',
    ]);
  });
});

describe('a step that names its targets', () => {
  const orders = emptyChain('orders', { version: 1, start: '/api/orders', input: z.strictObject({}) });
  const request = () => payments.get('/c');

  it('has these', () => {
    const chain = withStep(orders, 'payment', { request, targets: ['payments', 'shipping'] });
    expect(chain.steps[0]?.targets).toEqual(['payments', 'shipping']);
  });

  it('has these in code, too, and the least time for which they remember a key', () => {
    const qonto = target('qonto', { idempotency: { lifetime: 1_800 } });
    const chain = withStep(orders, 'payment', {
      run: () => null,
      targets: [payments, qonto],
      secrets: ['signing'],
    });
    expect(chain.steps[0]).toMatchObject({
      targets: ['payments', 'qonto'],
      secrets: ['signing'],
      keyLifetime: 1_800,
    });
  });

  it.each<readonly [string, object, string]>([
    ['a secret that is no name', { run: () => null, secrets: ['a b'] }, 'such as "a-b"'],
    ['none', { request, targets: [] }, 'Name every target that the step may call'],
    ['one that is no text', { request, targets: [7] }, 'targets holds 7, not a name. Write a list of names'],
    ['one that cannot be a target', { request, targets: ['pay ments'] }, '"pay-ments"'],
    ['secrets', { request, secrets: ['key'] }, 'Leave secrets out: they are for run'],
  ])('is refused with %s', (_, options, remedy) => {
    expect(() => withStep(orders, 'payment', options)).toThrow(remedy);
  });
});
