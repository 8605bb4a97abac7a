import { Cursor, Malformed } from './cursor.ts';
import { readLog } from './log-file.ts';

/** What a MANIFEST says of its database. */
export interface Manifest {
  /** Numbers of the tables that are in use; others are left over from a merge. */
  readonly tables: ReadonlySet<number>;
  /** This log and those after it are not in tables yet; 0 before there was any. */
  readonly firstLog: number;
}

/** What stands in a record of a MANIFEST, each with a number before it. */
const FIELD = {
  comparator: 1,
  firstLog: 2,
  nextFile: 3,
  lastSequence: 4,
  mergedUpTo: 5,
  removedTable: 6,
  addedTable: 7,
  earlierLog: 9,
} as const;

/** Errors: `Malformed`. A record that was cut off at the end was not in use yet. */
export function readManifest(file: Buffer): Manifest {
  const { records, holes } = readLog(file);
  const damage = holes.find(({ to }) => to < file.length);
  if (damage !== undefined) throw new Malformed(`it is damaged at byte ${damage.from}`);
  const manifest = { tables: new Set<number>(), firstLog: 0 };
  for (const { bytes } of records) {
    const cursor = new Cursor(bytes);
    while (!cursor.atEnd) readField(cursor, manifest);
  }
  return manifest;
}

function readField(cursor: Cursor, manifest: { readonly tables: Set<number>; firstLog: number }): void {
  const field = cursor.varint();
  switch (field) {
    case FIELD.firstLog:
      manifest.firstLog = cursor.varint();
      return;
    case FIELD.comparator:
      cursor.text();
      return;
    case FIELD.nextFile:
    case FIELD.lastSequence:
    case FIELD.earlierLog:
      cursor.varint();
      return;
    case FIELD.mergedUpTo:
      cursor.varint();
      cursor.text();
      return;
    case FIELD.removedTable:
      cursor.varint();
      manifest.tables.delete(cursor.varint());
      return;
    case FIELD.addedTable:
      cursor.varint();
      manifest.tables.add(cursor.varint());
      cursor.varint();
      cursor.text();
      cursor.text();
      return;
    default:
      throw new Malformed(`it has a field ${field}, which no version of LevelDB writes`);
  }
}
