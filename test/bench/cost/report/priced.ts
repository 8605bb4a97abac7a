import type { Bill } from '../bill/bill.ts';
import type { Competitor } from '../bill/competitors.ts';

/** What a million workflows cost here or elsewhere. */
export interface Priced {
  /** One run of each without an API in front, and with it. */
  readonly alone: Bill;
  readonly running: Bill;
  readonly keeping: Bill;
  /** A million looks at the status; in no total. */
  readonly look: Bill;
}

export interface Rival extends Priced, Pick<Competitor, 'name' | 'notes'> {}

export interface Own extends Priced {
  readonly logsAtInfo: Bill;
  readonly logsAtWarn: Bill;
  /** In no total, as not every stage has them. */
  readonly backups: Bill;
  readonly withTenants: Bill;
  /** X-Ray with so many orders that most are not sampled, and with so few that all are. */
  readonly traces: { readonly many: Bill; readonly few: Bill };
}
