import { isChanged } from './numbers.ts';
import { beginsNumber, eachToken } from './tokens.ts';

/** A member whose value is not what its sender wrote. */
export interface Flaw {
  /** Names and places that lead to it, as zod writes them. */
  readonly path: readonly (string | number)[];
  readonly kind: 'namedTwice' | 'changedNumber';
}

/** A list or object that is open: its names so far, and where in it we are. */
interface Level {
  readonly names: Set<string> | undefined;
  at: string | number;
}

/**
 * What a valid JSON text says that its value does not show: how deep it is nested, and the first `most` members that JSON.parse changes
 * or leaves out without a word.
 * @example readFlaws('{"a":1,"a":2}', 100) // { levels: 1, flaws: [{ path: ['a'], kind: 'namedTwice' }] }
 */
export function readFlaws(
  text: string,
  most: number,
): { readonly levels: number; readonly flaws: readonly Flaw[] } {
  const open: Level[] = [];
  const flaws: Flaw[] = [];
  let levels = 0;
  let last = '';
  const found = (kind: Flaw['kind']): void => {
    if (flaws.length < most) flaws.push({ path: open.map(({ at }) => at), kind });
  };
  eachToken(text, (from, to) => {
    const level = open.at(-1);
    const first = text[from];
    if (first === '"') last = text.slice(from, to);
    else if (first === '{' || first === '[') {
      open.push(first === '{' ? { names: new Set(), at: '' } : { names: undefined, at: 0 });
      levels = Math.max(levels, open.length);
    } else if (first === '}' || first === ']') open.pop();
    else if (first === ',' && typeof level?.at === 'number') level.at += 1;
    else if (first === ':' && level?.names !== undefined) {
      const name: unknown = JSON.parse(last);
      level.at = String(name);
      if (level.names.has(level.at)) found('namedTwice');
      level.names.add(level.at);
    } else if (beginsNumber(text.charCodeAt(from)) && isChanged(text.slice(from, to))) found('changedNumber');
  });
  return { levels, flaws };
}
