import { expect, it } from 'vitest';
import { dataEnrichment } from '../../../functions/chains/data-enrichment.ts';
import { everyFault, testChain } from '../../../lib/testing/index.ts';

const input = { email: 'a@example.com', name: 'Ada' };
const targets = {
  crm: { 'POST /contacts': { contactId: 'c-1', company: 'Example' } },
  analytics: { 'POST /profiles': { profileId: 'p-1', segment: 'large' } },
  billing: { 'POST /customers': { customerId: 'b-1' } },
};

it('each system is asked with what the ones before returned', async () => {
  const run = await testChain(dataEnrichment, { input, targets });
  await run.until('completed');
  expect(run.workflow).toMatchObject({ company: 'Example', segment: 'large', customerId: 'b-1' });
  expect(run.calls.map(({ body }) => body)).toEqual([
    input,
    { contactId: 'c-1', company: 'Example' },
    { email: input.email, contactId: 'c-1', segment: 'large' },
  ]);
});

it('no system makes anything twice, whatever fails', async () => {
  await everyFault(dataEnrichment, { input, targets });
});
