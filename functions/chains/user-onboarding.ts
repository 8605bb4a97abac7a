import * as z from 'zod';
import { chain, target } from '../../lib/chain/index.ts';

const identity = target('identity');
const accounts = target('accounts');
const mail = target('mail');

/**
 * Verifies who someone is, provisions an account, and welcomes them by mail. Where one of them fails for good the account is deleted: nobody is left
 * with one that nobody told them of.
 */
export const userOnboarding = chain('user-onboarding', {
  version: 1,
  start: '/api/onboard-user',
  input: z.strictObject({ name: z.string().min(1), email: z.email() }),
  onFailure: 'undo',
})
  .step('verify', {
    request: ({ input }) => identity.post('/verifications', { name: input.name, email: input.email }),
    // Someone who could not be verified gets no account: any other reply fails the step.
    response: z.object({ verificationId: z.string(), verified: z.literal(true) }),
  })
  .step('provision', {
    request: ({ input, results }) =>
      accounts.post('/accounts', {
        name: input.name,
        email: input.email,
        verificationId: results.verify.verificationId,
      }),
    response: z.object({ accountId: z.string() }),
    undo: {
      request: ({ undone }) =>
        accounts.delete('/accounts', {
          query: { accountId: undone.result?.accountId, accountKey: undone.idempotencyKey },
        }),
    },
  })
  .step('welcome', {
    request: ({ input, results }) =>
      mail.post('/messages', {
        email: input.email,
        template: 'welcome',
        accountId: results.provision.accountId,
      }),
    response: z.object({ messageId: z.string() }),
    retries: 5,
    timeout: 15,
  })
  .output(({ results }) => ({ accountId: results.provision?.accountId ?? null }));
