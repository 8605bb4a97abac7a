import { describe, expect, it } from 'vitest';
import { recoveryOf } from '../../lib/local/embedded-system.ts';
import { START } from '../contract/store-fixtures.ts';
import { NOTHING_LOST, storeOnTest, testDatabase } from './store-support.ts';

describe('how the last run ended', () => {
  const MINUTE = 60_000;
  const opened = { format: 1, openedAt: START, clean: false };

  it.each([
    ['there was none', undefined, 5, NOTHING_LOST],
    ['it was closed', { ...opened, clean: true }, 5, NOTHING_LOST],
    ['it was closed, and the machine restarted since', { ...opened, clean: true }, 1, NOTHING_LOST],
    ['it was not closed, on the same machine run', opened, 10, { unclean: true, machineRestarted: false }],
    [
      'it was not closed, and the machine restarted since',
      opened,
      2,
      { unclean: true, machineRestarted: true },
    ],
  ])('is known where %s', (_, record, minutesUp, expected) => {
    expect(recoveryOf(record, { now: START + 5 * MINUTE, uptime: minutesUp * 60 })).toEqual(expected);
  });

  it.each([
    ['two seconds', 2_000, false],
    ['less than a second', 500, true],
    ['no time at all', 0, true],
  ])(
    'is taken for a restart of the machine where that had started %s before: clocks may be set',
    (_, ms, restarted) => {
      const machine = { now: START + MINUTE, uptime: 60 + ms / 1_000 };
      expect(recoveryOf(opened, machine).machineRestarted).toBe(restarted);
    },
  );

  it('is unclean where the store was not closed, and clean again after the next close', async () => {
    const runs = await manyRuns();
    const recoveries = [];
    for (const end of ['kill', 'kill', 'close', 'kill'] as const) {
      const store = await runs.begin();
      recoveries.push(store.recovery);
      if (end === 'close') await store.close();
    }
    const killed = { unclean: true, machineRestarted: false };
    expect(recoveries).toEqual([NOTHING_LOST, killed, killed, NOTHING_LOST]);
  });

  it('is told to every run after a restart of the machine, until one has put back what that left', async () => {
    const runs = await manyRuns({ format: 1, openedAt: 0, clean: false });
    const told = [];
    for (const end of ['kill', 'close', 'recover', 'kill', 'close'] as const) {
      const store = await runs.begin();
      told.push(store.recovery.machineRestarted);
      if (end === 'recover') await store.recovered();
      if (end === 'close') await store.close();
    }
    expect(told).toEqual([true, true, true, false, false]);
  });

  it('is not told again where that was put back before a close', async () => {
    const runs = await manyRuns({ format: 1, openedAt: 0, clean: false });
    const store = await runs.begin();
    await store.recovered();
    await store.close();
    expect((await runs.begin()).recovery).toEqual(NOTHING_LOST);
  });
});

/** Runs of a process over the same data, in memory. */
async function manyRuns(record?: object) {
  const database = await testDatabase();
  if (record) await database.write([{ type: 'put', key: '!system', value: JSON.stringify(record) }], true);
  return { begin: () => storeOnTest({ ...database, close: async () => undefined }) };
}
