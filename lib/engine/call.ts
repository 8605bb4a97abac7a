import type { StepContext, StepDefinition } from '../chain/definition.ts';
import { contradiction } from '../chain/request/body.ts';
import { CALL_HEADERS } from '../contract/names.ts';
import { EngineError } from './errors.ts';
import { excerpt, secretsOf } from './mask.ts';
import { type Failure, isRetriable } from './outcome.ts';
import type { HttpOutcome, Ports } from './ports.ts';
import { type Meaning, meaningOf } from './reply/meaning.ts';
import { runFailure } from './reply/run-failure.ts';
import { saidBy } from './reply/said.ts';
import { thrownText } from './reply/thrown.ts';
import type { Built, BuiltRequest } from './request/build.ts';
import { type Parsed, parseReply, parseValue, parseWith, sizeProblem } from './result.ts';
import { namedIn, quotable, secretsInReply } from './sensitive/reply.ts';
import { sentOf } from './sensitive/sent.ts';

/** One call to be made: the step, what it sees, and what goes with every request. */
export interface Call {
  readonly step: StepDefinition;
  readonly context: StepContext & { readonly input: Readonly<Record<string, unknown>> };
  /** What no error may show: the sensitive values of input and results, as texts. */
  readonly secrets: readonly string[];
  readonly workflowId: string;
  readonly idempotencyKey: string;
  readonly deadlineMs: number;
  /** What a `request` step sends; undefined for a `run` step. */
  readonly built: Built | undefined;
  /** Whether the request must have a connection of its own (docs/architecture.md, "Decisions"). */
  readonly fresh: boolean;
}

export type CallResult =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly failure: Failure };

type CallPorts = Pick<Ports, 'http' | 'targets' | 'random' | 'clock'>;

const failed = (failure: Failure): CallResult => ({ ok: false, failure });

/** Makes the call of one attempt. Never throws; ends by the deadline, whatever the target or the code does. */
export async function perform(ports: CallPorts, call: Call): Promise<CallResult> {
  const { built } = call;
  if (built === undefined) return await run(ports, call);
  return 'failure' in built ? failed(built.failure) : await request(ports, call, built);
}

async function request(ports: CallPorts, call: Call, built: BuiltRequest): Promise<CallResult> {
  const begun = ports.clock.now();
  const leftMs = (): number => Math.max(0, call.deadlineMs - (ports.clock.now() - begun));
  const { spec, body } = built;
  // Secrets may have to be fetched: that too is part of the call.
  const found = await soon(ports.clock, leftMs(), () => ports.targets.resolve(spec.target));
  if (found === 'deadline') return failed(settingsLate(spec.target, call.deadlineMs));
  if (!found.ok) return failed({ ...notSent(call, found.error), target: spec.target });
  const { baseUrl, headers, secrets: withinHeaders } = found.value;
  const refusal = settingsRefusal(built, headers);
  if (refusal !== undefined) return failed(refusal);
  const outcome = await ports.http.call(
    {
      ...(call.step.reply === undefined ? {} : { allHeaders: true }),
      method: spec.method,
      url: baseUrl + spec.path,
      headers: { ...headersOf(call, built, ports.random), ...headers },
      ...(body === undefined ? {} : { body: body.content }),
      ...(call.fresh || built.keyUse.header === undefined ? { fresh: true } : {}),
    },
    leftMs(),
  );
  // Only what went wrong is quoted: the secrets of a call that succeeds are not looked for.
  const secrets = once(() => [
    ...call.secrets,
    ...secretsOf({}, [], headers, withinHeaders),
    ...sentOf({ ...spec, body }, call.secrets),
    ...secretsInReply(call.step, outcome),
  ]);
  // A refinement of the schema may wait for something, too.
  const judged = await soon(ports.clock, leftMs(), () => judge(call.step, outcome, spec.target, secrets));
  return judged !== 'deadline' && judged.ok ? judged.value : failed(checkLate(spec.target, outcome, call));
}

function once<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** A request that could not be addressed: nothing was sent, so nobody can have acted. */
function notSent({ secrets }: Call, error: unknown): Failure {
  const common = {
    message: excerpt(thrownText(error), secrets),
    retriable: error instanceof EngineError && error.retriable,
    acted: 'no',
  } as const;
  if (
    error instanceof EngineError &&
    (error.code === 'TARGET_MISSING' || error.code === 'SECRET_UNAVAILABLE')
  ) {
    return { ...common, code: error.code, next: error.next };
  }
  return { ...common, code: 'REQUEST_INVALID' };
}

/** What the step says was looked at when its request was built; the settings of the target may say otherwise. */
function settingsRefusal(
  { spec, body, keyUse }: BuiltRequest,
  headers: Readonly<Record<string, string>>,
): Failure | undefined {
  const type = headers['content-type'] ?? spec.headers?.['content-type'];
  const problem =
    type === undefined || type === body?.contentType ? undefined : contradiction(spec.body, type);
  if (problem !== undefined) {
    return refused(
      spec.target,
      `the content-type that is set for the target "${spec.target}" ${problem}`,
      'Take content-type out of the headers of the request, or of the settings of the target, and deploy.',
    );
  }
  const { header } = keyUse;
  return header === undefined || !Object.hasOwn(headers, header)
    ? undefined
    : refused(
        spec.target,
        `the header "${header}" is that of the idempotency key, and the settings of the target "${spec.target}" have it, too`,
        `Take ${header} out of the settings of the target, and deploy.`,
      );
}

