import { createHash } from 'node:crypto';
import { generateSync, type JsonSchema } from 'json-schema-faker';
import * as z from 'zod';

/** A value that a schema takes, or what it says against the first one that was tried. */
export type Made =
  | { readonly made: true; readonly value: unknown }
  | { readonly made: false; readonly value: unknown; readonly problem: string };

/** Values that are tried in each way, before the next way is. */
const TRIES = 8;

type Schema = Exclude<JsonSchema, boolean>;

/**
 * Makes a value that the schema takes, from its JSON schema: the same one for the same seed. Values of
 * `.meta({ examples: [...] })`, on the schema or on a part of it, come before invented ones.
 * @example await makeValue(z.object({ orderId: z.string() }), 'wf_1:payment')
 * // { made: true, value: { orderId: 'orderId_5ce9fb' } }
 */
export async function makeValue(schema: z.ZodType, seed: string): Promise<Made> {
  const hash = createHash('sha256').update(seed).digest();
  let first: Made | undefined;
  for (const value of candidates(schema, hash)) {
    const problem = await problemOf(schema, value);
    if (problem === undefined) return { made: true, value };
    first ??= { made: false, value, problem };
  }
  return first ?? { made: false, value: null, problem: 'it has no JSON schema' };
}

/** Whether the schema takes the value: undefined, or what it says against it. */
export async function problemOf(schema: z.ZodType, value: unknown): Promise<string | undefined> {
  try {
    const { error } = await schema.safeParseAsync(value);
    const [issue] = error?.issues ?? [];
    if (issue === undefined) return undefined;
    return issue.path.length === 0 ? issue.message : `"${issue.path.join('.')}": ${issue.message}`;
  } catch (error) {
    // A refinement of the chain's own threw.
    return error instanceof Error ? error.message : String(error);
  }
}

/** Examples; then readable values; then any that the JSON schema allows; then the fewest. A schema may take only some of them. */
function* candidates(schema: z.ZodType, hash: Buffer): Generator<unknown> {
  // The JSON schema of a `transform` leaves them out.
  const examples = schema.meta()?.examples;
  if (Array.isArray(examples)) yield* examples;
  const json = jsonSchemaOf(schema);
  if (json === undefined) return;
  const first = hash.readUInt32BE(0);
  const tag = hash.toString('hex', 4, 10);
  const named = (part: Schema, name: string): Schema => readable(part, `${name}_${tag}`, tag);
  const ways: readonly [Schema, keyof typeof OPTIONALS][] = [
    [rewritten(json, named), 'all'],
    [rewritten(json, (part, name) => exact(named(part, name))), 'all'],
    [rewritten(json, (part) => readable(part, `${first}`, tag)), 'all'],
    [rewritten(json, exact), 'all'],
    [rewritten(json, (part) => fewest(exact(part))), 'none'],
  ];
  for (const [way, optionals] of ways) {
    for (let seed = first; seed < first + TRIES; seed += 1) {
      const value = generated(way, seed, optionals);
      if (value !== undefined) yield value;
    }
  }
}

function jsonSchemaOf(schema: z.ZodType): Schema | undefined {
  try {
    // What a target sends is what the schema takes in.
    return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Schema;
  } catch {
    return undefined;
  }
}

function generated(schema: Schema, seed: number, optionals: keyof typeof OPTIONALS): unknown {
  try {
    return generateSync(schema, { seed, useDefaultValue: true, ...OPTIONALS[optionals] });
  } catch {
    return undefined;
  }
}

const OPTIONALS = { all: { alwaysFakeOptionals: true }, none: { optionalsProbability: 0 } } as const;

/** Rewrites every part of a schema; `name` is that of the field which the part describes. */
function rewritten(schema: Schema, change: (part: Schema, name: string) => Schema, name = 'value'): Schema {
  const visit = (value: unknown, key: string, within: string): unknown => {
    if (Array.isArray(value)) return value.map((one) => visit(one, key, within));
    if (typeof value !== 'object' || value === null) return value;
    if (NAMED.has(key)) {
      return Object.fromEntries(Object.entries(value).map(([field, part]) => [field, of(part, field)]));
    }
    return of(value, within);
  };
  const of = (part: unknown, within: string): unknown => {
    if (typeof part !== 'object' || part === null) return part;
    const { examples } = part as Schema;
    if (Array.isArray(examples) && examples.length > 0) return { enum: examples };
    const inside = Object.entries(part).map(([key, value]) => [
      key,
      LITERAL.has(key) ? value : visit(value, key, within),
    ]);
    return change(Object.fromEntries(inside), within);
  };
  return of(schema, name) as Schema;
}

/** Keywords that hold schemas by name, and those that hold values. */
const NAMED: ReadonlySet<string> = new Set(['properties', '$defs', 'patternProperties']);
const LITERAL: ReadonlySet<string> = new Set(['enum', 'const', 'default', 'required', 'examples']);

/** `text` where any text will do, small whole numbers, and null only where there is nothing else. */
function readable(part: Schema, text: string, tag: string): Schema {
  if (part.anyOf !== undefined) {
    const some = part.anyOf.filter((one) => typeof one === 'boolean' || one.type !== 'null');
    return some.length === 0 ? part : { ...part, anyOf: some };
  }
  const [type, ...others] = [part.type ?? []].flat().filter((one) => one !== 'null');
  if (type === undefined || others.length > 0) return part;
  const only: Schema = { ...part, type };
  if (type === 'string') return readableText(only, text, tag);
  return type === 'integer' || type === 'number' ? smallNumber(only) : only;
}

/** What zod writes for `startsWith` and `endsWith`. */
const STARTS_WITH = /^\^([\w-]+)\.\*$/;
const ENDS_WITH = /^\.\*([\w-]+)\$$/;

function readableText(part: Schema, wanted: string, tag: string): Schema {
  const { pattern = '.*', format, minLength = 0, maxLength = Number.POSITIVE_INFINITY } = part;
  const prefix = STARTS_WITH.exec(pattern)?.[1];
  const suffix = ENDS_WITH.exec(pattern)?.[1];
  const free =
    pattern === '.*' && format === undefined && part.enum === undefined && part.const === undefined;
  const text = free ? wanted : `${prefix ?? ''}${tag}${suffix ?? ''}`;
  const fits = text.length >= minLength && text.length <= maxLength;
  return fits && (free || prefix !== undefined || suffix !== undefined) ? { const: text } : part;
}

const SMALL = 1_000;

function smallNumber(part: Schema): Schema {
  const { minimum, maximum, exclusiveMinimum: above, exclusiveMaximum: below, ...rest } = part;
  const lowest = Math.ceil(minimum ?? Number.NEGATIVE_INFINITY);
  const highest = Math.floor(maximum ?? Number.POSITIVE_INFINITY);
  const from = Math.max(lowest, above === undefined ? lowest : Math.floor(above) + 1);
  const to = Math.min(highest, below === undefined ? highest : Math.ceil(below) - 1);
  const least = Math.min(Math.max(from, 1), to);
  const literal = part.multipleOf !== undefined || part.enum !== undefined || part.const !== undefined;
  if (literal || least < from) return part;
  return { ...rest, type: 'integer', minimum: least, maximum: Math.min(to, least + SMALL) };
}

/** A pattern says more than a format. */
function exact(part: Schema): Schema {
  if (part.pattern === undefined || part.format === undefined) return part;
  const { format: _, ...rest } = part;
  return rest;
}

/** A schema that contains itself ends only where lists may be empty. */
const fewest = (part: Schema): Schema =>
  part.type === 'array' && (part.minItems ?? 0) === 0 ? { ...part, maxItems: 0 } : part;
