/** Digits of 2^53. */
const DIGITS = 16;

/** An exponent that is not negative. */
const EXPONENT = /[0-9][eE]\+?[0-9]/g;

/**
 * Whether a JSON text may hold a number above 2^53: 16 digits in a row, or an exponent, within strings too. Nearly no text does, so this
 * looks at one character of 16: a regular expression took as long as JSON.parse.
 */
export function mayBeLarge(text: string): boolean {
  for (let at = DIGITS - 1; at < text.length; at += DIGITS) {
    if (isDigit(text.charCodeAt(at)) && runAround(text, at) >= DIGITS) return true;
  }
  // Most have none, and to look for all takes four times as long.
  if (text.search(EXPONENT) === -1) return false;
  for (const { index } of text.matchAll(EXPONENT)) if (isInNumber(text, index)) return true;
  return false;
}

/** How many digits stand in a row around `at`, as far as that matters. */
function runAround(text: string, at: number): number {
  let from = at;
  let to = at + 1;
  while (isDigit(text.charCodeAt(from - 1)) && to - from < DIGITS) from -= 1;
  while (isDigit(text.charCodeAt(to)) && to - from < DIGITS) to += 1;
  return to - from;
}

/** Whether the digit at `at` may belong to a number, and not to a word, such as the `1e4` of an id in hexadecimal digits. */
function isInNumber(text: string, at: number): boolean {
  let from = at;
  // A number with more digits before its exponent has been found by those.
  while (at - from < 2 * DIGITS && /[0-9.]/.test(text.charAt(from - 1))) from -= 1;
  if (text.charAt(from - 1) === '-') from -= 1;
  return /^[[,:\s]?$/.test(text.charAt(from - 1));
}

const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39;
