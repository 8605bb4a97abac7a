import { describe, expect, it } from 'vitest';
import { dataEnrichment } from '../../../functions/chains/data-enrichment.ts';
import { notifications } from '../../../functions/chains/notifications.ts';
import { orderProcessing } from '../../../functions/chains/order-processing.ts';
import { userOnboarding } from '../../../functions/chains/user-onboarding.ts';
import { backoffMs } from '../../../lib/engine/retry.ts';

const order = { card: '4242', amount: 5, address: 'Main St 1', email: 'a@example.com' };
const person = { name: 'Ada', email: 'a@example.com' };
const text = { email: 'a@example.com', phone: '+14155550123', device: 'd-1', text: 'hello' };

describe.each([
  { chain: orderProcessing, start: '/api/process-order', input: order, wrong: { amount: 0 } },
  { chain: userOnboarding, start: '/api/onboard-user', input: person, wrong: { name: '' } },
  { chain: dataEnrichment, start: '/api/enrich-customer', input: person, wrong: { email: 'Ada' } },
  { chain: notifications, start: '/api/send-notifications', input: text, wrong: { phone: '0123' } },
])('$chain.name', ({ chain, start, input, wrong }) => {
  it('starts at its path, with an input that has no field which it does not know', () => {
    expect(chain.start).toBe(start);
    expect(chain.input.safeParse(input).success).toBe(true);
    expect(chain.input.safeParse({ ...input, ...wrong }).success).toBe(false);
    expect(chain.input.safeParse({ ...input, typo: 1 }).error?.message).toContain('typo');
  });
});

describe('the order chain', () => {
  it('waits for more than a minute at each step before it gives up, however chance falls', () => {
    for (const { name, retries, backoff } of orderProcessing.steps) {
      const draw = { fraction: 0, granularityMs: 1 };
      const waits = Array.from({ length: retries }, (_, retry) => backoffMs(backoff, retry + 1, draw));
      expect(
        waits.reduce((sum, wait) => sum + wait, 0),
        name,
      ).toBeGreaterThan(60_000);
    }
  });

  it('masks the card', () => {
    expect(orderProcessing.sensitive).toEqual(['card']);
  });
});
