import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { form } from '../../../lib/chain/index.ts';
import { readBody } from '../../../lib/local/demo/bodies.ts';

const TYPE = 'application/x-www-form-urlencoded';
const untyped = form as (value: unknown, options?: unknown) => ReturnType<typeof form>;
const bytes = (value: unknown, options?: unknown): string => {
  const { contentType, content } = untyped(value, options).encode('key');
  expect(contentType).toBe(TYPE);
  return content;
};
/** Names and values as a server decodes them. */
const fields = (value: unknown, options?: unknown): string =>
  [...new URLSearchParams(bytes(value, options))].map(([name, one]) => `${name}=${one}`).join('&');

describe('a form', () => {
  it('nests objects and lists as Stripe and PHP read them', () => {
    const value = {
      amount: 500,
      metadata: { order: 7, deep: { a: 'b' } },
      items: [{ price: 'p1', tags: ['x', 'y'] }, { price: 'p2' }],
    };
    expect(fields(value)).toBe(
      'amount=500&metadata[order]=7&metadata[deep][a]=b&items[0][price]=p1&items[0][tags][0]=x&items[0][tags][1]=y&items[1][price]=p2',
    );
    expect(fields(value, { arrays: 'indices' })).toBe(fields(value));
  });

  it('writes lists of values as it is told', () => {
    const value = { tag: ['a', 'b'], in: { list: [1, true] } };
    expect(fields(value)).toBe('tag[0]=a&tag[1]=b&in[list][0]=1&in[list][1]=true');
    expect(fields(value, { arrays: 'repeat' })).toBe('tag=a&tag=b&in[list]=1&in[list]=true');
    expect(fields(value, { arrays: 'brackets' })).toBe('tag[]=a&tag[]=b&in[list][]=1&in[list][]=true');
  });

  it('leaves out null and undefined, and no index with them; an empty text is a value', () => {
    expect(
      fields({ a: null, b: undefined, c: { d: null }, e: [null, 'x', undefined, 'y'], f: '', g: [], h: {} }),
    ).toBe('e[0]=x&e[1]=y&f=');
    expect(bytes({})).toBe('');
  });

  it('writes booleans and numbers as text', () => {
    expect(fields({ yes: true, no: false, cents: -0.5, big: 1e21, zero: 0 })).toBe(
      'yes=true&no=false&cents=-0.5&big=1e+21&zero=0',
    );
  });

  it('is percent-encoded as the URL standard says', () => {
    expect(bytes({ 'a b': "é&=+%\r\n~!'()*", m: { x: '😀' } })).toBe(
      'a+b=%C3%A9%26%3D%2B%25%0D%0A%7E%21%27%28%29*&m%5Bx%5D=%F0%9F%98%80',
    );
  });

  it('takes names that are written out', () => {
    expect(fields({ 'metadata[order]': 7 })).toBe('metadata[order]=7');
  });

  it.each<readonly [unknown, unknown, string]>([
    [{ at: { date: new Date(0) } }, {}, 'form: "at[date]" is a date; write .toISOString() behind it'],
    [{ at: new Map() }, {}, 'form: "at" is no plain object; write its fields out, as in { amount: 500 }'],
    [new URLSearchParams('a=1'), {}, 'form: its value is no plain object'],
    [
      { list: [() => 1] },
      {},
      'form: "list[0]" is a function, not text, a number, a boolean, a list or an object',
    ],
    [{ n: Number.NaN }, {}, 'form: "n" is NaN, not text'],
    [{ n: 1n }, {}, 'form: "n" is 1, not text'],
    ['a=1', {}, 'form: its value is a text, not an object such as { amount: 500 }'],
    [[1], {}, 'form: its value is a list, not an object'],
    [undefined, {}, 'form: its value is undefined, not an object'],
    [null, {}, 'form: its value is null, not an object'],
    [
      { items: [{ a: 1 }] },
      { arrays: 'repeat' },
      `form: "items" holds an object, whose fields only arrays: 'indices' keeps together`,
    ],
    [{ items: [[1]] }, { arrays: 'brackets' }, 'form: "items" holds a list'],
    [{}, { arrays: 'comma' }, `form: arrays is "comma"; write 'indices', 'repeat' or 'brackets'`],
  ])('refuses a value that it cannot hold (%#)', (value, options, why) => {
    expect(() => untyped(value, options)).toThrow(TypeError);
    expect(() => untyped(value, options)).toThrow(why);
  });

  it('is read back as what was written, whatever its texts', async () => {
    const name = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 6 })
      .filter((one) => !/^\d+$|[[\]]/.test(one));
    const leaf = fc.string({ unit: 'grapheme', maxLength: 8 });
    const { value } = fc.letrec((tie) => ({
      value: fc.dictionary(name, tie('item'), { minKeys: 1, maxKeys: 3, noNullPrototype: true }),
      item: fc.oneof(
        { maxDepth: 3, withCrossShrink: true },
        leaf,
        tie('value'),
        fc.array(tie('item'), { minLength: 1, maxLength: 3 }),
      ),
    }));
    await fc.assert(
      fc.asyncProperty(value, async (written) => {
        expect(await readBody(TYPE, bytes(written))).toEqual(written);
      }),
    );
  });
});
