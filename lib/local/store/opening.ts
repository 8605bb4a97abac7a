import { type Database, over, type Where } from './database.ts';
import { openOnDisk } from './disk.ts';

/** Opens LevelDB on disk, or its likeness in memory. Errors: `CONFIGURATION` with what to do. */
export async function openDatabase(where: Where): Promise<Database> {
  if (where.kind === 'disk') return await openOnDisk(where);
  const { MemoryLevel } = await import('memory-level');
  const level = new MemoryLevel<string, string>({ storeEncoding: 'utf8' });
  await level.open();
  return over(level);
}
