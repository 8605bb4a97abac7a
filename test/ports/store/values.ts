import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../../lib/contract/limits.ts';
import type { Store } from '../../../lib/engine/ports.ts';
import { ABSENT, claimOf, completedOf, given, loaded, metaOf, stepOf } from './fixtures.ts';

const nested = (depth: number): unknown => {
  let value: unknown = 'bottom';
  for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? [value] : { value };
  return value;
};

const VALUES: readonly (readonly [string, unknown])[] = [
  ['null', null],
  ['false', false],
  ['zero', 0],
  ['an empty string', ''],
  ['an empty object', {}],
  ['an empty array', []],
  ['empty strings as key and value', { '': '', list: ['', ''] }],
  ['the smallest and largest numbers', [1e-300, 5e-324, 1.7976931348623157e308, -1e-300]],
  ['numbers of many digits', [0.1, 123_456_789.123_456_79, 9_007_199_254_740_991]],
  ['text of every plane', 'ä ß 日本 \u{1f69a} \u{10ffff} \u0000 \u001f \u2028'],
  ['half of a surrogate pair', ['\ud83d', '\ude9a']],
  ['JSON within text', '{"a":"\\"b\\""}'],
  ['nesting 500 levels deep', nested(500)],
  ['names that JavaScript minds', JSON.parse('{"__proto__":{"a":1},"constructor":1,"toString":null}')],
  ['names that stores mind', { pk: 'a', sk: 'b', status: 'c', 'a.b': 1, '#a': 2, ':b': 3 }],
];

const textOf = (bytes: number): string => '日'.repeat(Math.floor(bytes / 3)) + 'x'.repeat(bytes % 3);

/** JSON comes back as it went in, whatever it is. */
export function valuesContract(store: () => Store): void {
  describe('values', () => {
    const meta = metaOf('one');

    it.each(VALUES)('keeps %s as a result and in the input', async (_, value) => {
      const holder = metaOf('one', { input: { value } });
      await given(store(), holder);
      await store().writeStep(holder, completedOf('payment', value), ABSENT, holder.expiresAt);
      const state = await loaded(store(), holder);
      // Compared as text too: equality of objects overlooks a name such as __proto__.
      expect(JSON.stringify(state.meta.input)).toBe(JSON.stringify({ value }));
      expect(JSON.stringify(state.steps.get('payment')?.result)).toBe(JSON.stringify(value));
      expect(state.steps.get('payment')?.result).toStrictEqual(value);
    });

    it('keeps a result apart from none', async () => {
      await given(store(), meta);
      await store().writeStep(meta, completedOf('payment', null), ABSENT, meta.expiresAt);
      await store().writeStep(meta, claimOf('shipment'), ABSENT, meta.expiresAt);
      const { steps } = await loaded(store(), meta);
      expect(steps.get('payment')).toHaveProperty('result', null);
      expect(steps.get('shipment')).not.toHaveProperty('result');
    });

    it('keeps an error whose text is cut in the middle of a character', async () => {
      await given(store(), meta);
      const error = {
        code: 'REFUSED',
        message: `${'x'.repeat(199)}\ud83d`,
        httpStatus: 400,
        effect: 'none',
      } as const;
      const record = claimOf('payment', { status: 'failed', error });
      await store().writeStep(meta, record, ABSENT, meta.expiresAt);
      expect(await stepOf(store(), meta, 'payment')).toStrictEqual(record);
    });

    it('keeps the largest input and the largest result', async () => {
      // The quotes and the braces around the text count too.
      const input = { text: textOf(LIMITS.inputBytes - '{"text":""}'.length) };
      const result = textOf(LIMITS.resultBytes - 2);
      expect(Buffer.byteLength(JSON.stringify(input))).toBe(LIMITS.inputBytes);
      expect(Buffer.byteLength(JSON.stringify(result))).toBe(LIMITS.resultBytes);
      const large = metaOf('large', { input });
      await given(store(), large);
      const record = { ...completedOf('payment', result), attempts: fullHistory() };
      expect(await store().writeStep(large, record, ABSENT, large.expiresAt)).toStrictEqual({
        written: true,
      });
      const state = await loaded(store(), large);
      expect(state.meta).toStrictEqual(large);
      expect(state.steps.get('payment')).toStrictEqual(record);
    });

    it('gives every reader a value of its own', async () => {
      const input = { list: [1] };
      const mine = metaOf('one', { input });
      await given(store(), mine);
      input.list.push(2);
      const state = await loaded(store(), mine);
      expect(state.meta.input).toStrictEqual({ list: [1] });
      Object.assign(state.meta.input, { list: 'changed' });
      expect((await loaded(store(), mine)).meta.input).toStrictEqual({ list: [1] });
    });
  });
}

/** The longest history of a step: every attempt failed with the longest text. */
const fullHistory = () =>
  Array.from({ length: LIMITS.attemptsKept }, (_, n) => ({
    epoch: 0,
    attempt: n + 1,
    round: 0,
    outcome: 'retrying' as const,
    startedAt: n,
    endedAt: n + 1,
    error: {
      code: 'TARGET_UNAVAILABLE' as const,
      message: '日'.repeat(LIMITS.errorText),
      httpStatus: 503,
      effect: 'unknown' as const,
    },
  }));
