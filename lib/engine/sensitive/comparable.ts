/** A text by its letters, small, and its digits alone, and where each of them stands in it. */
export interface Placed {
  readonly text: string;
  readonly from: readonly number[];
  readonly to: readonly number[];
}

/**
 * What is the same of a text however it is written: its letters without case and accents, and its digits, whatever stands between them.
 * @example comparable('DE89 3704-0044') // 'de8937040044'
 */
export function comparable(text: string): string {
  let found = '';
  for (const char of text) found += folded(char);
  return found;
}

/**
 * The two ways to read a text: as it stands, and with what is escaped in it, for JSON, URLs or HTML, as the character that it is.
 * `4242%204242` has two digits more as it stands, and `5%42…` one fewer if it is taken for escaped.
 */
export const readings = (text: string): readonly Placed[] =>
  text.search(ESCAPED) < 0 ? [placed(text, NOTHING)] : [placed(text, NOTHING), placed(text, ESCAPED)];

const NOTHING = /(?!)/g;
const ESCAPED = /(?:%[0-9a-f]{2})+|(?:\\u[0-9a-f]{4})+|\\[^u]|&(?:#x[0-9a-f]{1,6}|#\d{1,7}|[a-z]{2,31});/gi;

function placed(text: string, escaped: RegExp): Placed {
  const found = { text: '', from: [] as number[], to: [] as number[] };
  const add = (chars: string, from: number, to?: number): void => {
    let at = from;
    for (const char of chars) {
      const end = to ?? at + char.length;
      const same = folded(char);
      found.text += same;
      for (let unit = 0; unit < same.length; unit += 1) {
        found.from.push(at);
        found.to.push(end);
      }
      at = to === undefined ? end : at;
    }
  };
  let done = 0;
  for (const { 0: match, index } of text.matchAll(escaped)) {
    add(text.slice(done, index), done);
    done = index + match.length;
    add(meant(match), index, done);
  }
  add(text.slice(done), done);
  return found;
}

/** The characters that an escape stands for; none where that is neither letter nor digit. */
function meant(escaped: string): string {
  if (escaped.startsWith('%')) return inUrl(escaped);
  if (escaped.startsWith('\\u'))
    return escaped.replace(UNIT, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
  const [, hex, decimal, letter] = ENTITY.exec(escaped) ?? [];
  if (letter !== undefined) return letter;
  const code = hex === undefined ? Number(decimal ?? 0) : Number.parseInt(hex, 16);
  return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : '';
}

const UNIT = /\\u([0-9a-f]{4})/gi;
const ENTITY = /^&(?:#x([0-9a-f]+)|#(\d+)|([a-z])(?:acute|caron|cedil|circ|grave|ring|tilde|uml));$/i;

/** Servers that know nothing of UTF-8 write Latin-1. */
function inUrl(escaped: string): string {
  const bytes = Buffer.from(escaped.replaceAll('%', ''), 'hex');
  const text = bytes.toString('utf8');
  return text.includes('\ufffd') ? bytes.toString('latin1') : text;
}

/** A letter or digit as it is compared, nothing for any other character. Most are ASCII. */
function folded(char: string): string {
  const code = char.charCodeAt(0);
  if ((code >= 0x30 && code <= 0x39) || (code >= 0x61 && code <= 0x7a)) return char;
  if (code >= 0x41 && code <= 0x5a) return char.toLowerCase();
  if (code < 0x80) return '';
  const known = others.get(char);
  if (known !== undefined) return known;
  // Both, as one small letter may be two large ones: `ß` is `SS`.
  const same = char.normalize('NFKD').toUpperCase().toLowerCase().replace(NEITHER, '');
  if (others.size >= OTHERS_KEPT) others.clear();
  others.set(char, same);
  return same;
}

const NEITHER = /[^\p{L}\p{N}]/gu;

/** What was found out of characters that are not ASCII: of a language there are few, and each takes a microsecond. */
const others = new Map<string, string>();
const OTHERS_KEPT = 4_096;
