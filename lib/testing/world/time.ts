import type { Clock } from '../../engine/ports.ts';
import { createSchedule } from '../../local/queue/schedule.ts';

/** Virtual time: it stands still while anything runs, then jumps to the next thing that is planned. */
export interface Time extends Clock {
  /** Keeps time standing until `work` has ended: what a store or a server does on its own. */
  during<Result>(work: Promise<Result>): Promise<Result>;
  /**
   * Lets time run until nothing is planned any more, or until `end`. Errors: rejects while an earlier run has not ended.
   * @param most things that may happen
   * @param end milliseconds since 1970; asked again at each turn
   * @returns false if more would have happened before `end`
   */
  run(most: number, end: () => number): Promise<boolean>;
  /** An error that something planned threw: nothing may. */
  failure(): unknown;
}

interface Planned {
  at: number;
  place: number;
  readonly action: () => void;
}

/** Cheaper than queueMicrotask, which makes a resource of its own for each call. */
const DONE = Promise.resolve();

/** @param start milliseconds since 1970 */
export function createTime(start: number): Time {
  const schedule = createSchedule<Planned>();
  let now = start;
  let working = 0;
  let running = false;
  let failure: unknown;
  const idle = (): void => undefined;
  let resume = idle;

  return {
    now: () => now,
    after: (ms, action) => {
      // A clock shows whole milliseconds, and what is due between two of them comes with the next.
      const planned = { at: now + Math.max(0, Math.ceil(ms)), place: -1, action };
      schedule.add(planned);
      return () => schedule.remove(planned);
    },
    during: (work) => {
      working += 1;
      const ended = (): void => {
        working -= 1;
        if (working === 0) resume();
      };
      work.then(ended, ended);
      return work;
    },
    run: (most, end) =>
      new Promise((resolve, reject) => {
        if (running) {
          reject(new Error('time runs already: await what lets it run, one after the other'));
          return;
        }
        running = true;
        let planned = false;
        let happened = 0;
        const turn = (): void => {
          planned = false;
          if (working > 0) return;
          const next = schedule.first();
          const over = next === undefined || next.at > end();
          if (over || happened >= most || failure !== undefined) {
            // Work that ends from now on must not set time going again.
            resume = idle;
            running = false;
            resolve(over);
            return;
          }
          happened += 1;
          schedule.remove(next);
          now = Math.max(now, next.at);
          try {
            next.action();
          } catch (error) {
            failure = error;
          }
          resume();
        };
        // A tick that a microtask asks for comes once no microtask is left: all that could go on has gone on.
        const atLast = (): void => process.nextTick(turn);
        resume = () => {
          if (planned) return;
          planned = true;
          void DONE.then(atLast);
        };
        resume();
      }),
    failure: () => failure,
  };
}
