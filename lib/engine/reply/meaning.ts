import type { StepDefinition } from '../../chain/definition.ts';
import { Verdict } from '../../chain/request/verdict.ts';
import { exactOf } from '../json/numbers.ts';
import { classifyStatus, type Failure } from '../outcome.ts';
import type { HttpOutcome } from '../ports.ts';
import { thrownText } from './thrown.ts';

type HttpReply = Extract<HttpOutcome, { kind: 'reply' }>;

/** What a status, or the step's own function, says that a reply is. `because`: its words, which may hold secrets. */
export type Meaning =
  /** The reply itself is the value. */
  | { readonly is: 'reply' }
  /** Something that the step made of it is; undefined where there is nothing. */
  | { readonly is: 'value'; readonly value: unknown }
  | ({ readonly is: 'failure'; readonly because?: string } & Pick<Failure, 'code' | 'retriable' | 'acted'> & {
        /** Seconds. */
        readonly after?: number;
      })
  /** The step's function is wrong. */
  | { readonly is: 'mistake'; readonly because: string };

/** What a reply means: what the step's `reply` makes of it, or else its status, of which `statuses` may say something else. Never throws. */
export function meaningOf(step: StepDefinition, reply: HttpReply): Meaning {
  const byItself = ofStatus(step, reply);
  if (step.reply === undefined) return byItself;
  const body = bodyOf(step, reply);
  const { status, headers = {} } = reply;
  /** What is not a value ends the function: nothing is made of it. */
  const ending = { byItself };
  const next = (): unknown => {
    if (byItself.is === 'value') return byItself.value;
    if (byItself.is === 'reply' && isReadable(step, reply, body)) return body.value;
    throw ending;
  };
  try {
    const value: unknown = step.reply({ status, headers, body: body.value }, next);
    if (value instanceof Verdict) return ofVerdict(value, reply);
    if (!(value instanceof Promise)) {
      // The reply as it is: its numbers are looked at, and an empty one is read as any other.
      const isReply = byItself.is === 'reply' && value === body.value && isReadable(step, reply, body);
      return isReply ? byItself : { is: 'value', value };
    }
    // One that is rejected, and that nobody waits for, would end the process.
    value.catch(() => undefined);
    return { is: 'mistake', because: 'the reply function returned a promise: write it without async' };
  } catch (error) {
    if (error === ending) return byItself;
    return { is: 'mistake', because: `the reply function threw: ${thrownText(error)}` };
  }
}

const actedBy = (status: number): 'no' | 'unknown' => classifyStatus(status)?.acted ?? 'unknown';

function ofStatus({ statuses }: StepDefinition, { status, headers }: HttpReply): Meaning {
  const said = statuses?.[status];
  if (said === 'done') return { is: 'value', value: undefined };
  if (said !== undefined) return failure(said, actedBy(status));
  const bad = classifyStatus(status, headers);
  return bad === undefined ? { is: 'reply' } : { is: 'failure', ...bad };
}

const ofVerdict = ({ is, acted, because, after }: Verdict, { status }: HttpReply): Meaning => ({
  ...failure(is, acted ?? actedBy(status)),
  because,
  ...(after === undefined ? {} : { after }),
});

const failure = (is: Verdict['is'], acted: 'no' | 'unknown'): Extract<Meaning, { is: 'failure' }> =>
  is === 'later'
    ? { is: 'failure', code: 'TARGET_UNAVAILABLE', retriable: true, acted }
    : { is: 'failure', code: 'REFUSED', retriable: false, acted };

interface Body {
  readonly value: unknown;
  readonly isJson: boolean;
}

/** What a reply is to code: the value that it is as JSON, else its text. */
export function bodyOf({ read }: StepDefinition, { body, unreadable }: HttpReply): Body {
  if (unreadable !== undefined || body.trim() === '') return { value: undefined, isJson: false };
  if (read === 'text') return { value: body, isJson: false };
  const exact = exactOf(body);
  return exact === undefined ? { value: body, isJson: false } : { value: exact.json, isJson: true };
}

/** Whether a 2xx is a value: an empty one is none, and what is no JSON is a failure by itself. */
const isReadable = ({ read }: StepDefinition, { body, unreadable }: HttpReply, { isJson }: Body): boolean =>
  unreadable === undefined && (isJson || read === 'text' || body.trim() === '');
