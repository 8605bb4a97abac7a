import type { StepDefinition } from '../../chain/definition.ts';
import { Answer } from '../../chain/request/answer.ts';
import type { LookupAnswer } from '../../contract/names.ts';
import { type Ending, fitting, heardIn, jsonOf } from '../calling/judge.ts';
import { type Failed, failed } from '../calling/types.ts';
import { excerpt } from '../mask.ts';
import type { Failure } from '../outcome.ts';
import { bodyOf } from '../reply/meaning.ts';
import { saidBy } from '../reply/said.ts';
import { type Parsed, parseValue } from '../result.ts';
import { namedIn, quotable } from '../sensitive/reply.ts';

/** What a lookup found out; with `done` what the step would have stored. */
export interface Found {
  readonly ok: true;
  readonly answer: LookupAnswer;
  readonly result?: unknown;
}

/** What the lookup of `step` makes of how its call ended. */
export const judgeFor =
  (step: StepDefinition) =>
  (ending: Ending): Found | Failed | Promise<Found | Failed> => {
    const { target, secrets } = ending;
    const unread = unreadIn(ending);
    const heard = unread === undefined ? heardIn(ending) : { failure: unread };
    if ('failure' in heard) {
      // What is to be done is said of the lookup, and not of the step.
      const { next: _, ...failure } = heard.failure;
      return failed(failure);
    }
    const { value } = { value: undefined, ...heard.meaning };
    // Its reply function has made one: what makes none throws.
    const { is: answer, result } = value instanceof Answer ? value : new Answer('unknown');
    if (answer !== 'done') return { ok: true, answer };
    const { response: schema, run, sensitive } = step;
    const settle = (parsed: Parsed): Found | Failed => {
      if (parsed.ok) {
        const fits = fitting(parsed.result, target);
        return fits.ok ? { ok: true, answer, result: fits.result } : fits;
      }
      const hidden = [...secrets(), ...namedIn(result, sensitive)];
      const problem = excerpt(`done: ${parsed.problem}`, hidden);
      const { status } = heard.reply;
      const failure = invalid(saidBy(heard.shown(), hidden, problem), target, status);
      return failed(parsed.next === undefined ? failure : { ...failure, next: parsed.next });
    };
    // As the call of the step would have stored it: of a reply that nobody describes nothing, of code what it returns.
    if (schema === undefined)
      return settle(run === undefined ? { ok: true, result: null } : jsonOf(result, 'its value'));
    const parsed = parseValue(schema, result);
    return parsed instanceof Promise ? parsed.then(settle) : settle(parsed);
  };

/**
 * What is wrong with a 2xx that its reply function cannot be asked of: what of a reply is not there says nothing of the call. One that ends with its
 * connection may have been cut, and is asked for again.
 */
function unreadIn({ step, outcome, target, secrets }: Ending): Failure | undefined {
  if (outcome.kind === 'failure' || outcome.status < 200 || outcome.status > 299) return undefined;
  const { body, status, unreadable, untilClose: cut = false } = outcome;
  const isEmpty = unreadable === undefined && body.trim() === '';
  const isRead = unreadable === undefined && (step.read === 'text' || bodyOf(step, outcome).isJson);
  if (isRead || (isEmpty && !cut)) return undefined;
  const problem =
    unreadable === undefined
      ? `the reply is ${isEmpty ? 'empty' : 'not JSON'}`
      : `the reply cannot be read: ${unreadable}`;
  const why = cut ? '; it ends with its connection, so it may have been cut' : '';
  const shown = { ...outcome, body: quotable(step, body) };
  const failure = invalid(saidBy(shown, secrets(), excerpt(problem, secrets()) + why), target, status);
  return cut ? { ...failure, code: 'CONNECTION_BROKEN', retriable: true } : failure;
}

const invalid = (message: string, target: string, httpStatus: number): Failure => ({
  code: 'REPLY_INVALID',
  message,
  retriable: false,
  acted: 'no',
  target,
  httpStatus,
});
