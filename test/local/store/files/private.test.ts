import { chmod, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { openEmbeddedStore } from '../../../../lib/local/store/store.ts';
import { given, metaOf } from '../../../ports/store/fixtures.ts';
import { closers } from '../../../support/closers.ts';
import { temporaryDirectory } from '../support.ts';

const modeOf = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8);

async function modesIn(directory: string): Promise<Readonly<Record<string, string>>> {
  const names = await readdir(directory);
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await modeOf(join(directory, name))])),
  );
}

const open = (directory: string) => openEmbeddedStore({ kind: 'disk', directory });
const values = (modes: Readonly<Record<string, string>>): ReadonlySet<string> =>
  new Set(Object.values(modes));

// Modes are what a umask leaves: the usual one, whatever an earlier test has left.
beforeEach(() => {
  const before = process.umask(0o022);
  closers.push(() => process.umask(before));
});

describe('the directory of the store', () => {
  it('is its user’s alone when it is new, with every file that is made in it', async () => {
    const directory = join(await temporaryDirectory(), 'new', 'data');
    const store = await open(directory);
    await given(store, metaOf('one'));
    expect(await modeOf(directory)).toBe('700');
    await store.close();
    const again = await open(directory);
    expect(values(await modesIn(directory))).toEqual(new Set(['600']));
    expect(again.notes).toEqual([]);
    await again.close();
  });

  it('of an earlier version is mended at the start', async () => {
    const directory = join(await temporaryDirectory(), 'data');
    await (await open(directory)).close();
    await writeFile(join(directory, 'demo-ledger.jsonl'), '');
    await writeFile(join(directory, 'notes.txt'), 'of the user');
    for (const name of await readdir(directory)) await chmod(join(directory, name), 0o644);
    await chmod(directory, 0o755);
    const store = await open(directory);
    const { 'notes.txt': theirs, ...ours } = await modesIn(directory);
    expect([await modeOf(directory), theirs]).toEqual(['700', '644']);
    expect(values(ours)).toEqual(new Set(['600']));
    await store.close();
  });

  it('that held other things before is left to them, and its user is told', async () => {
    const directory = await temporaryDirectory();
    await mkdir(join(directory, 'sources'));
    await chmod(directory, 0o755);
    const store = await open(directory);
    expect(await modeOf(directory)).toBe('755');
    expect(store.notes).toEqual([
      `${directory} holds other things too, so others may still list it; the files of the store are closed to them`,
    ]);
    const { sources, ...ours } = await modesIn(directory);
    expect([sources, values(ours)]).toEqual(['755', new Set(['600'])]);
    await store.close();
  });
});
