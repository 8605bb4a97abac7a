import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isChanged, parseExact } from '../../../lib/engine/json/numbers.ts';
import { mayBeLarge } from '../../../lib/engine/json/scan.ts';

describe('a number of a JSON text', () => {
  it.each([
    ['9007199254740991', 'the last integer that is sure'],
    ['9007199254740992', '2^53, which a number holds'],
    ['12345678901234567000', 'a large one that is written again as it was'],
    ['1E20', 'a power of ten in short'],
    ['1e+300', 'a very large one in short'],
    ['-0', 'zero'],
    ['0e400', 'zero with a large exponent'],
    ['1e-400', 'one so small that it is zero'],
    ['0.1000000000000000055511151231257827', 'a fraction with more digits than are kept'],
    ['9007199254740990.4', 'one with a fraction, within 2^53'],
    ['1.5e3', 'an exponent within 2^53'],
  ])('%s is left as it is: %s', (number) => {
    expect(isChanged(number)).toBe(false);
    expect(parseExact(`[${number}]`)).toEqual({ json: [JSON.parse(number)], digits: new Set() });
  });

  it.each([
    ['9007199254740993', 'the first that is lost'],
    ['12345678901234567890', 'an id of twenty digits'],
    ['-12345678901234567890', 'a negative one'],
    ['12345678901234567890.0', 'an integer with a fraction of nothing'],
    ['1.2345678901234567890e19', 'an integer with an exponent'],
    ['1e400', 'one that would be Infinity, and null when it is stored'],
    ['-1e400', 'one that would be -Infinity'],
    [`1${'0'.repeat(400)}`, 'Infinity written out'],
    ['123456789012345678.5', 'one whose whole part is above 2^53'],
  ])('%s is given as text: %s', (number) => {
    expect(isChanged(number)).toBe(true);
    expect(parseExact(` { "a" : [ ${number} ] } `)).toEqual({
      json: { a: [number] },
      digits: new Set([number]),
    });
  });

  it('is changed exactly where it is another integer when it is written again', () => {
    const integers = fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n });
    fc.assert(
      fc.property(integers, (integer) => {
        const text = String(integer);
        expect(isChanged(text)).toBe(
          !Number.isSafeInteger(Number(text)) && BigInt(String(Number(text))) !== integer,
        );
      }),
    );
  });

  it.each(['[', '{"a":', ' ', '[1,\n', '-', '[-', '[1234567,'])(
    'is found wherever it stands: after %j',
    (before) => {
      for (const number of ['9007199254740993', '1e400', '9.007199254740993e+15', '90071992547409.93E2']) {
        for (let blanks = 0; blanks < 17; blanks += 1) {
          expect(mayBeLarge(`${' '.repeat(blanks)}${before}${number}]`)).toBe(true);
        }
      }
    },
  );

  it.each([
    '{"id":"5c1e45a0-1e45-4c1e-9e10-aa1e45bb1e45"}',
    '{"at":1790000000000,"n":[123456789012345,0.25,1e-7]}',
  ])('is not looked for in %s', (text) => {
    expect(mayBeLarge(text)).toBe(false);
  });

  it('counts only outside of strings, whatever those hold', () => {
    const text = JSON.stringify({ note: ', 12345678901234567890 "\\', '[12345678901234567890]': 'é' });
    expect(parseExact(text)).toEqual({ json: JSON.parse(text), digits: new Set() });
  });

  it('leaves every other value as JSON.parse gives it', () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(4), (text, indent) => {
        const written = JSON.stringify(JSON.parse(text), null, indent);
        const { json, digits } = parseExact(written);
        if (digits.size === 0) expect(json).toEqual(JSON.parse(written));
        expect(parseExact(JSON.stringify([json, '12345678901234567890'])).digits.size).toBe(0);
      }),
    );
  });

  it('is found among thousands of brackets, and beside a member called __proto__', () => {
    const deep = `${'['.repeat(100_000)}12345678901234567890${']'.repeat(100_000)}`;
    expect(parseExact(deep).digits.size).toBe(1);
    const { json } = parseExact('{"__proto__":12345678901234567890}');
    expect(Object.entries(Object(json))).toEqual([['__proto__', '12345678901234567890']]);
    expect(Object.getPrototypeOf(json)).toBe(Object.prototype);
  });

  it('takes no longer than its length, however its digits lie', () => {
    const zeros = '0'.repeat(200_000);
    for (const number of [`0.${zeros}1${zeros}1e200002`, `1${zeros}1`, `1.${zeros}1e20`]) {
      const begun = performance.now();
      parseExact(`[${number}]`);
      expect(performance.now() - begun).toBeLessThan(1_000);
    }
  });
});

it('says of what is no JSON what JSON.parse says', () => {
  for (const text of ['', '[12345678901234567890', '{"a":01}']) {
    expect(() => parseExact(text)).toThrow(SyntaxError);
  }
});
