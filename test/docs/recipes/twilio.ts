import * as z from 'zod';
import { chain, form, target } from '../../../lib/chain/index.ts';

const twilio = target('twilio', { idempotency: 'none' });

export const twilioMessage = chain('twilio-message', {
  version: 1,
  start: '/api/twilio-message',
  input: z.strictObject({ phone: z.string(), message: z.string() }),
}).step('sms', {
  // {account} is filled in by the settings of the target.
  request: ({ input }) =>
    twilio.post(
      '/2010-04-01/Accounts/{account}/Messages.json',
      form({ To: input.phone, From: '+15005550006', Body: input.message }),
    ),
  response: z.object({ sid: z.string(), status: z.string() }),
}).definition;

export const targets = {
  twilio: {
    baseUrl: 'https://api.twilio.com',
    secrets: [{ store: 'ssm', name: '/twilio/account', path: 'account' }],
    auth: {
      type: 'basic',
      user: { store: 'ssm', name: '/twilio/account' },
      password: { store: 'ssm', name: '/twilio/token' },
    },
  },
} as const;
