import { LIMITS } from '../contract/limits.ts';
import { numberIn, optionsOf } from './check.ts';
import type { Method, RequestSpec } from './definition.ts';
import { targetName } from './naming.ts';
import { bodyProblem } from './request/body.ts';
import { checkedHeaders } from './request/headers.ts';
import { type Idempotency, idempotencyIn, keyUseOf } from './request/key.ts';
import type { Methods, RequestOptions, WithBody, WithoutBody } from './request/methods.ts';
import { checkedPath, type Path } from './request/path.ts';
import { withQuery } from './request/query.ts';

/** What a target does, wherever it is. */
export interface TargetOptions {
  /**
   * How it takes the idempotency key. Default: in the header `idempotency-key`, as it is, and remembers it for a day. Under `'none'` it takes none: a
   * call whose effect is not known is never repeated by itself, and a person says what became of it.
   */
  readonly idempotency?: Idempotency;
  /**
   * For how many seconds after the deadline of a call it may still act on it, 0 to 3,600. Default 60. Where nobody knows whether a step acted, its undo
   * waits so long: a target that acts later than it says here acts after its effect was taken back.
   * @example target('bank', { lateBy: 600 }) // its gateway keeps a call for ten minutes
   */
  readonly lateBy?: number;
}

/** A downstream API by name. Its functions only describe a request; the stage knows the base URL and the secret. */
export interface Target extends Methods<RequestSpec> {
  readonly name: string;
  /** As they were given. */
  readonly idempotency: Idempotency | undefined;
  readonly lateBy: number | undefined;
}

/** What `lateBy` may be, of a target and of a step. */
export const LATE_BY = { least: 0, most: LIMITS.lateByMost, whole: true, unit: 'seconds' } as const;

/**
 * Names a downstream API.
 * Errors: `DefinitionError` for a name that breaks the rules of step names, and for an option that is none. The functions throw `TypeError` for a path, a
 * query, a body or a header that cannot be sent; in a workflow that fails the step as `REQUEST_INVALID`, nothing sent.
 * @example
 * const payments = target('payments');
 * payments.post('/charges', { card, amount });
 * payments.post('/charges', form({ card, amount }));
 * payments.get(path`/charges/${id}`, { headers: { 'x-region': 'eu' } });
 * payments.get('/charges', { query: { limit: 10, tag: ['a', 'b'] } }); // /charges?limit=10&tag=a&tag=b
 * const qonto = target('qonto', { idempotency: { lifetime: 1_800 } });
 * const paypal = target('paypal', { idempotency: { header: 'paypal-request-id', lifetime: 2_592_000 } });
 * const square = target('square', { idempotency: { format: 'token32' } });
 * square.post('/v2/payments', { idempotency_key: idempotencyKey, … }); // `idempotencyKey` as the request function is given it
 * const sms = target('sms', { idempotency: 'none', lateBy: 0 });
 */
export function target(name: string, options: TargetOptions = {}): Target {
  const checkedName = targetName(name);
  const given = optionsOf({}, `the target "${checkedName}"`, options, ['idempotency', 'lateBy']);
  const made: Made = {
    name: checkedName,
    idempotency: idempotencyIn({}, given.idempotency),
    lateBy:
      given.lateBy === undefined
        ? undefined
        : numberIn({}, `lateBy of the target "${checkedName}"`, given.lateBy, LATE_BY),
  };
  const without =
    (method: Method): WithoutBody<RequestSpec> =>
    (path, options) =>
      spec(made, method, path, undefined, options);
  const withBody =
    (method: Method): WithBody<RequestSpec> =>
    (path, body, options) =>
      spec(made, method, path, body, options);
  return Object.freeze({
    ...made,
    get: without('GET'),
    post: withBody('POST'),
    put: withBody('PUT'),
    patch: withBody('PATCH'),
    delete: without('DELETE'),
  });
}

type Made = Pick<Target, 'name' | 'idempotency' | 'lateBy'>;

function spec(
  { name, idempotency, lateBy }: Made,
  method: Method,
  path: string | Path,
  body: unknown,
  options: RequestOptions | undefined,
): RequestSpec {
  const call = `${name}.${method.toLowerCase()}`;
  const headers = options?.headers;
  const problem = bodyProblem(body);
  if (problem !== undefined) throw new TypeError(`${call}: ${problem}`);
  const checked = headers === undefined ? undefined : checkedHeaders(name, headers, body);
  const { header: keyHeader } = keyUseOf(idempotency);
  if (keyHeader !== undefined && checked?.[keyHeader] !== undefined) {
    throw new TypeError(`${name}: the header "${keyHeader}" is that of the idempotency key; leave it out`);
  }
  return {
    target: name,
    method,
    path: withQuery(call, checkedPath(call, path), options?.query),
    ...(body === undefined ? {} : { body }),
    ...(checked === undefined ? {} : { headers: checked }),
    ...(idempotency === undefined ? {} : { idempotency }),
    ...(lateBy === undefined ? {} : { lateBy }),
  };
}
