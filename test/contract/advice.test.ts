import { describe, expect, it } from 'vitest';
import { nextOf } from '../../lib/contract/advice.ts';
import { STEP_ERROR_CODES } from '../../lib/contract/names.ts';
import type { StepError } from '../../lib/contract/wire.ts';

const errorOf = (code: StepError['code'], more: Partial<StepError> = {}): StepError => ({
  code,
  message: '',
  effect: 'unknown',
  ...more,
});

describe('what to do next about an error of a step', () => {
  it.each(STEP_ERROR_CODES)('%s: whole sentences, the last of which says how the step goes on', (code) => {
    const failed = nextOf(errorOf(code), 'failed');
    expect(failed).toMatch(/^[A-Z].*[^.]\.$/);
    expect(failed).not.toContain('..');
    if (code === 'KEY_EXPIRED' || code === 'REQUEST_CHANGED')
      expect(failed).toContain('Then resume and say so');
    else if (code === 'EXPIRED') expect(failed).toContain('Start a new workflow');
    else expect(failed).toMatch(/ Then resume: the call is repeated with the same idempotency key\.$/);
  });

  it('says until when a resume is safe, where the target may forget the key', () => {
    const safeUntil = '2026-09-22T16:50:04.123Z';
    expect(nextOf(errorOf('DEADLINE_EXCEEDED', { safeUntil }), 'failed')).toContain(
      ` Then resume before ${safeUntil}: the call is repeated with the same idempotency key.`,
    );
  });

  it('asks what became of a call that cannot be repeated, as its target takes no key', () => {
    const next = nextOf(errorOf('DEADLINE_EXCEEDED', { noKey: true }), 'failed');
    expect(next).toContain('raise the timeout of the step and deploy. Look at the target whether the call');
    expect(next).not.toContain('the same idempotency key');
  });

  it('tells that the key is the same only where the call may have had an effect', () => {
    expect(nextOf(errorOf('REFUSED', { effect: 'none' }), 'failed')).toMatch(/ Then resume\.$/);
  });

  it('asks for no resume while the step is tried again by itself', () => {
    const next = nextOf(errorOf('TARGET_UNAVAILABLE'), 'retrying');
    expect(next).toBe(
      'The step is tried again by itself. Check the target: it answers that it cannot serve the call now.',
    );
  });

  it('takes what the error itself knows before what its code says', () => {
    const next = "Write targets: ['mail', 'crm'] in the step, and deploy.";
    expect(nextOf(errorOf('TARGET_MISSING', { effect: 'none', next }), 'failed')).toBe(
      `${next} Then resume.`,
    );
  });
});
