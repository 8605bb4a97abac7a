import { describe, expect, it } from 'vitest';
import { billOf, byShare, together, unconfirmed } from './bill.ts';
import { PRICES, type Price } from './prices.ts';

const WRITES = { label: 'writes', price: 'dynamoDbWriteUnit', quantity: 12 } as const;
const CALLS = { label: 'calls', price: 'httpApiRequest', quantity: 2 } as const;
const FAIR = { label: 'fair', price: 'sqsFairRequest', quantity: 9 } as const;

describe('a bill', () => {
  it('is quantity times price, and its lines add up', () => {
    const { lines, dollars } = billOf([WRITES, CALLS], 1_000_000);
    expect(lines.map((line) => line.dollars)).toEqual([7.5, 2]);
    expect(dollars).toBe(9.5);
  });

  it('of nothing is nothing, and has no shares', () => {
    expect(billOf([]).dollars).toBe(0);
    expect(byShare(billOf([{ ...CALLS, quantity: 0 }])).map(({ share }) => share)).toEqual([0]);
  });

  it('names the dearest line first', () => {
    const shares = byShare(billOf([CALLS, WRITES], 1_000_000));
    expect(shares.map(({ label }) => label)).toEqual(['writes', 'calls']);
    expect(shares.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1);
  });

  it('says how much of it is unconfirmed', () => {
    expect(unconfirmed(billOf([WRITES, FAIR], 1_000_000))).toBeCloseTo(0.9);
  });

  it('of several bills is their sum', () => {
    const both = together(billOf([WRITES], 1_000_000), billOf([CALLS], 1_000_000));
    expect(both).toEqual(billOf([WRITES, CALLS], 1_000_000));
  });
});

describe('every price', () => {
  it('is positive, and has a page of AWS that can be checked', () => {
    for (const { usd, per, source } of Object.values(PRICES)) {
      expect(usd).toBeGreaterThan(0);
      expect(per).toBeGreaterThan(0);
      expect(source).toMatch(/^https:\/\/aws\.amazon\.com\//);
    }
  });

  it('that AWS’s page was not seen to name says where it is from', () => {
    const prices: readonly Price[] = Object.values(PRICES);
    expect(prices.filter(({ known, note }) => known !== 'AWS' && note === undefined)).toEqual([]);
  });
});
