import { LIMITS } from '../contract/limits.ts';
import { leaves } from './sensitive/leaves.ts';
import { type Search, searchFor } from './sensitive/search.ts';

const MASK = '***';

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

/** Nobody escapes any of it. */
const PLAIN = /^[\w.-]+$/;

/** The ways in which a reply may spell a text: as it is, inside JSON, inside a URL or a form. Servers differ in what they escape. */
function spellings(text: string): readonly string[] {
  if (PLAIN.test(text)) return [text];
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
 * At most 200 characters of `text`, with every secret replaced, in whatever spelling. Of a long text only the beginning is looked at.
 * @example excerpt('card 4242-4242-4242-4242 is blocked', ['4242424242424242']) // 'card *** is blocked'
 */
export function excerpt(text: string, secrets: readonly string[]): string {
  const { longest, spansIn } = searchOf(secrets);
  // A secret at which the beginning ends is found whole: it is looked for a little further than anything is shown.
  const end = text.length > SEARCHED + 8 * longest ? SEARCHED : text.length;
  let shown = '';
  let from = 0;
  for (const [begins, ends] of spansIn(text.slice(0, SEARCHED + 8 * longest))) {
    if (begins >= end || shown.length > LIMITS.errorText) break;
    shown += text.slice(from, begins) + MASK;
    from = ends;
  }
  return (shown + text.slice(from, end)).slice(0, LIMITS.errorText).toWellFormed();
}

/** Those of one call are looked for in its reply, and in what is wrong with it. */
const searches = new WeakMap<readonly string[], Search>();

function searchOf(secrets: readonly string[]): Search {
  const known = searches.get(secrets);
  if (known !== undefined) return known;
  const search = searchFor(secrets, spellings);
  searches.set(secrets, search);
  return search;
}
