import type { KeyChange } from './batch.ts';
import { maskedSum } from './crc32c.ts';
import { Cursor, Malformed } from './cursor.ts';
import type { Hole } from './log-file.ts';
import { uncompressed } from './snappy.ts';

/*
 * LevelDB's table format: blocks of sorted entries, an index of these blocks, and at the end where the index is. Each block
 * has a sum, which LevelDB itself does not look at when it reads.
 */

const FOOTER = 48;
const MAGIC = 0xdb4775248b80fb57n;
/** After each block: how it is compressed, and its sum. */
const TRAILER = 5;
const [PLAIN, SNAPPY] = [0, 1] as const;

/** Where a block is, without its trailer. */
interface Place {
  readonly at: number;
  readonly length: number;
}

export interface TableContents {
  readonly blocks: readonly Place[];
  /** What is damaged. */
  readonly holes: readonly Hole[];
}

/** Looks at every sum of a table. */
export function checkTable(file: Buffer): TableContents {
  try {
    const [meta, index] = footerOf(file);
    const blocks = placesIn(file, index);
    // The index of the filters names one, by which LevelDB passes over blocks.
    const others = placesIn(file, meta);
    const holes = [...blocks, ...others].filter((place) => !isWhole(file, place)).map(holeOf);
    return { blocks, holes };
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return { blocks: [], holes: [{ from: 0, to: file.length }] };
  }
}

/** The changes in a table, block by block; a block that cannot be read is left out. */
export function* changesIn(file: Buffer): Generator<KeyChange> {
  for (const place of checkTable(file).blocks) {
    if (!isWhole(file, place)) continue;
    for (const { key, value } of entriesOf(contentsOf(file, place))) yield changeOf(key, value);
  }
}

const holeOf = ({ at, length }: Place): Hole => ({ from: at, to: at + length + TRAILER });

function footerOf(file: Buffer): readonly [meta: Place, index: Place] {
  const footer = file.subarray(Math.max(0, file.length - FOOTER));
  if (footer.length < FOOTER || footer.readBigUInt64LE(FOOTER - 8) !== MAGIC) {
    throw new Malformed('a table without an end');
  }
  const cursor = new Cursor(footer);
  return [placeOf(cursor), placeOf(cursor)];
}

const placeOf = (cursor: Cursor): Place => ({ at: cursor.varint(), length: cursor.varint() });

const placesIn = (file: Buffer, index: Place): readonly Place[] =>
  entriesOf(contentsOf(file, index)).map(({ value }) => placeOf(new Cursor(value)));

function isWhole(file: Buffer, { at, length }: Place): boolean {
  const end = at + length;
  if (end + TRAILER > file.length - FOOTER) return false;
  return maskedSum(file.subarray(at, end + 1)) === file.readUInt32LE(end + 1);
}

/** Errors: `Malformed`. */
function contentsOf(file: Buffer, place: Place): Buffer {
  if (!isWhole(file, place)) throw new Malformed(`a block is damaged at byte ${place.at}`);
  const end = place.at + place.length;
  const bytes = file.subarray(place.at, end);
  const compression = file.readUInt8(end);
  if (compression === PLAIN) return bytes;
  if (compression === SNAPPY) return uncompressed(bytes);
  throw new Malformed(`a block is compressed in a way ${compression}`);
}

interface Entry {
  readonly key: Buffer;
  readonly value: Buffer;
}

/** Each key says how much of it is as in the key before. Behind the entries is where some of them begin. Errors: `Malformed`. */
function entriesOf(block: Buffer): readonly Entry[] {
  if (block.length < 4) throw new Malformed('a block without an end');
  const end = block.length - 4 * (block.readUInt32LE(block.length - 4) + 1);
  if (end < 0) throw new Malformed('a block that is all restarts');
  const cursor = new Cursor(block.subarray(0, end));
  const entries: Entry[] = [];
  let before: Buffer = Buffer.alloc(0);
  while (!cursor.atEnd) {
    const [shared, own, length] = [cursor.varint(), cursor.varint(), cursor.varint()];
    const key: Buffer = Buffer.concat([before.subarray(0, shared), cursor.take(own)]);
    entries.push({ key, value: cursor.take(length) });
    before = key;
  }
  return entries;
}

/** A key of a table ends with the change's sequence and its kind. */
function changeOf(internal: Buffer, value: Buffer): KeyChange {
  const end = internal.length - 8;
  if (end < 0) throw new Malformed('a key without a sequence');
  const tag = internal.readBigUInt64LE(end);
  const deleted = (tag & 0xffn) === 0n;
  return {
    sequence: Number(tag >> 8n),
    key: internal.subarray(0, end),
    value: deleted ? undefined : value,
  };
}
