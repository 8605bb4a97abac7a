import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { chains } from '../../functions/chains/index.ts';
import { chain, DefinitionError } from '../../lib/chain/index.ts';
import { registry } from '../../lib/chain/registry.ts';

const made = (name: string, version: number, start = `/api/${name}`) =>
  chain(name, { version, start, input: z.object({}) }).step('only', { run: () => null }).definition;

describe('a registry', () => {
  it('finds each version, and starts the newest wherever it stands in the list', () => {
    const [one, three, two] = [made('a', 1), made('a', 3), made('a', 2)];
    const known = registry([one, three, two]);
    expect([known.find('a', 1), known.find('a', 2), known.find('a', 3)]).toEqual([one, two, three]);
    expect(known.current).toEqual([three]);
    expect(known.byStart('/api/a')).toBe(three);
    expect(known.names).toEqual(['a']);
  });

  it('knows nothing of other names, versions and paths', () => {
    const known = registry([made('a', 1)]);
    expect([known.find('a', 2), known.find('b', 1), known.byStart('/api/b')]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(known.byStart('constructor')).toBeUndefined();
  });

  it('no longer starts an older version at a path that the newest left', () => {
    const known = registry([made('a', 1, '/api/old'), made('a', 2, '/api/new')]);
    expect(known.byStart('/api/old')).toBeUndefined();
    expect(known.byStart('/api/new')?.version).toBe(2);
  });

  it('lets another chain have the path that only an older version had', () => {
    const known = registry([made('a', 1, '/api/x'), made('a', 2), made('b', 1, '/api/x')]);
    expect(known.byStart('/api/x')?.name).toBe('b');
  });

  it('refuses a version that is given twice', () => {
    expect(() => registry([made('a', 4), made('a', 4)])).toThrow(
      'Chain "a": version 4 is listed twice. List it once. If the chain has changed, make the new definition version 5.',
    );
  });

  it('refuses two chains that start at one path', () => {
    expect(() => registry([made('a', 1, '/api/x'), made('b', 1, '/api/x')])).toThrow(
      'Chain "b": start is "/api/x", which starts the chain "a" already. Give one of them another path, such as "/api/b".',
    );
  });

  it('refuses a chain without steps', () => {
    const empty = { ...made('a', 1), steps: [] };
    expect(() => registry([empty])).toThrow(DefinitionError);
    expect(() => registry([empty])).toThrow(
      'Chain "a": it has no steps. Add at least one: .step(\'payment\'',
    );
  });
});

describe('the shipped chains', () => {
  const known = registry(chains);
  const step = (of: string, name: string) => known.find(of, 1)?.steps.find((one) => one.name === name);
  const shape = (of: string) =>
    known.find(of, 1)?.steps.map(({ name, after, retries, timeout }) => [name, after, retries, timeout]);

  it('start at their own paths', () => {
    expect(known.current.map(({ name, start }) => [name, start])).toEqual([
      ['order-processing', '/api/process-order'],
      ['user-onboarding', '/api/onboard-user'],
      ['data-enrichment', '/api/enrich-customer'],
      ['notifications', '/api/send-notifications'],
    ]);
  });

  it('charge, ship and confirm an order, one after another', () => {
    expect(shape('order-processing')).toEqual([
      ['payment', [], 2, 30],
      ['shipment', ['payment'], 3, 30],
      ['confirmation', ['shipment'], 5, 15],
    ]);
    expect(known.find('order-processing', 1)?.sensitive).toEqual(['card']);
    const input = { card: '4242', amount: 5, address: 'Main St 1', email: 'a@example.com' };
    const results = { payment: { orderId: 'o1' }, shipment: { trackingId: 't1' } };
    const ask = (name: string) => step('order-processing', name)?.request?.({ input, results });
    expect(ask('payment')).toMatchObject({
      target: 'payments',
      path: '/charges',
      body: { card: '4242', amount: 5 },
    });
    expect(ask('shipment')).toMatchObject({
      path: '/shipments',
      body: { orderId: 'o1', address: 'Main St 1' },
    });
    expect(ask('confirmation')).toMatchObject({
      target: 'mail',
      path: '/messages',
      body: { email: 'a@example.com', trackingId: 't1' },
    });
  });

  it('give no account to someone who could not be verified', () => {
    const { response } = step('user-onboarding', 'verify') ?? {};
    expect(response?.safeParse({ verificationId: 'v', verified: true }).success).toBe(true);
    expect(response?.safeParse({ verificationId: 'v', verified: false }).success).toBe(false);
  });

  it('ask the CRM, then analytics, then billing', () => {
    expect(shape('data-enrichment')?.map(([name, after]) => [name, after])).toEqual([
      ['crm', []],
      ['analytics', ['crm']],
      ['billing', ['analytics']],
    ]);
  });

  it('send mail, SMS and push in no order', () => {
    expect(shape('notifications')?.map(([name, after]) => [name, after])).toEqual([
      ['mail', []],
      ['sms', []],
      ['push', []],
    ]);
  });

  it.each(chains.map((one) => [one.name, one] as const))(
    '%s shows null for all that is not known yet',
    (_, one) => {
      const shown = Object.values(one.output?.({ input: {}, results: {} }) ?? {});
      expect(shown.length).toBeGreaterThan(0);
      expect(new Set(shown)).toEqual(new Set([null]));
    },
  );

  it.each(chains.map((one) => [one.name, one] as const))(
    '%s answers a field that it does not know',
    (_, one) => {
      const issues = one.input.safeParse({ unknownField: 1 }).error?.issues ?? [];
      expect(issues.map(({ code }) => code)).toContain('unrecognized_keys');
    },
  );
});
