import { mayBeLarge } from './scan.ts';
import { beginsNumber, eachToken } from './tokens.ts';

/** A JSON text as a value, and the numbers of it that stand there as text. */
export interface Exact {
  readonly json: unknown;
  /** As they were written. */
  readonly digits: ReadonlySet<string>;
}

const NONE: ReadonlySet<string> = new Set();

/**
 * What JSON.parse gives, but that a number which it would change stands there as text, with the digits it was written with. Not with the
 * `context.source` of a reviver, which Node 20 does not have.
 * Errors: a SyntaxError of JSON.parse.
 * @example parseExact('{"id":12345678901234567890}').json // { id: '12345678901234567890' }
 */
export function parseExact(text: string): Exact {
  const json: unknown = JSON.parse(text);
  if (!mayBeLarge(text)) return { json, digits: NONE };
  const digits = new Set<string>();
  let quoted = '';
  let copied = 0;
  eachToken(text, (from, to) => {
    if (!beginsNumber(text.charCodeAt(from))) return;
    const number = text.slice(from, to);
    if (!isChanged(number)) return;
    digits.add(number);
    quoted += `${text.slice(copied, from)}"${number}"`;
    copied = to;
  });
  return digits.size === 0 ? { json, digits } : { json: JSON.parse(quoted + text.slice(copied)), digits };
}

/** The same; undefined for a text that is no JSON. */
export function exactOf(text: string): Exact | undefined {
  try {
    return parseExact(text);
  } catch {
    return undefined;
  }
}

/**
 * Whether a number of a JSON text is above 2^53 and would be another when it is written again. What a fraction loses does not count: nobody
 * counts on its last digits.
 * @example isChanged('9007199254740993') // true: it would be …992
 * @example isChanged('1E20') // false
 */
export function isChanged(number: string): boolean {
  const value = Number(number);
  if (Math.abs(value) <= Number.MAX_SAFE_INTEGER) return false;
  return !Number.isFinite(value) || decimal(number) !== decimal(String(value));
}

/** A number above 0 in one spelling, without its sign: `12.50e3` and `12500` are both `125e2`. */
function decimal(number: string): string {
  const [mantissa = '', power = '0'] = number.toLowerCase().split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  const all = whole + fraction;
  let from = 0;
  let to = all.length;
  while (all[from] === '0' || all[from] === '-') from += 1;
  while (all[to - 1] === '0') to -= 1;
  return `${all.slice(from, to)}e${Number(power) - fraction.length + all.length - to}`;
}
