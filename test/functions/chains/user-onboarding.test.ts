import { expect, it } from 'vitest';
import { userOnboarding } from '../../../functions/chains/user-onboarding.ts';
import { answer, everyFault, testChain } from '../../../lib/testing/index.ts';

const input = { name: 'Ada', email: 'a@example.com' };
const targets = {
  identity: { 'POST /verifications': { verificationId: 'v-1', verified: true } },
  accounts: { 'POST /accounts': { accountId: 'a-1' }, 'DELETE /accounts': answer(204) },
  mail: { 'POST /messages': { messageId: 'm-1' } },
};

it('someone who could not be verified gets no account', async () => {
  const identity = { 'POST /verifications': { verificationId: 'v-1', verified: false } };
  const run = await testChain(userOnboarding, { input, targets: { ...targets, identity } });
  await run.until('compensated');
  expect(run.calls).toHaveLength(1);
});

it('someone who cannot be welcomed keeps none', async () => {
  const run = await testChain(userOnboarding, { input, targets: { ...targets, mail: () => answer(422) } });
  await run.until('compensated');
  expect(run.calls[2]?.body).toEqual({ email: input.email, template: 'welcome', accountId: 'a-1' });
  expect(run.calls[3]).toMatchObject({ method: 'DELETE', query: { accountId: 'a-1' } });
});

it('everyone else gets one account and one mail, whatever fails', async () => {
  await everyFault(userOnboarding, { input, targets });
});
