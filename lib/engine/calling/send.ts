import type { StepDefinition } from '../../chain/definition.ts';
import { contradiction } from '../../chain/request/body.ts';
import { CALL_HEADERS } from '../../contract/names.ts';
import { EngineError } from '../errors.ts';
import { excerpt, secretsOf } from '../mask.ts';
import type { Failure } from '../outcome.ts';
import type { HttpOutcome, HttpRequest, ResolvedTarget } from '../ports.ts';
import { meaningOf } from '../reply/meaning.ts';
import { thrownText } from '../reply/thrown.ts';
import type { BuiltRequest } from '../request/build.ts';
import { secretsInReply } from '../sensitive/reply.ts';
import { sentOf } from '../sensitive/sent.ts';
import type { Call, CallPorts, Secrets } from './types.ts';
import { soon } from './within.ts';

/** How a request ended that was sent, or why it was not. */
export type Sent =
  | { readonly outcome: HttpOutcome; readonly secrets: Secrets }
  | { readonly failure: Failure };

/**
 * Sends a request to its target, with the settings and secrets of the stage. Where the target answers 401 or 403, and a secret that was kept is another
 * by now, the request is sent once more with that, within the same deadline. Never throws.
 * @param leftMs milliseconds until the deadline
 */
export async function send(
  ports: CallPorts,
  call: Call,
  built: BuiltRequest,
  leftMs: () => number,
): Promise<Sent> {
  const { target } = built.spec;
  // Secrets may have to be fetched: that too is part of the call.
  const finding = soon(ports.clock, leftMs(), () => ports.targets.resolve(target));
  const found = finding instanceof Promise ? await finding : finding;
  if (found === 'deadline') return { failure: settingsLate(target, call.deadlineMs) };
  if (!found.ok) return { failure: notSent(found.error, call.secrets(), target) };
  const first = await exchanged(ports, call, built, found.value, leftMs);
  if ('failure' in first || !mayBeOutdated(call.step, first.outcome)) return first;
  const { renewed } = found.value;
  const { status = 0 } = first.outcome;
  const again = renewed && (await soon(ports.clock, leftMs(), () => renewed(status)));
  if (again === undefined) return first;
  if (again === 'deadline' || !again.ok) return { failure: notRenewed(target, first, again) };
  if (again.value === undefined) return first;
  if (again.value === 'tooSoon') return { failure: notRenewed(target, first, again.value) };
  const second = await exchanged(ports, call, built, again.value, leftMs);
  if ('failure' in second)
    return isRepeated(first.outcome) ? { failure: { ...second.failure, acted: 'unknown' } } : second;
  const secrets = (): readonly string[] => [...first.secrets(), ...second.secrets()];
  return { outcome: isRepeated(first.outcome) ? doubtful(second.outcome) : second.outcome, secrets };
}

type Exchanged = Extract<Sent, { outcome: HttpOutcome }>;

async function exchanged(
  ports: CallPorts,
  call: Call,
  built: BuiltRequest,
  target: ResolvedTarget,
  leftMs: () => number,
): Promise<Sent> {
  const { spec, body } = built;
  const { headers, secrets: others } = target;
  const refusal = settingsRefusal(built, headers);
  if (refusal !== undefined) return { failure: refusal };
  const plain = requestTo(ports, call, built, target);
  const prepared =
    target.prepare === undefined
      ? { ok: true as const, value: plain }
      : await soon(ports.clock, leftMs(), () => target.prepare?.(plain) ?? plain);
  if (prepared === 'deadline') return { failure: settingsLate(spec.target, call.deadlineMs) };
  if (!prepared.ok) return { failure: notSent(prepared.error, call.secrets(), spec.target) };
  const request = prepared.value;
  const outcome = await ports.http.call(request, leftMs());
  const secrets = once(() => [
    ...call.secrets(),
    ...secretsOf({}, [], headers, others),
    ...(request === plain ? [] : signaturesIn(request, plain)),
    ...sentOf({ ...spec, body }, call.secrets()),
    ...secretsInReply(call.step, outcome),
  ]);
  return { outcome, secrets };
}

