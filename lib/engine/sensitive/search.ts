import { LIMITS } from '../../contract/limits.ts';
import { comparable, readings } from './comparable.ts';

/** From where to where in a text; without the second. */
export type Span = readonly [from: number, to: number];

/** Texts that are looked for, each at once: an input may hold thousands. */
export interface Search {
  /** Characters of the longest spelling. */
  readonly longest: number;
  /** Where any of them stands in `text`, in order; none overlaps another. */
  spansIn(text: string): readonly Span[];
}

/**
 * Finds secrets in each of the ways in which they may be spelled; from `LIMITS.comparedLength` letters and digits on, in whatever case and
 * with whatever between them.
 * @param spellings of one secret
 */
export function searchFor(
  secrets: readonly string[],
  spellings: (secret: string) => readonly string[],
): Search {
  const exact = new Set(secrets.flatMap(spellings));
  const compared = new Set(secrets.map(comparable).filter(({ length }) => length >= LIMITS.comparedLength));
  let longest = 0;
  for (const { length } of exact) longest = Math.max(longest, length);
  return {
    longest,
    spansIn: (text) => {
      const spans = found(exact, text);
      for (const reading of compared.size === 0 ? [] : readings(text)) {
        for (const [from, to] of found(compared, reading.text)) {
          spans.push([reading.from[from] ?? 0, reading.to[to - 1] ?? 0]);
        }
      }
      return merged(spans);
    },
  };
}

/** Where any of `words` stands. */
function found(words: ReadonlySet<string>, text: string): Span[] {
  const spans: Span[] = [];
  const begins = beginningsIn(text, words.size);
  for (const word of words) {
    if (begins !== undefined && word.length >= BEGINNING && !begins.has(word.slice(0, BEGINNING))) continue;
    for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
      spans.push([at, at + word.length]);
    }
  }
  return spans;
}

const BEGINNING = 4;
/** With fewer words to look for, this is not worth it. */
const MANY = 64;

/** All that a word may begin with which stands in the text: most words do not, and need not be looked for. */
function beginningsIn(text: string, words: number): ReadonlySet<string> | undefined {
  if (words < MANY) return undefined;
  const begins = new Set<string>();
  for (let at = 0; at + BEGINNING <= text.length; at += 1) begins.add(text.slice(at, at + BEGINNING));
  return begins;
}

function merged(spans: Span[]): readonly Span[] {
  spans.sort(([a], [b]) => a - b);
  const apart: Span[] = [];
  for (const [from, to] of spans) {
    const last = apart.at(-1);
    if (last === undefined || from >= last[1]) apart.push([from, to]);
    else if (to > last[1]) apart[apart.length - 1] = [last[0], to];
  }
  return apart;
}
