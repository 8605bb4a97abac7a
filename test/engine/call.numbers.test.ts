import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import type { CallResult } from '../../lib/engine/calling/types.ts';
import { failureOf, outside, postCharge, reply, stepOf } from './call-fixtures.ts';

const BIG = '12345678901234567890';

const answered = (body: string, response: z.ZodType): Promise<CallResult> => {
  const made = outside();
  made.answer = reply(body);
  return made.perform(stepOf({ request: postCharge, response }));
};

describe('a number of a reply that would lose digits', () => {
  it.each<[string, z.ZodType, string, unknown]>([
    ['the schema asks for text', z.object({ id: z.string() }), `{"id":${BIG}}`, { id: BIG }],
    [
      'text of a form is asked for',
      z.object({ id: z.string().regex(/^\d{20}$/) }),
      `{"id":${BIG}}`,
      { id: BIG },
    ],
    ['text is asked for at the top', z.string(), '1e400', '1e400'],
    ['a union has a variant of text', z.array(z.number().or(z.string())), `[7,${BIG}]`, [7, BIG]],
    [
      'text may be missing',
      z.object({ id: z.string().nullable().default('-') }),
      `{"id":${BIG}}`,
      { id: BIG },
    ],
    ['anything is taken', z.unknown(), `{"id":${BIG},"n":1}`, { id: BIG, n: 1 }],
    [
      'more than the schema names is kept',
      z.looseObject({ a: z.number() }),
      `{"a":1,"b":${BIG}}`,
      { a: 1, b: BIG },
    ],
    ['names are any', z.record(z.string(), z.any()), `{"a":${BIG}}`, { a: BIG }],
    [
      'the schema has a value for what does not fit',
      z.object({ id: z.number().catch(0) }),
      `{"id":${BIG}}`,
      { id: 0 },
    ],
    ['a check waits', z.object({ id: z.string().refine(async () => true) }), `{"id":${BIG}}`, { id: BIG }],
  ])('is its digits as text where %s', async (_, schema, body, result) => {
    expect(await answered(body, schema)).toEqual({ ok: true, result });
  });

  it('concerns nobody where the schema does not look at it', async () => {
    expect(await answered(`{"n":1,"id":${BIG}}`, z.object({ n: z.number() }))).toEqual({
      ok: true,
      result: { n: 1 },
    });
    const made = outside();
    made.answer = reply(`{"id":${BIG}}`);
    expect(await made.perform(stepOf({ request: postCharge }))).toEqual({ ok: true, result: null });
  });

  it.each<[string, z.ZodType, string, string]>([
    ['a number', z.object({ id: z.number() }), `{"id":${BIG}}`, '"id"'],
    ['an integer', z.object({ id: z.int() }), `{"id":${BIG}}`, '"id"'],
    ['what is coerced to a number', z.object({ id: z.coerce.number() }), `{"id":${BIG}}`, '"id"'],
    ['a number that may be missing', z.object({ id: z.number().nullish() }), `{"id":${BIG}}`, '"id"'],
    [
      'a number within a list',
      z.object({ of: z.array(z.object({ n: z.number() })) }),
      `{"of":[{"n":1},{"n":${BIG}}]}`,
      '"of.1.n"',
    ],
    [
      'a number in each variant',
      z.union([z.object({ n: z.number() }), z.object({ m: z.string() })]),
      `{"n":${BIG}}`,
      '"n"',
    ],
    [
      'a number, where another check waits',
      z.object({ id: z.number(), a: z.string().refine(async () => true) }),
      `{"id":${BIG},"a":""}`,
      '"id"',
    ],
    ['a number at the top', z.number(), BIG, 'its top'],
  ])(
    'is refused, and what to write is said, where the schema asks for %s',
    async (_, schema, body, place) => {
      expect(failureOf(await answered(body, schema))).toMatchObject({
        code: 'REPLY_INVALID',
        retriable: false,
        acted: 'unknown',
        message: expect.stringContaining(
          `the reply breaks the schema at ${place}: ${BIG} would lose digits as a number; ask for it as text`,
        ),
        next: `Write z.string() at ${place} in the response of the step, which is then given the digits as text, and deploy.`,
      });
    },
  );

  it('is said only where it is the reason', async () => {
    const failure = failureOf(
      await answered(`{"id":${BIG},"n":"x"}`, z.object({ id: z.string(), n: z.number() })),
    );
    expect(failure.message).toMatch(/^the reply breaks the schema at "n": /);
    expect(failure.next).toBeUndefined();
    const short = failureOf(await answered(`{"id":${BIG}}`, z.object({ id: z.string().max(5) })));
    expect(short.next).toBeUndefined();
  });

  it('is shown with all its digits', async () => {
    const made = outside();
    made.answer = reply(`{"id":${BIG}}`, 422);
    expect(failureOf(await made.perform(stepOf({ request: postCharge })))).toMatchObject({
      message: `422 Unprocessable Entity; the reply was: id: ${BIG}`,
    });
  });

  it('never ends the process, however deep it lies', async () => {
    const deep = `${'['.repeat(50_000)}${BIG}${']'.repeat(50_000)}`;
    const tree: z.ZodType = z.lazy(() => z.array(tree).or(z.number()));
    for (const schema of [z.unknown(), tree]) {
      expect(await answered(deep, schema)).toMatchObject({ ok: false, failure: { acted: 'unknown' } });
    }
  });
});

describe('a number of a reply that is above 2^53 and loses nothing', () => {
  it('is the number that it is', async () => {
    const schema = z.array(z.number());
    expect(await answered('[1E20,12345678901234567000,9007199254740992,-0]', schema)).toEqual({
      ok: true,
      result: [1e20, 12345678901234567000, 2 ** 53, -0],
    });
  });
});

it('a bigint as the result of run fails, and what to write is said', async () => {
  const failure = failureOf(await outside().perform(stepOf({ run: () => ({ id: 5n }) })));
  expect(failure).toMatchObject({
    code: 'REPLY_INVALID',
    message:
      'the result of run is not JSON: Do not know how to serialize a BigInt; write it as text: String(value)',
  });
});
