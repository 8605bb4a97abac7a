import { mkdir, readdir, readFile, rename, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClassicLevel } from 'classic-level';
import { ACKNOWLEDGED } from './acknowledged.ts';
import { type KeyChange, readBatch } from './batch.ts';
import { Malformed } from './cursor.ts';
import type { Inspection } from './inspection.ts';
import { readLog } from './log-file.ts';
import { changesIn } from './table-file.ts';

/** Where what can be read is put together, until it takes the place of what is damaged. */
const FRESH = 'rescued';
const FILES = /^(?:CURRENT|LOG|LOG\.old|MANIFEST-\d+|\d+\.(?:log|ldb|sst|dbtmp))$/;
const BATCH = 1_000;

/**
 * Puts all that can be read into new files, and moves the damaged ones aside: nothing is deleted.
 * @returns the folder that has the damaged files
 */
export async function rescue(directory: string, { inUse }: Inspection): Promise<string> {
  const fresh = join(directory, FRESH);
  await rm(fresh, { recursive: true, force: true });
  const names = (await readdir(directory)).filter((name) => FILES.test(name));
  const { ClassicLevel } = await import('classic-level');
  const database = new ClassicLevel<Buffer, Buffer>(fresh, {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
  });
  await database.open();
  await fill(database, directory, inUse ?? names);
  await database.close();
  const aside = join(directory, `damaged-${new Date().toISOString().replaceAll(':', '-')}`);
  await mkdir(aside, { mode: 0o700 });
  for (const name of names) await rename(join(directory, name), join(aside, name));
  await rm(join(directory, ACKNOWLEDGED), { force: true });
  // Without this file there is no database: it comes last, so that half of one is never taken for all of it.
  const made = (await readdir(fresh)).filter((name) => name !== 'LOCK').sort((a, b) => rank(a) - rank(b));
  for (const name of made) await rename(join(fresh, name), join(directory, name));
  await rm(join(fresh, 'LOCK'), { force: true });
  await rmdir(fresh);
  return aside;
}

const rank = (name: string): number => (name === 'CURRENT' ? 1 : 0);

/** Of all changes of a key the one with the highest sequence is written last. */
async function fill(
  database: ClassicLevel<Buffer, Buffer>,
  directory: string,
  names: readonly string[],
): Promise<void> {
  const newest = new Map<string, number>();
  let batch = database.batch();
  for (const name of names) {
    const bytes = await readFile(join(directory, name));
    for (const { key, value, sequence } of changesOf(name, bytes)) {
      const known = newest.get(key.toString('latin1'));
      if (known !== undefined && known >= sequence) continue;
      newest.set(key.toString('latin1'), sequence);
      if (value === undefined) batch.del(key);
      else batch.put(key, value);
      if (batch.length < BATCH) continue;
      await batch.write();
      batch = database.batch();
    }
  }
  // The last write waits for the disk, and with it all that came before.
  batch.del(Buffer.from('!rescued'));
  await batch.write({ sync: true });
}

function* changesOf(name: string, bytes: Buffer): Generator<KeyChange> {
  if (/\.(ldb|sst)$/.test(name)) yield* changesIn(bytes);
  else if (name.endsWith('.log'))
    for (const { bytes: record } of readLog(bytes).records) yield* written(record);
}

function written(record: Buffer): readonly KeyChange[] {
  try {
    return readBatch(record).changes;
  } catch (error) {
    if (error instanceof Malformed) return [];
    throw error;
  }
}
