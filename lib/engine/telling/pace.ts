import { LIMITS } from '../../contract/limits.ts';
import type { Pace } from '../ports.ts';

/** What a stage has before on-call was told anything. */
export const NEW_PACE: Pace = { version: 0, nextAt: 0, windows: [] };

/**
 * Who wants to tell. `first`: whoever has just one failure in hand. A kind that was told of a short while ago may have thousands that
 * wait: then only `all`, who collects them, may tell, or each of these would wait for ever behind the next single one.
 */
export type Teller = 'first' | 'all';

/** A group of failures, told by a digest of this id. */
export interface Wanted {
  readonly group: string;
  readonly head: string;
  readonly by: Teller;
  /** There is no other of its group: no window is kept for it. */
  readonly alone?: true;
}

const GRACE_MS = LIMITS.digestGrace * 1_000;

/** Until when the group is told nothing more by this teller; undefined if it may be told now, or is the head's own to repeat. */
export function closedUntil(pace: Pace, { group, head, by }: Wanted, now: number): number | undefined {
  const window = pace.windows.find((one) => one.group === group);
  if (window === undefined || window.head === head) return undefined;
  const over = window.until + (by === 'first' ? GRACE_MS : 0) <= now;
  return over ? undefined : Math.max(window.until, now);
}

/** Leave to tell a digest at `at`, once `pace` is written; or the moment before which there is none. */
export type Turn =
  | { readonly do: 'tell'; readonly at: number; readonly pace: Pace }
  | { readonly do: 'wait'; readonly until: number };

/**
 * When a digest of a group may be told. Times are milliseconds since 1970.
 * @param latest a turn after this is none
 */
export function turnOf(pace: Pace, wanted: Wanted, now: number, latest: number): Turn {
  const closed = closedUntil(pace, wanted, now);
  if (closed !== undefined) return { do: 'wait', until: closed };
  const at = Math.max(now, pace.nextAt);
  if (at > latest) return { do: 'wait', until: at };
  const { group, head } = wanted;
  const others = pace.windows.filter((one) => one.group !== group && one.until + GRACE_MS > now);
  const window = { group, head, until: at + LIMITS.digestWindow * 1_000 };
  return {
    do: 'tell',
    at,
    pace: {
      version: pace.version + 1,
      nextAt: at + LIMITS.publishInterval * 1_000,
      windows: wanted.alone ? others : [...others, window],
    },
  };
}
