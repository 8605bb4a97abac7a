import { chmod, mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../../engine/errors.ts';

/** Of what lies in a directory: the files of the store, and of the demo targets beside them. */
const OURS =
  /^(?:CURRENT|LOCK|LOG|LOG\.old|MANIFEST-\d+|\d+\.(?:log|ldb|sst|dbtmp)|acknowledged|running|demo-ledger\.jsonl)$/;

const FOR_OTHERS = 0o077;
const DIRECTORY = 0o700;
const FILE = 0o600;

/**
 * Makes a directory, and whatever the process writes from now on, for its user alone: inputs with cards lie in it until a
 * workflow has ended. One of an earlier version is mended. A directory that was there before the store and holds other
 * things keeps its mode, as others may need them; the files of the store are closed all the same.
 * @returns what could not be done, in words for the user
 * Errors: those of making and reading the directory.
 */
export async function makePrivate(directory: string): Promise<readonly string[]> {
  // LevelDB makes its files as the umask leaves them, and has no other way to be told.
  process.umask(FOR_OTHERS);
  await mkdir(directory, { recursive: true, mode: DIRECTORY });
  if (process.platform === 'win32')
    return [`${directory} may be read by whoever may read the folder that it is in: Windows knows no modes`];
  const names = await readdir(directory);
  const ours = names.filter((name) => OURS.test(name));
  const problems: string[] = [];
  for (const name of ours) problems.push(...(await close(join(directory, name), FILE)));
  if (names.length === ours.length || ours.includes('CURRENT')) {
    problems.push(...(await close(directory, DIRECTORY)));
  } else if (await isOpen(directory)) {
    problems.push(
      `${directory} holds other things too, so others may still list it; the files of the store are closed to them`,
    );
  }
  return problems;
}

async function close(path: string, mode: number): Promise<readonly string[]> {
  if (!(await isOpen(path))) return [];
  const failed = await chmod(path, mode).then(() => undefined, messageOf);
  // Some file systems take the call and keep the mode.
  if (!(await isOpen(path))) return [];
  return [
    `others on this machine may read ${path}, and its mode cannot be changed${failed === undefined ? '' : ` (${failed})`}: use a directory of your own, on a disk with modes`,
  ];
}

/** Whether others may do anything with it. What is gone by now, as files of another process may be, is open to nobody. */
const isOpen = async (path: string): Promise<boolean> =>
  await stat(path).then(
    ({ mode }) => (mode & FOR_OTHERS) !== 0,
    () => false,
  );
