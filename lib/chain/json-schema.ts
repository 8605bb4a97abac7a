import type * as z from 'zod';

/** Kinds of schema whose values JSON gives back unchanged. Of a `pipe` both ends are looked at. */
const CARRIED: ReadonlySet<string> = new Set([
  'string',
  'number',
  'boolean',
  'null',
  'literal',
  'enum',
  'template_literal',
  'any',
  'unknown',
  'never',
  'object',
  'array',
  'tuple',
  'record',
  'union',
  'intersection',
  'optional',
  'nonoptional',
  'nullable',
  'default',
  'prefault',
  'catch',
  'readonly',
  'lazy',
  'pipe',
]);

/** A part of a schema whose values JSON cannot hold. An empty `path` is the whole schema. */
export interface NotCarried {
  readonly path: string;
  readonly kind: string;
}

/** Whether `value` is a zod schema. */
export const isSchema = (value: unknown): value is z.ZodType =>
  isRecord(value) &&
  isRecord(value._zod) &&
  isRecord(value._zod.def) &&
  typeof value._zod.def.type === 'string';

/** The kind of a schema, as zod names it: `object`, `string`, `date`, … */
export const kindOf = (schema: z.ZodType): string => schema._zod.def.type;

/**
 * The first part of a schema whose values JSON cannot hold; undefined if there is none.
 *
 * A walk of our own, because `z.toJSONSchema` does not say where, takes a preprocessing function, a file and a promise for
 * JSON, and adds 5.8 KB to each function's bundle where this adds 1.2 KB.
 * @example findNotCarried(z.object({ since: z.date() })) // { path: 'since', kind: 'date' }
 */
export function findNotCarried(schema: z.ZodType): NotCarried | undefined {
  // A schema that contains itself (`z.lazy`) is visited once.
  const seen = new Set<z.ZodType>();
  const visit = (current: z.ZodType, path: string): NotCarried | undefined => {
    if (seen.has(current)) return undefined;
    seen.add(current);
    const kind = kindOf(current);
    if (!CARRIED.has(kind)) return { path, kind };
    const { def } = current._zod;
    if (kind === 'literal' && !isJsonLiteral(def)) return { path, kind };
    for (const [part, child] of parts(def)) {
      const found = visit(child, join(path, part));
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return visit(schema, '');
}

/** The fields of an object, and of each that a value may be which is one of several, or may be missing. */
export function topFields(schema: z.ZodType): ReadonlySet<string> {
  const { def } = schema._zod;
  if ('shape' in def && isRecord(def.shape)) return new Set(Object.keys(def.shape));
  const within = WITHIN[kindOf(schema)] ?? [];
  const schemas = within.flatMap((part) =>
    Object.entries(def).flatMap(([key, value]) => (key === part ? value : [])),
  );
  return new Set(schemas.filter(isSchema).flatMap((one) => [...topFields(one)]));
}

/** Where a definition holds schemas of the same value. */
const WITHIN: Readonly<Record<string, readonly string[]>> = {
  union: ['options'],
  intersection: ['left', 'right'],
  pipe: ['out'],
  optional: ['innerType'],
  nonoptional: ['innerType'],
  nullable: ['innerType'],
  default: ['innerType'],
  prefault: ['innerType'],
  catch: ['innerType'],
  readonly: ['innerType'],
};

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

const isJsonLiteral = (def: object): boolean =>
  'values' in def &&
  Array.isArray(def.values) &&
  def.values.every((value) => value === null || ['string', 'number', 'boolean'].includes(typeof value));

/** The schemas directly inside a definition, with the part of a value's path that leads to them. */
function parts(def: object): readonly (readonly [string, z.ZodType])[] {
  return Object.entries(def).flatMap(([key, value]: [string, unknown]) => {
    // Refinements check a value and do not change it.
    if (key === 'checks') return [];
    if (key === 'getter' && typeof value === 'function') return named('', value());
    if (key === 'shape' && isRecord(value))
      return Object.entries(value).flatMap(([name, child]) => named(name, child));
    if (Array.isArray(value)) {
      return value.flatMap((child, index) => named(key === 'items' ? String(index) : '', child));
    }
    return named(key === 'element' || key === 'valueType' || key === 'rest' ? '*' : '', value);
  });
}

const named = (part: string, value: unknown): readonly (readonly [string, z.ZodType])[] =>
  isSchema(value) ? [[part, value]] : [];

const join = (path: string, part: string): string =>
  path === '' || part === '' ? path + part : `${path}.${part}`;
