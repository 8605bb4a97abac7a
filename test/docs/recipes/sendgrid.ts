import * as z from 'zod';
import { chain, target } from '../../../lib/chain/index.ts';

const sendgrid = target('sendgrid', { idempotency: 'none' });

export const sendgridMail = chain('sendgrid-mail', {
  version: 1,
  start: '/api/sendgrid-mail',
  input: z.strictObject({ email: z.email(), subject: z.string().regex(/^[^\r\n]+$/), body: z.string() }),
}).step('mail', {
  request: ({ input }) =>
    sendgrid.post('/v3/mail/send', {
      personalizations: [{ to: [{ email: input.email }] }],
      from: { email: 'shop@example.com' },
      subject: input.subject,
      content: [{ type: 'text/plain', value: input.body }],
    }),
  // 202 without a body: the id is in a header. next() fails the step where the status says no.
  reply: ({ headers }, next) => next() ?? { messageId: headers['x-message-id'] },
  response: z.object({ messageId: z.string() }),
}).definition;

export const targets = {
  sendgrid: {
    baseUrl: 'https://api.sendgrid.com',
    secret: { store: 'secrets-manager', name: 'sendgrid', header: 'authorization', prefix: 'Bearer ' },
  },
} as const;
