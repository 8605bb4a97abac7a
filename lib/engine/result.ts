import type * as z from 'zod';
// By their names: as members of zod's namespace they would bring all of it, its languages too, into every bundle.
import { config, type ParsePayload, util } from 'zod/v4/core';
import type { StepDefinition } from '../chain/definition.ts';
import { LIMITS } from '../contract/limits.ts';
import { messageOf } from './errors.ts';
import type { HttpOutcome } from './ports.ts';

type Reply = Extract<HttpOutcome, { kind: 'reply' }>;

/** A value as a schema gives it, or what is wrong with it. */
export type Parsed =
  | { readonly ok: true; readonly result: unknown }
  | {
      readonly ok: false;
      readonly problem: string;
      /** It may be the beginning of one that can be read. */
      readonly partial?: true;
    };

/**
 * A value as the schema parses it; `what` names it in the problem. At once, unless a refinement of the chain's own waits for something. Not by `safeParse`: it would begin such a refinement
 * and leave it alone, to be run a second time, and to end the process should it fail.
 */
export function parseWith(schema: z.ZodType, value: unknown, what: string): Parsed | Promise<Parsed> {
  // The refinement threw, or the value is nested too deeply. The call was made all the same.
  const broken = (error: unknown): Parsed => ({
    ok: false,
    problem: `the schema could not check ${what}: ${messageOf(error)}`,
  });
  try {
    const parsed = schema._zod.run({ value, issues: [] }, { async: true });
    return parsed instanceof Promise
      ? parsed.then((done) => verdict(done, what), broken)
      : verdict(parsed, what);
  } catch (error) {
    return broken(error);
  }
}

function verdict({ value, issues }: ParsePayload, what: string): Parsed {
  const [raw] = issues;
  if (raw === undefined) return { ok: true, result: value };
  const { path, message } = util.finalizeIssue(raw, undefined, config());
  const field = path.join('.');
  return {
    ok: false,
    problem: `${what} breaks the schema at ${field === '' ? 'its top' : `"${field}"`}: ${message}`,
  };
}

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
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return { ok: false, partial: true, problem: 'the reply is not JSON' };
  }
  return parseWith(schema, json, 'the reply');
}

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
