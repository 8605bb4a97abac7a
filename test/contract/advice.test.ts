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

/** What the request of a lookup can end in: it calls a target, and nothing else. */
const ASKED: ReadonlySet<StepError['code']> = new Set([
  ...(['CONNECTION_FAILED', 'CONNECTION_BROKEN', 'DEADLINE_EXCEEDED', 'TARGET_UNAVAILABLE'] as const),
  ...(['REFUSED', 'REDIRECTED', 'REPLY_INVALID', 'REPLY_TOO_LARGE', 'RESULT_TOO_LARGE'] as const),
  ...(['REQUEST_INVALID', 'TARGET_MISSING', 'SECRET_UNAVAILABLE', 'WORKER_DIED'] as const),
]);

describe('what to do next about an error of a step', () => {
  it.each(STEP_ERROR_CODES)('%s: whole sentences, the last of which says how the step goes on', (code) => {
    const failed = nextOf(errorOf(code), 'failed');
    expect(failed).toMatch(/^[A-Z].*[^.]\.$/);
    expect(failed).not.toContain('..');
    if (['KEY_EXPIRED', 'REQUEST_CHANGED', 'LOOKUP_UNKNOWN'].includes(code))
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
      const asksFor = ['KEY_EXPIRED', 'REQUEST_CHANGED', 'LOOKUP_UNKNOWN'].includes(code);
      expect(next.includes('newKey')).toBe(asksFor);
      // Only of a step whose undo nobody has called.
      expect(/"done"|"notDone"/.test(next)).toBe(code === 'LOOKUP_UNKNOWN');
    },
  );

  it('says of a step in doubt, which is not undone before that is known, each thing that a person can say', () => {
    expect(nextOf(errorOf('LOOKUP_UNKNOWN'), 'undo')).toBe(
      'Look at the target whether the call of the step has acted. Then resume and say so: { "done": <its result> }, and it is undone; { "notDone": true }, and nothing of it is; { "steps": { "<step>": { "undone": true } } } where you undid it by hand; or { "newKey": true }, and its undo is called without asking. A resume that says nothing asks the target again.',
    );
  });

  it.each(STEP_ERROR_CODES)(
    '%s of a lookup: whole sentences, which never say that the target has acted',
    (code) => {
      const [ended, again] = (['lookup', 'askedAgain'] as const).map((outlook) =>
        nextOf(errorOf(code, { effect: 'none' }), outlook),
      );
      expect(ended).toMatch(/^[A-Z].*[^.]\.$/);
      expect(again).toBe(`The target is asked again by itself. ${ended}`);
      if (ASKED.has(code))
        expect(ended).not.toMatch(
          /has probably acted|timeout of the step|request function of the step|run function/,
        );
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
