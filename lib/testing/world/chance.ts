import type { Random } from '../../engine/ports.ts';

/** The one source of chance of a schedule: the same seed gives the same draws. */
export interface Chance extends Random {
  /** A whole number from `least` to `most`, both included. */
  whole(least: number, most: number): number;
  /** True with probability `rate`. */
  happens(rate: number): boolean;
  pick<Item>(items: readonly Item[]): Item;
  /** A number between the two, each power of ten as likely as the next. */
  magnitude(least: number, most: number): number;
}

/**
 * Doty-Humphrey's sfc32, which passes the usual test suites for generators.
 * @param seed a whole number from 0 to 2^53 - 1
 * @example createChance(7).whole(1, 6)
 */
export function createChance(seed: number): Chance {
  let a = seed >>> 0;
  let b = Math.floor(seed / 2 ** 32) >>> 0;
  let c = 0x9e3779b9;
  let counter = 1;
  const next = (): number => {
    const out = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + out) | 0;
    return out >>> 0;
  };
  // Neighbouring seeds begin alike.
  for (let turn = 0; turn < 15; turn += 1) next();
  const fraction = (): number => next() / 2 ** 32;
  const whole = (least: number, most: number): number => least + Math.floor(fraction() * (most - least + 1));
  const bytes = Buffer.alloc(16);
  return {
    fraction,
    token: () => {
      for (let at = 0; at < bytes.length; at += 4) bytes.writeUInt32BE(next(), at);
      return bytes.toString('hex');
    },
    whole,
    // Nothing is drawn for what cannot happen, or must: such a rate costs nothing.
    happens: (rate) => rate > 0 && (rate >= 1 || fraction() < rate),
    pick: (items) => {
      const item = items[whole(0, items.length - 1)];
      if (item === undefined) throw new Error('there is nothing to pick from');
      return item;
    },
    magnitude: (least, most) => least * (most / least) ** fraction(),
  };
}
