import * as z from 'zod';
import { chain, target } from '../../lib/chain/index.ts';

const identity = target('identity');
const accounts = target('accounts');
const mail = target('mail');

/** Verifies who someone is, provisions an account, and welcomes them by mail. */
export const userOnboarding = chain('user-onboarding', {
  version: 1,
  start: '/api/onboard-user',
  input: z.strictObject({ name: z.string().min(1), email: z.email() }),
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
