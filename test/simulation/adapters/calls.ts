import type { Time } from '../../../lib/testing/world/time.ts';

/**
 * Calls of ports that are several requests to a server. Time stands still while one is under way, but for the waits that
 * the fault layer plans: until a lost reply is missed, say. Then others go on, between two requests of one call.
 */
export interface Calls {
  /** Does one call of a port. */
  perform<Result>(call: () => Promise<Result>): Promise<Result>;
  /** Within a call: `happened` is to be called for every request that wrote. */
  witness<Result>(write: () => Promise<Result>, happened: () => void): Promise<Result>;
  /** What to call once a request of the present call has written. */
  witnessed(): () => void;
  /** One command of an SDK, with all its attempts. */
  command<Result>(work: () => Promise<Result>): Promise<Result>;
  /** Lets so many milliseconds of virtual time go by within the present call. */
  wait(ms: number): Promise<void>;
  /** The same, and lets all calls go on together that ask for it until then. */
  together(ms: () => number): Promise<void>;
  /**
   * One request at a time, in the order in which they were asked for: which of several replies comes first must not depend
   * on the machine.
   */
  inTurn<Result>(exchange: () => Promise<Result>): Promise<Result>;
}

interface Call {
  /** Commands under way, and those of them that wait; the call itself may wait too, before its first command. */
  commands: number;
  waiting: number;
  /** Its caller has been answered. Commands may be left: of several that are sent at once the first failure is the answer. */
  ended: boolean;
  happened: () => void;
  release: (() => void) | undefined;
}

const nothing = (): void => undefined;
const newCall = (): Call => ({
  commands: 0,
  waiting: 0,
  ended: false,
  happened: nothing,
  release: undefined,
});

export function createCalls(time: Time): Calls {
  /** The one call that has time stand still: no other can begin or go on meanwhile. */
  let present = newCall();
  let last: Promise<unknown> = Promise.resolve();
  let joined: (() => void)[] = [];

  /** Time goes on once every command of a call waits for it, or nothing is left of it. */
  const stands = ({ commands, waiting, ended }: Call): boolean =>
    waiting < commands || (waiting === 0 && !ended);
  const release = (call: Call): void => {
    if (stands(call)) return;
    call.release?.();
    call.release = undefined;
  };
  const settle = (call: Call): void => {
    if (stands(call) && call.release === undefined) {
      void time.during(
        new Promise<void>((resolve) => {
          call.release = resolve;
        }),
      );
    } else if (!stands(call) && call.release !== undefined) {
      // What it is just about to send belongs to it too: the sender of SQS sends to one queue after another.
      setImmediate(release, call);
    }
  };
  /** @returns what ends the wait */
  const suspend = (call: Call): (() => void) => {
    call.waiting += 1;
    settle(call);
    return () => {
      call.waiting -= 1;
      present = call;
      settle(call);
    };
  };

  return {
    perform: (action) => {
      const call = newCall();
      present = call;
      settle(call);
      return action().finally(() => {
        call.ended = true;
        settle(call);
      });
    },
    witness: (write, happened) => {
      present.happened = happened;
      return write();
    },
    witnessed: () => present.happened,
    command: async (work) => {
      const call = present;
      call.commands += 1;
      try {
        return await work();
      } finally {
        call.commands -= 1;
        settle(call);
      }
    },
    wait: async (ms) => {
      if (ms === 0) return;
      const resume = suspend(present);
      await new Promise<void>((resolve) => {
        time.after(ms, () => {
          resume();
          resolve();
        });
      });
    },
    together: (ms) => {
      const resume = suspend(present);
      return new Promise((resolve) => {
        joined.push(resolve);
        if (joined.length > 1) return;
        time.after(ms(), () => {
          const all = joined;
          joined = [];
          // The commands of all count as the first one's, which has time stand still for them.
          resume();
          for (const one of all) one();
        });
      });
    },
    inTurn: (exchange) => {
      const mine = last.then(exchange, exchange);
      last = mine;
      return mine;
    },
  };
}
