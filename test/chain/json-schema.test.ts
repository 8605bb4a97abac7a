import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { findNotCarried } from '../../lib/chain/json-schema.ts';
import { emptyChain, withStep } from '../../lib/chain/validate.ts';

const tree: z.ZodType = z.object({
  get children() {
    return z.array(tree);
  },
});
const endless: z.ZodType = z.lazy(() => z.object({ next: endless.optional(), at: z.date() }));
const toDate = { decode: (text: string) => new Date(text), encode: (date: Date) => date.toISOString() };

describe('JSON carries', () => {
  it.each<[string, z.ZodType]>([
    [
      'text in any format',
      z.object({ a: z.email(), b: z.url(), c: z.iso.datetime(), d: z.uuid(), e: z.e164() }),
    ],
    ['numbers', z.object({ a: z.number(), b: z.int().positive(), c: z.coerce.number() })],
    [
      'constants',
      z.object({ a: z.literal(['x', 1, null, true]), b: z.enum(['x']), c: z.null(), d: z.boolean() }),
    ],
    [
      'what may be missing',
      z.object({ a: z.string().optional(), b: z.string().nullish(), c: z.string().default('x') }),
    ],
    [
      'lists and records',
      z.object({
        a: z.array(z.string()),
        b: z.tuple([z.string()], z.int()),
        c: z.record(z.string(), z.int()),
      }),
    ],
    [
      'one of several',
      z.discriminatedUnion('t', [z.object({ t: z.literal('a') }), z.object({ t: z.literal('b') })]),
    ],
    [
      'refined values',
      z.object({ a: z.string().refine((text) => text !== 'x') }).superRefine(() => undefined),
    ],
    ['trimmed and lower-case text', z.string().trim().toLowerCase()],
    ['text read as a boolean', z.stringbool()],
    ['anything', z.looseObject({ a: z.unknown(), b: z.any(), c: z.json() })],
    ['what contains itself', tree],
    ['read-only and branded values', z.object({ a: z.string().brand<'Id'>() }).readonly()],
  ])('%s', (_, schema) => {
    expect(findNotCarried(schema)).toBeUndefined();
  });
});

describe('JSON does not carry', () => {
  it.each<[string, z.ZodType, string]>([
    ['date', z.date(), ''],
    ['date', z.object({ since: z.date().optional() }), 'since'],
    ['date', z.object({ since: z.coerce.date().nullable() }), 'since'],
    ['date', z.object({ since: z.codec(z.iso.datetime(), z.date(), toDate) }), 'since'],
    ['date', z.object({}).catchall(z.date()), ''],
    ['date', z.object({ lines: z.array(z.object({ at: z.date() })) }), 'lines.*.at'],
    ['date', z.record(z.string(), z.date()), '*'],
    ['date', z.tuple([z.string()], z.date()), '*'],
    ['date', z.union([z.string(), z.object({ at: z.date() })]), 'at'],
    ['date', z.intersection(z.object({ a: z.string() }), z.object({ b: z.date() })), 'b'],
    ['date', endless, 'at'],
    ['bigint', z.tuple([z.string(), z.bigint()]), '1'],
    ['map', z.map(z.string(), z.string()), ''],
    ['set', z.set(z.string()), ''],
    ['symbol', z.symbol(), ''],
    ['undefined', z.undefined(), ''],
    ['void', z.void(), ''],
    ['nan', z.nan(), ''],
    ['file', z.object({ f: z.file() }), 'f'],
    ['promise', z.promise(z.string()), ''],
    ['custom', z.object({ link: z.instanceof(URL) }), 'link'],
    ['literal', z.object({ l: z.literal(1n) }), 'l'],
    ['literal', z.literal(undefined), ''],
    ['transform', z.object({ n: z.string().transform(Number) }), 'n'],
    ['transform', z.string().transform(Number).pipe(z.number()), ''],
    ['transform', z.preprocess((value) => value, z.string()), ''],
  ])('a %s', (kind, schema, path) => {
    expect(findNotCarried(schema)).toEqual({ path, kind });
  });
});

describe('a definition with such a schema', () => {
  const input = z.object({ id: z.string() });
  const options = { version: 1, start: '/api/orders', input };
  const response = (schema: z.ZodType) => () =>
    withStep(emptyChain('orders', options), 'payment', { run: () => null, response: schema });

  it('is refused with the chain, the step, the place and what to write', () => {
    expect(response(z.object({ paid: z.object({ at: z.date() }) }))).toThrow(
      'Chain "orders", step "payment": response at "paid.at" is a schema of kind "date", whose values cannot be stored as JSON. ' +
        'Write z.iso.datetime(), and turn the text into a date where you use it.',
    );
    expect(() => emptyChain('orders', { ...options, input: z.object({ since: z.date() }) })).toThrow(
      'Chain "orders": input at "since" is a schema of kind "date"',
    );
  });

  it.each<[z.ZodType, string]>([
    [z.bigint(), 'Write z.string() with a pattern, or z.int().'],
    [z.map(z.string(), z.string()), 'Write z.record(z.string(), …).'],
    [z.set(z.string()), 'Write z.array(…).'],
    [
      z.string().transform(Number),
      'Leave the transform out, and transform the value in the step that uses it.',
    ],
    [z.instanceof(URL), 'Add .refine(…) to it where you want a check of your own.'],
    [z.undefined(), 'Write .optional() on the field'],
    [z.literal(1n), 'Write a literal of text, a number, a boolean or null.'],
    [z.symbol(), 'Write a schema of text, numbers, booleans, null, lists and objects.'],
  ])('says what to write instead', (schema, instead) => {
    expect(response(schema)).toThrow(instead);
  });
});
