import { describe, expect, it } from 'vitest';
import { dataEnrichment } from '../../../functions/chains/data-enrichment.ts';
import { callsOf, shapeOf, shownBy } from './calls.ts';

const input = { email: 'a@example.com', name: 'Ada' };
const results = {
  crm: { contactId: 'c1', company: 'Example' },
  analytics: { profileId: 'p1', segment: 'large' },
  billing: { customerId: 'b1' },
};

describe('the enrichment chain', () => {
  it('asks the CRM, then analytics, then billing', () => {
    expect(shapeOf(dataEnrichment)).toEqual([
      '/api/enrich-customer',
      ['crm', [], 5, 30],
      ['analytics', ['crm'], 5, 30],
      ['billing', ['analytics'], 5, 30],
    ]);
  });

  it('hands on what it was given, and what the steps before returned', () => {
    expect(callsOf(dataEnrichment, { input, results })).toEqual([
      { target: 'crm', method: 'POST', path: '/contacts', body: input },
      {
        target: 'analytics',
        method: 'POST',
        path: '/profiles',
        body: { contactId: 'c1', company: 'Example' },
      },
      {
        target: 'billing',
        method: 'POST',
        path: '/customers',
        body: { email: 'a@example.com', contactId: 'c1', segment: 'large' },
      },
    ]);
  });

  it('takes an address and a name, and refuses a field that it does not know', () => {
    expect(dataEnrichment.input.safeParse(input).success).toBe(true);
    expect(dataEnrichment.input.safeParse({ ...input, typo: 1 }).error?.message).toContain('typo');
  });

  it('shows what it found, and null for what is not known yet', () => {
    const nothing = { contactId: null, company: null, segment: null, customerId: null };
    expect(shownBy(dataEnrichment)).toEqual(nothing);
    expect(shownBy(dataEnrichment, { crm: results.crm })).toEqual({ ...nothing, ...results.crm });
    expect(shownBy(dataEnrichment, results)).toEqual({
      ...results.crm,
      segment: 'large',
      customerId: 'b1',
    });
  });
});