const refused = (target: string, message: string, next: string): Failure => ({
  code: 'REQUEST_INVALID',
  message,
  next,
  retriable: false,
  acted: 'no',
  target,
});

const settingsLate = (target: string, deadlineMs: number): Failure => ({
  code: 'DEADLINE_EXCEEDED',
  message: `the settings of target "${target}" were not read within ${Math.round(deadlineMs)} ms; nothing was sent`,
  retriable: true,
  acted: 'no',
  target,
});

const checkLate = (target: string, { status }: HttpOutcome, { deadlineMs }: Call): Failure => ({
  code: 'DEADLINE_EXCEEDED',
  message: `the reply was not checked within ${Math.round(deadlineMs)} ms`,
  retriable: true,
  acted: 'unknown',
  target,
  ...(status === undefined ? {} : { httpStatus: status }),
});

function headersOf(
  { step, workflowId }: Call,
  { spec, body, key, keyUse }: BuiltRequest,
  random: Ports['random'],
): Record<string, string> {
  return {
    accept: step.read === 'text' ? '*/*' : 'application/json',
    ...(body === undefined ? {} : { 'content-type': body.contentType }),
    ...spec.headers,
    ...(keyUse.header === undefined ? {} : { [keyUse.header]: key }),
    [CALL_HEADERS.workflowId]: workflowId,
    // W3C Trace Context: the workflow is the trace, each call a span of it.
    [CALL_HEADERS.traceparent]: `00-${workflowId.slice(-32)}-${random.token().slice(0, 16)}-01`,
  };
}

/** What must not be shown of a call. */
type Secrets = () => readonly string[];

function judge(
  step: StepDefinition,
  outcome: HttpOutcome,
  target: string,
  secrets: Secrets,
): CallResult | Promise<CallResult> {
  const { response: schema, read } = step;
  if (outcome.kind === 'failure') {
    const { status, headers, excerpt: text } = outcome;
    const body = text === undefined ? undefined : quotable(step, text);
    return failed({
      code: outcome.code,
      message: saidBy({ status, headers, body }, secrets(), excerpt(outcome.message, secrets())),
      retriable: isRetriable(outcome),
      acted: outcome.sent === 'no' ? 'no' : 'unknown',
      target,
      ...(status === undefined ? {} : { httpStatus: status }),
    });
  }
  const shown = (): Reply => ({ ...outcome, body: quotable(step, outcome.body) });
  const meaning = meaningOf(step, outcome);
  if (meaning.is === 'mistake') return failed(mistaken(shown(), meaning.because, target, secrets()));
  if (meaning.is === 'failure') return failed(saidNo(shown(), meaning, target, secrets()));
  if (schema === undefined) return { ok: true, result: null };
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
function fitting(parsed: unknown, target?: string): CallResult {
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

async function run({ clock }: CallPorts, call: Call): Promise<CallResult> {
  const { context, deadlineMs, idempotencyKey, secrets, step } = call;
  const abort = new AbortController();
  const ending = await within(clock, deadlineMs, async () =>
    ranTo(step, await step.run?.({ ...context, idempotencyKey, signal: abort.signal }), secrets),
  );
  if (ending === 'deadline') {
    abort.abort(new Error('the step’s deadline has passed'));
    return failed({
      code: 'DEADLINE_EXCEEDED',
      message: `run did not end within ${Math.round(deadlineMs)} ms`,
      retriable: true,
      acted: 'unknown',
    });
  }
  return ending.ok ? ending.value : failed(runFailure(ending.error, secrets));
}

async function ranTo(
  { response: schema, sensitive }: StepDefinition,
  value: unknown,
  secrets: readonly string[],
): Promise<CallResult> {
  const invalid = (problem: string, hidden = secrets): CallResult =>
    failed({ code: 'REPLY_INVALID', message: excerpt(problem, hidden), retriable: false, acted: 'unknown' });
  let json: unknown;
  try {
    // What is stored is JSON: the next step must see the same thing before and after a restart.
    json = JSON.parse(JSON.stringify(value ?? null) ?? 'null');
  } catch (error) {
    const why = thrownText(error);
    const remedy = why.includes('BigInt') ? '; write it as text: String(value)' : '';
    return invalid(`the result of run is not JSON: ${why}${remedy}`);
  }
  if (schema === undefined) return fitting(json);
  const parsed = await parseWith(schema, json, 'the result of run');
  if (parsed.ok) return fitting(parsed.result);
  return invalid(parsed.problem, [...secrets, ...namedIn(json, sensitive)]);
}

type Settled<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly error: unknown };

/** What becomes of work that is mostly done at once: only what has to be waited for needs a deadline. */
async function soon<Value>(
  clock: Ports['clock'],
  ms: number,
  work: () => Value | Promise<Value>,
): Promise<Settled<Value> | 'deadline'> {
  try {
    const value = work();
    return value instanceof Promise ? await within(clock, ms, () => value) : { ok: true, value };
  } catch (error) {
    return { ok: false, error };
  }
}

/** What becomes of `work` by the deadline. Past it the work is abandoned, and how it ends later concerns nobody. */
async function within<Value>(
  clock: Ports['clock'],
  ms: number,
  work: () => Promise<Value>,
): Promise<Settled<Value> | 'deadline'> {
  let cancel = (): void => undefined;
  const deadline = new Promise<'deadline'>((resolve) => {
    cancel = clock.after(ms, () => resolve('deadline'));
  });
  const ending = await Promise.race([settled(work), deadline]);
  cancel();
  return ending;
}

async function settled<Value>(work: () => Promise<Value>): Promise<Settled<Value>> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    return { ok: false, error };
  }
}
