import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readBatch } from '../../../../lib/local/store/files/batch.ts';
import { crc32c, maskedSum } from '../../../../lib/local/store/files/crc32c.ts';
import { readLog } from '../../../../lib/local/store/files/log-file.ts';
import { changesIn, checkTable } from '../../../../lib/local/store/files/table-file.ts';
import { temporaryDirectory } from '../support.ts';

describe('sums', () => {
  it.each([
    ['123456789', 0xe3069283],
    ['', 0],
    ['\0'.repeat(32), 0x8a9136aa],
    ['\xff'.repeat(32), 0x62a8ab43],
  ])('of %j are those of RFC 3720 and its like', (text, sum) => {
    expect(crc32c(Buffer.from(text, 'latin1'))).toBe(sum);
  });

  it('differ for bytes that differ, wherever eight of them begin', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 70 }), fc.nat(), (bytes, where) => {
        const before = Buffer.from(bytes);
        const after = Buffer.from(bytes);
        const at = where % after.length;
        after[at] = (after[at] ?? 0) ^ (1 << (where % 8));
        expect(maskedSum(after)).not.toBe(maskedSum(before));
      }),
    );
  });
});

/** A database that LevelDB wrote, closed: its changes are in one log, or in tables where it was compacted. */
async function written(
  texts: ReadonlyMap<string, string>,
  options: { compact: boolean; compression: boolean },
) {
  const directory = await temporaryDirectory();
  const level = new ClassicLevel<string, string>(directory, { compression: options.compression });
  await level.open();
  for (const [key, value] of texts) await level.put(key, value);
  await level.del('none');
  if (options.compact) await level.compactRange('', '\uffff');
  await level.close();
  const names = (await readdir(directory)).filter((name) => /\.(log|ldb)$/.test(name));
  return await Promise.all(
    names.map(async (name) => ({ name, bytes: await readFile(join(directory, name)) })),
  );
}

/** Short and long ones, of one sign and of many: what Snappy copies, and what it leaves. */
const anyTexts = fc
  .array(
    fc.tuple(
      fc.string({ unit: 'grapheme', maxLength: 40 }),
      fc.oneof(
        fc.string({ unit: 'grapheme', maxLength: 200 }),
        fc.nat(90_000).map((length) => 'abc'.repeat(length).slice(0, length)),
        fc
          .tuple(fc.string({ minLength: 1, maxLength: 9 }), fc.nat(300))
          .map(([part, times]) => part.repeat(times)),
      ),
    ),
    { maxLength: 30 },
  )
  .map((pairs) => new Map(pairs.map(([key, value]) => [`k${key}`, value])));

const textsOf = (changes: Iterable<{ key: Buffer; value: Buffer | undefined }>): Map<string, string> =>
  new Map(
    [...changes].flatMap(({ key, value }) =>
      value === undefined ? [] : [[key.toString(), value.toString()]],
    ),
  );

describe('what LevelDB wrote', () => {
  it('to a log is read to the last change', async () => {
    await fc.assert(
      fc.asyncProperty(anyTexts, async (texts) => {
        const [file] = await written(texts, { compact: false, compression: true });
        const { records, holes } = readLog(file?.bytes ?? Buffer.alloc(0));
        expect(holes).toEqual([]);
        const batches = records.map(({ bytes }) => readBatch(bytes));
        expect(textsOf(batches.flatMap(({ changes }) => changes))).toEqual(texts);
        // Each goes on where the one before ended.
        for (const [at, { sequence }] of batches.entries()) expect(sequence).toBe(at + 1);
      }),
      { numRuns: 15 },
    );
  });

  it.each([true, false])('to tables is read to the last change, compressed: %s', async (compression) => {
    await fc.assert(
      fc.asyncProperty(anyTexts, async (texts) => {
        const files = await written(texts, { compact: true, compression });
        const tables = files.filter(({ name }) => name.endsWith('.ldb'));
        for (const { bytes } of tables) expect(checkTable(bytes).holes).toEqual([]);
        expect(textsOf(tables.flatMap(({ bytes }) => [...changesIn(bytes)]))).toEqual(texts);
      }),
      { numRuns: 15 },
    );
  });
});

describe('a log', () => {
  it('with damage is read before it and after it', async () => {
    const texts = new Map(Array.from({ length: 200 }, (_, at) => [`k${at}`, 'x'.repeat(at * 20)]));
    const [file] = await written(texts, { compact: false, compression: true });
    const bytes = file?.bytes ?? Buffer.alloc(0);
    const whole = readLog(bytes).records;
    for (const lost of [0, 17, 100, 199]) {
      const damaged = Buffer.from(bytes);
      const at = (whole[lost]?.at ?? 0) + 9;
      damaged[at] = (damaged[at] ?? 0) ^ 4;
      const { records, holes } = readLog(damaged);
      const sequences = records.map((record) => readBatch(record.bytes).sequence);
      expect(holes).not.toEqual([]);
      expect(sequences).not.toContain(lost + 1);
      // At most one block of others goes with it, where the damage crosses its border.
      expect(sequences.length).toBeGreaterThan(160);
    }
  });
});
