import type { Callable, RequestSpec, RunContext } from '../../chain/definition.ts';
import { show } from '../../chain/definition-error.ts';
import { isTargetName } from '../../chain/naming.ts';
import { CallError } from '../../chain/request/call-error.ts';
import type { Methods } from '../../chain/request/methods.ts';
import type { Reply } from '../../chain/request/verdict.ts';
import { excerpt } from '../mask.ts';
import type { Failure } from '../outcome.ts';
import type { HttpOutcome } from '../ports.ts';
import { bodyOf } from '../reply/meaning.ts';
import { thrownText } from '../reply/thrown.ts';
import { type BuiltRequest, builtOf } from '../request/build.ts';
import { judge } from './judge.ts';
import { notSent, send } from './send.ts';
import type { Call, CallPorts, Secrets } from './types.ts';

/** What the code of one attempt calls with, and what came of it. */
export interface Calling extends Pick<RunContext, 'call' | 'secret'> {
  /** What no error may show, beside the secrets of the step. */
  readonly secrets: Secrets;
  /** What the failure of a call, or of a secret, is for the step; undefined for any other error. */
  failureOf(error: unknown): Failure | undefined;
  /** Whether any call may have changed something: a later one that is refused does not undo it. */
  mayHaveActed(): boolean;
  /** The code has ended: what of it is left calls nothing any more, as what became of the step is told from what was called until now. */
  end(): void;
}

/**
 * @param signal aborts at the deadline: from then on nothing is sent
 * @param leftMs milliseconds until the deadline
 */
export function createCalling(
  ports: CallPorts,
  attempt: Call,
  signal: AbortSignal,
  leftMs: () => number,
): Calling {
  const { step, idempotencyKey } = attempt;
  const failures = new WeakMap<object, Failure>();
  const taken = new Set<string>();
  const hidden: Secrets[] = [];
  let acting = 0;
  let ended = false;
  const secrets = (): readonly string[] => hidden.flatMap((some) => some());
  const all = (): readonly string[] => [...attempt.secrets(), ...secrets()];

  const fails = <Thrown extends Error>(error: Thrown, failure: Failure): Thrown => {
    failures.set(error, failure);
    return error;
  };
  const callFails = (call: string, target: string, failure: Failure, reply?: Reply): CallError =>
    fails(new CallError(failure.message, { call, target, code: failure.code, reply }), failure);
  const misused = (message: string, target: string): Failure => ({
    code: 'REQUEST_INVALID',
    message: excerpt(message, all()),
    next: 'Correct the run function of the step, and deploy.',
    retriable: false,
    acted: 'no',
    target,
  });

  const described = (name: string, to: string, describe: () => RequestSpec): BuiltRequest => {
    const problem = isTargetName(name)
      ? taken.has(name) &&
        `the name "${name}" is taken by another call of this attempt; each call has a name of its own`
      : `the name of a call is ${show(name)}; write letters, digits and single hyphens, such as call('capture', …)`;
    if (problem) throw callFails(String(name), to, misused(problem, to));
    taken.add(name);
    const built = attempted(() => builtOf(step, describe(), `${idempotencyKey}:${name}`));
    if (built instanceof Error) throw callFails(name, to, misused(thrownText(built.cause), to));
    if ('failure' in built) throw callFails(name, to, built.failure);
    return built;
  };

  const made = async (name: string, to: string, describe: () => RequestSpec): Promise<Reply> => {
    signal.throwIfAborted();
    if (ended) throw new Error('the code of the step has ended: a call that it did not wait for is not made');
    const built = described(name, to, describe);
    const { target, method } = built.spec;
    const acts = method === 'GET' ? 0 : 1;
    // One that nobody waits for counts, too.
    acting += acts;
    const sent = await send(ports, attempt, built, leftMs);
    const end: Heard = 'failure' in sent ? sent : await heard(attempt, sent.outcome, target, sent.secrets);
    if ('secrets' in sent) hidden.push(sent.secrets);
    const { failure, reply } = end;
    if (failure === undefined) return end.reply;
    if (failure.acted === 'no') acting -= acts;
    throw callFails(name, target, failure, reply);
  };

  const opened = async (name: string): Promise<string> => {
    const value = await read(ports, attempt, name).catch((error: unknown) => {
      const failure = isFailure(error) ? error : notSent(error, all());
      throw fails(new Error(failure.message), failure);
    });
    hidden.push(() => [value]);
    return value;
  };

  return {
    call: (name, target) => methodsOf(target, (describe) => unwatched(made(name, target.name, describe))),
    secret: (name) => unwatched(opened(name)),
    secrets,
    failureOf: (error) => {
      const failure = typeof error === 'object' && error !== null ? failures.get(error) : undefined;
      return failure === undefined || acting === 0 ? failure : { ...failure, acted: 'unknown' };
    },
    mayHaveActed: () => acting > 0,
    end: () => {
      ended = true;
    },
  };
}

