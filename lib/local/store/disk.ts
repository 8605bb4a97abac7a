import type { ClassicLevel } from 'classic-level';
import { EngineError, messageOf } from '../../engine/errors.ts';
import { createAttempts } from './attempts.ts';
import { batchOf, type Database, type OnDisk, over } from './database.ts';
import { type Acknowledged, openAcknowledged, readAcknowledged } from './files/acknowledged.ts';
import { COUNT_KEY, type Damage, type Inspection, inspect } from './files/inspection.ts';
import { makePrivate } from './files/private.ts';
import { rescue } from './files/rescue.ts';
import { openRunning } from './files/running.ts';

/**
 * Opens LevelDB in a directory, once its files have shown that no write is missing which was acknowledged.
 * Errors: `CONFIGURATION` with what is missing and what to do.
 */
export async function openOnDisk({ directory, acceptLoss = false }: OnDisk): Promise<Database> {
  const notes = [...(await makePrivate(directory).catch((error: unknown) => cannotOpen(directory, error)))];
  const expected = readAcknowledged(directory) ?? 0;
  const found = await inspect(directory).catch((error: unknown) => cannotOpen(directory, error));
  const losses = lossesIn(found, expected);
  if (losses.length > 0) {
    // The files of a process that runs change under whoever reads them.
    await refuseWhereInUse(directory);
    if (!acceptLoss) refuse(directory, losses);
    notes.push(
      `lost: ${told(losses)}; the files as they were are in ${await rescue(directory, found)}, cards included`,
    );
  }
  const level = await openLevel(directory);
  const count = Number(level.getSync(COUNT_KEY) ?? 0);
  const missing = losses.length === 0 ? expected - count : 0;
  if (missing > 0) {
    const lost = [{ file: 'its log', what: `lacks the last ${missing} writes`, ids: [] }];
    if (!acceptLoss) {
      await level.close();
      refuse(directory, lost);
    }
    notes.push(`lost: ${told(lost)}`);
  }
  const isLost = losses.length > 0 || missing > 0;
  if (acceptLoss && !isLost) notes.push('nothing was lost: --accept-loss can be left out');
  const running = openRunning(directory);
  const database = counted(level, count, openAcknowledged(directory, count));
  return {
    ...database,
    attempts: createAttempts(running),
    close: async () => {
      await database.close();
      running.close();
    },
    notes,
    ...(isLost ? { lost: { ids: [...new Set(losses.flatMap(({ ids }) => ids))] } } : {}),
  };
}

/** Each write holds how many there were with it, and once it is on disk that number is noted beside the database. */
function counted(level: ClassicLevel, before: number, acknowledged: Acknowledged): Database {
  let count = before;
  return {
    ...over(level),
    write: async (operations) => {
      count += 1;
      const mine = count;
      const batch = batchOf(level, operations);
      batch.put(COUNT_KEY, String(mine));
      await batch.write({ sync: true });
      acknowledged.note(mine);
    },
    files: {
      compact: (from, to) => level.compactRange(from, to),
      size: (from, to) => level.approximateSize(from, to),
    },
    close: async () => {
      await level.close();
      acknowledged.close();
    },
  };
}

/** What is damaged, and where the logs end before the last write that was acknowledged, what stands at their end. */
function lossesIn({ damages, tail, count }: Inspection, expected: number): readonly Damage[] {
  if (count === undefined || count >= expected) return damages;
  const missing = expected - count;
  const end = tail.length > 0 ? tail : [{ file: 'the log', what: 'ends too early', ids: [] }];
  return [...damages, ...end.map((one) => ({ ...one, what: `${one.what} (${missing} writes are missing)` }))];
}

const SHOWN = 20;

function told(losses: readonly Damage[]): string {
  const shown = losses.slice(0, SHOWN).map(({ file, what }) => `${file} ${what}`);
  const more = losses.length > SHOWN ? `, and ${losses.length - SHOWN} more` : '';
  return shown.join(', ') + more;
}

function refuse(directory: string, losses: readonly Damage[]): never {
  const ids = [...new Set(losses.flatMap((loss) => loss.ids))];
  const about =
    ids.length === 0
      ? ''
      : ` This is about ${ids.slice(0, SHOWN).join(', ')}${ids.length > SHOWN ? ' and others' : ''}.`;
  throw new EngineError(
    'CONFIGURATION',
    `the data directory ${directory} has lost writes that were acknowledged: ${told(losses)}.${about} ` +
      'Put a copy of the directory in its place, or start with --accept-loss: that goes on with what is left, keeps the damaged files, and says which workflows it missed',
  );
}

/** Loaded for those who keep something on disk. What it makes opens itself a moment later: it is told how at once. */
const classicLevel = async () => (await import('classic-level')).ClassicLevel<string, string>;

async function openLevel(directory: string): Promise<ClassicLevel> {
  const Level = await classicLevel();
  const level = new Level(directory);
  try {
    await level.open();
    return level;
  } catch (error) {
    return cannotOpen(directory, error);
  }
}

/** LevelDB takes the lock before it looks at anything else, and then refuses a database that is there: so nothing is touched. */
async function refuseWhereInUse(directory: string): Promise<void> {
  const Level = await classicLevel();
  const probe = new Level(directory);
  const error = await probe
    .open({ errorIfExists: true, createIfMissing: false })
    .then(() => undefined, causeOf);
  if (isLocked(error)) cannotOpen(directory, error);
  await probe.close();
}

const causeOf = (error: unknown): unknown => (error instanceof Error && error.cause) || error;

const isLocked = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'LEVEL_LOCKED';

function cannotOpen(directory: string, error: unknown): never {
  const cause = causeOf(error);
  const message = isLocked(cause)
    ? `the data directory ${directory} is in use: stop the other process, or pass another directory with --data`
    : `the data directory ${directory} cannot be opened (${messageOf(cause)}): make it writable, or pass another with --data`;
  throw new EngineError('CONFIGURATION', message, { cause: error });
}
