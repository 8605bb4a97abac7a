import type { Caller } from '../../../lib/testing/world/witness.ts';
import type { Ending } from './ending.ts';
import { type Deed, deedOf, type Shadow } from './shadow.ts';

/** An attempt of a step, or of its undo, that has begun. */
export interface Begun extends Deed {
  readonly leaseUntil: number;
  readonly token: string;
  readonly idempotencyKey: string;
  readonly epoch: number;
}

/** The calls that are under way: each belongs to an attempt, and no two living workers are within one of the same step. */
export interface CallsUnderWay {
  /** @returns what is wrong */
  begins(shadow: Shadow, begun: Begun, caller: Caller): string | undefined;
  /** What came of it has been written, or the worker has given up writing it. */
  ends(token: string): void;
  /**
   * A call is made.
   * @param worker the name of the one that makes it; undefined where a step's code does, at once when its attempt begins
   * @returns what is to be told how it ended; undefined if it belongs to no attempt
   */
  reaches(idempotencyKey: string, worker: string | undefined): ((ending: Ending) => void) | undefined;
  /** Whether the call that was made under the key at that moment outlived the lease of its attempt: nobody waited for it. */
  isStale(idempotencyKey: string, calledAt: number): boolean;
}

interface Attempt {
  readonly shadow: Shadow;
  readonly token: string;
  readonly leaseUntil: number;
}

/**
 * @param exclusive whether a lease can keep others away: no worker outlives its function, and all clocks are right
 * @param now in milliseconds since 1970
 */
export function createCallsUnderWay(exclusive: () => boolean, now: () => number): CallsUnderWay {
  /** Attempts without a call as yet, by worker and key, and the last by its key alone. */
  const expected = new Map<string, Attempt>();
  /** The last call of each step of a workflow, and each call by its token. */
  const last = new Map<string, { readonly token: string; readonly caller: Caller }>();
  const open = new Set<string>();
  /** Calls that were made after the lease of their attempt. */
  const stale = new Set<string>();
  const callOf = (key: string, at: number): string => `${key} ${at}`;
  const placeOf = (key: string, worker: string | undefined): string =>
    worker === undefined ? key : `${worker} ${key}`;
  return {
    begins: (shadow, begun, caller) => {
      const { step, token, leaseUntil, idempotencyKey } = begun;
      for (const worker of [undefined, caller.name])
        expected.set(placeOf(idempotencyKey, worker), { shadow, token, leaseUntil });
      // A lookup asks for a step that nobody calls: that is held to what was known when it was claimed. One of before a resume asks in vain.
      const asks = begun.action === 'lookup' ? `:lookup:${begun.epoch}` : '';
      const place = `${shadow.meta.workflowId}:${step}${asks}`;
      const other = last.get(place);
      last.set(place, { token, caller });
      open.add(token);
      const overlaps = other !== undefined && open.has(other.token) && !other.caller.dead && exclusive();
      return overlaps
        ? `${caller.name} calls for ${deedOf(begun)} while ${other.caller.name} does`
        : undefined;
    },
    ends: (token) => {
      open.delete(token);
    },
    isStale: (key, calledAt) => stale.has(callOf(key, calledAt)),
    reaches: (idempotencyKey, worker) => {
      const place = placeOf(idempotencyKey, worker);
      const attempt = expected.get(place);
      expected.delete(place);
      if (attempt !== undefined && now() > attempt.leaseUntil) stale.add(callOf(idempotencyKey, now()));
      return (
        attempt &&
        ((ending) => {
          attempt.shadow.endings.set(attempt.token, { ...ending, at: now() });
        })
      );
    },
  };
}
