import { describe, expect, it } from 'vitest';
import type { Bill } from './bill.ts';
import type { Own } from './priced.ts';
import { HEADLINE, verdictsOf } from './verdicts.ts';

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

describe('the goal', () => {
  const verdicts = verdictsOf('one at a time', OWN, STANDARD, 6);

  it('is first read from what a run costs, and then with ever more in it', () => {
    expect(verdicts[0]?.counting).toBe(HEADLINE);
    expect(verdicts.slice(0, 4).map(({ dollars }) => dollars)).toEqual([15, 16, 18, 19]);
    expect(verdicts.slice(0, 4).map(({ standard }) => standard)).toEqual([91, 91, 91, 91]);
  });

  it('is at last read without an API in front of either', () => {
    expect(verdicts[4]).toMatchObject({ dollars: 14, standard: 90, reached: true });
  });

  it('is judged by each reading alone', () => {
    expect(verdicts.map(({ reached }) => reached)).toEqual([true, false, false, false, true]);
  });
});
