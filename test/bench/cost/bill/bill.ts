import { PRICES, type Price, type PriceName } from './prices.ts';

/** Something that is billed, in the unit of its price. */
export interface Line {
  readonly label: string;
  readonly price: PriceName;
  readonly quantity: number;
}

export interface PricedLine extends Line {
  readonly dollars: number;
  /** How well its price is known. */
  readonly known: Price['known'];
}

export interface Bill {
  readonly lines: readonly PricedLine[];
  readonly dollars: number;
}

/**
 * What `lines` cost, `times` over.
 * @example billOf([{ label: 'requests', price: 'lambdaRequest', quantity: 4 }], 1_000_000).dollars // 0.8
 */
export function billOf(lines: readonly Line[], times = 1): Bill {
  const priced = lines.map((line) => {
    const { usd, per, known }: Price = PRICES[line.price];
    return { ...line, known, dollars: (line.quantity * times * usd) / per };
  });
  return { lines: priced, dollars: priced.reduce((sum, { dollars }) => sum + dollars, 0) };
}

/** One bill of several. */
export const together = (...bills: readonly Bill[]): Bill => ({
  lines: bills.flatMap(({ lines }) => lines),
  dollars: bills.reduce((sum, { dollars }) => sum + dollars, 0),
});

/** Lines from the dearest on, with their share of the whole, 0 to 1. */
export const byShare = ({ lines, dollars }: Bill): readonly (PricedLine & { readonly share: number })[] =>
  lines
    .map((line) => ({ ...line, share: dollars === 0 ? 0 : line.dollars / dollars }))
    .sort((a, b) => b.dollars - a.dollars);

/** Dollars of the lines whose price is unconfirmed. */
export const unconfirmed = ({ lines }: Bill): number =>
  lines.reduce((sum, { known, dollars }) => sum + (known === 'unconfirmed' ? dollars : 0), 0);
