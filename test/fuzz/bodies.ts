import fc from 'fast-check';
import { LIMITS } from '../../lib/contract/limits.ts';
import {
  anyChange,
  anyName,
  anyValue,
  type Change,
  changed,
  muchValue,
  named,
  record,
  textOf,
  type Value,
} from './values.ts';
import { LOOSE_PATH, looseOf, ORDER_PATH, orderOf, type Planted } from './world.ts';

/** A body that each route takes, of the tenant that sends it. */
const VALID: Readonly<Record<string, (of: Planted) => Readonly<Record<string, unknown>>>> = {
  [ORDER_PATH]: orderOf,
  '/api/onboard-user': ({ word }) => ({ name: word, email: `${word}@shop.example` }),
  '/api/enrich-customer': ({ word }) => ({ name: word, email: `${word}@shop.example` }),
  '/api/send-notifications': ({ word }) => ({
    email: `${word}@shop.example`,
    phone: '+4915112345678',
    device: word,
    text: word,
  }),
  [LOOSE_PATH]: looseOf,
  '/api/workflows/{id}/cancel': () => ({}),
  '/api/workflows/{id}/resume': () => ({ newKey: true }),
};

export const START_PATHS = Object.keys(VALID).filter((path) => !path.includes('{id}'));

/** One field other than it should be: `at` counts the fields of the valid body. */
type Edit =
  | { readonly edit: 'drop'; readonly at: number }
  /** JSON ends right before the value: what says so may cite it. */
  | { readonly edit: 'break'; readonly at: number }
  | { readonly edit: 'set'; readonly at: number; readonly value: Value }
  | { readonly edit: 'add'; readonly name: string; readonly value: Value };

export type Body =
  | { readonly kind: 'none' }
  /** A valid body with some fields changed, then some of its bytes. */
  | { readonly kind: 'near'; readonly edits: readonly Edit[]; readonly changes: readonly Change[] }
  /** A valid body with white space up to so many bytes above what may be sent. */
  | { readonly kind: 'sized'; readonly above: number }
  | { readonly kind: 'other'; readonly value: Value };

const at = fc.nat(4);
/** Another amount: still valid, and another payload under a key that was used. */
const fine = record({
  edit: fc.constant('set'),
  at: fc.constant(1),
  value: fc.integer({ min: 1, max: 3 }).map((amount) => ({ json: String(amount) })),
});
const edit: fc.Arbitrary<Edit> = fc.oneof(
  { weight: 2, arbitrary: fine },
  { weight: 1, arbitrary: record({ edit: fc.constant('drop'), at }) },
  { weight: 1, arbitrary: record({ edit: fc.constant('break'), at }) },
  { weight: 1, arbitrary: record({ edit: fc.constant('set'), at, value: anyValue }) },
  { weight: 1, arbitrary: record({ edit: fc.constant('add'), name: anyName, value: anyValue }) },
  {
    weight: 1,
    arbitrary: record({ edit: fc.constant('add'), name: fc.constantFrom('rows', 'tree'), value: muchValue }),
  },
  { weight: 1, arbitrary: record({ edit: fc.constant('add'), name: fc.constant('tags'), value: named }) },
);

export const anyBody: fc.Arbitrary<Body> = fc.oneof(
  { weight: 1, arbitrary: fc.constant({ kind: 'none' }) },
  {
    weight: 8,
    arbitrary: record({ kind: fc.constant('near'), edits: fc.constant([]), changes: fc.constant([]) }),
  },
  {
    weight: 8,
    arbitrary: record({
      kind: fc.constant('near'),
      edits: fc.array(edit, { minLength: 1, maxLength: 3 }),
      changes: fc.constant([]),
    }),
  },
  {
    weight: 4,
    arbitrary: record({
      kind: fc.constant('near'),
      edits: fc.array(edit, { maxLength: 1 }),
      changes: fc.array(anyChange, { minLength: 1, maxLength: 3 }),
    }),
  },
  { weight: 1, arbitrary: record({ kind: fc.constant('sized'), above: fc.integer({ min: -2, max: 2 }) }) },
  { weight: 2, arbitrary: record({ kind: fc.constant('other'), value: anyValue }) },
);

/**
 * The bytes of a body; undefined for none.
 * @param path the route's, with `{id}` in it
 */
export function bytesOf(body: Body, path: string, planted: Planted): Buffer | undefined {
  if (body.kind === 'none') return undefined;
  if (body.kind === 'other') return Buffer.from(textOf(body.value));
  const valid = Object.entries(VALID[path]?.(planted) ?? {});
  if (body.kind === 'sized') {
    const text = JSON.stringify(Object.fromEntries(valid));
    return Buffer.from(text.padEnd(LIMITS.inputBytes + body.above));
  }
  const fields = valid.map(([name, value]): readonly [string, string] => [name, JSON.stringify(value)]);
  const edited = body.edits.reduce<readonly (readonly [string, string])[]>(withEdit, fields);
  const text = `{${edited.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`;
  return body.changes.reduce(changed, Buffer.from(text));
}

function withEdit(
  fields: readonly (readonly [string, string])[],
  one: Edit,
): readonly (readonly [string, string])[] {
  switch (one.edit) {
    case 'drop':
      return fields.filter((_, place) => place !== one.at);
    case 'break':
      return fields.map(([name, value], place) => [name, place === one.at ? `x${value}` : value]);
    case 'set':
      return fields.map(([name, value], place) => [name, place === one.at ? textOf(one.value) : value]);
    case 'add':
      return [...fields, [one.name, textOf(one.value)]];
  }
}
