/** The Castagnoli polynomial, bits reversed: LevelDB's sums. Node has zlib's alone, of another polynomial. */
const POLYNOMIAL = 0x82f63b78;
const BYTES = 256;
const SLICES = 8;

/** `TABLE[256 * n + byte]`: what a byte does to the sum when n bytes come after it. Eight bytes are taken at a time. */
const TABLE = new Uint32Array(SLICES * BYTES);
for (let byte = 0; byte < BYTES; byte += 1) {
  let sum = byte;
  for (let bit = 0; bit < 8; bit += 1) sum = sum & 1 ? (sum >>> 1) ^ POLYNOMIAL : sum >>> 1;
  TABLE[byte] = sum;
}
for (let at = BYTES; at < TABLE.length; at += 1) {
  const sum = lookUp(at - BYTES);
  TABLE[at] = (sum >>> 8) ^ lookUp(sum & 0xff);
}

function lookUp(at: number): number {
  return TABLE[at] ?? 0;
}

/** @example crc32c(Buffer.from('123456789')) // 0xe3069283 */
export function crc32c(bytes: Buffer): number {
  let sum = 0xffffffff;
  let at = 0;
  for (const end = bytes.length - SLICES; at <= end; at += SLICES) {
    const low = sum ^ bytes.readInt32LE(at);
    const high = bytes.readInt32LE(at + 4);
    sum =
      lookUp(1_792 + (low & 0xff)) ^
      lookUp(1_536 + ((low >>> 8) & 0xff)) ^
      lookUp(1_280 + ((low >>> 16) & 0xff)) ^
      lookUp(1_024 + (low >>> 24)) ^
      lookUp(768 + (high & 0xff)) ^
      lookUp(512 + ((high >>> 8) & 0xff)) ^
      lookUp(256 + ((high >>> 16) & 0xff)) ^
      lookUp(high >>> 24);
  }
  for (; at < bytes.length; at += 1) sum = lookUp((sum ^ (bytes[at] ?? 0)) & 0xff) ^ (sum >>> 8);
  return (sum ^ 0xffffffff) >>> 0;
}

/** How LevelDB writes a sum beside what it is of: a sum of text that holds sums would be weak. */
export const maskedSum = (bytes: Buffer): number => {
  const sum = crc32c(bytes);
  return (((sum >>> 15) | (sum << 17)) + 0xa282ead8) >>> 0;
};
