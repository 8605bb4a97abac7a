import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readFlaws } from '../../../lib/engine/json/members.ts';

const flawsOf = (text: string) =>
  readFlaws(text, 100).flaws.map(({ path, kind }) => `${path.join('.')} ${kind}`);

describe('the flaws of a JSON text', () => {
  it.each([
    ['{"amount": 5, "amount": 6}', ['amount namedTwice']],
    ['{"amount": 5, "amount": 5}', ['amount namedTwice']],
    ['{"amount": 5, "am\\u006funt": 6}', ['amount namedTwice']],
    ['{"a":{"b":[{"c":1},{"c":1,"c":2}]}}', ['a.b.1.c namedTwice']],
    ['{"__proto__":1,"__proto__":2}', ['__proto__ namedTwice']],
    ['{"a":[1,12345678901234567890,1e400]}', ['a.1 changedNumber', 'a.2 changedNumber']],
    ['12345678901234567890', [' changedNumber']],
    ['{"a":12345678901234567890,"a":1}', ['a changedNumber', 'a namedTwice']],
  ])('of %s are %j', (text, flaws) => {
    expect(flawsOf(text)).toEqual(flaws);
  });

  it.each([
    '{"a":{"x":1},"b":{"x":1},"x":1}',
    '[{"x":1},{"x":1}]',
    '{"a":"x","b":"a"}',
    '["a","a"]',
    '{"constructor":1,"a:":",","\\"":"{"}',
    '{"":1}',
  ])('are none of %s', (text) => {
    expect(flawsOf(text)).toEqual([]);
  });

  it('are none of what JSON.stringify writes of numbers that are kept', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.nat(4), (value, indent) => {
        expect(flawsOf(JSON.stringify(value, null, indent))).toEqual([]);
      }),
    );
  });

  it('come with the levels of lists and objects, of which a text may have as many as it is long', () => {
    expect(readFlaws('{"a":[{}],"b":{}}', 1).levels).toBe(3);
    expect(readFlaws('"[[["', 1).levels).toBe(0);
    expect(readFlaws(`${'['.repeat(60_000)}${']'.repeat(60_000)}`, 1).levels).toBe(60_000);
  });

  it('are named up to a number', () => {
    expect(readFlaws(`[${Array(9).fill('1e400').join()}]`, 3).flaws).toHaveLength(3);
  });
});
