import { isUtf8 } from 'node:buffer';
import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync, type ZlibOptions } from 'node:zlib';
import type { Decoded } from './charset.ts';

/** A body after a coding was undone, and the bytes of the coded one that were needed for it. */
interface Undone {
  readonly body: Buffer;
  readonly read: number;
}

type Decoder = (body: Buffer, options: ZlibOptions) => unknown;

/** Some servers leave out the frame of `deflate` (zlib, RFC 1950): its first two bytes are a multiple of 31. */
const inflate: Decoder = (body, options) =>
  (body[0] ?? 0) % 16 === 8 && body.length > 1 && body.readUInt16BE() % 31 === 0
    ? inflateSync(body, options)
    : inflateRawSync(body, options);

const DECODERS = new Map<string, Decoder>([
  ['gzip', gunzipSync],
  ['x-gzip', gunzipSync],
  ['deflate', inflate],
  ['br', brotliDecompressSync],
]);

/** Nobody codes a reply more often than twice. */
const MOST_CODINGS = 4;

/**
 * A body without the codings that its server says it has; `tooLarge` if it grows beyond `limit` bytes. Each coding has an end of its own, which
 * must be the end of the body. A body that is text after all is taken as it is: its server names a coding, and does not apply it.
 * @param contentEncoding the header of that name
 * @example decodeBody(gzipSync('{}'), 'gzip', 1_024) // { ok: true, value: Buffer.from('{}') }
 */
export function decodeBody(
  body: Buffer,
  contentEncoding: string,
  limit: number,
): Decoded<Buffer> | 'tooLarge' {
  const codings = contentEncoding
    .split(',')
    .map((one) => one.trim().toLowerCase())
    .filter((one) => one !== '' && one !== 'identity')
    .reverse();
  if (codings.length > MOST_CODINGS) return { ok: false, problem: `it is encoded ${codings.length} times` };
  let decoded = body;
  for (const coding of codings) {
    const undone = decode(decoded, coding, limit);
    if (undone === 'tooLarge') return undone;
    if (undone.ok) decoded = undone.value;
    else return isUtf8(decoded) ? { ok: true, value: decoded } : undone;
  }
  return { ok: true, value: decoded };
}

function decode(body: Buffer, coding: string, limit: number): Decoded<Buffer> | 'tooLarge' {
  const decoder = DECODERS.get(coding);
  if (decoder === undefined) {
    const name = JSON.stringify(coding.slice(0, 40));
    return { ok: false, problem: `it is encoded as ${name}; gzip, deflate and br can be read` };
  }
  try {
    const undone = undoneOf(decoder(body, { info: true, maxOutputLength: limit }));
    if (undone.read === body.length) return { ok: true, value: undone.body };
    return {
      ok: false,
      problem: `${body.length - undone.read} bytes follow behind the end of its ${coding}`,
    };
  } catch (error) {
    if (error instanceof RangeError) return 'tooLarge';
    const why = error instanceof Error ? error.message : 'unknown reason';
    return { ok: false, problem: `its ${coding} cannot be decoded: ${why}` };
  }
}

/** What Node returns for the option `info`, of which its types say nothing. */
function undoneOf(value: unknown): Undone {
  if (typeof value === 'object' && value !== null && 'buffer' in value && 'engine' in value) {
    const { buffer, engine } = value;
    if (
      Buffer.isBuffer(buffer) &&
      typeof engine === 'object' &&
      engine !== null &&
      'bytesWritten' in engine &&
      typeof engine.bytesWritten === 'number'
    )
      return { body: buffer, read: engine.bytesWritten };
  }
  throw new Error('Node does not say how much it read');
}
