import * as z from 'zod';
import { orderProcessing } from '../../functions/chains/order-processing.ts';
import type { RunContext } from '../../lib/chain/definition.ts';
import { chain, type RequestSpec, target } from '../../lib/chain/index.ts';
import { answer, type FakeCall, type Fakes, testChain } from '../../lib/testing/index.ts';

export const order = { card: '4242', amount: 5, address: 'Main St 1', email: 'a@example.com' };

/** A truthful answer of payments to the lookup of the order chain. */
export const charges = {
  'GET /charges': ({ query, answered }: FakeCall) => answered(query.key) ?? answer(404),
};

/** Targets of the order chain that do well. */
export const well = {
  payments: { 'POST /charges': { orderId: 'o-1', receiptUrl: 'https://receipts.example/1' }, ...charges },
  shipping: { 'POST /shipments': { trackingId: 't-1', estimatedDelivery: '2030-01-01' } },
  mail: { 'POST /messages': { messageId: 'm-1' } },
} as const satisfies Fakes;

/** The order chain with these targets in place of some that do well. */
export const orderWith = (targets: Fakes = {}) =>
  testChain(orderProcessing, { input: order, targets: { ...well, ...targets } });

const ID = z.object({ id: z.string() });
const base = { version: 1, start: '/api/one', input: z.strictObject({ id: z.string().default('i-1') }) };

/** One step, which sends one request, and shows the id that it is answered with. */
export const oneRequest = (request: (context: { readonly input: { readonly id: string } }) => RequestSpec) =>
  chain('one', base)
    .step('one', { request, response: ID.optional(), retries: 1 })
    .output(({ results }) => ({ id: results.one?.id ?? null }));

/** One step of code. */
export const oneRun = (
  run: (context: RunContext) => Promise<{ id: string }>,
  options: { readonly timeout?: number } = {},
) =>
  chain('one', base)
    .step('one', { run, response: ID, retries: 1, ...options })
    .output(({ results }) => ({ id: results.one?.id ?? null }));

export const shop = target('shop');

/** The message of what a promise is rejected with. */
export async function messageOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  throw new Error('nothing was thrown');
}
