import { expect, it } from 'vitest';
import { chains } from '../../functions/chains/index.ts';
import { registry } from '../../lib/chain/registry.ts';

/** Of each shipped chain: where it starts, and its steps with what they follow, their retries and their seconds. */
const SHIPPED = {
  'order-processing': [
    '/api/process-order',
    ['payment', [], 2, 30],
    ['shipment', ['payment'], 3, 30],
    ['confirmation', ['shipment'], 5, 15],
  ],
  'user-onboarding': [
    '/api/onboard-user',
    ['verify', [], 2, 30],
    ['provision', ['verify'], 2, 30],
    ['welcome', ['provision'], 5, 15],
  ],
  'data-enrichment': [
    '/api/enrich-customer',
    ['crm', [], 2, 30],
    ['analytics', ['crm'], 2, 30],
    ['billing', ['analytics'], 2, 30],
  ],
  notifications: ['/api/send-notifications', ['mail', [], 2, 30], ['sms', [], 2, 30], ['push', [], 2, 30]],
} as const;

it('the shipped chains start, follow, retry and end as they are documented', () => {
  const shown = registry(chains).current.map(({ name, start, steps }) => [
    name,
    [start, ...steps.map(({ name: step, after, retries, timeout }) => [step, after, retries, timeout])],
  ]);
  // Somebody may have added a chain of their own.
  expect(Object.fromEntries(shown)).toMatchObject(SHIPPED);
});

it('a card is sensitive, and a typing mistake in a request is refused', () => {
  const orders = registry(chains).byStart('/api/process-order');
  expect(orders?.sensitive).toEqual(['card']);
  for (const { input } of chains) expect(input.safeParse({ typo: 1 }).error?.message).toContain('typo');
});
