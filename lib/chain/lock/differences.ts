/**
 * Where two JSON values differ, by their paths; at most `most` lines.
 * @example differences({ a: 1, b: [true] }, { a: 2, b: [true] }, 5) // ['a: 2, was 1']
 */
export function differences(was: unknown, is: unknown, most: number): readonly string[] {
  const found = [...walk(was, is, '')];
  const shown = found.slice(0, most);
  return shown.length < found.length ? [...shown, `and ${found.length - shown.length} more`] : shown;
}

function* walk(was: unknown, is: unknown, path: string): Generator<string> {
  if (isTree(was) && isTree(is)) {
    const names = new Set([...Object.keys(was), ...Object.keys(is)]);
    for (const name of names) yield* walk(was[name], is[name], path === '' ? name : `${path}.${name}`);
    return;
  }
  const [before, now] = [shown(was), shown(is)];
  if (before !== now) yield `${path}: ${now}, was ${before}`;
}

type Tree = Readonly<Record<string, unknown>>;

const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null;

const shown = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value));
