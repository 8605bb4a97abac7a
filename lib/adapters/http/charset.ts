import { isUtf8 } from 'node:buffer';
import { TextDecoder } from 'node:util';

/** `problem` says of the bytes why they are no text: "it is not UTF-8, …". */
export type Decoded<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly problem: string };

/**
 * Charsets that frameworks declare by default (`latin1` and `us-ascii` are `windows-1252` to the WHATWG) beside a body that is UTF-8.
 * Text in one of them is hardly ever valid UTF-8 without NULs.
 */
const DECLARED_IN_VAIN: ReadonlySet<string> = new Set(['windows-1252', 'utf-16le', 'utf-16be']);

const LONGEST_LABEL = 40;

/**
 * The text that the bytes of a body are: in the charset that its content type declares, else in UTF-8. A byte order mark goes.
 * Nothing is replaced: bytes that are not in their charset are a problem.
 * @param contentType the header of that name
 * @example decodeText(Buffer.from([0x4d, 0xfc]), 'text/plain; charset=iso-8859-1') // { ok: true, value: 'Mü' }
 */
export function decodeText(bytes: Buffer, contentType: string | undefined): Decoded<string> {
  const label = charsetIn(contentType);
  if (label === undefined) return utf8(bytes, 'it is not UTF-8, and declares no other charset');
  const decoder = decoderOf(label, bytes);
  const declared = JSON.stringify(label.slice(0, LONGEST_LABEL));
  if (decoder === undefined) return utf8(bytes, `it declares the charset ${declared}, which is not known`);
  const wrong = `it is not in the charset that it declares, ${declared}`;
  if (decoder.encoding === 'utf-8') return utf8(bytes, wrong);
  if (DECLARED_IN_VAIN.has(decoder.encoding) && !bytes.includes(0)) {
    const text = utf8(bytes, wrong);
    // JSON in UTF-16 has a NUL beside each bracket: without any, other text would become characters of another script.
    if (text.ok || (decoder.encoding !== 'windows-1252' && isJson(contentType))) return text;
  }
  try {
    // In two parts, because Node 20 takes windows-1252 for latin1 where it decodes all at once.
    return { ok: true, value: decoder.decode(bytes, { stream: true }) + decoder.decode() };
  } catch {
    return { ok: false, problem: wrong };
  }
}

const isJson = (contentType = ''): boolean => /^[^;]*[/+.-]json\b/i.test(contentType);

const charsetIn = (contentType = ''): string | undefined => {
  const [, quoted, plain] = /;\s*charset\s*=\s*(?:"([^"]*)"|([^\s;,"]+))/i.exec(contentType) ?? [];
  return quoted ?? plain;
};

/** Node's own decoder of a charset, by any of its names; undefined for one that it does not know. */
function decoderOf(label: string, bytes: Buffer): TextDecoder | undefined {
  // RFC 2781: text in utf-16 says by its first bytes which of the two it is.
  const bigEndian = label.toLowerCase() === 'utf-16' && bytes[0] === 0xfe && bytes[1] === 0xff;
  try {
    return new TextDecoder(bigEndian ? 'utf-16be' : label, { fatal: true });
  } catch {
    return undefined;
  }
}

function utf8(bytes: Buffer, problem: string): Decoded<string> {
  if (!isUtf8(bytes)) return { ok: false, problem };
  const text = bytes.toString('utf8');
  return { ok: true, value: text.startsWith('\uFEFF') ? text.slice(1) : text };
}