function requestTo(
  { random }: CallPorts,
  call: Call,
  built: BuiltRequest,
  { baseUrl, headers }: ResolvedTarget,
): HttpRequest {
  const { spec, body, keyUse } = built;
  return {
    method: spec.method,
    url: baseUrl + spec.path,
    headers: { ...headersOf(call, built, random), ...headers },
    ...(call.step.reply === undefined && call.step.run === undefined ? {} : { allHeaders: true }),
    ...(body === undefined ? {} : { body: body.content }),
    ...(call.fresh || keyUse.header === undefined ? { fresh: true } : {}),
  };
}

function headersOf(
  { step, workflowId }: Call,
  { spec, body, id, key, keyUse }: BuiltRequest,
  random: CallPorts['random'],
): Record<string, string> {
  const { contentType } = body ?? {};
  const accept = acceptedBy(step);
  const headers: Record<string, string> =
    contentType === undefined
      ? { accept, ...spec.headers }
      : { accept, 'content-type': contentType, ...spec.headers };
  if (keyUse.header !== undefined) headers[keyUse.header] = key;
  headers[CALL_HEADERS.workflowId] = workflowId;
  headers[CALL_HEADERS.callId] = id;
  // W3C Trace Context: the workflow is the trace, each call a span of it.
  headers[CALL_HEADERS.traceparent] = `00-${workflowId.slice(-32)}-${random.token().slice(0, 16)}-01`;
  return headers;
}

/** Code that calls looks at whatever comes. */
function acceptedBy({ read, run }: StepDefinition): string {
  if (run !== undefined) return 'application/json, */*;q=0.5';
  return read === 'text' ? '*/*' : 'application/json';
}

/** Shorter parts of a signature stand in others by chance. */
const LEAST_SIGNATURE = 16;

/** What came to the headers as the request was signed, whole and in its parts: a signature alone may come back. */
const signaturesIn = (request: HttpRequest, plain: HttpRequest): readonly string[] =>
  Object.entries(request.headers).flatMap(([name, value]) =>
    plain.headers[name] === value
      ? []
      : [value, ...value.split(/[\s,=]+/).filter(({ length }) => length >= LEAST_SIGNATURE)],
  );

/** A request that could not be addressed: nothing was sent, so nobody can have acted. */
export function notSent(error: unknown, secrets: readonly string[], target?: string): Failure {
  const common = {
    message: excerpt(thrownText(error), secrets),
    retriable: error instanceof EngineError && error.retriable,
    acted: 'no',
    ...(target === undefined ? {} : { target }),
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

/** A secret that was kept may be another by now. A 403 of a rate limit, or one that the step takes for something else, says nothing of that. */
function mayBeOutdated(step: StepDefinition, outcome: HttpOutcome): boolean {
  if (outcome.kind !== 'reply' || (outcome.status !== 401 && outcome.status !== 403)) return false;
  const meaning = meaningOf(step, outcome);
  return meaning.is === 'failure' && !meaning.retriable && meaning.acted === 'no';
}

/** The target has refused, and nobody knows whether it would refuse what its secret is now. */
function notRenewed(
  target: string,
  { outcome, secrets }: Exchanged,
  again: 'deadline' | 'tooSoon' | { readonly error: unknown },
): Failure {
  const { status } = outcome;
  const thrown = typeof again === 'string' ? undefined : again.error;
  const why =
    again === 'tooSoon'
      ? 'they were read a moment ago'
      : again === 'deadline'
        ? 'the deadline passed'
        : excerpt(thrownText(thrown), secrets());
  const mended = thrown instanceof EngineError ? thrown : undefined;
  return {
    code: mended?.code === 'TARGET_MISSING' ? 'TARGET_MISSING' : 'SECRET_UNAVAILABLE',
    message: `the target answered ${status}, and its secrets could not be read again: ${why}`,
    ...(mended === undefined ? {} : { next: mended.next }),
    retriable: mended?.retriable ?? true,
    acted: isRepeated(outcome) ? 'unknown' : 'no',
    target,
    ...(status === undefined ? {} : { httpStatus: status }),
  };
}

const isRepeated = (outcome: HttpOutcome): boolean => outcome.kind === 'reply' && outcome.repeated === true;

/** An earlier sending may have been read by nobody who answered: what becomes of this one says nothing of that. */
function doubtful(outcome: HttpOutcome): HttpOutcome {
  if (outcome.kind === 'reply') return { ...outcome, repeated: true };
  const code = outcome.code === 'CONNECTION_FAILED' ? 'CONNECTION_BROKEN' : outcome.code;
  return { ...outcome, code, sent: 'unknown' };
}

function once<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
