import { describe, expect, it } from 'vitest';
import type { Bill } from '../bill/bill.ts';
import type { Own } from './priced.ts';
import { HEADLINE, readingsOf } from './readings.ts';

const bill = (dollars: number): Bill => ({ lines: [], dollars });
const NONE = bill(0);

const OWN: Own = {
  alone: bill(14),
  running: bill(15),
  keeping: bill(1),
  logsAtWarn: bill(2),
  logsAtInfo: bill(3),
  look: bill(50),
  backups: bill(50),
  withTenants: bill(50),
  traces: { many: bill(50), few: bill(50) },
};
const STANDARD = {
  name: 'Standard',
  notes: [],
  alone: bill(90),
  running: bill(91),
  keeping: NONE,
  look: NONE,
};

describe('the bill beside Standard’s', () => {
  const readings = readingsOf('one at a time', OWN, STANDARD);

  it('is first read from what a run costs, and then with ever more in it', () => {
    expect(readings[0]?.counting).toBe(HEADLINE);
    expect(readings.slice(0, 4).map(({ dollars }) => dollars)).toEqual([15, 16, 18, 19]);
    expect(readings.slice(0, 4).map(({ standard }) => standard)).toEqual([91, 91, 91, 91]);
  });

  it('is at last read without an API in front of either', () => {
    expect(readings[4]).toMatchObject({ dollars: 14, standard: 90 });
  });

  it('says how many times dearer Standard is', () => {
    expect(readings.map(({ times }) => times)).toEqual([91 / 15, 91 / 16, 91 / 18, 91 / 19, 90 / 14]);
  });
});
