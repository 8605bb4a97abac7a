import * as z from 'zod';
import { findNotCarried, isSchema } from '../chain/json-schema.ts';
import { messageOf } from '../engine/errors.ts';

/** A schema of JSON Schema 2020-12, or what it says of one part of a value. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** Whether a schema says what is sent, or what comes of it. */
export type Direction = 'input' | 'output';

/** What zod gives an override, as far as it is used here. */
type Override = NonNullable<NonNullable<Parameters<typeof z.toJSONSchema>[1]>['override']>;

/**
 * A zod schema as JSON Schema. What JSON Schema cannot say stands in words in `description`; it is never an error.
 * @param place where it stands in the document: what it says of itself leads there
 * @example schemaAt('#/components/schemas/Card', z.strictObject({ number: z.string() }), 'input')
 * // { type: 'object', properties: { number: { type: 'string' } }, required: ['number'], additionalProperties: false }
 */
export function schemaAt(place: string, schema: z.ZodType, io: Direction): JsonSchema {
  try {
    const { $schema: _, ...json } = z.toJSONSchema(schema, {
      io,
      unrepresentable: 'any',
      override: overrideOf(io),
    });
    return moved(json, place);
  } catch (error) {
    return { description: `JSON Schema cannot describe it: ${messageOf(error)}` };
  }
}

/** What zod says too much or too little of, put right where it stands. */
export const overrideOf =
  (io: Direction): Override =>
  ({ zodSchema, jsonSchema }) => {
    const schema: unknown = zodSchema;
    if (!isSchema(schema)) return;
    const bad = findNotCarried(schema);
    if (bad?.path === '') {
      jsonSchema.description ??= `A value of the kind "${bad.kind}", which JSON Schema cannot describe.`;
    }
    if (Array.isArray(jsonSchema.examples)) {
      jsonSchema.examples = jsonSchema.examples.filter((value) => takes(schema, value));
      if (jsonSchema.examples.length === 0) delete jsonSchema.examples;
    }
    leaveOutPatterns(schema, jsonSchema);
    if (io === 'output') loosen(jsonSchema);
  };

type Written = Parameters<Override>[0]['jsonSchema'];

/** Of an answer: a later release may say more in it, and what a format says needs no pattern. */
function loosen(json: Written): void {
  if (json.additionalProperties === false) delete json.additionalProperties;
  if (json.format !== undefined) delete json.pattern;
  if (json.maximum === Number.MAX_SAFE_INTEGER) delete json.maximum;
  if (json.minimum === Number.MIN_SAFE_INTEGER) delete json.minimum;
}

/** A pattern of JSON Schema has no flags, and zod drops them: such a pattern would refuse what the schema takes. */
function leaveOutPatterns(schema: z.ZodType, json: Written): void {
  const unsayable = patternsOf(schema).filter((pattern) => !isSayable(pattern));
  if (unsayable.length === 0) return;
  const sources = unsayable.map(({ source }) => source);
  const isLeft = ({ pattern }: { readonly pattern?: string | undefined }): boolean =>
    pattern === undefined || !sources.includes(pattern);
  if (!isLeft(json)) delete json.pattern;
  const allOf = json.allOf?.filter(isLeft) ?? [];
  if (allOf.length > 0) json.allOf = allOf;
  else delete json.allOf;
  const words = `Matches ${unsayable.map(String).join(' and ')}.`;
  json.description = json.description === undefined ? words : `${json.description} ${words}`;
}

/** The regular expressions of a schema of text. */
const patternsOf = ({ _zod: { def } }: z.ZodType): readonly RegExp[] =>
  [def, ...(def.checks ?? []).map((check) => check._zod.def)].flatMap((one) =>
    'pattern' in one && one.pattern instanceof RegExp ? [one.pattern] : [],
  );

/** Flags under which a pattern means something else. */
const MEANINGFUL = /[ims]/;

/** Readers of JSON Schema take a pattern with the flag `u`, and without others. */
function isSayable({ source, flags }: RegExp): boolean {
  if (MEANINGFUL.test(flags)) return false;
  try {
    new RegExp(source, 'u');
    return true;
  } catch {
    return false;
  }
}

/** Whether a schema takes a value, as far as that is known at once. */
export function takes(schema: z.ZodType, value: unknown): boolean {
  try {
    return schema.safeParse(value).success;
  } catch {
    // It has an asynchronous refinement, or one that threw.
    return false;
  }
}

/** Keywords that hold schemas by name, and those that hold values. */
const NAMED: ReadonlySet<string> = new Set(['properties', 'patternProperties', '$defs']);
const VALUES: ReadonlySet<string> = new Set(['const', 'default', 'enum', 'examples']);

/** A schema of its own as a part of the document: its references begin at `place`. */
function moved(json: JsonSchema, place: string): JsonSchema {
  const visit = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(visit);
    return isRecord(value) ? of(value) : value;
  };
  const of = (schema: JsonSchema): JsonSchema =>
    mapped(schema, (value, key) => {
      if (key === '$ref' && typeof value === 'string') return value.replace(/^#/, place);
      if (VALUES.has(key)) return value;
      return NAMED.has(key) && isRecord(value) ? mapped(value, visit) : visit(value);
    });
  return of(json);
}

export const isRecord = (value: unknown): value is JsonSchema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The same names with other values. */
export const mapped = <Value, Other>(
  record: Readonly<Record<string, Value>>,
  change: (value: Value, name: string) => Other,
): Record<string, Other> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value, name)]));
