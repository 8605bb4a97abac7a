import { type Bill, together } from '../bill/bill.ts';
import type { Own, Rival } from './priced.ts';

/** One way of reading our bill beside Step Functions Standard's. */
export interface Reading {
  readonly mode: string;
  readonly counting: string;
  readonly dollars: number;
  readonly standard: number;
  /** How many times dearer Standard is. */
  readonly times: number;
}

/** The first reading: what a run costs, and nothing besides. */
export const HEADLINE = 'running';

/**
 * First what a run costs, then with ever more in our bill, at last without an API for either. Standard keeps its history
 * for 90 days in its price.
 */
export function readingsOf(mode: string, own: Own, rival: Rival): readonly Reading[] {
  const { alone, running, keeping, logsAtInfo, logsAtWarn } = own;
  const elsewhere = together(rival.running, rival.keeping);
  const bills: readonly (readonly [string, Bill, Bill])[] = [
    [HEADLINE, running, elsewhere],
    ['running, kept 90 days', together(running, keeping), elsewhere],
    ['running, kept 90 days, logs at warn', together(running, keeping, logsAtWarn), elsewhere],
    ['running, kept 90 days, logs at info', together(running, keeping, logsAtInfo), elsewhere],
    ['the chain alone, without an API in front', alone, rival.alone],
  ];
  return bills.map(([counting, { dollars }, { dollars: standard }]) => ({
    mode,
    counting,
    dollars,
    standard,
    times: standard / dollars,
  }));
}
