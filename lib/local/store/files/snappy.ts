import { Cursor, Malformed } from './cursor.ts';

const [LITERAL, NEAR, FAR] = [0, 1, 2] as const;

/**
 * What Snappy compressed (its format is a page: literals, and copies of what came before).
 * Errors: `Malformed`.
 */
export function uncompressed(bytes: Buffer): Buffer {
  const cursor = new Cursor(bytes);
  const length = cursor.varint();
  // No block is nearly so large: a length beyond it is damage, and would cost memory.
  if (length > MOST) throw new Malformed(`a block of ${length} bytes`);
  const out = Buffer.alloc(length);
  let at = 0;
  while (!cursor.atEnd) {
    const tag = cursor.byte();
    const kind = tag & 3;
    if (kind === LITERAL) {
      const literal = cursor.take(literalLength(cursor, tag >> 2));
      if (at + literal.length > length) throw new Malformed('a block is longer than it says');
      literal.copy(out, at);
      at += literal.length;
      continue;
    }
    const [count, back] = copyOf(cursor, tag, kind);
    if (back === 0 || back > at || at + count > length) throw new Malformed('a copy of nothing');
    // Byte by byte: a copy may overlap what it makes.
    for (const end = at + count; at < end; at += 1) out[at] = out[at - back] ?? 0;
  }
  if (at !== length) throw new Malformed('a block is shorter than it says');
  return out;
}

const MOST = 64 * 1_024 * 1_024;

function literalLength(cursor: Cursor, written: number): number {
  if (written < 60) return written + 1;
  return littleEndian(cursor, written - 59) + 1;
}

function copyOf(cursor: Cursor, tag: number, kind: number): readonly [count: number, back: number] {
  if (kind === NEAR) return [((tag >> 2) & 7) + 4, ((tag >> 5) << 8) + cursor.byte()];
  return [(tag >> 2) + 1, littleEndian(cursor, kind === FAR ? 2 : 4)];
}

function littleEndian(cursor: Cursor, bytes: number): number {
  let value = 0;
  for (let at = 0; at < bytes; at += 1) value += cursor.byte() * 256 ** at;
  return value;
}
