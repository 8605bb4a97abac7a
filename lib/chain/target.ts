import { CALL_HEADERS } from '../contract/names.ts';
import { keyLifetimeIn, optionsOf } from './check.ts';
import type { Method, RequestSpec } from './definition.ts';
import { show } from './definition-error.ts';
import type { Json } from './json.ts';
import { targetName } from './naming.ts';

/** What a request may say besides its path and body. Header names are sent in lower case. */
export interface RequestOptions {
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a target does, wherever it is. */
export interface TargetOptions {
  /** `lifetime`: how long it remembers an idempotency key, in seconds. Default 86,400, as many forget after a day. */
  readonly idempotency?: { readonly lifetime: number };
}

type WithoutBody = (path: string, options?: RequestOptions) => RequestSpec;
/** `body` is sent as JSON; a date, a map, a promise or a function in it does not compile. */
type WithBody = <Body = undefined>(
  path: string,
  body?: Body & Json<Body>,
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
 * Errors: `DefinitionError` for a name that breaks the rules of step names. The functions throw `TypeError` for a path or a
 * header that cannot be sent; in a workflow that fails the step as `REQUEST_INVALID`, nothing sent.
 * @example
 * const payments = target('payments');
 * payments.post('/charges', { card, amount });
 * payments.get(`/charges/${encodeURIComponent(id)}`, { headers: { accept: 'application/json' } });
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
  path: string,
  body: unknown,
  options: RequestOptions | undefined,
): RequestSpec {
  const headers = options?.headers;
  return {
    target: name,
    method,
    path: checkedPath(`${name}.${method.toLowerCase()}`, path),
    ...(body === undefined ? {} : { body }),
    ...(headers === undefined ? {} : { headers: checkedHeaders(name, headers) }),
    ...(keyLifetime === undefined ? {} : { keyLifetime }),
  };
}

function checkedPath(call: string, path: unknown): string {
  const refuse = (problem: string): never => {
    throw new TypeError(`${call}: the path ${show(path)} ${problem}`);
  };
  if (typeof path !== 'string' || !path.startsWith('/')) {
    return refuse('does not begin with "/"; write the base URL in the settings of the target');
  }
  // A space, a control character or `#` would end or change the URL.
  if (/[\s#\\\p{Cc}]/u.test(path)) {
    return refuse(
      'has a space, "#", "\\" or a control character; use encodeURIComponent on each value in it',
    );
  }
  // A value such as ".." from the input would lead to another resource than the one that was meant.
  if (/\/(\.|%2e){1,2}(\/|\?|$)/i.test(path))
    return refuse(
      'has a "." or ".." segment, which leads to another resource; check the value before you use it',
    );
  return path;
}

const OWN_HEADERS: readonly string[] = Object.values(CALL_HEADERS);

function checkedHeaders(name: string, headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([header, value]) => {
      const lower = header.toLowerCase();
      if (OWN_HEADERS.includes(lower)) {
        throw new TypeError(`${name}: the header "${header}" is set by Stepline itself; leave it out`);
      }
      return [lower, value];
    }),
  );
}
