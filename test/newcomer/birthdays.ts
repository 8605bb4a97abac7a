import { NumberValue } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { chain, target } from '../../lib/chain/index.ts';

const loyalty = target('loyalty');
const mail = target('mail');

/*
 * Chains as somebody may write them, unlike the shipped ones: with a target that no stage knows yet, code between calls that needs a package, an input
 * that may hold more, an output that shows the input or none at all, limits of their own, and an older version that is kept.
 */

export const birthdaysV1 = chain('birthdays', {
  version: 1,
  start: '/api/birthday',
  input: z.object({ name: z.string(), email: z.email() }),
}).step('points', {
  request: ({ input }) => loyalty.post('/points', { email: input.email }),
  response: z.unknown(),
}).definition;

export const birthdays = chain('birthdays', {
  version: 2,
  start: '/api/celebrate',
  input: z.object({ name: z.string(), email: z.email(), note: z.string().optional() }),
  sensitive: ['note'],
})
  .step('points', {
    request: ({ input }) => loyalty.put('/points', { email: input.email }),
    response: z.object({ points: z.number() }),
    retries: 0,
    timeout: 840,
    batchSize: 10,
    concurrency: 2,
  })
  .step('text', {
    after: [],
    run: ({ input }) => `Happy birthday, ${input.name}: ${NumberValue.from('100').toString()} points for you`,
  })
  .step('mail', {
    after: ['points', 'text'],
    request: ({ input, results }) => mail.post('/messages', { email: input.email, text: results.text }),
    response: z.object({ messageId: z.string() }),
    backoff: { base: 5, cap: 3_600 },
  })
  .output(({ input, results }) => ({ name: input.name, points: results.points?.points ?? 0 }));
