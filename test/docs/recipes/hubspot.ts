import * as z from 'zod';
import { chain, target } from '../../../lib/chain/index.ts';

const hubspot = target('hubspot');
const exists = z.object({ message: z.string().regex(/Existing ID: \d+/) });

export const hubspotContact = chain('hubspot-contact', {
  version: 1,
  start: '/api/hubspot-contact',
  input: z.strictObject({ email: z.email(), firstname: z.string() }),
}).step('contact', {
  request: ({ input }) => hubspot.post('/crm/v3/objects/contacts', { properties: input }),
  // One email, one contact: a repeat is answered 409, with the id of the one that is there. So it needs no key.
  reply: ({ status, body }, next) => {
    const known = status === 409 ? exists.safeParse(body).data : undefined;
    return known === undefined ? next() : { id: known.message.replace(/^.*Existing ID: (\d+).*$/s, '$1') };
  },
  response: z.object({ id: z.string() }),
}).definition;

export const targets = {
  hubspot: {
    baseUrl: 'https://api.hubapi.com',
    secret: { store: 'secrets-manager', name: 'hubspot', header: 'authorization', prefix: 'Bearer ' },
  },
} as const;
