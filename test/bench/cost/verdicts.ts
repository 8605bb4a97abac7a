import { type Bill, judge, together } from './bill.ts';
import type { Own, Rival } from './priced.ts';

/** The goal at one way of reading the bill. */
export interface Verdict {
  readonly mode: string;
  readonly counting: string;
  readonly dollars: number;
  readonly standard: number;
  readonly wanted: number;
  readonly times: number;
  readonly reached: boolean;
}

/** The goal is read from this bill; the others show how much hangs on that. */
export const HEADLINE = 'running';

/**
 * The goal, first as it is meant, then with ever more in our bill, at last without an API for either. Standard keeps its
 * history for 90 days in its price.
 */
export function verdictsOf(mode: string, own: Own, rival: Rival, times: number): readonly Verdict[] {
  const { alone, running, keeping, logsAtInfo, logsAtWarn } = own;
  const elsewhere = together(rival.running, rival.keeping);
  const readings: readonly (readonly [string, Bill, Bill])[] = [
    [HEADLINE, running, elsewhere],
    ['running, kept 90 days', together(running, keeping), elsewhere],
    ['running, kept 90 days, logs at warn', together(running, keeping, logsAtWarn), elsewhere],
    ['running, kept 90 days, logs at info', together(running, keeping, logsAtInfo), elsewhere],
    ['the chain alone, without an API in front', alone, rival.alone],
  ];
  return readings.map(([counting, { dollars }, { dollars: standard }]) => ({
    mode,
    counting,
    dollars,
    standard,
    wanted: times,
    ...judge({ dollars, of: standard, fraction: 1 / times }),
  }));
}
