import * as z from 'zod';
import { chain, target } from '../../lib/chain/index.ts';
import { chains } from '../support/shipped-chains.ts';

const api = target('api');

/** Takes nearly everything and shows it again: what the strict chains refuse gets as far as the store here. */
const loose = chain('loose', {
  version: 1,
  start: '/api/loose',
  input: z.looseObject({
    any: z.unknown(),
    tree: z.json().optional(),
    rows: z.array(z.strictObject({ n: z.number() })).optional(),
    tags: z.record(z.string(), z.strictObject({})).optional(),
    secret: z.json().optional(),
  }),
  sensitive: ['secret'],
})
  .step('a', { request: ({ input }) => api.post('/a', { any: input.any }), response: z.unknown() })
  .output(({ input }) => ({ any: input.any ?? null, tree: input.tree ?? null }));

/** The shipped chains, and one that takes nearly everything. */
export const CHAINS = [...chains, loose];
