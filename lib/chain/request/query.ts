import { isPlaceholder } from './placeholder.ts';
import { named, type Scalar, scalarText } from './scalar.ts';

/** One value of a query. `null` and `undefined` are left out. */
type QueryValue = Scalar | null | undefined;

/** The query of a request by name. A list gives its name once for each value. */
export type Query = Readonly<Record<string, QueryValue | readonly QueryValue[]>>;

/**
 * Returns `path` with the query behind it.
 * Errors: `TypeError`, which begins with `call`, for a value that is no text, number, boolean or list of these.
 * @example withQuery('payments.get', '/charges', { limit: 10, tag: ['a', 'b'] }) // '/charges?limit=10&tag=a&tag=b'
 */
export function withQuery(call: string, path: string, query: unknown): string {
  if (query === undefined || isPlaceholder(query)) return path;
  if (typeof query !== 'object' || query === null || Array.isArray(query)) {
    throw new TypeError(`${call}: the query is ${named(query)}, not an object such as { limit: 10 }`);
  }
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    [value]
      .flat()
      .filter((one) => one !== null && one !== undefined)
      .map((one): [string, string] => [name, textOf(call, name, one)]),
  );
  if (pairs.length === 0) return path;
  // URLSearchParams writes a space as "+", which not every server reads as one outside of a form.
  const text = new URLSearchParams(pairs).toString().replaceAll('+', '%20');
  return `${path}${path.includes('?') ? '&' : '?'}${text}`;
}

function textOf(call: string, name: string, value: unknown): string {
  const text = scalarText(value);
  if (text !== undefined) return text;
  throw new TypeError(
    `${call}: the query "${name}" holds ${named(value)}, not text, a number or a boolean; write nested names out, as in { 'created[gte]': 1767225600 }`,
  );
}
