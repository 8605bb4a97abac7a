import type { StepDefinition } from '../../chain/definition.ts';
import { excerpt } from '../mask.ts';
import { type Failure, isRetriable } from '../outcome.ts';
import type { HttpOutcome } from '../ports.ts';
import { type Meaning, meaningOf } from '../reply/meaning.ts';
import { saidBy } from '../reply/said.ts';
import { thrownText } from '../reply/thrown.ts';
import { type Parsed, parseReply, parseValue, sizeProblem } from '../result.ts';
import { namedIn, quotable } from '../sensitive/reply.ts';
import { type CallResult, failed, type Secrets } from './types.ts';

/** What is judged: how the call of a step ended, and what no error may show. */
export interface Ending {
  readonly step: StepDefinition;
  readonly outcome: HttpOutcome;
  readonly target: string;
  readonly secrets: Secrets;
}

/** A reply that gives a value, and how it is quoted; or why there is none. */
type Heard =
  | { readonly failure: Failure }
  | {
      readonly reply: Reply;
      readonly meaning: Extract<Meaning, { is: 'reply' | 'value' }>;
      shown(): Reply;
    };

/** What a call was answered, as far as every kind of call reads it in the same way. */
export function heardIn({ step, outcome, target, secrets }: Ending): Heard {
  if (outcome.kind === 'failure') {
    const { status, headers, excerpt: text } = outcome;
    const body = text === undefined ? undefined : quotable(step, text);
    const failure: Failure = {
      code: outcome.code,
      message: saidBy({ status, headers, body }, secrets(), excerpt(outcome.message, secrets())),
      retriable: isRetriable(outcome),
      acted: outcome.sent === 'no' ? 'no' : 'unknown',
      target,
      ...(status === undefined ? {} : { httpStatus: status }),
    };
    return { failure };
  }
  const shown = (): Reply => ({ ...outcome, body: quotable(step, outcome.body) });
  const meaning = meaningOf(step, outcome);
  if (meaning.is === 'mistake') return { failure: mistaken(shown(), meaning.because, target, secrets()) };
  if (meaning.is === 'failure') return { failure: saidNo(shown(), meaning, target, secrets()) };
  return { reply: outcome, meaning, shown };
}

/** What the step makes of how its call ended. */
export function judge(ending: Ending): CallResult | Promise<CallResult> {
  const { step, target, secrets } = ending;
  const { response: schema, read } = step;
  const heard = heardIn(ending);
  if ('failure' in heard) return failed(heard.failure);
  if (schema === undefined) return { ok: true, result: null };
  const { reply: outcome, meaning, shown } = heard;
  const settle = (parsed: Parsed): CallResult => {
    if (parsed.ok) return fitting(parsed.result, target);
    // What parses is whole, and what does not is cut, if it can be: the target may answer in full next time.
    const cut = parsed.partial === true && outcome.untilClose === true;
    const why = cut ? '; it ends with its connection, so it may have been cut' : '';
    const made = meaning.is === 'value' ? namedIn(meaning.value, step.sensitive) : [];
    const hidden = [...secrets(), ...made];
    return failed({
      code: cut ? 'CONNECTION_BROKEN' : 'REPLY_INVALID',
      message: saidBy(shown(), hidden, excerpt(parsed.problem, hidden) + why),
      ...(parsed.next === undefined ? {} : { next: parsed.next }),
      retriable: cut,
      acted: 'unknown',
      target,
      httpStatus: outcome.status,
    });
  };
  const parsed =
    meaning.is === 'value' ? parseValue(schema, meaning.value) : parseReply(schema, outcome, read);
  return parsed instanceof Promise ? parsed.then(settle) : settle(parsed);
}

type Reply = Extract<HttpOutcome, { kind: 'reply' }>;

/** A reply that says no, by its status or by what the step makes of it. */
function saidNo(
  outcome: Reply,
  { code, retriable, acted, because, after }: Extract<Meaning, { is: 'failure' }>,
  target: string,
  secrets: readonly string[],
): Failure {
  const problem = because === undefined ? unreadableText(outcome, secrets) : excerpt(because, secrets);
  const headers = after === undefined ? outcome.headers : { 'retry-after': String(Math.ceil(after)) };
  return {
    code,
    retriable,
    // Who refuses the second sending says nothing of the first.
    acted: outcome.repeated ? 'unknown' : acted,
    message: saidBy(outcome, secrets, problem),
    target,
    httpStatus: outcome.status,
    ...(headers === undefined ? {} : { headers }),
  };
}

/** The target may have acted, and nobody can say what it answered. */
const mistaken = (outcome: Reply, because: string, target: string, secrets: readonly string[]): Failure => ({
  code: 'REPLY_INVALID',
  message: saidBy(outcome, secrets, excerpt(because, secrets)),
  next: 'Correct the reply function of the step, and deploy.',
  retriable: false,
  acted: 'unknown',
  target,
  httpStatus: outcome.status,
});

const unreadableText = ({ unreadable }: Reply, secrets: readonly string[]): string =>
  unreadable === undefined ? '' : `the reply cannot be read: ${excerpt(unreadable, secrets)}`;

/** A result is stored whole or not at all; JSON has no `undefined`. */
export function fitting(parsed: unknown, target?: string): CallResult {
  const result = parsed ?? null;
  const problem = sizeProblem(result);
  if (problem === undefined) return { ok: true, result };
  return failed({
    code: 'RESULT_TOO_LARGE',
    message: `the result ${problem}`,
    retriable: false,
    acted: 'unknown',
    ...(target === undefined ? {} : { target }),
  });
}

/** A value of code as JSON, which is what is stored of it: the next step must see the same thing before and after a restart. `what` names it. */
export function jsonOf(value: unknown, what: string): Parsed {
  try {
    return { ok: true, result: JSON.parse(JSON.stringify(value ?? null) ?? 'null') };
  } catch (error) {
    const why = thrownText(error);
    const remedy = why.includes('BigInt') ? '; write it as text: String(value)' : '';
    return { ok: false, problem: `${what} is not JSON: ${why}${remedy}` };
  }
}
