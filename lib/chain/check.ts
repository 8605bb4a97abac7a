import type * as z from 'zod';
import { DefinitionError, type Place, show } from './definition-error.ts';
import { findNotCarried, isSchema, topFields } from './json-schema.ts';
import { didYouMean } from './suggest.ts';

export type Options = Readonly<Record<string, unknown>>;

/** Bounds of a number in a definition. `least` itself is refused where `above` is set. */
export interface Range {
  readonly least: number;
  readonly most: number;
  readonly whole: boolean;
  readonly above?: true;
  readonly unit?: string;
  /** Why the bounds are what they are, where it helps. */
  readonly why?: string;
}

/**
 * Returns `options` if it is an object that has only `known` names.
 * @param instead what to do about names that are no options here, but elsewhere
 */
export function optionsOf(
  place: Place,
  what: string,
  options: unknown,
  known: readonly string[],
  instead: ReadonlyMap<string, string> = new Map(),
): Options {
  if (!isOptions(options)) {
    throw new DefinitionError(
      place,
      `the options of ${what} are ${show(options)}, not an object`,
      `Write an object. Its options are ${known.join(', ')}.`,
    );
  }
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    throw new DefinitionError(
      place,
      `${what} has no option "${name}"`,
      instead.get(name) ?? `${didYouMean(name, known)}The options are ${known.join(', ')}.`,
    );
  }
  return options;
}

const isOptions = (value: unknown): value is Options =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Returns `value` if it is a number in the range. */
export function numberIn(place: Place, option: string, value: unknown, range: Range): number {
  const { least, most, whole, above, unit, why } = range;
  const fits =
    typeof value === 'number' &&
    (!whole || Number.isInteger(value)) &&
    (above ? value > least : value >= least) &&
    value <= most;
  if (fits) return value;
  const kind = `a ${whole ? 'whole ' : ''}number ${unit === undefined ? '' : `of ${unit} `}`;
  const bounds =
    most === Number.MAX_SAFE_INTEGER
      ? `of at least ${least}`
      : above
        ? `above ${least} and at most ${most}`
        : `from ${least} to ${most}`;
  throw new DefinitionError(
    place,
    `${option} is ${show(value)}`,
    `Write ${kind}${bounds}${why === undefined ? '' : `: ${why}`}.`,
  );
}

/** Returns `value` if it is a list of names, each there once. `option` may be that of an option, such as `undo.targets`. */
export function textsOf(place: Place, option: string, value: unknown): readonly string[] {
  const refuse = (what: string): never => {
    const name = option.slice(option.lastIndexOf('.') + 1);
    throw new DefinitionError(place, `${option} ${what}`, `Write a list of names: ${name}: ['…'].`);
  };
  if (!Array.isArray(value)) return refuse(`is ${show(value)}, not a list of names`);
  const other = value.find((item) => typeof item !== 'string');
  if (other !== undefined) return refuse(`holds ${show(other)}, not a name`);
  const twice = value.find((item, index) => value.indexOf(item) !== index);
  if (twice !== undefined) {
    throw new DefinitionError(place, `${option} names "${twice}" twice`, 'Name it once.');
  }
  return value;
}

/** Returns `value` if it is a list of top-level fields of `what`, whose schema is `schema`. */
export function fieldsOf(
  place: Place,
  option: string,
  value: unknown,
  { what, schema }: { readonly what: string; readonly schema: z.ZodType },
): readonly string[] {
  const names = textsOf(place, option, value);
  const fields = [...topFields(schema)];
  for (const name of names) {
    if (fields.includes(name)) continue;
    throw new DefinitionError(
      place,
      `${option} names "${name}", which is not a top-level field of ${what}`,
      fields.length === 0
        ? `Its schema has no fields: write z.object({ ${/^\w+$/.test(name) ? name : JSON.stringify(name)}: … }).`
        : `${didYouMean(name, fields)}The fields are ${fields.join(', ')}.`,
    );
  }
  return names;
}

/** Returns `value` if it is a zod schema whose values can be stored as JSON. */
export function schemaOf(place: Place, option: string, value: unknown): z.ZodType {
  if (!isSchema(value)) {
    throw new DefinitionError(
      place,
      `${option} is ${show(value)}, not a zod schema`,
      'Write a schema such as z.object({ … }).',
    );
  }
  const bad = findNotCarried(value);
  if (bad !== undefined) {
    const where = bad.path === '' ? option : `${option} at "${bad.path}"`;
    throw new DefinitionError(
      place,
      `${where} is a schema of kind "${bad.kind}", whose values cannot be stored as JSON`,
      INSTEAD[bad.kind] ?? JSON_SCHEMA,
    );
  }
  return value;
}

const JSON_SCHEMA = 'Write a schema of text, numbers, booleans, null, lists and objects.';

/** What to write in place of a kind of schema whose values JSON cannot hold. */
const INSTEAD: Readonly<Record<string, string>> = {
  literal: 'Write a literal of text, a number, a boolean or null.',
  date: 'Write z.iso.datetime(), and turn the text into a date where you use it.',
  bigint: 'Write z.string() with a pattern, or z.int().',
  map: 'Write z.record(z.string(), …).',
  set: 'Write z.array(…).',
  transform: 'Leave the transform out, and transform the value in the step that uses it.',
  custom: `${JSON_SCHEMA} Add .refine(…) to it where you want a check of your own.`,
  undefined: 'Write .optional() on the field, or z.null().',
  void: 'Write z.null(), or leave the schema out.',
};
