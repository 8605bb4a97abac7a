import { LIMITS } from '../contract/limits.ts';
import type { Clock, Watch } from '../engine/ports.ts';
import type { WorkflowKey } from '../engine/state.ts';

/** What tells of each write of a workflow; the returned function ends that. */
export interface Written {
  onWrite(key: WorkflowKey, wake: () => void): () => void;
}

/** Reads that wait are woken by the write itself. `end`: all that wait answer now, and no other one waits. */
export type WakingWatch = Watch & { end(): void };

/** @example const watch = createWakingWatch(store, clock); */
export function createWakingWatch(
  store: Written,
  clock: Clock,
  places: number = LIMITS.waitPlacesLocal,
): WakingWatch {
  const waiting = new Set<Sleeper>();
  let ended = false;
  return {
    open: async (key) => {
      if (ended || waiting.size >= places) return undefined;
      const sleeper = createSleeper(clock);
      const unheard = store.onWrite(key, sleeper.wake);
      waiting.add(sleeper);
      return {
        next: async (ms) => {
          if (!ended) await sleeper.sleep(ms);
          return !ended;
        },
        close: async () => {
          unheard();
          waiting.delete(sleeper);
        },
      };
    },
    end: () => {
      ended = true;
      for (const { wake } of waiting) wake();
    },
  };
}

interface Sleeper {
  /** Resolves after `ms`, or once it is woken; at once if it was woken since it slept last. */
  sleep(ms: number): Promise<void>;
  wake(): void;
}

function createSleeper(clock: Clock): Sleeper {
  let woken = false;
  let rise = (): void => undefined;
  return {
    sleep: async (ms) => {
      if (!woken) {
        await new Promise<void>((resolve) => {
          const cancel = clock.after(ms, resolve);
          rise = () => {
            cancel();
            resolve();
          };
        });
      }
      woken = false;
    },
    wake: () => {
      woken = true;
      rise();
    },
  };
}
