/** A member that a schema wants as a number, and that is none without loss. */
export interface Lost {
  readonly path: readonly PropertyKey[];
  /** As it was written. */
  readonly digits: string;
}

/** What is looked at of an issue as zod makes it. */
interface Issue {
  readonly code?: unknown;
  readonly path?: readonly PropertyKey[] | undefined;
  readonly expected?: unknown;
  readonly errors?: unknown;
}

/**
 * The first member with such digits that a schema refused because it is no number; undefined if the issues are about something else.
 * @param value what the schema looked at, with numbers as text where `digits` has them
 */
export function refusedNumber(
  issues: readonly Issue[],
  value: unknown,
  digits: ReadonlySet<string>,
): Lost | undefined {
  for (const { code, path = [], expected, errors } of digits.size === 0 ? [] : issues) {
    const refused = path.reduce(memberOf, value);
    if (code === 'invalid_type' && expected === 'number' && isOf(digits, refused))
      return { path, digits: refused };
    // Each variant of a union says for itself, from there on.
    const variants: readonly unknown[] = Array.isArray(errors) ? errors : [];
    for (const within of variants) {
      const lost = Array.isArray(within) ? refusedNumber(within, refused, digits) : undefined;
      if (lost !== undefined) return { ...lost, path: [...path, ...lost.path] };
    }
  }
  return undefined;
}

/**
 * The first member that a schema made a number of all the same, as `z.coerce.number()` does. A loop, as a result may be nested as deep as
 * a reply is long.
 */
export function coercedNumber(
  result: unknown,
  value: unknown,
  digits: ReadonlySet<string>,
): Lost | undefined {
  const left: Step[] = digits.size === 0 ? [] : [{ result, value }];
  for (let one = left.pop(); one !== undefined; one = left.pop()) {
    if (typeof one.result === 'number' && isOf(digits, one.value) && one.result === Number(one.value))
      return { path: pathTo(one), digits: one.value };
    if (typeof one.result !== 'object' || one.result === null) continue;
    for (const [name, member] of Object.entries(one.result)) {
      left.push({ name, from: one, result: member, value: memberOf(one.value, name) });
    }
  }
  return undefined;
}

/** A place in a result, by the one that holds it: paths of lists in lists would fill the memory. */
interface Step {
  readonly name?: string;
  readonly from?: Step;
  readonly result: unknown;
  readonly value: unknown;
}

function pathTo(step: Step): readonly string[] {
  const path: string[] = [];
  for (let one: Step | undefined = step; one?.name !== undefined; one = one.from) path.push(one.name);
  return path.reverse();
}

const isOf = (digits: ReadonlySet<string>, value: unknown): value is string =>
  typeof value === 'string' && digits.has(value);

const memberOf = (value: unknown, name: PropertyKey): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : undefined;
