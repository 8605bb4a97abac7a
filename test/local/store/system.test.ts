import { describe, expect, it, vi } from 'vitest';
import { given, metaOf } from '../../ports/store/fixtures.ts';
import { afterKill, DISK_FULL, NOTHING_LOST, storeOnTest, testDatabase } from './support.ts';

const LOST = { claimsLost: true };

describe('how the last run ended', () => {
  it.each([
    ['there was none', undefined, NOTHING_LOST],
    ['it was closed', { format: 1, clean: true, claimsLost: false }, NOTHING_LOST],
    ['it was killed', { format: 1, clean: false, claimsLost: false }, LOST],
    ['it was killed, as the one before', { format: 1, clean: false, claimsLost: true }, LOST],
    [
      'it was closed, and had not put back what the one before lost',
      { format: 1, clean: true, claimsLost: true },
      LOST,
    ],
  ])('is known where %s', async (_, record, expected) => {
    const { begin } = await manyRuns(record);
    expect((await begin()).recovery).toEqual(expected);
  });

  it('is told to every run after a kill, until one has put back what that lost', async () => {
    const { begin } = await manyRuns();
    const told = [];
    for (const end of [
      'kill',
      'kill',
      'close',
      'recover, close',
      'close',
      'recover, kill',
      'recover, kill',
      'close',
    ] as const) {
      const store = await begin();
      told.push(store.recovery.claimsLost);
      if (end.includes('recover')) await store.recovered();
      if (end.includes('close')) await store.close();
    }
    expect(told).toEqual([false, true, true, true, false, false, true, true]);
  });

  it('is noted at once: a run that dies before it wrote anything was killed too', async () => {
    const { database, record } = await manyRuns();
    await storeOnTest(database);
    expect(record()).toEqual({ format: 1, clean: false, claimsLost: false });
  });

  it('is noted once as put back, and not at all where nothing was lost', async () => {
    const { begin, database, record } = await manyRuns({ format: 1, clean: false, claimsLost: false });
    const store = await begin();
    const writes = vi.spyOn(database, 'write');
    await store.recovered();
    expect(record()).toEqual({ format: 1, clean: false, claimsLost: false });
    const before = writes.mock.calls.length;
    await store.recovered();
    expect(writes).toHaveBeenCalledTimes(before);
  });

  it('is told again where it could not be noted as put back', async () => {
    const { begin, database } = await manyRuns({ format: 1, clean: false, claimsLost: false });
    const store = await begin();
    const broken = vi.spyOn(database, 'write').mockRejectedValue(new Error(DISK_FULL));
    await expect(store.recovered()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    broken.mockRestore();
    await store.close();
    expect((await begin()).recovery).toEqual(LOST);
  });

  it('is that it was killed where a write of it failed, however it was closed', async () => {
    const { begin, database, record } = await manyRuns();
    const store = await begin();
    const broken = vi.spyOn(database, 'write').mockRejectedValue(new Error(DISK_FULL));
    await expect(given(store, metaOf('one'))).rejects.toThrow(DISK_FULL);
    broken.mockRestore();
    await expect(store.close()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(record()).toEqual({ format: 1, clean: false, claimsLost: false });
    expect((await begin()).recovery).toEqual(LOST);
  });
});

/** Runs of a process over the same data, in memory. */
async function manyRuns(first?: object) {
  const database = await testDatabase();
  if (first) await database.write([{ type: 'put', key: '!system', value: JSON.stringify(first) }]);
  const record = (): unknown => JSON.parse(database.get('!system') ?? 'null');
  return { database, record, begin: () => afterKill(database) };
}
