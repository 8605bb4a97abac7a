import { LIMITS } from '../contract/limits.ts';

const MASK = '***';

/** All strings and numbers inside a JSON value, as text. */
function leaves(value: unknown, found: Set<string>): void {
  if (typeof value === 'string') found.add(value);
  else if (typeof value === 'number') found.add(String(value));
  else if (Array.isArray(value)) for (const item of value) leaves(item, found);
  else if (value !== null && typeof value === 'object')
    for (const item of Object.values(value)) leaves(item, found);
}

/** The texts that must never be shown: sensitive input values, secret headers, and secrets within headers. */
export function secretsOf(
  input: Readonly<Record<string, unknown>>,
  sensitive: readonly string[],
  headers: Readonly<Record<string, string>> = {},
  withinHeaders: readonly string[] = [],
): readonly string[] {
  const found = new Set<string>(withinHeaders);
  for (const name of sensitive) if (Object.hasOwn(input, name)) leaves(input[name], found);
  for (const header of Object.values(headers)) {
    found.add(header);
    // The secret alone may come back without its scheme ("Bearer <secret>").
    const secret = header.split(' ').at(-1);
    if (secret !== undefined) found.add(secret);
  }
  found.delete('');
  return [...found];
}

const inJson = (text: string): string => JSON.stringify(text).slice(1, -1);

/** JSON as some servers write it: with every character that is not ASCII escaped. */
const inAscii = (json: string): string =>
  json.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** A text as forms and queries spell it: more is escaped than in a path (`!'()~`). */
const inForm = (text: string): string => new URLSearchParams([['', text]]).toString().slice(1);

/** The hexadecimal digits of an escaped character. */
const CODES = /(?<=%)[0-9A-F]{2}|(?<=\\u)[0-9a-f]{4}/g;

/** The ways in which a reply may spell a text: as it is, inside JSON, inside a URL or a form. Servers differ in what they escape. */
function spellings(text: string): readonly string[] {
  // A server shows half of a surrogate pair as U+FFFD.
  const plain = text.toWellFormed();
  const json = [inJson(text), inJson(plain), inAscii(inJson(plain))];
  const url = encodeURIComponent(plain);
  const form = inForm(plain);
  const escaped = [
    ...json,
    ...json.map((one) => one.replaceAll('/', '\\/')),
    url,
    url.replaceAll('%20', '+'),
    form,
    form.replaceAll('+', '%20'),
  ];
  const small = escaped.map((one) => one.replace(CODES, (code) => code.toLowerCase()));
  const large = escaped.map((one) => one.replace(CODES, (code) => code.toUpperCase()));
  return [text, plain, ...escaped, ...small, ...large];
}

/** Characters of a text that are searched for secrets: a reply may be a megabyte, and the secrets in an input thousands. */
export const SEARCHED = 16_384;

/**
 * At most 200 characters of `text`, with every secret replaced. Masks before it cuts, so that no half of a secret remains.
 * Of a long text only the beginning is looked at; where that is all secrets fewer characters are left.
 * @example excerpt('card 4242424242424242 is blocked', ['4242424242424242']) // 'card *** is blocked'
 */
export function excerpt(text: string, secrets: readonly string[]): string {
  const unique = [...new Set(secrets.flatMap(spellings))];
  // The longest first: a secret that contains another must go whole.
  unique.sort((a, b) => b.length - a.length);
  const longest = unique[0]?.length ?? 0;
  const beginning = text.slice(0, SEARCHED + 8 * longest);
  let masked = beginning;
  for (const secret of unique) masked = masked.replaceAll(secret, MASK);
  // The beginning may end amid a secret, and what is left of it may have grown by shorter secrets' masks.
  const unsafe = beginning.length < text.length ? MASK.length * longest : 0;
  return masked.slice(0, Math.min(LIMITS.errorText, Math.max(0, masked.length - unsafe))).toWellFormed();
}
