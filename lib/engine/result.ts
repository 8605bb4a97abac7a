import type * as z from 'zod';
// By their names: as members of zod's namespace they would bring all of it, its languages too, into every bundle.
import { config, type ParsePayload, util } from 'zod/v4/core';
import type { StepDefinition } from '../chain/definition.ts';
import { LIMITS } from '../contract/limits.ts';
import { messageOf } from './errors.ts';
import { coercedNumber, type Lost, refusedNumber } from './json/lost.ts';
import { type Exact, parseExact } from './json/numbers.ts';
import type { HttpOutcome } from './ports.ts';

type Reply = Extract<HttpOutcome, { kind: 'reply' }>;

/** Digits of a number that an error shows. */
const DIGITS_SHOWN = 40;

/** A value as a schema gives it, or what is wrong with it. */
export type Parsed =
  | { readonly ok: true; readonly result: unknown }
  | {
      readonly ok: false;
      readonly problem: string;
      /** What to do, where more is known than that the schema is broken. */
      readonly next?: string;
      /** It may be the beginning of one that can be read. */
      readonly partial?: true;
    };

/**
 * A value as the schema parses it; `what` names it in the problem, and `digits` are the numbers in it that stand there as text. At once, unless a refinement of the chain's own waits for something. Not by `safeParse`: it would begin such a refinement
 * and leave it alone, to be run a second time, and to end the process should it fail.
 */
export function parseWith(
  schema: z.ZodType,
  value: unknown,
  what: string,
  digits: ReadonlySet<string> = new Set(),
): Parsed | Promise<Parsed> {
  const given = { value, what, digits };
  // The refinement threw, or the value is nested too deeply. The call was made all the same.
  const broken = (error: unknown): Parsed => ({
    ok: false,
    problem: `the schema could not check ${what}: ${messageOf(error)}`,
  });
  try {
    const parsed = schema._zod.run({ value, issues: [] }, { async: true });
    return parsed instanceof Promise
      ? parsed.then((done) => verdict(done, given)).catch(broken)
      : verdict(parsed, given);
  } catch (error) {
    return broken(error);
  }
}

interface Given {
  readonly value: unknown;
  readonly what: string;
  readonly digits: ReadonlySet<string>;
}

function verdict({ value: result, issues }: ParsePayload, { value, what, digits }: Given): Parsed {
  const [raw] = issues;
  if (raw === undefined) {
    const lost = coercedNumber(result, value, digits);
    return lost === undefined ? { ok: true, result } : noNumber(lost, what);
  }
  const lost = refusedNumber(issues, value, digits);
  if (lost !== undefined) return noNumber(lost, what);
  const { path, message } = util.finalizeIssue(raw, undefined, config());
  return { ok: false, problem: `${what} breaks the schema at ${placeOf(path)}: ${message}` };
}

const placeOf = (path: readonly PropertyKey[]): string =>
  path.length === 0 ? 'its top' : `"${path.join('.')}"`;

/** A number would be another one from here on, and nobody would know. */
const noNumber = ({ path, digits }: Lost, what: string): Parsed => ({
  ok: false,
  problem: `${what} breaks the schema at ${placeOf(path)}: ${digits.slice(0, DIGITS_SHOWN)} would lose digits as a number; ask for it as text`,
  next: `Write z.string() at ${placeOf(path)} in the response of the step, which is then given the digits as text, and deploy.`,
});

/** A reply as the schema parses it. */
export function parseReply(
  schema: z.ZodType,
  { body, unreadable }: Reply,
  read: StepDefinition['read'],
): Parsed | Promise<Parsed> {
  if (unreadable !== undefined) {
    return { ok: false, partial: true, problem: `the reply cannot be read: ${unreadable}` };
  }
  if (read === 'text')
    return body === '' ? parseNothing(schema, [undefined, null, '']) : parseWith(schema, body, 'the reply');
  if (body.trim() === '') return parseNothing(schema, [undefined, null]);
  let exact: Exact;
  try {
    exact = parseExact(body);
  } catch {
    return { ok: false, partial: true, problem: 'the reply is not JSON' };
  }
  return parseWith(schema, exact.json, 'the reply', exact.digits);
}

/** What a step made of a reply as the schema parses it; `undefined` is an empty one. */
export const parseValue = (schema: z.ZodType, value: unknown): Parsed | Promise<Parsed> =>
  value === undefined ? parseNothing(schema, [undefined, null]) : parseWith(schema, value, 'the reply');

/** An empty reply as the schema parses it: the first of `values` that the schema takes. */
async function parseNothing(schema: z.ZodType, values: readonly unknown[]): Promise<Parsed> {
  for (const value of values) {
    const parsed = await parseWith(schema, value, 'the reply');
    if (parsed.ok) return parsed;
  }
  return {
    ok: false,
    partial: true,
    problem: 'the reply is empty, and the schema accepts that only with .optional() or .nullable()',
  };
}

/** Why a result cannot be stored; undefined if it can. Its depth is looked at first: JSON.stringify throws for what a reply of a few thousand brackets makes. */
export function sizeProblem(result: unknown): string | undefined {
  if (!isNestedWithin(result, LIMITS.resultDepth)) {
    return `is nested more than ${LIMITS.resultDepth} levels deep`;
  }
  const bytes = Buffer.byteLength(JSON.stringify(result) ?? 'null');
  if (bytes <= LIMITS.resultBytes) return undefined;
  return `has ${bytes} bytes of JSON; the most is ${LIMITS.resultBytes}`;
}

const isNestedWithin = (value: unknown, levels: number): boolean =>
  value === null ||
  typeof value !== 'object' ||
  (levels > 0 && Object.values(value).every((one) => isNestedWithin(one, levels - 1)));
