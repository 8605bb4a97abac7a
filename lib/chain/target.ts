import { keyLifetimeIn, optionsOf } from './check.ts';
import type { Method, RequestSpec } from './definition.ts';
import { targetName } from './naming.ts';
import { type BodyOf, bodyProblem } from './request/body.ts';
import { checkedHeaders } from './request/headers.ts';
import { checkedPath, type Path } from './request/path.ts';
import { type Query, withQuery } from './request/query.ts';

/** What a request may say besides its path and body. */
export interface RequestOptions {
  /** Values are encoded; `null` and `undefined` are left out; a list gives its name once for each value. */
  readonly query?: Query;
  /** Their names are sent in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a target does, wherever it is. */
export interface TargetOptions {
  /** `lifetime`: how long it remembers an idempotency key, in seconds. Default 86,400, as many forget after a day. */
  readonly idempotency?: { readonly lifetime: number };
}

type WithoutBody = (path: string | Path, options?: RequestOptions) => RequestSpec;
/**
 * `body` is sent as JSON, or as `json`, `form`, `text` or `multipart` says; a bare text, and a date, a map, a promise or a function
 * in it, does not compile.
 */
type WithBody = <Body = undefined>(
  path: string | Path,
  body?: Body & BodyOf<Body>,
  options?: RequestOptions,
) => RequestSpec;

/** A downstream API by name. Its functions only describe a request; the stage knows the base URL and the secret. */
export interface Target {
  readonly name: string;
  /** As it was given. */
  readonly idempotency: TargetOptions['idempotency'];
  readonly get: WithoutBody;
  readonly post: WithBody;
  readonly put: WithBody;
  readonly patch: WithBody;
  readonly delete: WithoutBody;
}

/**
 * Names a downstream API.
 * Errors: `DefinitionError` for a name that breaks the rules of step names. The functions throw `TypeError` for a path, a
 * query, a body or a header that cannot be sent; in a workflow that fails the step as `REQUEST_INVALID`, nothing sent.
 * @example
 * const payments = target('payments');
 * payments.post('/charges', { card, amount });
 * payments.post('/charges', form({ card, amount }));
 * payments.get(path`/charges/${id}`, { headers: { 'x-region': 'eu' } });
 * payments.get('/charges', { query: { limit: 10, tag: ['a', 'b'] } }); // /charges?limit=10&tag=a&tag=b
 * const qonto = target('qonto', { idempotency: { lifetime: 1_800 } });
 */
export function target(name: string, options: TargetOptions = {}): Target {
  const checkedName = targetName(name);
  const { idempotency } = optionsOf({}, `the target "${checkedName}"`, options, ['idempotency']);
  const keyLifetime = keyLifetimeIn({}, idempotency);
  const without =
    (method: Method): WithoutBody =>
    (path, options) =>
      spec(checkedName, keyLifetime, method, path, undefined, options);
  const withBody =
    (method: Method): WithBody =>
    (path, body, options) =>
      spec(checkedName, keyLifetime, method, path, body, options);
  return Object.freeze({
    name: checkedName,
    idempotency: keyLifetime === undefined ? undefined : { lifetime: keyLifetime },
    get: without('GET'),
    post: withBody('POST'),
    put: withBody('PUT'),
    patch: withBody('PATCH'),
    delete: without('DELETE'),
  });
}

function spec(
  name: string,
  keyLifetime: number | undefined,
  method: Method,
  path: string | Path,
  body: unknown,
  options: RequestOptions | undefined,
): RequestSpec {
  const call = `${name}.${method.toLowerCase()}`;
  const headers = options?.headers;
  const problem = bodyProblem(body);
  if (problem !== undefined) throw new TypeError(`${call}: ${problem}`);
  return {
    target: name,
    method,
    path: withQuery(call, checkedPath(call, path), options?.query),
    ...(body === undefined ? {} : { body }),
    ...(headers === undefined ? {} : { headers: checkedHeaders(name, headers, body) }),
    ...(keyLifetime === undefined ? {} : { keyLifetime }),
  };
}
