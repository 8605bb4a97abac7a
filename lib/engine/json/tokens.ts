const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Calls `visit` for each token of a valid JSON text, in order, with where it begins and ends. A loop: a text may be nested as deep as it is
 * long, and the stack must hold it.
 * @example eachToken('[1]', (from, to) => seen.push([from, to])) // [0, 1], [1, 2], [2, 3]
 */
export function eachToken(text: string, visit: (from: number, to: number) => void): void {
  for (let at = 0; at < text.length; ) {
    const from = at;
    at = endOf(text, from);
    if (!isBlank(text.charCodeAt(from))) visit(from, at);
  }
}

function endOf(text: string, from: number): number {
  const first = text.charCodeAt(from);
  if (first === QUOTE) return endOfString(text, from);
  let at = from + 1;
  if (isBlank(first) || isMark(first)) return at;
  while (at < text.length && !isBlank(text.charCodeAt(at)) && !isMark(text.charCodeAt(at))) at += 1;
  return at;
}

function endOfString(text: string, from: number): number {
  let at = from + 1;
  for (let code = text.charCodeAt(at); code !== QUOTE && at < text.length; code = text.charCodeAt(at)) {
    at += code === BACKSLASH ? 2 : 1;
  }
  return at + 1;
}

/** Space, tab and the ends of lines: JSON has no others. */
const isBlank = (code: number): boolean => code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;

/** `,` and `:`; [ and {, ] and } differ in one bit. */
const isMark = (code: number): boolean =>
  code === 0x2c || code === 0x3a || (code | 0x20) === 0x7b || (code | 0x20) === 0x7d;

/** Whether a token that begins so is a number. */
export const beginsNumber = (code: number): boolean => code === 0x2d || (code >= 0x30 && code <= 0x39);
