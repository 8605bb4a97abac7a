import fc from 'fast-check';
import * as z from 'zod';
import type { ApiEvent } from '../../functions/http.ts';
import { ROUTES } from '../../lib/contract/names.ts';
import type { Request } from './request.ts';
import { record } from './values.ts';
import { CLAIM, TENANTS } from './world.ts';

/** How a request becomes an event: whom its token names, what becomes of its body, and what the event does not have. */
export interface Envelope {
  readonly token: 'tenant' | 'none' | 'no claims' | 'number' | 'list' | 'spaced' | 'long' | 'null';
  readonly body: 'text' | 'base64' | 'base64url' | 'text called base64' | 'base64 called text';
  readonly headers: 'lower' | 'upper' | 'joined';
  /** What a custom domain puts before the path. */
  readonly basePath: '' | '/shop' | '/api';
  readonly without: Field | undefined;
  /** Whether what is not there is null. */
  readonly asNull: boolean;
}
const FIELDS = [
  'routeKey',
  'rawPath',
  'headers',
  'queryStringParameters',
  'pathParameters',
  'body',
  'isBase64Encoded',
  'requestContext',
  'http',
] as const;
type Field = (typeof FIELDS)[number];

export const anyEnvelope: fc.Arbitrary<Envelope> = record({
  token: fc.oneof(
    { weight: 24, arbitrary: fc.constant('tenant') },
    {
      weight: 1,
      arbitrary: fc.constantFrom('none', 'no claims', 'number', 'list', 'spaced', 'long', 'null'),
    },
  ),
  body: fc.oneof(
    { weight: 12, arbitrary: fc.constant('text') },
    { weight: 4, arbitrary: fc.constant('base64') },
    { weight: 1, arbitrary: fc.constantFrom('base64url', 'text called base64', 'base64 called text') },
  ),
  headers: fc.oneof(
    { weight: 10, arbitrary: fc.constant('lower') },
    { weight: 1, arbitrary: fc.constantFrom('upper', 'joined') },
  ),
  basePath: fc.oneof(
    { weight: 6, arbitrary: fc.constant('') },
    { weight: 1, arbitrary: fc.constantFrom('/shop', '/api') },
  ),
  without: fc.oneof(
    { weight: 12, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constantFrom(...FIELDS) },
  ),
  asNull: fc.boolean(),
});

/** Whether the request comes with a token that names the tenant, so that it may be answered about workflows. */
export const isKnown = ({ token, without }: Envelope): boolean =>
  token === 'tenant' && without !== 'requestContext';

/** The event of a request, payload format 2.0. What the types of an event do not allow is the point here. */
export function eventOf(request: Request, envelope: Envelope): ApiEvent {
  const { without } = envelope;
  const http = without === 'http' ? undefined : { method: request.method, path: request.path };
  const routeKey = routeKeyOf(request);
  const fields: Readonly<Record<string, unknown>> = {
    version: '2.0',
    routeKey,
    rawPath: `${envelope.basePath}${request.path}`,
    headers: headersOf(request, envelope),
    ...(request.query.length === 0 ? {} : { queryStringParameters: joined(request.query) }),
    pathParameters: {
      id: request.id,
      ...(routeKey.endsWith(ANY_PATH) ? { proxy: request.path.slice(1) } : {}),
    },
    ...bodyOf(request.body, envelope),
    requestContext: { http, authorizer: authorizerOf(request.by, envelope) },
  };
  if (without === undefined) return anEvent.parse(fields);
  const { [without]: _, ...rest } = fields;
  return anEvent.parse(envelope.asNull ? { ...rest, [without]: null } : rest);
}

const ANY_PATH = '/{proxy+}';

/** The route that an HTTP API finds. */
function routeKeyOf({ route, method, path }: Request): string {
  const fixed = route === 'start' || route === 'nowhere' ? undefined : ROUTES[route];
  if (fixed !== undefined) return `${fixed.method} ${fixed.path}`;
  return `${method} ${route === 'start' && method === 'POST' ? path : ANY_PATH}`;
}

const anEvent = z.custom<ApiEvent>((event) => typeof event === 'object');

/** Values of one name are joined by commas, as an HTTP API does. `Object.fromEntries` takes every name. */
function joined(pairs: readonly (readonly [string, string])[]): Readonly<Record<string, string>> {
  const all = new Map<string, string>();
  for (const [name, value] of pairs) {
    const before = all.get(name);
    all.set(name, before === undefined ? value : `${before},${value}`);
  }
  return Object.fromEntries(all);
}

function headersOf({ headers }: Request, envelope: Envelope): Readonly<Record<string, string>> {
  if (envelope.headers === 'joined') return joined([...headers, ...headers]);
  const spelled = (name: string): string => (envelope.headers === 'upper' ? name.toUpperCase() : name);
  return joined(headers.map(([name, value]) => [spelled(name), value]));
}

function bodyOf(bytes: Buffer | undefined, { body: how }: Envelope) {
  if (bytes === undefined) return { isBase64Encoded: false };
  const encoding = how === 'base64url' ? 'base64url' : how.startsWith('base64') ? 'base64' : 'utf8';
  return {
    body: bytes.toString(encoding),
    isBase64Encoded: how === 'text called base64' || how === 'base64' || how === 'base64url',
  };
}

function authorizerOf(by: number, { token }: Envelope): unknown {
  const tenant = TENANTS[by];
  const claims: Readonly<Record<Envelope['token'], unknown>> = {
    tenant,
    none: undefined,
    'no claims': undefined,
    number: by,
    list: [tenant],
    spaced: `${tenant} `,
    long: `${tenant}`.padEnd(129, 'x'),
    null: null,
  };
  if (token === 'none') return undefined;
  return { jwt: token === 'no claims' ? null : { claims: { [CLAIM]: claims[token] } } };
}
