import { maskedSum } from './crc32c.ts';

/*
 * LevelDB's log format, in which its logs and MANIFEST files are written: blocks of 32 KB, in them pieces of records, each
 * with a sum before it.
 */

export interface LogRecord {
  /** Where it begins in the file. */
  readonly at: number;
  readonly bytes: Buffer;
}

/** Bytes that hold no record. */
export interface Hole {
  readonly from: number;
  readonly to: number;
}

export interface LogContents {
  readonly records: readonly LogRecord[];
  /** Damage, or where a write was cut off; one that ends with the file's end is always among them if there is any. */
  readonly holes: readonly Hole[];
}

const BLOCK = 32 * 1_024;
const HEADER = 7;
const [ZERO, FULL, FIRST, MIDDLE, LAST] = [0, 1, 2, 3, 4] as const;

interface Piece {
  readonly at: number;
  readonly end: number;
  readonly type: number;
  readonly bytes: Buffer;
}

/** Reads what can be read: after damage it goes on with the next piece, or with the next block where that is not found. */
export function readLog(file: Buffer): LogContents {
  const records: LogRecord[] = [];
  const holes: Hole[] = [];
  let begun: Piece[] = [];
  const abandon = (): void => {
    for (const { at, end } of begun) holes.push({ from: at, to: end });
    begun = [];
  };
  for (const piece of piecesOf(file)) {
    if (!('type' in piece)) {
      abandon();
      holes.push(piece);
      continue;
    }
    const fits = begun.length > 0 === (piece.type === MIDDLE || piece.type === LAST);
    if (!fits) abandon();
    begun.push(piece);
    if (!fits && piece.type !== FULL && piece.type !== FIRST) abandon();
    else if (piece.type === FULL || piece.type === LAST) {
      records.push({ at: begun[0]?.at ?? piece.at, bytes: Buffer.concat(begun.map(({ bytes }) => bytes)) });
      begun = [];
    }
  }
  abandon();
  return { records, holes };
}

function* piecesOf(file: Buffer): Generator<Piece | Hole> {
  let at = 0;
  while (at < file.length) {
    const border = Math.min(at + BLOCK - (at % BLOCK), file.length);
    // What is too short for a header at the end of a block is filled with zeros.
    if (border - at < HEADER && border % BLOCK === 0) {
      at = border;
      continue;
    }
    const piece = pieceAt(file, at, border);
    if (piece !== undefined) {
      yield piece;
      at = piece.end;
      continue;
    }
    const next = nextAfterDamage(file, at, border);
    yield { from: at, to: next };
    at = next;
  }
}

/** The piece that begins at `at`; undefined where none does. */
function pieceAt(file: Buffer, at: number, border: number): Piece | undefined {
  if (border - at < HEADER) return undefined;
  const end = endOf(file, at);
  const type = file.readUInt8(at + 6);
  if (end > border || type === ZERO || type > LAST) return undefined;
  if (maskedSum(file.subarray(at + 6, end)) !== file.readUInt32LE(at)) return undefined;
  return { at, end, type, bytes: file.subarray(at + HEADER, end) };
}

const endOf = (file: Buffer, at: number): number => at + HEADER + file.readUInt16LE(at + 4);

/** Its own length says where the next piece is, unless that is what was damaged. */
function nextAfterDamage(file: Buffer, at: number, border: number): number {
  if (border - at < HEADER) return border;
  const end = endOf(file, at);
  return end < border && pieceAt(file, end, border) !== undefined ? end : border;
}