/** The value, or an error whose cause is what was thrown. */
function attempted<Value>(work: () => Value): Value | Error {
  try {
    return work();
  } catch (cause) {
    return new Error('it threw', { cause });
  }
}

/** A call that fails when nobody waits for it any more must not end the process. */
function unwatched<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => undefined);
  return promise;
}

function methodsOf(
  target: Callable,
  make: (describe: () => RequestSpec) => Promise<Reply>,
): Methods<Promise<Reply>> {
  return {
    get: (path, options) => make(() => target.get(path, options)),
    post: (path, body, options) => make(() => target.post(path, body, options)),
    put: (path, body, options) => make(() => target.put(path, body, options)),
    patch: (path, body, options) => make(() => target.patch(path, body, options)),
    delete: (path, options) => make(() => target.delete(path, options)),
  };
}

type Heard =
  | { readonly failure: Failure; readonly reply?: Reply | undefined }
  | { readonly failure?: undefined; readonly reply: Reply };

/** What came back: the reply, and where it is none to go on with, what that is for the step. */
async function heard({ step }: Call, outcome: HttpOutcome, target: string, secrets: Secrets): Promise<Heard> {
  // The schema of the step is that of what `run` returns.
  const judged = await judge({ step: { ...step, response: undefined }, outcome, target, secrets });
  if (outcome.kind === 'failure') {
    if (judged.ok) throw new Error('a call without a reply is no success');
    return { failure: judged.failure };
  }
  const { status, headers = {} } = outcome;
  const reply: Reply = { status, headers, body: bodyOf(step, outcome).value };
  if (!judged.ok) return { failure: judged.failure, reply };
  return outcome.unreadable === undefined
    ? { reply }
    : { failure: unreadable(outcome, target, secrets), reply };
}

const unreadable = (
  { status, unreadable: why = '' }: Extract<HttpOutcome, { kind: 'reply' }>,
  target: string,
  secrets: Secrets,
): Failure => ({
  code: 'REPLY_INVALID',
  message: `the reply cannot be read: ${excerpt(why, secrets())}`,
  retriable: false,
  acted: 'unknown',
  target,
  httpStatus: status,
});

async function read({ targets }: CallPorts, { step }: Call, name: string): Promise<string> {
  const missing = (message: string): Failure => ({
    code: 'TARGET_MISSING',
    message,
    next: `Write secrets: [${[...step.secrets, name].map((one) => `'${one}'`).join(', ')}] in the step, and deploy.`,
    retriable: false,
    acted: 'no',
  });
  if (!step.secrets.includes(name))
    throw missing(`the step’s definition does not name the secret ${show(name)}`);
  if (targets.secret === undefined) throw missing(`there are no secrets here, and the step wants "${name}"`);
  return await targets.secret(name);
}

const isFailure = (error: unknown): error is Failure =>
  typeof error === 'object' && error !== null && !(error instanceof Error) && 'acted' in error;
