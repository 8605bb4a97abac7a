import { isRecord, type JsonSchema } from './schema.ts';

/**
 * A readable value of a schema, the same each time: its own example, or one made of the names of its fields. Undefined where none can be
 * made; not every one that is made is taken.
 * @example exampleOf({ type: 'object', properties: { card: { type: 'string' }, email: { type: 'string', format: 'email' } } })
 * // { card: 'card', email: 'ada@example.com' }
 */
export function exampleOf(schema: JsonSchema, name = 'text'): unknown {
  const [given] = [schema.examples, schema.enum].flatMap((some) => (Array.isArray(some) ? some : []));
  const said = given ?? schema.const ?? schema.default;
  if (said !== undefined) return said;
  const [first] = [schema.anyOf, schema.oneOf].flatMap((some) => (Array.isArray(some) ? some : []));
  if (isRecord(first)) return exampleOf(first, name);
  return MAKERS[String([schema.type].flat()[0])]?.(schema, name);
}

const MAKERS: Readonly<Record<string, (schema: JsonSchema, name: string) => unknown>> = {
  object: ({ properties }) => {
    const fields = Object.entries(isRecord(properties) ? properties : {}).map(
      ([name, part]) => [name, isRecord(part) ? exampleOf(part, name) : undefined] as const,
    );
    return Object.fromEntries(fields.filter(([, value]) => value !== undefined));
  },
  array: ({ items, minItems = 0 }, name) => {
    const one = isRecord(items) ? exampleOf(items, name) : undefined;
    return one === undefined ? [] : new Array(Math.max(Number(minItems), 1)).fill(one);
  },
  string: ({ format, minLength = 0, maxLength = Number.POSITIVE_INFINITY }, name) =>
    OF_FORMAT[String(format)] ?? name.padEnd(Number(minLength), '-').slice(0, Number(maxLength)),
  number: number,
  integer: number,
  boolean: () => true,
  null: () => null,
};

/** The least positive whole number in the bounds, or the greatest below them. */
function number({ minimum, exclusiveMinimum: above, maximum, exclusiveMaximum: below }: JsonSchema): number {
  const least = Math.max(1, ...bound(minimum, Math.ceil), ...bound(above, (value) => Math.floor(value) + 1));
  return Math.min(
    least,
    ...bound(maximum, (value) => value),
    ...bound(below, (value) => Math.ceil(value) - 1),
  );
}

const bound = (value: unknown, whole: (value: number) => number): readonly number[] =>
  typeof value === 'number' ? [whole(value)] : [];

const OF_FORMAT: Readonly<Record<string, string>> = {
  email: 'ada@example.com',
  uri: 'https://example.com/',
  'date-time': '2030-01-31T12:00:00.000Z',
  date: '2030-01-31',
  time: '12:00:00',
  duration: 'PT1H',
  uuid: '3f2b8c1e-5d4a-4e6f-8a7b-9c0d1e2f3a4b',
  e164: '+14155550100',
  ipv4: '192.0.2.1',
  ipv6: '2001:db8::1',
  hostname: 'example.com',
};
