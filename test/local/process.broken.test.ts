import { beforeEach, describe, expect, it, vi } from 'vitest';
import { type LocalProcess, startLocal } from '../../lib/local/process.ts';
import { SAMPLE } from '../../lib/local/sample.ts';
import type { Database } from '../../lib/local/store/database.ts';
import { closers } from '../support/closers.ts';
import { chains } from '../support/shipped-chains.ts';
import { QUIET } from './process-support.ts';
import { DISK_FULL } from './store/support.ts';

/** The disk of the servers in this file, which stays where it is when one of them ends. */
const disk = vi.hoisted(() => ({
  database: undefined as Database | undefined,
  full: false,
  /** Writes that still succeed once it is full. */
  spare: 0,
}));

vi.mock('../../lib/local/store/opening.ts', async (importOriginal) => {
  const original = await importOriginal<typeof import('../../lib/local/store/opening.ts')>();
  return {
    ...original,
    openDatabase: async (): Promise<Database> => {
      disk.database ??= await original.openDatabase({ kind: 'memory' });
      const { database } = disk;
      return {
        ...database,
        write: async (operations) => {
          if (disk.full && disk.spare <= 0) throw new Error(DISK_FULL);
          disk.spare -= 1;
          await database.write(operations);
        },
        close: async () => undefined,
      };
    },
  };
});

beforeEach(() => {
  Object.assign(disk, { database: undefined, full: false, spare: 0 });
});

async function local(port = 0, targets?: string): Promise<LocalProcess> {
  const output = { readable: false, say: () => undefined };
  const started = await startLocal(chains, { ...QUIET, port, targets }, output);
  closers.push(() => started.stop().catch(() => undefined));
  return started;
}

const portOf = ({ baseUrl }: LocalProcess): number => Number(new URL(baseUrl).port);

const order = async ({ baseUrl }: LocalProcess): Promise<number> =>
  (await fetch(baseUrl + SAMPLE.path, { method: 'POST', body: JSON.stringify(SAMPLE.body) })).status;

describe('a server whose store fails', () => {
  it('says why, once, and accepts nothing any more', async () => {
    const server = await local();
    expect(await order(server)).toBe(202);
    const broken = vi.fn();
    void server.broken.then(broken);
    disk.full = true;
    expect(await order(server)).toBe(503);
    expect(await server.broken).toEqual(new Error(DISK_FULL));
    disk.full = false;
    expect(await order(server)).toBe(503);
    expect((await fetch(`${server.baseUrl}/api/workflows`)).status).toBe(503);
    expect(broken).toHaveBeenCalledTimes(1);
  });

  it('rejects its stop, and lets everything go all the same', async () => {
    const server = await local();
    disk.full = true;
    await order(server);
    await expect(server.stop()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    disk.full = false;
    expect(portOf(await local(portOf(server)))).toBe(portOf(server));
  });

  it('at its start says so and lets its port go, though the store cannot be closed either', async () => {
    const killed = await local();
    const port = portOf(killed);
    expect(await order(killed)).toBe(202);
    disk.full = true;
    await expect(killed.stop()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    // The note that a run began is written, and the one that all was put back is not.
    disk.spare = 1;
    await expect(local(port)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    disk.full = false;
    expect(portOf(await local(port))).toBe(port);
  });

  it('hides nothing else that was wrong with its start', async () => {
    disk.full = true;
    disk.spare = 1;
    await expect(local(0, 'no-such-file.json')).rejects.toMatchObject({ name: 'OptionError' });
  });
});
