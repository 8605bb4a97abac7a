import type * as z from 'zod';
import type { RequestSpec, StepContext, StepDefinition } from '../chain/definition.ts';
import { StepRefusal } from '../chain/refusal.ts';
import { LIMITS } from '../contract/limits.ts';
import { CALL_HEADERS } from '../contract/names.ts';
import { EngineError } from './errors.ts';
import { excerpt, secretsOf } from './mask.ts';
import { classifyStatus, type Failure, isRetriable } from './outcome.ts';
import type { HttpOutcome, Ports } from './ports.ts';

/** One call to be made: the step, what it sees, and what goes with every request. */
export interface Call {
  readonly step: StepDefinition;
  readonly context: StepContext & { readonly input: Readonly<Record<string, unknown>> };
  readonly sensitive: readonly string[];
  readonly workflowId: string;
  readonly idempotencyKey: string;
  readonly deadlineMs: number;
}

export type CallResult =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly failure: Failure };

type CallPorts = Pick<Ports, 'http' | 'targets' | 'random' | 'clock'>;

const failed = (failure: Failure): CallResult => ({ ok: false, failure });

/** Makes the call of one attempt. Never throws; ends by the deadline, whatever the target or the code does. */
export async function perform(ports: CallPorts, call: Call): Promise<CallResult> {
  return call.step.request ? await request(ports, call) : await run(ports, call);
}

async function request(ports: CallPorts, call: Call): Promise<CallResult> {
  const begun = ports.clock.now();
  let spec: RequestSpec | undefined;
  const secrets = secretsOf(call.context.input, call.sensitive);
  try {
    spec = call.step.request?.(call.context);
    if (spec === undefined) throw new Error('the request function returned nothing');
    const target = await ports.targets.resolve(spec.target);
    const outcome = await ports.http.call(
      {
        method: spec.method,
        url: target.baseUrl + spec.path,
        headers: { ...headersOf(call, spec, ports.random), ...target.headers },
        ...(spec.body === undefined ? {} : { body: JSON.stringify(spec.body) }),
      },
      Math.max(0, call.deadlineMs - (ports.clock.now() - begun)),
    );
    const all = [...secrets, ...secretsOf({}, [], target.headers)];
    return judge(call.step.response, outcome, spec.target, all);
  } catch (error) {
    // Nothing was sent: the request could not be built.
    const missing = error instanceof EngineError && error.code === 'TARGET_MISSING';
    return failed({
      code: missing ? 'TARGET_MISSING' : 'REQUEST_INVALID',
      message: excerpt(`${messageOf(error)}${missing ? `. ${error.next}` : ''}`, secrets),
      retriable: error instanceof EngineError && error.retriable,
      acted: 'no',
      ...(spec === undefined ? {} : { target: spec.target }),
    });
  }
}

function headersOf(call: Call, spec: RequestSpec, random: Ports['random']): Record<string, string> {
  return {
    accept: 'application/json',
    ...(spec.body === undefined ? {} : { 'content-type': 'application/json' }),
    ...spec.headers,
    [CALL_HEADERS.idempotencyKey]: call.idempotencyKey,
    [CALL_HEADERS.workflowId]: call.workflowId,
    // W3C Trace Context: the workflow is the trace, each call a span of it.
    [CALL_HEADERS.traceparent]: `00-${call.workflowId.slice(-32)}-${random.token().slice(0, 16)}-01`,
  };
}

function judge(
  schema: z.ZodType | undefined,
  outcome: HttpOutcome,
  target: string,
  secrets: readonly string[],
): CallResult {
  if (outcome.kind === 'failure') {
    const detail = outcome.excerpt === undefined ? '' : `: ${excerpt(outcome.excerpt, secrets)}`;
    return failed({
      code: outcome.code,
      message: excerpt(outcome.message, secrets) + detail,
      retriable: isRetriable(outcome),
      acted: outcome.sent === 'no' ? 'no' : 'unknown',
      target,
      ...(outcome.status === undefined ? {} : { httpStatus: outcome.status }),
    });
  }
  const bad = classifyStatus(outcome.status);
  if (bad) {
    return failed({
      ...bad,
      message: excerpt(outcome.body, secrets),
      target,
      httpStatus: outcome.status,
      ...(outcome.retryAfter === undefined ? {} : { retryAfter: outcome.retryAfter }),
    });
  }
  if (schema === undefined) return { ok: true, result: null };
  const parsed = parseReply(schema, outcome.body);
  if (parsed.ok) return fitting(parsed.result, target);
  return failed({
    code: 'REPLY_INVALID',
    message: `${excerpt(parsed.problem, secrets)}; the reply was: ${excerpt(outcome.body, secrets)}`,
    retriable: false,
    acted: 'unknown',
    target,
    httpStatus: outcome.status,
  });
}

