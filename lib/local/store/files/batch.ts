import { Cursor, Malformed } from './cursor.ts';

/** One change of a key; `value` is undefined where it was deleted. The change with the highest sequence counts. */
export interface KeyChange {
  readonly sequence: number;
  readonly key: Buffer;
  readonly value: Buffer | undefined;
}

/** A record of a log: changes that were written together. */
export interface Batch {
  readonly sequence: number;
  readonly changes: readonly KeyChange[];
}

const [DELETED, PUT] = [0, 1] as const;

/** Errors: `Malformed`. */
export function readBatch(record: Buffer): Batch {
  const cursor = new Cursor(record);
  const sequence = cursor.fixed64();
  const count = cursor.fixed32();
  const changes: KeyChange[] = [];
  while (!cursor.atEnd) {
    const kind = cursor.byte();
    if (kind !== DELETED && kind !== PUT) throw new Malformed(`${kind} is no kind of a change`);
    const key = cursor.text();
    changes.push({
      sequence: sequence + changes.length,
      key,
      value: kind === PUT ? cursor.text() : undefined,
    });
  }
  if (changes.length !== count) throw new Malformed(`${changes.length} changes stand for ${count}`);
  return { sequence, changes };
}
