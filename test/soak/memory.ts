import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Lives } from './lives.ts';
import { repeat } from './loop.ts';

/** What the server uses, in bytes. */
export interface Use {
  /** Resident now; 0 between two lives. */
  resident: number;
  /** The most that was resident in any life, as the kernel noted it. */
  residentMost: number;
  /** The files of its directory. */
  stored: number;
}

/** Milliseconds. A life that is shorter may go unseen. */
const SAMPLE_MS = 250;

/** Looks at the server's memory and directory until `signal` says that it is over. */
export async function watch(lives: Lives, directory: string, use: Use, signal: AbortSignal): Promise<void> {
  await repeat(
    () => SAMPLE_MS,
    signal,
    async () => {
      const { VmRSS = 0, VmHWM = 0 } = lives.pid === undefined ? {} : await memoryOf(lives.pid);
      use.resident = VmRSS;
      use.residentMost = Math.max(use.residentMost, VmHWM);
      use.stored = await bytesIn(directory);
    },
  );
}

/** Fields of the process's status that are sizes; none where it has ended. */
async function memoryOf(pid: number): Promise<Readonly<Record<string, number>>> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Object.fromEntries(
    [...text.matchAll(/^(\w+):\s+(\d+) kB$/gm)].map(([, name = '', kilobytes]) => [
      name,
      Number(kilobytes) * 1_024,
    ]),
  );
}

/** The files may go while they are looked at. */
async function bytesIn(directory: string): Promise<number> {
  const names = await readdir(directory, { recursive: true }).catch(() => []);
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(directory, name)).then(
        (found) => (found.isFile() ? found.size : 0),
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
