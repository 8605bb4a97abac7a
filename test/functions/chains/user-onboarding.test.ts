import { describe, expect, it } from 'vitest';
import { userOnboarding } from '../../../functions/chains/user-onboarding.ts';
import { callsOf, shapeOf, shownBy } from './calls.ts';

const input = { name: 'Ada', email: 'a@example.com' };
const results = { verify: { verificationId: 'v1', verified: true }, provision: { accountId: 'a1' } };

describe('the onboarding chain', () => {
  it('verifies, provisions and welcomes, one after another', () => {
    expect(shapeOf(userOnboarding)).toEqual([
      '/api/onboard-user',
      ['verify', [], 5, 30],
      ['provision', ['verify'], 5, 30],
      ['welcome', ['provision'], 5, 15],
    ]);
  });

  it('hands on what it was given, and what the steps before returned', () => {
    expect(callsOf(userOnboarding, { input, results })).toEqual([
      { target: 'identity', method: 'POST', path: '/verifications', body: input },
      { target: 'accounts', method: 'POST', path: '/accounts', body: { ...input, verificationId: 'v1' } },
      {
        target: 'mail',
        method: 'POST',
        path: '/messages',
        body: { email: 'a@example.com', template: 'welcome', accountId: 'a1' },
      },
    ]);
  });

  it('gives no account to someone who could not be verified', () => {
    const [verify] = userOnboarding.steps;
    expect(verify?.response?.safeParse({ verificationId: 'v', verified: true }).success).toBe(true);
    expect(verify?.response?.safeParse({ verificationId: 'v', verified: false }).success).toBe(false);
  });

  it('takes a name and an address, and refuses a field that it does not know', () => {
    expect(userOnboarding.input.safeParse(input).success).toBe(true);
    expect(userOnboarding.input.safeParse({ ...input, typo: 1 }).error?.message).toContain('typo');
  });

  it('shows the account, and null until there is one', () => {
    expect(shownBy(userOnboarding)).toEqual({ accountId: null });
    expect(shownBy(userOnboarding, results)).toEqual({ accountId: 'a1' });
  });
});
