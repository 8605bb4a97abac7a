import { describe, expect, it } from 'vitest';
import { notifications } from '../../../functions/chains/notifications.ts';
import { callsOf, shapeOf, shownBy } from './calls.ts';

const input = { email: 'a@example.com', phone: '+14155550123', device: 'd1', text: 'hello' };

describe('the notification chain', () => {
  it('sends mail, SMS and push in no order: none waits for another', () => {
    expect(shapeOf(notifications)).toEqual([
      '/api/send-notifications',
      ['mail', [], 5, 30],
      ['sms', [], 5, 30],
      ['push', [], 5, 30],
    ]);
  });

  it('sends the same text three ways', () => {
    expect(callsOf(notifications, { input, results: {} })).toEqual([
      { target: 'mail', method: 'POST', path: '/messages', body: { email: input.email, text: 'hello' } },
      { target: 'sms', method: 'POST', path: '/texts', body: { phone: input.phone, text: 'hello' } },
      { target: 'push', method: 'POST', path: '/pushes', body: { device: 'd1', text: 'hello' } },
    ]);
  });

  it('takes a text with where it goes, and refuses a phone number that is none and a field that it does not know', () => {
    expect(notifications.input.safeParse(input).success).toBe(true);
    expect(notifications.input.safeParse({ ...input, phone: '0123' }).success).toBe(false);
    expect(notifications.input.safeParse({ ...input, typo: 1 }).error?.message).toContain('typo');
  });

  it('shows what was sent, and null for what is not, whichever way was first', () => {
    expect(shownBy(notifications)).toEqual({ messageId: null, textId: null, pushId: null });
    expect(shownBy(notifications, { push: { pushId: 'p1' } })).toEqual({
      messageId: null,
      textId: null,
      pushId: 'p1',
    });
  });
});
