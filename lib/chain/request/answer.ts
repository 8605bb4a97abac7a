import type { LookupAnswer } from '../../contract/names.ts';

/** What a lookup's `reply` makes of a reply: `done`, `notDone` and `unknown` make it. */
export class Answer {
  readonly is: LookupAnswer;
  /** What the step would have stored; only of `done`. */
  readonly result: unknown;

  constructor(is: LookupAnswer, result?: unknown) {
    this.is = is;
    this.result = result;
  }
}

/**
 * The call took effect: the step is completed, and its `response` schema checks the result as it would have checked the reply.
 * @example reply: ({ status, body }) => (status === 404 ? notDone() : done(body))
 */
export const done = (result?: unknown): Answer => new Answer('done', result);

/** The call surely took no effect, and never will. It counts where it is asked late enough; else the target is asked again then. */
export const notDone = (): Answer => new Answer('notDone');

/** The target cannot tell: a person has to look. */
export const unknown = (): Answer => new Answer('unknown');
