import { createHash, createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonical, fingerprint, matches, unsealed, withoutSensitive } from '../../lib/engine/fingerprint.ts';

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** Values as a JSON body brings them; -0 is 0 in JSON. */
const values: fc.Arbitrary<Json> = fc
  .jsonValue({ maxDepth: 4, noUnicodeString: false })
  .map((value) => JSON.parse(JSON.stringify(value)));
const inputs = fc
  .dictionary(fc.string({ maxLength: 8 }), values, { maxKeys: 6 })
  .map((fields): Record<string, Json> => JSON.parse(JSON.stringify(fields)));

/** The same value with the fields of every object in the opposite order. */
function reversed(value: Json): Json {
  if (Array.isArray(value)) return value.map(reversed);
  if (value === null || typeof value !== 'object') return value;
  const fields = Object.entries(value).reverse();
  return Object.fromEntries(fields.map(([name, field]) => [name, reversed(field)]));
}

const same = (a: unknown, b: unknown): boolean => canonical(a) === canonical(b);

describe('canonical JSON', () => {
  it('tells any two values apart: the value can be read back from it', () => {
    fc.assert(
      fc.property(values, (value) => {
        expect(JSON.parse(canonical(value))).toEqual(value);
      }),
    );
  });

  it('does not depend on the order of fields, at any depth', () => {
    fc.assert(fc.property(values, (value) => same(value, reversed(value))));
  });

  it('depends on the order of items', () => {
    expect(same([1, 2], [2, 1])).toBe(false);
  });

  it.each([
    ['{"b":1,"a":{"d":2,"c":3}}', '{"a":{"c":3,"d":2},"b":1}'],
    ['{"a":[1,"1",null,true]}', '{"a":[1,"1",null,true]}'],
    ['"ü \\" \\u0000"', '"ü \\" \\u0000"'],
    ['{"__proto__":1,"a":{}}', '{"__proto__":1,"a":{}}'],
  ])('of %s is %s', (json, text) => {
    expect(canonical(JSON.parse(json))).toBe(text);
  });

  it('takes a field that is undefined for absent, as JSON does', () => {
    expect(canonical({ a: undefined, b: [undefined] })).toBe('{"b":[null]}');
  });
});

describe('the fingerprint of a payload', () => {
  const key = 'a key of this test';

  /** A payload, the names of its sensitive fields, and another payload that differs in one field. */
  const pairs = inputs.chain((input) =>
    fc.record({
      input: fc.constant(input),
      sensitive: fc.subarray(Object.keys(input)),
      other: fc
        .tuple(
          fc.constantFrom(...Object.keys(input), 'added'),
          fc.option(values, { nil: undefined, freq: 5 }),
        )
        .map(([name, value]) => {
          const rest = Object.entries(input).filter(([field]) => field !== name);
          return {
            name,
            payload: Object.fromEntries(value === undefined ? rest : [...rest, [name, value]]),
          };
        }),
    }),
  );

  it('matches the same payload with its fields in another order', () => {
    fc.assert(
      fc.property(pairs, ({ input, sensitive }) => {
        const print = fingerprint(input, sensitive, key);
        const again = Object.fromEntries(
          Object.entries(input)
            .reverse()
            .map(([name, value]) => [name, reversed(value)]),
        );
        expect(matches(print, again, sensitive)).toBe(true);
      }),
    );
  });

  it('matches no payload in which a field was changed, added or left out, sensitive or not', () => {
    fc.assert(
      fc.property(pairs, ({ input, sensitive, other }) => {
        fc.pre(!same(input, other.payload));
        expect(matches(fingerprint(input, sensitive, key), other.payload, sensitive)).toBe(false);
      }),
    );
  });

  it('counts only what is not sensitive once it is unsealed', () => {
    fc.assert(
      fc.property(pairs, ({ input, sensitive, other }) => {
        fc.pre(!same(input, other.payload));
        const hidden = sensitive.includes(other.name);
        expect(matches(unsealed(fingerprint(input, sensitive, key)), other.payload, sensitive)).toBe(hidden);
      }),
    );
  });

  it('keeps nothing of the sensitive fields once it is unsealed: it is the same whatever they were', () => {
    fc.assert(
      fc.property(inputs, values, values, (fields, one, other) => {
        const print = (card: Json) => unsealed(fingerprint({ ...fields, card }, ['card'], key));
        expect(print(one)).toStrictEqual(print(other));
      }),
    );
  });

  it('gives a sensitive value away to nobody who hashes every candidate', () => {
    const rest = { amount: 5 };
    const cards = Array.from({ length: 1_000 }, (_, at) => `4242-${String(at).padStart(4, '0')}`);
    const print = fingerprint({ ...rest, card: cards[123] }, ['card']);
    const kept = JSON.stringify(unsealed(print));
    const sealed = JSON.stringify({ open: print.open, mac: print.sealed?.mac });
    const guesses = cards.flatMap((card) =>
      [card, canonical(card), canonical({ card }), canonical({ ...rest, card })].flatMap((text) =>
        (['base64url', 'hex', 'base64'] as const).flatMap((encoding) => [
          createHash('sha256').update(text).digest(encoding),
          // Without the key, with an empty one, or with what remains as the key.
          createHmac('sha256', '').update(text).digest(encoding),
          createHmac('sha256', print.open).update(text).digest(encoding),
        ]),
      ),
    );
    expect(guesses.filter((guess) => kept.includes(guess) || sealed.includes(guess))).toEqual([]);
  });

  it('is sealed with another key each time, so that two workflows cannot be compared', () => {
    const [one, other] = [fingerprint({ card: '1' }, ['card']), fingerprint({ card: '1' }, ['card'])];
    expect(one.sealed?.key).not.toBe(other.sealed?.key);
    expect(one.sealed?.mac).not.toBe(other.sealed?.mac);
  });

  it('needs no seal where nothing is sensitive', () => {
    expect(fingerprint({ a: 1 }, [])).not.toHaveProperty('sealed');
    expect(unsealed(fingerprint({ a: 1 }, ['a']))).not.toHaveProperty('sealed');
  });
});

describe('an input without its sensitive fields', () => {
  it('has all the others, as they were', () => {
    const input = { card: '4242', amount: 5, nested: { card: 'kept' } };
    expect(withoutSensitive(input, ['card', 'absent'])).toEqual({ amount: 5, nested: { card: 'kept' } });
    expect(input).toHaveProperty('card');
  });
});
