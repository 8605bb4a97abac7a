import * as z from 'zod';
import { chain, target } from '../../lib/chain/index.ts';

const crm = target('crm');
const analytics = target('analytics');
const billing = target('billing');

/** Makes a contact, then its analytics profile, then its billing customer, each with what the ones before returned. */
export const dataEnrichment = chain('data-enrichment', {
  version: 1,
  start: '/api/enrich-customer',
  input: z.strictObject({ email: z.email(), name: z.string().min(1) }),
})
  .step('crm', {
    request: ({ input }) => crm.post('/contacts', { email: input.email, name: input.name }),
    response: z.object({ contactId: z.string(), company: z.string() }),
  })
  .step('analytics', {
    request: ({ results }) =>
      analytics.post('/profiles', { contactId: results.crm.contactId, company: results.crm.company }),
    response: z.object({ profileId: z.string(), segment: z.string() }),
  })
  .step('billing', {
    request: ({ input, results }) =>
      billing.post('/customers', {
        email: input.email,
        contactId: results.crm.contactId,
        segment: results.analytics.segment,
      }),
    response: z.object({ customerId: z.string() }),
  })
  .output(({ results }) => ({
    contactId: results.crm?.contactId ?? null,
    company: results.crm?.company ?? null,
    segment: results.analytics?.segment ?? null,
    customerId: results.billing?.customerId ?? null,
  }));
