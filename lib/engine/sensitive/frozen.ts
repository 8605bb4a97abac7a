/**
 * The same JSON value, which nobody can change any more. What code of a chain wrote into its input would be written into the table, with
 * what it took from a sensitive field. A loop: a result may be nested deeply.
 */
export function frozen<Value>(value: Value): Value {
  const left: unknown[] = [value];
  for (let one = left.pop(); one !== undefined; one = left.pop()) {
    if (typeof one !== 'object' || one === null || Object.isFrozen(one)) continue;
    Object.freeze(one);
    for (const member of Object.values(one)) if (typeof member === 'object') left.push(member);
  }
  return value;
}

/** What V8 says of a write to what is frozen: to a member, of a new one, and of one less. */
const WRITE = /read only property|is not extensible|^Cannot (?:delete|redefine) property/;

/** What to write, where code of a chain wrote into its input or a result. */
export const frozenRemedy = (error: unknown): string =>
  error instanceof TypeError && WRITE.test(error.message)
    ? '; input and results cannot be changed: change a copy, which structuredClone(…), or [...list], makes'
    : '';
