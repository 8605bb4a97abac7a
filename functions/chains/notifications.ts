import * as z from 'zod';
import { chain, target } from '../../lib/chain/index.ts';

const mail = target('mail');
const sms = target('sms');
const push = target('push');

/** Sends one text three ways at once. None waits for another, and one that fails stops none that has begun. */
export const notifications = chain('notifications', {
  version: 1,
  start: '/api/send-notifications',
  input: z.strictObject({
    email: z.email(),
    phone: z.e164(),
    device: z.string().min(1),
    text: z.string().min(1).max(1_000),
  }),
})
  .step('mail', {
    after: [],
    request: ({ input }) => mail.post('/messages', { email: input.email, text: input.text }),
    response: z.object({ messageId: z.string() }),
  })
  .step('sms', {
    after: [],
    request: ({ input }) => sms.post('/texts', { phone: input.phone, text: input.text }),
    response: z.object({ textId: z.string() }),
  })
  .step('push', {
    after: [],
    request: ({ input }) => push.post('/pushes', { device: input.device, text: input.text }),
    response: z.object({ pushId: z.string() }),
  })
  .output(({ results }) => ({
    messageId: results.mail?.messageId ?? null,
    textId: results.sms?.textId ?? null,
    pushId: results.push?.pushId ?? null,
  }));
