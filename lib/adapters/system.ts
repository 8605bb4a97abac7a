import { randomBytes } from 'node:crypto';
import type { Clock, Random } from '../engine/ports.ts';

/** setTimeout counts in 32 bits: a longer wait would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The machine's own time. */
export const systemClock: Clock = { now: Date.now, after };

function after(ms: number, action: () => void): () => void {
  let timer: NodeJS.Timeout;
  const wait = (left: number): void => {
    const now = Math.min(left, LONGEST_TIMER_MS);
    timer = setTimeout(() => (left > now ? wait(left - now) : action()), now);
  };
  wait(ms);
  return () => clearTimeout(timer);
}

const TOKEN_BYTES = 16;
/** One call to the system's generator for many tokens: it costs more than the bytes do. */
const POOL_BYTES = 256 * TOKEN_BYTES;
let pool = Buffer.alloc(0);
let used = 0;

/** The machine's own chance: tokens from the system's cryptographic generator. */
export const systemRandom: Random = {
  fraction: Math.random,
  token: () => {
    if (used + TOKEN_BYTES > pool.length) {
      pool = randomBytes(POOL_BYTES);
      used = 0;
    }
    used += TOKEN_BYTES;
    return pool.toString('hex', used - TOKEN_BYTES, used);
  },
};
