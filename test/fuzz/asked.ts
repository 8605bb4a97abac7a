import fc from 'fast-check';
import { WORKFLOW_STATUSES } from '../../lib/contract/names.ts';
import { anyBody, type Body, START_PATHS } from './bodies.ts';
import { anyChange, anyName, type Change, record } from './values.ts';
import { SHARED_KEYS, TENANTS } from './world.ts';

/** Which route a request is meant for. */
export const ROUTE_NAMES = ['start', 'get', 'timeline', 'list', 'cancel', 'resume', 'nowhere'] as const;
export type RouteName = (typeof ROUTE_NAMES)[number];

/** A workflow id: the `at`th of the tenant that asks, or of any, or a text. */
export type Id =
  | { readonly of: number | 'own'; readonly at: number; readonly changes: readonly Change[] }
  | { readonly text: string };

/** A cursor out of the listing of a tenant, whoever that is, or a text. */
export type Cursor =
  | {
      readonly of: number;
      readonly query: Readonly<Record<string, string>>;
      readonly changes: readonly Change[];
    }
  | { readonly text: string };

/** A request as it is thought up: what names something in the world is not looked up yet. */
export interface Asked {
  readonly route: RouteName;
  /** Index of the tenant that asks. */
  readonly by: number;
  readonly startPath: string;
  readonly nowhere: string;
  readonly method: string | undefined;
  readonly id: Id;
  /** Parameters that one route knows, left out where another is asked; and those that none knows, or not so. */
  readonly query: readonly (readonly [string, string])[];
  readonly oddQuery: readonly (readonly [string, string])[];
  readonly cursor: Cursor | undefined;
  readonly key: string | undefined;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Body;
}

const tenant = fc.nat(TENANTS.length - 1);
const changes = fc.oneof(
  { weight: 5, arbitrary: fc.constant([]) },
  { weight: 1, arbitrary: fc.array(anyChange, { minLength: 1, maxLength: 2 }) },
);

const anyId: fc.Arbitrary<Id> = fc.oneof(
  {
    weight: 6,
    arbitrary: record({ of: fc.constant('own'), at: fc.nat(8), changes }),
  },
  { weight: 3, arbitrary: record({ of: tenant, at: fc.nat(8), changes }) },
  {
    weight: 1,
    arbitrary: record({
      text: fc.oneof(
        fc.constantFrom(`wf_${'0a'.repeat(16)}`, '', 'wf_', '__proto__', '..', 'META', 'x'.repeat(9_000)),
        fc.string({ unit: 'binary' }),
      ),
    }),
  },
);

const CHAIN_NAMES = ['order-processing', 'loose', 'user-onboarding'];
const parameter: fc.Arbitrary<readonly [string, string]> = fc.oneof(
  fc.tuple(fc.constant('chain'), fc.constantFrom(...CHAIN_NAMES)),
  fc.tuple(fc.constant('status'), fc.constantFrom(...WORKFLOW_STATUSES)),
  fc.tuple(fc.constant('limit'), fc.integer({ min: 1, max: 100 }).map(String)),
);
const oddParameter: fc.Arbitrary<readonly [string, string]> = fc.oneof(
  fc.tuple(fc.constantFrom('chain', 'status', 'limit', 'cursor', 'detail'), fc.string({ unit: 'binary' })),
  fc.tuple(fc.constant('limit'), fc.constantFrom('0', '101', '-1', '1e1', '01', '٣', '1\n', '', ' 1', 'NaN')),
  fc.tuple(fc.constantFrom('chain', 'status'), fc.constantFrom('__proto__', 'constructor', 'toString', ' ')),
  fc.tuple(anyName, fc.string()),
);
const anyCursor: fc.Arbitrary<Cursor> = fc.oneof(
  {
    weight: 5,
    arbitrary: record({
      of: tenant,
      query: fc.oneof(
        fc.constant({ limit: '1' }),
        fc.constant({ limit: '1', status: 'processing' }),
        fc.constant({ limit: '2', chain: 'order-processing' }),
      ),
      changes,
    }),
  },
  {
    weight: 1,
    arbitrary: record({
      text: fc.oneof(
        fc.constantFrom(
          '',
          '0',
          `999999999999999-wf_${'f'.repeat(32)}`,
          `000000000000000-wf_${'0'.repeat(32)}`,
        ),
        fc.string({ unit: 'binary' }),
      ),
    }),
  },
);

const ODD_HEADERS: readonly (readonly [string, string])[] = [
  ['x-tenant', 'acme'],
  ['custom:tenant', 'acme'],
  ['x-amzn-oidc-data', 'acme'],
  ['__proto__', 'x'],
  ['constructor', 'x'],
  ['content-type', 'text/plain; charset=utf-16'],
  ['content-encoding', 'gzip'],
  ['x-http-method-override', 'DELETE'],
  ['x-original-url', '/api/workflows'],
  ['accept', 'text/html'],
];
const anyKey = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...SHARED_KEYS) },
  { weight: 1, arbitrary: fc.constantFrom('', 'x'.repeat(255), 'x'.repeat(256), 'a,a', '\ud800', '\u0000') },
  { weight: 1, arbitrary: fc.string({ minLength: 1 }) },
);

const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH', 'TRACE', 'get', 'PROPFIND'];

const rarely = <Of>(arbitrary: fc.Arbitrary<Of>, oneIn: number): fc.Arbitrary<Of | undefined> =>
  fc.oneof({ weight: oneIn - 1, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });
const NOWHERE = [
  '/',
  '',
  '/api',
  '/api/',
  '/api/workflows/',
  '/api/loose/',
  '/api/__proto__',
  '//',
  '/../x',
  '*',
];

const some = <Of>(arbitrary: fc.Arbitrary<Of>, oneIn: number): fc.Arbitrary<readonly Of[]> =>
  fc.oneof(
    { weight: oneIn - 1, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(arbitrary, { minLength: 1, maxLength: 3 }) },
  );

/** Requests to all routes, most of them valid or nearly so. */
export const anyRequest = (by: fc.Arbitrary<number> = tenant): fc.Arbitrary<Asked> =>
  record({
    route: fc.oneof(
      { weight: 7, arbitrary: fc.constant('start') },
      { weight: 12, arbitrary: fc.constantFrom('get', 'timeline', 'list', 'cancel', 'resume') },
      { weight: 1, arbitrary: fc.constant('nowhere') },
    ),
    by,
    startPath: fc.constantFrom(...START_PATHS),
    nowhere: fc.oneof(fc.constantFrom(...NOWHERE), fc.webPath()),
    method: rarely(fc.constantFrom(...METHODS), 12),
    id: anyId,
    query: some(parameter, 2),
    oddQuery: some(oddParameter, 10),
    cursor: rarely(anyCursor, 2),
    key: rarely(anyKey, 2),
    headers: some(fc.constantFrom(...ODD_HEADERS), 4),
    body: anyBody,
  });
