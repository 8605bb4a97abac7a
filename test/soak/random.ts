import { createHash } from 'node:crypto';

/** Chance that a seed decides. */
export interface Random {
  /** From `least` up to `most`. */
  between(least: number, most: number): number;
  chance(probability: number): boolean;
  /** Errors: there is nothing to pick from. */
  pick<T>(from: readonly T[]): T;
}

/**
 * What is drawn for one purpose does not change what another one gets: each has a stream of its own.
 * @example seeded(7, 'kills').between(200, 4_000)
 */
export function seeded(seed: number, purpose: string): Random {
  let state = createHash('sha256').update(`${seed} ${purpose}`).digest().readUInt32LE();
  // Mulberry32: every state once before any comes again, and good enough for chance.
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    between: (least, most) => least + next() * (most - least),
    chance: (probability) => next() < probability,
    pick: (from) => {
      const [picked] = from.slice(Math.floor(next() * from.length));
      if (picked === undefined) throw new Error('there is nothing to pick from');
      return picked;
    },
  };
}
