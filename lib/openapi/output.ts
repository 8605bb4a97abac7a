import type { ChainDefinition } from '../chain/definition.ts';
import { isRecord, type JsonSchema, schemaAt } from './schema.ts';

/** What a chain adds to the answers about its workflows. */
export interface OutputFields {
  /** A schema for each field whose name is known: `{}` where no more is. */
  readonly fields: Readonly<Record<string, JsonSchema>>;
  /** Whether there may be other fields. */
  readonly others: boolean;
}

/**
 * The output fields of all versions of a chain. Nobody declares them: an output function is tried with marks in place of values, and a
 * mark that comes out again under a name tells what the field is. Where its text shows that it computes or decides anything, only names
 * are known.
 * @example outputFields([orderProcessing]).fields.orderId // { type: ['string', 'null'] }
 */
export function outputFields(versions: readonly ChainDefinition[]): OutputFields {
  const found = versions.flatMap(({ output, ...chain }) =>
    output === undefined ? [] : [triedOf(chain, output)],
  );
  const names = new Set(found.flatMap(({ fields }) => Object.keys(fields)));
  return {
    fields: Object.fromEntries(
      [...names].sort().map((name) => [name, anyOf(present(found.map(({ fields }) => fields[name])))]),
    ),
    others: found.some(({ others }) => others),
  };
}

type Output = NonNullable<ChainDefinition['output']>;

/** Marks, and what each stands for. */
type Marks = Map<unknown, JsonSchema>;

function triedOf({ input, sensitive, steps }: Omit<ChainDefinition, 'output'>, output: Output): OutputFields {
  const marks: Marks = new Map();
  const given = markOf(schemaAt('', input, 'output'), sensitive, marks);
  const results = steps.map(({ name, response, sensitive }) => {
    const schema = response === undefined ? {} : schemaAt('', response, 'output');
    return [name, markOf(schema, sensitive, marks)] as const;
  });
  const isPlain = !DECIDES.test(String(output).replaceAll('=>', ';'));
  // None is done, all are, or one alone is: a field may take the first result that is there.
  const shown = [[], results, ...results.map((one) => [one])].map((done) =>
    shownBy(output, { input: given, results: Object.fromEntries(done) }),
  );
  const names = new Set(shown.flatMap((fields) => Object.keys(fields ?? {})));
  const schemaOf = (name: string): JsonSchema => {
    const values = shown.map((fields) => fields?.[name] ?? null);
    const known = present(values.map((value) => (value === null ? NOTHING : marks.get(value))));
    // A reference leads to a part of the schema that is not shown.
    const isKnown = isPlain && known.length === values.length && values[1] !== null && !hasReference(known);
    return isKnown ? anyOf([...known.filter((one) => one !== NOTHING), NOTHING]) : {};
  };
  return {
    fields: Object.fromEntries([...names].map((name) => [name, schemaOf(name)])),
    others: !isPlain || shown.includes(undefined),
  };
}

const NOTHING: JsonSchema = { type: 'null' };

/** Whatever may choose between values, or make others of them: comparisons, conditions, calls. Optional chains and `??` are none. */
const DECIDES =
  /\?(?![.?])(?<!\?\?)|\b(?:if|switch|for|while|try)\b|&&|\|\||[=!]=|[<>`]|[\w$\])]\s*(?:\?\.)?\(/;

/** A mark for a value, with one for each of its fields that may be shown. */
function markOf({ properties, ...schema }: JsonSchema, hidden: readonly string[], marks: Marks): unknown {
  const fields = Object.entries(isRecord(properties) ? properties : {}).filter(
    ([name]) => !hidden.includes(name),
  );
  const mark = Object.fromEntries(
    fields.map(([name, part]) => [name, markOf(isRecord(part) ? part : {}, [], marks)]),
  );
  // Of one that is shown in part, it is not said what is left.
  marks.set(
    mark,
    hidden.length > 0 ? {} : { ...schema, ...(properties === undefined ? {} : { properties }) },
  );
  return mark;
}

function shownBy(
  output: Output,
  context: Parameters<Output>[0],
): Readonly<Record<string, unknown>> | undefined {
  try {
    return { ...output(context) };
  } catch {
    return undefined;
  }
}

const present = (some: readonly (JsonSchema | undefined)[]): readonly JsonSchema[] =>
  some.filter((one) => one !== undefined);

const hasReference = (schemas: readonly JsonSchema[]): boolean => JSON.stringify(schemas).includes('"$ref"');

/** One of these schemas, each named once. */
function anyOf(schemas: readonly JsonSchema[]): JsonSchema {
  const different = [...new Map(schemas.map((one) => [JSON.stringify(one), one])).values()];
  if (different.some((one) => Object.keys(one).length === 0)) return {};
  const [first = {}, second, ...others] = different;
  if (second === undefined) return first;
  const types = different.map((one) => (Object.keys(one).length === 1 ? one.type : undefined));
  if (others.length === 0 && types.every((type) => typeof type === 'string')) return { type: types };
  return { anyOf: different };
}
