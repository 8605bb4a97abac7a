import type { StepErrorCode } from './names.ts';
import type { StepError } from './wire.ts';

/** Nothing but a person can find out whether a call has acted that cannot be repeated. */
const LOOK_AND_SAY =
  'Look at the target whether the call has acted. Then resume and say so: it is done, with its result; it is not done; or it shall be made again under a new key.';

/** What a person does about each error of a step. Whether the step is then tried again by itself is another sentence. */
export const ADVICE: Readonly<Record<StepErrorCode, string>> = {
  CONNECTION_FAILED: 'Check the target’s baseUrl, and that the target accepts connections.',
  CONNECTION_BROKEN: 'Check the target: it closed the connection before its reply was complete.',
  DEADLINE_EXCEEDED: 'Find out why it took so long, or raise the timeout of the step and deploy.',
  TARGET_UNAVAILABLE: 'Check the target: it answers that it cannot serve the call now.',
  REFUSED:
    'Read in its timeline what the target answered. Correct the step or the data at the target; where the input itself is wrong, start a new workflow.',
  REDIRECTED: 'Redirects are not followed. Write the address that the target redirects to into its baseUrl.',
  REPLY_INVALID:
    'The target has probably acted. Correct the response schema of the step, or the target, and deploy.',
  REPLY_TOO_LARGE: 'The target has probably acted. Ask it for fewer data.',
  RESULT_TOO_LARGE:
    'The target has probably acted. Declare fewer fields in the response schema of the step, and deploy.',
  REQUEST_INVALID: 'Correct the request function of the step, and deploy.',
  TARGET_MISSING: 'Correct the settings of the target, or its secret.',
  SECRET_UNAVAILABLE: 'Check the store of secrets: its availability, throttling and permissions.',
  RUN_FAILED: 'Correct the run function of the step, or what it calls, and deploy.',
  WORKER_DIED: 'Read the log of the step’s function: it ran out of memory or time, or it crashed.',
  NOT_TAKEN:
    'Check the step’s function: it is throttled, it fails as it starts, or it may not read its queue.',
  KEY_EXPIRED: LOOK_AND_SAY,
  REQUEST_CHANGED: `Deploy a request function that makes the same request again, without Date.now() or Math.random(), and resume. Or: ${LOOK_AND_SAY}`,
  PAST_PIVOT:
    'The pivot acted, or may have, before the workflow could be taken back, and beyond it there is only forward. Nothing was undone. Resume: it goes forward.',
  LOOKUP_UNKNOWN: LOOK_AND_SAY,
  EXPIRED: 'Start a new workflow: this one expires within a day and cannot be resumed.',
};

/** Their advice says how to resume, or that nobody can. */
const SAYS_ALL: readonly StepErrorCode[] = [
  'EXPIRED',
  'KEY_EXPIRED',
  'REQUEST_CHANGED',
  'PAST_PIVOT',
  'LOOKUP_UNKNOWN',
];

/** What is said of a step whose undo failed and was then done by hand. */
const BY_HAND = '{ "steps": { "<step>": { "undone": true } } }';

/** What is said of a step in doubt, which is not taken back before somebody knows whether it acted. */
const OF_A_DOUBT = [
  '{ "done": <its result> }, and it is undone',
  '{ "notDone": true }, and nothing of it is',
  `${BY_HAND} where you undid it by hand`,
  'or { "newKey": true }, and its undo is called without asking',
].join('; ');

/** What a person does about an undo that failed. */
function nextOfUndo({ code, effect, noKey, next = ADVICE[code] }: StepError): string {
  if (code === 'EXPIRED')
    return 'Undo by hand what stands: the workflow expires within a day, and nothing of it is called any more. Then close it: cancel, with a reason.';
  if (code === 'PAST_PIVOT') return `${next} Do by hand what is left, then close it: cancel, with a reason.`;
  if (code === 'LOOKUP_UNKNOWN')
    return `Look at the target whether the call of the step has acted. Then resume and say so: ${OF_A_DOUBT}. A resume that says nothing asks the target again.`;
  const mayHaveActed =
    code === 'KEY_EXPIRED' || code === 'REQUEST_CHANGED' || (noKey && effect === 'unknown');
  if (mayHaveActed) {
    const first = SAYS_ALL.includes(code) ? '' : `${next} `;
    return `${first}Look at the target whether the undo has acted. Then resume and say so: ${BY_HAND}; or { "newKey": true } to call it again at your own risk.`;
  }
  const advice =
    code === 'REFUSED'
      ? 'Read in its timeline what the target answered. Correct the undo or the data at the target.'
      : next.replaceAll('of the step.', 'of the undo.').replaceAll('of the step,', 'of the undo,');
  return `${advice} Then resume: the undo is called again${effect === 'none' ? '' : ' with the same idempotency key'}. Or undo it by hand, and resume with ${BY_HAND}.`;
}

/** A lookup does nothing but ask. */
const OF_A_LOOKUP: Partial<Readonly<Record<StepErrorCode, string>>> = {
  DEADLINE_EXCEEDED: 'Find out why it took so long, or raise the timeout of the lookup and deploy.',
  REFUSED:
    'Read in its timeline what the target answered. Correct the lookup, or what it may read at the target.',
  REPLY_INVALID: 'Correct the reply function of the lookup, or the response schema of the step, and deploy.',
  REPLY_TOO_LARGE: 'Ask the target for fewer data.',
  RESULT_TOO_LARGE: 'Declare fewer fields in the response schema of the step, and deploy.',
  REQUEST_INVALID: 'Correct the request function of the lookup, and deploy.',
};

/**
 * What the reader of an error can do next.
 * @param outlook what becomes of the step without a person: it is tried again, or it stays failed until a resume, or the workflow
 * was closed, or is taken back; `undo`: it is the error of an undo, which stays failed until a resume; `lookup`, `askedAgain`: it is that of a lookup, which
 * has ended, or goes on
 * @example
 * nextOf({ code: 'TARGET_UNAVAILABLE', message: 'busy', effect: 'unknown' }, 'failed')
 * // 'Check the target: it answers that it cannot serve the call now. Then resume: the call is repeated with the same idempotency key.'
 */
export function nextOf(
  error: StepError,
  outlook: 'retrying' | 'failed' | 'closed' | 'takenBack' | 'undoFailed' | 'undo' | 'lookup' | 'askedAgain',
): string {
  const { code, effect, safeUntil, noKey, next = ADVICE[code] } = error;
  if (outlook === 'closed') return 'Nothing: the workflow was cancelled after it had failed.';
  if (outlook === 'takenBack') return 'Nothing: what was done is taken back. See undo.';
  if (outlook === 'undoFailed') return 'Nothing by itself: an undo failed. See undoError.';
  if (outlook === 'undo') return nextOfUndo(error);
  if (outlook === 'lookup' || outlook === 'askedAgain') {
    const advice = error.next ?? OF_A_LOOKUP[code] ?? ADVICE[code];
    return outlook === 'lookup' ? advice : `The target is asked again by itself. ${advice}`;
  }
  if (SAYS_ALL.includes(code)) return next;
  if (outlook === 'retrying') return `The step is tried again by itself. ${next}`;
  if (effect === 'none') return `${next} Then resume.`;
  if (noKey) return `${next} ${LOOK_AND_SAY}`;
  const until = safeUntil === undefined ? '' : ` before ${safeUntil}`;
  return `${next} Then resume${until}: the call is repeated with the same idempotency key.`;
}
