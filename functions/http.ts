import { decodeText } from '../lib/adapters/http/charset.ts';
import { LIMITS } from '../lib/contract/limits.ts';
import { DEFAULT_TENANT } from '../lib/contract/names.ts';
import { TENANT, WORKFLOW_ID } from '../lib/contract/wire.ts';
import { EngineError, messageOf, toldOf } from '../lib/engine/errors.ts';
import { readFlaws } from '../lib/engine/json/members.ts';
import type { Telemetry } from '../lib/engine/ports.ts';
import { ProblemError, shownField } from '../lib/engine/problems.ts';
import type { WorkflowKey } from '../lib/engine/state.ts';

/** What the handlers read of an HTTP API event (payload format 2.0): a part of `APIGatewayProxyEventV2`. */
export interface ApiEvent {
  /** The route that the API found, such as `GET /api/workflows/{id}`. Absent where somebody invokes the function by hand. */
  readonly routeKey?: string;
  /** On a custom domain it may begin with the base path of the API's mapping. */
  readonly rawPath?: string;
  /** Absent where somebody invokes the function by hand. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly queryStringParameters?: Readonly<Record<string, string | undefined>>;
  readonly pathParameters?: Readonly<Record<string, string | undefined>>;
  readonly body?: string;
  readonly isBase64Encoded: boolean;
  /** `jwt` is there where a JWT authorizer let the request pass; its claims come as text. */
  readonly requestContext?: {
    readonly http?: { readonly method: string };
    readonly authorizer?: { readonly jwt?: { readonly claims?: Readonly<Record<string, unknown>> } };
  };
}

export interface ApiAnswer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const PRIVATE = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };

/** A JSON answer. */
export const json = (
  statusCode: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): ApiAnswer => ({
  statusCode,
  headers: { 'content-type': 'application/json', ...PRIVATE, ...headers },
  body: JSON.stringify(body),
});

/** A refusal as RFC 9457 problem details. */
export const problemAnswer = (
  error: ProblemError,
  headers: Readonly<Record<string, string>> = {},
): ApiAnswer =>
  json(error.problem.status, error.problem, { 'content-type': 'application/problem+json', ...headers });

const UNKNOWN_EFFECT =
  'It is not known whether this request took effect. Send it again. Repeat a start with the Idempotency-Key of the first try, or it may run twice.';

/** Turns whatever an operation throws into an answer that gives nothing away; the cause goes to telemetry. */
export async function answering(
  telemetry: Telemetry,
  where: string,
  operation: () => Promise<ApiAnswer>,
): Promise<ApiAnswer> {
  try {
    return await operation();
  } catch (error) {
    if (error instanceof ProblemError) return problemAnswer(error);
    telemetry.emit({ event: 'unexpected_error', where, ...toldOf(error) });
    if (error instanceof EngineError && error.retriable) {
      return problemAnswer(new ProblemError('UNAVAILABLE', UNKNOWN_EFFECT), {
        'retry-after': '1',
      });
    }
    return problemAnswer(new ProblemError('INTERNAL', 'The cause is in the logs.'));
  }
}

/** The body's JSON; undefined for an empty one. */
export function readJson(event: ApiEvent): unknown {
  const { body, headers, isBase64Encoded } = event;
  const bytes = Buffer.from(body ?? '', isBase64Encoded ? 'base64' : 'utf8');
  if (bytes.length > LIMITS.inputBytes) {
    throw new ProblemError(
      'TOO_LARGE',
      `the body has ${bytes.length} bytes; the most is ${LIMITS.inputBytes}`,
    );
  }
  // A body that is not in base64 is text already.
  const decoded = decodeText(bytes, isBase64Encoded ? headers?.['content-type'] : undefined);
  if (!decoded.ok) throw new ProblemError('INVALID_JSON', `the body cannot be read: ${decoded.problem}`);
  const text = decoded.value;
  if (text.trim() === '') return undefined;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new ProblemError('INVALID_JSON', `the body is not JSON: ${withoutQuote(messageOf(error))}`);
  }
  refuseFlaws(text);
  return json;
}