type Parsed =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly problem: string };

function parseReply(schema: z.ZodType, body: string): Parsed {
  if (body.trim() === '') return { ok: false, problem: 'the reply is empty' };
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return { ok: false, problem: 'the reply is not JSON' };
  }
  return parseWith(schema, json, 'the reply');
}

function parseWith(schema: z.ZodType, value: unknown, what: string): Parsed {
  const parsed = schema.safeParse(value);
  if (parsed.success) return { ok: true, result: parsed.data };
  const [issue] = parsed.error.issues;
  const field = issue?.path.join('.') ?? '';
  return {
    ok: false,
    problem: `${what} breaks the schema at ${field === '' ? 'its top' : `"${field}"`}: ${issue?.message ?? 'invalid'}`,
  };
}

/** A result is stored whole or not at all. */
function fitting(result: unknown, target?: string): CallResult {
  const bytes = Buffer.byteLength(JSON.stringify(result) ?? 'null');
  if (bytes <= LIMITS.resultBytes) return { ok: true, result };
  return failed({
    code: 'RESULT_TOO_LARGE',
    message: `the result has ${bytes} bytes of JSON, at most ${LIMITS.resultBytes} are stored; declare fewer fields in the response schema`,
    retriable: false,
    acted: 'unknown',
    ...(target === undefined ? {} : { target }),
  });
}

async function run(ports: CallPorts, call: Call): Promise<CallResult> {
  const secrets = secretsOf(call.context.input, call.sensitive);
  const abort = new AbortController();
  let cancel = (): void => undefined;
  const deadline = new Promise<'deadline'>((resolve) => {
    cancel = ports.clock.after(call.deadlineMs, () => {
      abort.abort(new Error('the step’s deadline has passed'));
      resolve('deadline');
    });
  });
  const { idempotencyKey } = call;
  // The code may ignore the signal: then it is abandoned, and a late rejection must not end the process.
  const work = settled(async () =>
    call.step.run?.({ ...call.context, idempotencyKey, signal: abort.signal }),
  );
  const ending = await Promise.race([work, deadline]);
  cancel();
  if (ending === 'deadline') {
    return failed({
      code: 'DEADLINE_EXCEEDED',
      message: `run did not end within ${call.deadlineMs} ms`,
      retriable: true,
      acted: 'unknown',
    });
  }
  if (!ending.ok) return failed(runFailure(ending.error, secrets));
  return ranTo(call.step.response, ending.value, secrets);
}

function runFailure(error: unknown, secrets: readonly string[]): Failure {
  const refused = error instanceof StepRefusal;
  return {
    code: refused ? 'REFUSED' : 'RUN_FAILED',
    message: excerpt(messageOf(error), secrets),
    retriable: !refused,
    acted: refused ? 'no' : 'unknown',
  };
}

function ranTo(schema: z.ZodType | undefined, value: unknown, secrets: readonly string[]): CallResult {
  const invalid = (problem: string): CallResult =>
    failed({ code: 'REPLY_INVALID', message: excerpt(problem, secrets), retriable: false, acted: 'unknown' });
  let json: unknown;
  try {
    // What is stored is JSON: the next step must see the same thing before and after a restart.
    json = JSON.parse(JSON.stringify(value ?? null) ?? 'null');
  } catch (error) {
    return invalid(`the result of run is not JSON: ${messageOf(error)}`);
  }
  if (schema === undefined) return fitting(json);
  const parsed = parseWith(schema, json, 'the result of run');
  return parsed.ok ? fitting(parsed.result) : invalid(parsed.problem);
}

type Settled =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: unknown };

async function settled(work: () => Promise<unknown>): Promise<Settled> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    return { ok: false, error };
  }
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
