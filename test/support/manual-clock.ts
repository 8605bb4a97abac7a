import type { Clock } from '../../lib/engine/ports.ts';

/** A clock that stands still until the test moves it. */
export interface ManualClock extends Clock {
  /** Moves time by `ms`, running each timer at its own time, with whatever is under way settled before and after it. */
  advance(ms: number): Promise<void>;
  /** Timers that have not run yet. */
  readonly waiting: number;
}

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly action: () => void;
}

/** Turns of the event loop that in-memory work gets between two timers. */
const TURNS = 5;

/** Lets promises, microtasks and immediates that are under way run. It waits for no disk and no network. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/**
 * @param start milliseconds since 1970
 * @example const clock = manualClock(); await clock.advance(30_000);
 */
export function manualClock(start = 1_790_000_000_000): ManualClock {
  let now = start;
  let order = 0;
  const timers = new Set<Timer>();
  const next = (until: number): Timer | undefined => {
    let first: Timer | undefined;
    for (const timer of timers) {
      if (timer.at > until) continue;
      if (first === undefined || timer.at < first.at || (timer.at === first.at && timer.order < first.order))
        first = timer;
    }
    return first;
  };
  return {
    now: () => now,
    after: (ms, action) => {
      order += 1;
      const timer = { at: now + Math.max(0, ms), order, action };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    advance: async (ms) => {
      const until = now + ms;
      await settle();
      for (let timer = next(until); timer !== undefined; timer = next(until)) {
        timers.delete(timer);
        now = Math.max(now, timer.at);
        timer.action();
        await settle();
      }
      now = until;
      await settle();
    },
    get waiting() {
      return timers.size;
    },
  };
}
