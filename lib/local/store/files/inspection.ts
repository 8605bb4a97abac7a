import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Batch, readBatch } from './batch.ts';
import { Malformed } from './cursor.ts';
import { type Hole, readLog } from './log-file.ts';
import { type Manifest, readManifest } from './manifest.ts';
import { checkTable } from './table-file.ts';

/** In each write: how many there were with it. */
export const COUNT_KEY = '!count';

/** What is wrong with a file. */
export interface Damage {
  readonly file: string;
  /** As in `000012.log is damaged at byte 4711`. */
  readonly what: string;
  /** Ids of workflows in the damaged bytes: what is lost is about these, as far as it can be read. */
  readonly ids: readonly string[];
}

export interface Inspection {
  readonly damages: readonly Damage[];
  /** The end of the last log, where it cannot be read: as a rule of a write that was cut off. */
  readonly tail: readonly Damage[];
  /** How many writes there were, by the last one of the logs; undefined where they hold none. */
  readonly count: number | undefined;
  /** Tables and logs that are in use; undefined where that cannot be known. */
  readonly inUse: readonly string[] | undefined;
}

const NUMBERED = /^(\d+)\.(log|ldb|sst)$/;

/**
 * Reads every file of a database that nobody has open, and looks at its sums. LevelDB drops a damaged part of a log without a word, and
 * returns what a damaged table holds. What was cut off at the end of the last log is no damage: that write was never acknowledged.
 */
export async function inspect(directory: string): Promise<Inspection> {
  const names = (await readdir(directory)).sort();
  const files = names.filter((name) => NUMBERED.test(name));
  const manifest = await manifestOf(directory, names);
  if (manifest === undefined) return { ...NONE, inUse: files };
  if ('what' in manifest) return { ...NONE, damages: [manifest] };
  const missing = missingFrom(files, manifest);
  const tables = files.filter((name) => manifest.tables.has(numberOf(name)) && !name.endsWith('.log'));
  const logs = files.filter((name) => name.endsWith('.log') && numberOf(name) >= manifest.firstLog);
  const damages: Damage[] = [...missing];
  for (const name of tables) {
    const bytes = await readFile(join(directory, name));
    damages.push(...checkTable(bytes).holes.map((hole) => damageOf(name, bytes, hole)));
  }
  const read = await readLogs(directory, logs);
  return { ...read, damages: [...damages, ...read.damages], inUse: [...tables, ...logs] };
}

const NONE: Inspection = { damages: [], tail: [], count: undefined, inUse: undefined };

const numberOf = (name: string): number => Number(NUMBERED.exec(name)?.[1]);

/** Undefined where there is no database yet. */
async function manifestOf(
  directory: string,
  names: readonly string[],
): Promise<Manifest | Damage | undefined> {
  if (!names.includes('CURRENT')) {
    // A database that is being made has no table yet.
    const isLeft = names.some((name) => /\.(ldb|sst)$/.test(name));
    return isLeft ? { file: 'CURRENT', what: 'is missing', ids: [] } : undefined;
  }
  const name = (await readFile(join(directory, 'CURRENT'), 'utf8')).trim();
  if (!names.includes(name)) return { file: name || 'CURRENT', what: 'is missing', ids: [] };
  try {
    return readManifest(await readFile(join(directory, name)));
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return { file: name, what: `cannot be read: ${error.message}`, ids: [] };
  }
}

function missingFrom(files: readonly string[], { tables, firstLog }: Manifest): readonly Damage[] {
  const there = new Set(files.map(numberOf));
  const wanted = [...tables, ...(firstLog === 0 ? [] : [firstLog])];
  return wanted
    .filter((number) => !there.has(number))
    .map((number) => ({
      file: `${String(number).padStart(6, '0')}.${number === firstLog ? 'log' : 'ldb'}`,
      what: 'is missing',
      ids: [],
    }));
}

/** The logs one after another: the sequence of each write begins where that of the one before ended. */
async function readLogs(
  directory: string,
  names: readonly string[],
): Promise<Pick<Inspection, 'damages' | 'tail' | 'count'>> {
  const damages: Damage[] = [];
  let open: Damage[] = [];
  let count: number | undefined;
  let next: number | undefined;
  for (const name of names) {
    const bytes = await readFile(join(directory, name));
    for (const part of partsOf(bytes)) {
      if ('from' in part) {
        open.push(damageOf(name, bytes, part));
        continue;
      }
      const { sequence, changes } = part;
      if (next !== undefined && sequence !== next && open.length === 0) {
        damages.push({ file: name, what: `lacks the changes ${next} to ${sequence - 1}`, ids: [] });
      }
      // Each write begins once the one before is on disk: what comes before a whole write was acknowledged.
      damages.push(...open);
      open = [];
      next = sequence + changes.length;
      count = countIn(part) ?? count;
    }
  }
  return { damages, tail: open, count };
}

/** Writes and holes, in the order in which they stand in the file. */
function partsOf(bytes: Buffer): readonly (Batch | Hole)[] {
  const { records, holes } = readLog(bytes);
  const parts = [...holes, ...records].sort((a, b) => startOf(a) - startOf(b));
  return parts.map((part) => {
    if ('from' in part) return part;
    try {
      return readBatch(part.bytes);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      return { from: part.at, to: part.at + part.bytes.length };
    }
  });
}

const startOf = (part: Hole | { readonly at: number }): number => ('from' in part ? part.from : part.at);

function countIn({ changes }: Batch): number | undefined {
  const found = changes.findLast(({ key }) => key.toString() === COUNT_KEY);
  return found?.value === undefined ? undefined : Number(found.value.toString());
}

const damageOf = (file: string, bytes: Buffer, { from, to }: Hole): Damage => ({
  file,
  what: `is damaged at byte ${from}`,
  ids: [...new Set(bytes.toString('latin1', from, to).match(IDS) ?? [])],
});

const IDS = /wf_[0-9a-f]{32}/g;
