import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { LIMITS } from '../../../lib/contract/limits.ts';
import type { WorkflowMeta } from '../../../lib/engine/state.ts';
import { openDatabase } from '../../../lib/local/store/opening.ts';
import { type EmbeddedStore, openEmbeddedStore } from '../../../lib/local/store/store.ts';
import { given, metaOf } from '../../ports/store/fixtures.ts';
import { closers } from '../../support/closers.ts';
import { afterKill, endedOf, storeOnTest, temporaryDirectory } from './support.ts';

/** What Snappy cannot shorten: it would hide it from a look at the bytes. */
const cardOf = (seed: string): string =>
  createHash('sha256').update(`card of ${seed}`).digest('base64url').slice(0, 16);
const CARD = cardOf('one');
const PROCESSING = { status: 'processing', epoch: 0 } as const;

const withCard = (seed: string): WorkflowMeta => metaOf(seed, { input: { card: cardOf(seed), note: seed } });
const erased = (seed: string): WorkflowMeta => endedOf(seed, { input: { note: seed }, erased: true });

async function onDisk() {
  const directory = await temporaryDirectory();
  const open = async (): Promise<EmbeddedStore> => {
    const store = await openEmbeddedStore({ kind: 'disk', directory });
    closers.push(() => store.close().catch(() => undefined));
    return store;
  };
  const holding = (text: string): Promise<string[]> => filesWith(directory, text);
  return { directory, open, holding };
}

/** The files with these bytes. */
async function filesWith(directory: string, text: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of await readdir(directory)) {
    if ((await readFile(join(directory, name))).includes(text)) found.push(name);
  }
  return found;
}

describe('what was erased', () => {
  it('is in no file any more once they were rewritten, and not before', async () => {
    const { open, holding } = await onDisk();
    const store = await open();
    await given(store, withCard('one'));
    await store.writeMeta(erased('one'), PROCESSING);
    expect(await holding(CARD)).not.toEqual([]);
    await store.purge();
    expect(await holding(CARD)).toEqual([]);
    expect((await store.load(metaOf('one')))?.meta).toEqual(erased('one'));
  });

  it('leaves tables too, whatever lies over and under them', async () => {
    const { directory, open, holding } = await onDisk();
    for (let life = 0; life < 7; life += 1) {
      const database = await openDatabase({ kind: 'disk', directory });
      const store = await afterKill(database);
      const seeds = Array.from({ length: 40 }, (_, at) => `${life}-${at}`);
      await given(store, ...seeds.map(withCard));
      // Every other one still needs its card.
      for (const seed of seeds.filter((_, at) => at % 2 === 0))
        await store.writeMeta(erased(seed), PROCESSING);
      if (life % 3 === 1) await database.files?.compact('w/', 'w0');
      if (life % 3 === 2) await store.purge();
      await database.close();
    }
    const store = await open();
    expect(await holding(cardOf('6-0'))).not.toEqual([]);
    await store.purge();
    for (let life = 0; life < 7; life += 1) {
      const [gone, kept] = [`${life}-0`, `${life}-39`];
      expect(await holding(cardOf(gone))).toEqual([]);
      expect((await store.load(metaOf(gone)))?.meta.input).toEqual({ note: gone });
      expect((await store.load(metaOf(kept)))?.meta.input).toEqual({ note: kept, card: cardOf(kept) });
    }
  });

  it('leaves the files before the process ends well', async () => {
    const { open, holding } = await onDisk();
    const store = await open();
    await given(store, withCard('one'));
    await store.writeMeta(erased('one'), PROCESSING);
    await store.close();
    expect(await holding(CARD)).toEqual([]);
  });

  it('is remembered over a kill: the next process rewrites the files', async () => {
    const { directory, open, holding } = await onDisk();
    const database = await openDatabase({ kind: 'disk', directory });
    const first = await afterKill(database);
    await given(first, withCard('one'));
    await first.writeMeta(erased('one'), PROCESSING);
    await database.close();
    const second = await open();
    expect(await holding(CARD)).not.toEqual([]);
    await second.purge();
    expect(await holding(CARD)).toEqual([]);
  });
});

describe('the rewriting', () => {
  it('is done once after an erasure, and not where nothing was erased', async () => {
    const { database, compact } = await counted();
    const store = await storeOnTest(database);
    closers.push(() => store.close());
    await given(store, withCard('one'), withCard('two'));
    await store.writeMeta({ ...metaOf('two'), status: 'failed' }, PROCESSING);
    await store.purge();
    expect(compact).not.toHaveBeenCalled();
    await store.writeMeta(erased('one'), PROCESSING);
    await store.purge();
    const times = compact.mock.calls.length;
    await store.purge();
    expect([times > 0, compact.mock.calls.length]).toEqual([true, times]);
  });

  it('is done again for what was erased while it went on, and after one that failed', async () => {
    const { database, compact } = await counted();
    const store = await storeOnTest(database);
    closers.push(() => store.close());
    await given(store, withCard('one'), withCard('two'));
    await store.writeMeta(erased('one'), PROCESSING);
    compact.mockImplementationOnce(async () => {
      await store.writeMeta(erased('two'), PROCESSING);
    });
    await store.purge();
    const once = compact.mock.calls.length;
    compact.mockRejectedValueOnce(new Error('no'));
    await expect(store.purge()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await store.purge();
    expect(compact.mock.calls.length).toBeGreaterThan(once + 1);
    const thrice = compact.mock.calls.length;
    await store.purge();
    expect(compact.mock.calls.length).toBe(thrice);
  });

  it('of a large store is done in pieces that leave out nothing, and ends between two of them with the process', async () => {
    const { database, compact } = await counted(LIMITS.purgePieceBytes + 1);
    const store = await storeOnTest(database);
    await given(store, withCard('one'));
    await store.writeMeta(erased('one'), PROCESSING);
    await store.purge();
    const [, ...pieces] = compact.mock.calls;
    expect(pieces).toHaveLength(16);
    expect([pieces[0]?.[0], pieces.at(-1)?.[1]]).toEqual(['!', '~~']);
    for (const [at, [from]] of pieces.slice(1).entries()) expect(from).toBe(pieces[at]?.[1]);

    await given(store, withCard('two'));
    await store.writeMeta(erased('two'), PROCESSING);
    compact.mockClear();
    const now = vi.spyOn(performance, 'now').mockReturnValue(0);
    compact.mockImplementation(async () => {
      if (compact.mock.calls.length === 3) now.mockReturnValue(LIMITS.purgeAtCloseMs);
    });
    await store.close();
    now.mockRestore();
    expect(compact).toHaveBeenCalledTimes(3);
    // The next process has it to do.
    expect(database.get('!erased')).toBe('');
  });
});

/** A database whose rewriting is counted, and not done. */
async function counted(bytes = 0) {
  const inner = await openDatabase({ kind: 'memory' });
  const compact = vi.fn(async (_from: string, _to: string) => undefined);
  const database = { ...inner, close: async () => undefined, files: { compact, size: async () => bytes } };
  return { database, compact };
}
