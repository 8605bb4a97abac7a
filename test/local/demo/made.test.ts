import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { makeValue } from '../../../lib/local/demo/made.ts';

interface Category {
  readonly name: string;
  readonly children: readonly Category[];
}
const category: z.ZodType<Category> = z.object({
  name: z.string(),
  get children() {
    return z.array(category);
  },
});

describe('a made value passes the schema', () => {
  it.each<[string, z.ZodType]>([
    ['fields', z.object({ id: z.string(), amount: z.number(), paid: z.boolean(), nothing: z.null() })],
    [
      'fields named like keywords',
      z.object({ enum: z.string(), properties: z.object({ items: z.string() }) }),
    ],
    ['a strict object', z.strictObject({ id: z.string().optional(), count: z.int().nonnegative() })],
    [
      'a list',
      z
        .array(z.object({ sku: z.string(), quantity: z.int().positive() }))
        .min(2)
        .max(3),
    ],
    [
      'a tuple and a record',
      z.object({ pair: z.tuple([z.string(), z.number()]), all: z.record(z.string(), z.int()) }),
    ],
    [
      'a union',
      z.discriminatedUnion('kind', [
        z.object({ kind: z.literal('a') }),
        z.object({ kind: z.literal('b'), n: z.int() }),
      ]),
    ],
    ['an intersection', z.intersection(z.object({ a: z.string() }), z.object({ b: z.number() }))],
    [
      'formats',
      z.object({
        email: z.email(),
        url: z.url(),
        id: z.uuid(),
        at: z.iso.datetime(),
        day: z.iso.date(),
        ip: z.ipv4(),
      }),
    ],
    ['a version of UUID', z.object({ id: z.uuidv7(), name: z.string() })],
    [
      'patterns',
      z.object({
        code: z.string().regex(/^[A-Z]{3}\d{4}$/),
        id: z.string().startsWith('ch_'),
        file: z.string().endsWith('.pdf'),
      }),
    ],
    ['lengths', z.object({ long: z.string().min(40), short: z.string().max(3), four: z.string().length(4) })],
    [
      'ranges',
      z.object({
        a: z.int().min(3).max(5),
        b: z.number().negative(),
        c: z.number().gt(0).lt(1),
        d: z.number().multipleOf(5).min(1e6),
      }),
    ],
    [
      'text that is a number',
      z.object({ amount: z.string().transform(Number).pipe(z.number()), count: z.coerce.number() }),
    ],
    ['a default', z.object({ status: z.enum(['new', 'old']).default('new') })],
    [
      'a rule about two fields',
      z.object({ password: z.string(), again: z.string() }).refine((v) => v.password === v.again),
    ],
    ['a rule about numbers', z.object({ n: z.number().refine((n) => n % 7 === 0) })],
    ['a rule that waits', z.string().refine(async (text) => text !== '')],
    ['a schema within itself', category],
    ['anything', z.unknown()],
  ])('%s', async (_, schema) => {
    const made = await makeValue(schema, 'a seed');
    expect(made).toMatchObject({ made: true });
    expect((await schema.safeParseAsync(made.value)).success).toBe(true);
    // It is what a target could send.
    expect(JSON.parse(JSON.stringify(made.value))).toEqual(made.value);
  });
});

describe('a made value', () => {
  const schema = z.object({
    orderId: z.string(),
    amount: z.number(),
    note: z.string().nullable().optional(),
  });

  it('says by its text which field it is, has small numbers, and leaves nothing out', async () => {
    const { value } = await makeValue(schema, 'a seed');
    expect(value).toEqual({
      orderId: expect.stringMatching(/^orderId_[0-9a-f]{12}$/),
      amount: expect.toSatisfy((n) => Number.isInteger(n) && n >= 1 && n <= 1_001),
      note: expect.stringMatching(/^note_/),
    });
  });

  it('is the same for the same seed, and another for another', async () => {
    expect(await makeValue(schema, 'a')).toEqual(await makeValue(schema, 'a'));
    expect(await makeValue(schema, 'a')).not.toEqual(await makeValue(schema, 'b'));
  });

  it.each<[string, z.ZodType, unknown]>([
    [
      'of the schema',
      z
        .object({ n: z.int() })
        .refine(({ n }) => n === 13)
        .meta({ examples: [{ n: 12 }, { n: 13 }] }),
      { n: 13 },
    ],
    [
      'of a field',
      z.object({
        n: z
          .int()
          .refine((n) => n === 13)
          .meta({ examples: [13] }),
      }),
      { n: 13 },
    ],
    [
      'of what is changed when it comes',
      z
        .string()
        .refine((s) => s === 'ab')
        .transform((s) => s.length)
        .meta({ examples: ['ab'] }),
      'ab',
    ],
  ])('is an example %s before all others', async (_, schema, value) => {
    expect(await makeValue(schema, 'a seed')).toEqual({ made: true, value });
  });

  it.each<[string, z.ZodType, string]>([
    ['no value is found for', z.object({ n: z.int().refine(() => false, 'too odd') }), '"n": too odd'],
    [
      'throws',
      z.string().refine(() => {
        throw new Error('no luck');
      }),
      'no luck',
    ],
    ['throws later', z.string().refine(() => Promise.reject(new Error('no luck'))), 'no luck'],
    [
      'has no JSON schema',
      z
        .string()
        .superRefine(() => undefined)
        .transform(() => 1)
        .pipe(z.never()),
      'Invalid input',
    ],
  ])('is none where the schema %s, and says why', async (_, schema, problem) => {
    const made = await makeValue(schema, 'a seed');
    expect(made).toMatchObject({ made: false, problem: expect.stringContaining(problem) });
  });
});