/**
 * What JSON.parse says, without the text around the mistake: that may be a sensitive value.
 * @example withoutQuote('Unexpected token \'x\', "{"card":4x" is not valid JSON') // "Unexpected token 'x'"
 */
const withoutQuote = (message: string): string => message.replace(/, (?:\.{3})?".*$/s, '');

/** What JSON.parse would change or leave out without a word is the sender's to mend: nobody knows which of two amounts was meant. */
function refuseFlaws(text: string): void {
  const { levels, flaws } = readFlaws(text, LIMITS.fieldsNamed);
  if (levels > LIMITS.inputLevels) {
    throw invalidField('(body)', `Must have at most ${LIMITS.inputLevels} levels of lists and objects`);
  }
  if (flaws.length === 0) return;
  // Never the value: it may be sensitive.
  const errors = flaws.map(({ path, kind }) => ({
    field: shownField(path.join('.')) || '(body)',
    message: FLAWS[kind],
  }));
  throw new ProblemError(
    'INVALID_REQUEST',
    'the body would not be read as it was written; see errors',
    errors,
  );
}

const FLAWS = {
  namedTwice: 'Is named twice in its object; name it once',
  changedNumber: 'Is a number that would lose digits when it is read; send it as text, in quotes',
} as const;

/** The workflow that the path names, of the tenant that asks. Errors: 403 `NO_TENANT`, 404 `UNKNOWN_WORKFLOW`. */
export function workflowKey(event: ApiEvent, tenantClaim: string | undefined): WorkflowKey {
  const tenant = tenantOf(event, tenantClaim);
  const workflowId = event.pathParameters?.id ?? '';
  if (!WORKFLOW_ID.test(workflowId)) {
    const shown = JSON.stringify(workflowId.slice(0, 50));
    throw new ProblemError(
      'UNKNOWN_WORKFLOW',
      `${shown} is not a workflow id; an id is wf_ and 32 hexadecimal digits`,
    );
  }
  return { tenant, workflowId };
}

/**
 * Whose workflows a request speaks of. Never from what a client can set: from a claim that the authorizer verified, or
 * where none is to be read always `DEFAULT_TENANT`.
 * @param claim name of the claim; undefined under IAM and on one machine
 * Errors: `ProblemError` `NO_TENANT`, 403.
 * @example tenantOf(event, 'custom:tenant') // 'acme'
 */
export function tenantOf({ requestContext }: ApiEvent, claim: string | undefined): string {
  if (claim === undefined) return DEFAULT_TENANT;
  const claims = requestContext?.authorizer?.jwt?.claims ?? {};
  const tenant = Object.hasOwn(claims, claim) ? claims[claim] : undefined;
  if (typeof tenant === 'string' && TENANT.test(tenant)) return tenant;
  throw new ProblemError(
    'NO_TENANT',
    `the token’s claim "${claim}" ${tenant === undefined ? 'is missing' : 'does not name a tenant'}; a tenant has 1 to 128 printable ASCII characters and no space`,
  );
}

/** Refuses query parameters that the route does not know. */
export function readQuery<Name extends string>(
  event: ApiEvent,
  known: readonly Name[],
): Partial<Record<Name, string>> {
  const query: Partial<Record<Name, string>> = {};
  for (const [name, value] of Object.entries(event.queryStringParameters ?? {})) {
    const match = known.find((candidate) => candidate === name);
    if (match === undefined) {
      const there = known.length === 0 ? 'there are none here' : `the parameters are ${known.join(', ')}`;
      throw invalidField(name, `Unknown parameter; ${there}`);
    }
    if (value !== undefined) query[match] = value;
  }
  return query;
}

/** A refusal that names one field. */
export function invalidField(name: string, message: string): ProblemError {
  const field = shownField(name);
  return new ProblemError('INVALID_REQUEST', `${field}: ${message}`, [{ field, message }]);
}
