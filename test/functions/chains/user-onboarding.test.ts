import { expect, it } from 'vitest';
import { userOnboarding } from '../../../functions/chains/user-onboarding.ts';
import { everyFault, testChain } from '../../../lib/testing/index.ts';

const input = { name: 'Ada', email: 'a@example.com' };
const targets = {
  identity: { 'POST /verifications': { verificationId: 'v-1', verified: true } },
  accounts: { 'POST /accounts': { accountId: 'a-1' } },
  mail: { 'POST /messages': { messageId: 'm-1' } },
};

it('someone who could not be verified gets no account', async () => {
  const identity = { 'POST /verifications': { verificationId: 'v-1', verified: false } };
  const run = await testChain(userOnboarding, { input, targets: { ...targets, identity } });
  await run.until('failed');
  expect(run.workflow).toMatchObject({ error: { step: 'verify', code: 'REPLY_INVALID' }, accountId: null });
  expect(run.calls.map(({ target }) => target)).toEqual(['identity']);
});

it('everyone else gets one, and one mail', async () => {
  const run = await testChain(userOnboarding, { input, targets });
  expect(await run.until('completed')).toMatchObject({ accountId: 'a-1' });
  expect(run.calls[1]?.body).toEqual({ ...input, verificationId: 'v-1' });
  expect(run.calls[2]?.body).toEqual({ email: input.email, template: 'welcome', accountId: 'a-1' });
  await everyFault(userOnboarding, { input, targets });
});
