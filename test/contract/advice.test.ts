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
    else if (code === 'PAST_PIVOT') expect(failed).toMatch(/ Resume: it goes forward\.$/);
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

  it.each(STEP_ERROR_CODES)(
    '%s of an undo: whole sentences, and what a person can do that is not refused',
    (code) => {
      const next = nextOf(errorOf(code), 'undo');
      expect(next).toMatch(/^[A-Z].*[^.]\.$/);
      expect(next).not.toContain('..');
      // These two are not resumed: nothing is called on a last day, and beyond a pivot nothing is undone.
      const closes = code === 'EXPIRED' || code === 'PAST_PIVOT';
      expect(next.includes('close it: cancel')).toBe(closes);
      expect(next.includes('resume')).toBe(!closes);
      expect(next.includes('{ "steps": { "<step>": { "undone": true } } }')).toBe(!closes);
      // Of an undo nobody can say `done` or `notDone`.
      expect(next).not.toMatch(/it is not done|with its result/);
      expect(next.includes('newKey')).toBe(code === 'KEY_EXPIRED' || code === 'REQUEST_CHANGED');
    },
  );

  it('asks whether an undo has acted that cannot be repeated, as its target takes no key', () => {
    const next = nextOf(errorOf('DEADLINE_EXCEEDED', { noKey: true }), 'undo');
    expect(next).toContain(
      'deploy. Look at the target whether the undo has acted. Then resume and say so: {',
    );
    expect(nextOf(errorOf('REFUSED', { noKey: true, effect: 'none' }), 'undo')).toContain(
      'Then resume: the undo is called again. Or undo it by hand',
    );
  });

  it('says that there is nothing to do where the workflow is taken back by itself', () => {
    expect(nextOf(errorOf('REFUSED'), 'takenBack')).toBe('Nothing: what was done is taken back. See undo.');
  });

  it('takes what the error itself knows before what its code says', () => {
    const next = "Write targets: ['mail', 'crm'] in the step, and deploy.";
    expect(nextOf(errorOf('TARGET_MISSING', { effect: 'none', next }), 'failed')).toBe(
      `${next} Then resume.`,
    );
  });
});

describe('what to do next about an error of an undo', () => {
  it.each(STEP_ERROR_CODES)('%s: says nothing that a compensation refuses', (code) => {
    for (const effect of ['none', 'unknown'] as const) {
      const next = nextOf({ code, message: 'm', effect }, 'undo');
      expect(next).toMatch(/^[A-Z].*\.$/);
      expect(next).not.toMatch(/it is done|not done|start a new workflow|function of the step[.,]/i);
      if (code === 'EXPIRED') expect(next).not.toContain('resume');
      else if (code !== 'PAST_PIVOT') expect(next).toContain('"undone": true');
    }
  });

  it('says no word of the same key where there is none, or where it cannot be used', () => {
    for (const error of [
      { code: 'DEADLINE_EXCEEDED', message: 'm', effect: 'unknown', noKey: true },
      { code: 'KEY_EXPIRED', message: 'm', effect: 'unknown' },
      { code: 'REQUEST_CHANGED', message: 'm', effect: 'unknown' },
    ] as const) {
      expect(nextOf(error, 'undo')).toContain('"newKey": true');
      expect(nextOf(error, 'undo')).not.toContain('same idempotency key');
    }
  });
});
