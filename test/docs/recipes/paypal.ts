import * as z from 'zod';
import { chain, path, target } from '../../../lib/chain/index.ts';

const paypal = target('paypal', { idempotency: { header: 'paypal-request-id', lifetime: 21_600 } });

export const paypalCapture = chain('paypal-capture', {
  version: 1,
  start: '/api/paypal-capture',
  input: z.strictObject({ paypalOrder: z.string() }),
}).step('capture', {
  request: ({ input }) => paypal.post(path`/v2/checkout/orders/${input.paypalOrder}/capture`, {}),
  response: z.object({ id: z.string(), status: z.string() }),
}).definition;

export const targets = {
  paypal: {
    baseUrl: 'https://api-m.paypal.com',
    auth: {
      ...{ type: 'oauth2', tokenUrl: 'https://api-m.paypal.com/v1/oauth2/token' },
      clientId: { store: 'secrets-manager', name: 'paypal', field: 'id' },
      clientSecret: { store: 'secrets-manager', name: 'paypal', field: 'secret' },
    },
  },
} as const;
