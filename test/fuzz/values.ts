import fc from 'fast-check';

/*
 * JSON values that programs stumble over. What is large is told by its size, so that a counterexample can be read.
 */

/** An object of these fields, and an ordinary one, which a counterexample shows as such. */
export const record = <Fields>(fields: { [Name in keyof Fields]: fc.Arbitrary<Fields[Name]> }) =>
  fc.record<Fields>(fields, { noNullPrototype: true });

export type Value =
  | { readonly json: string }
  /** Lists or objects within each other. */
  | { readonly deep: number; readonly as: 'list' | 'object' | 'open' }
  /** A text of so many characters. */
  | { readonly long: number }
  /** A list of so many numbers. */
  | { readonly many: number }
  /** An object of so many fields; in an object whose one name is so long, unless that is 0. */
  | { readonly named: number; readonly fields: number };

export function textOf(value: Value): string {
  if ('json' in value) return value.json;
  if ('long' in value) return JSON.stringify('x'.repeat(value.long));
  if ('many' in value) return `[${'0,'.repeat(value.many)}0]`;
  if ('named' in value) {
    const fields = fieldsOf(value.fields);
    return JSON.stringify(value.named === 0 ? fields : { ['k'.repeat(value.named)]: fields });
  }
  if (value.as === 'object') return `${'{"a":'.repeat(value.deep)}1${'}'.repeat(value.deep)}`;
  return `${'['.repeat(value.deep)}${value.as === 'open' ? '' : ']'.repeat(value.deep)}`;
}

const fieldsOf = (count: number): Readonly<Record<string, number>> =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [at.toString(36), at]));

const ODD: readonly string[] = [
  'null',
  'true',
  '0',
  '-0',
  '-1',
  '1e400',
  '-1e400',
  '1e308',
  '5e-324',
  '9007199254740993',
  `1${'0'.repeat(400)}`,
  '""',
  '" "',
  '"\\u0000"',
  '"\\ud800"',
  '"x\\udc00y"',
  '"\\u202e\\ufeff\\u2028"',
  '"line\\r\\nset-cookie: a=b"',
  '"</script>"',
  '[]',
  '[null]',
  '{}',
  '{"__proto__":{"status":500}}',
  '{"constructor":{"prototype":{"status":500}}}',
  '{"toJSON":1,"then":2,"length":-1}',
  '{"a":1,"a":2}',
];

const odd = fc.constantFrom(...ODD).map((json) => ({ json }));
const any = fc.json({ maxDepth: 4 }).map((json) => ({ json }));
const text = fc.string({ unit: 'binary' }).map((one) => ({ json: JSON.stringify(one) }));
const number = fc.double().map((one) => ({ json: String(one) }));
/** About as deep as is taken; the stack ends somewhere among the thousands. */
const deep = record({
  deep: fc.oneof(fc.integer({ min: 95, max: 105 }), fc.constantFrom(1_000, 5_000, 20_000, 100_000)),
  as: fc.constantFrom('list', 'object', 'open'),
});
const long = fc.constantFrom(200, 300, 65_000, 131_000).map((length) => ({ long: length }));
const many = fc.constantFrom(99, 101, 5_000, 60_000).map((length) => ({ many: length }));
/** Each of the fields may be refused, by a name that has the long one in it. */
export const named: fc.Arbitrary<Value> = record({
  named: fc.constantFrom(0, 250, 20_000),
  fields: fc.constantFrom(1, 120, 3_000),
});

/** More, longer or deeper than anybody needs. */
export const muchValue: fc.Arbitrary<Value> = fc.oneof(deep, long, many, named);

export const anyValue: fc.Arbitrary<Value> = fc.oneof(
  { weight: 12, arbitrary: odd },
  { weight: 6, arbitrary: any },
  { weight: 4, arbitrary: text },
  { weight: 4, arbitrary: number },
  { weight: 5, arbitrary: muchValue },
);

/** Names of fields, headers and parameters: those that something reads, and those that every object has. */
export const anyName: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'hasOwnProperty',
    'then',
    'toJSON',
    '',
  ),
  fc.constantFrom(
    'card',
    'amount',
    'any',
    'tree',
    'rows',
    'tags',
    'newKey',
    'tenant',
    'workflowId',
    'status',
  ),
  fc.string(),
  fc.string({ unit: 'binary' }),
);

/** A change to a text or to bytes at some place, the place a part of 1,000. */
export interface Change {
  readonly do: 'cut' | 'flip' | 'insert' | 'repeat' | 'remove';
  readonly at: number;
  readonly code: number;
}
export const anyChange: fc.Arbitrary<Change> = record({
  do: fc.constantFrom('cut', 'flip', 'insert', 'repeat', 'remove'),
  at: fc.integer({ min: 0, max: 999 }),
  code: fc.integer({ min: 0, max: 255 }),
});

/** @example changed(Buffer.from('abc'), { do: 'cut', at: 400, code: 0 }) // the bytes of 'a' */
export function changed(bytes: Buffer, { do: what, at, code }: Change): Buffer {
  const place = Math.floor((at * bytes.length) / 1_000);
  const before = bytes.subarray(0, place);
  const after = bytes.subarray(place + 1);
  const byte = bytes[place] ?? 0;
  switch (what) {
    case 'cut':
      return before;
    case 'flip':
      return Buffer.concat([before, Buffer.of(byte ^ (1 << (code % 8))), after]);
    case 'insert':
      return Buffer.concat([before, Buffer.of(code, byte), after]);
    case 'repeat':
      return Buffer.concat([bytes, bytes.subarray(place)]);
    case 'remove':
      return Buffer.concat([before, after]);
  }
}
