import type { Shadow } from './shadow.ts';

/** A worker as the oracle knows it. */
export interface Caller {
  readonly name: string;
  readonly dead: boolean;
}

/** An attempt of a step that has begun. */
export interface Begun {
  readonly step: string;
  readonly token: string;
  readonly idempotencyKey: string;
}

/** The calls that are under way: each belongs to an attempt, and no two living workers are within one of the same step. */
export interface CallsUnderWay {
  /** @returns what is wrong */
  begins(shadow: Shadow, begun: Begun, caller: Caller): string | undefined;
  /** What came of it has been written, or the worker has given up writing it. */
  ends(token: string): void;
  /** @returns what is wrong with a call that reaches a target */
  reaches(idempotencyKey: string): string | undefined;
}

/** @param exclusive whether a lease can keep others away: no worker outlives its function, and all clocks are right */
export function createCallsUnderWay(exclusive: () => boolean): CallsUnderWay {
  const expected = new Map<string, number>();
  /** The last call of each step of a workflow, and each call by its token. */
  const last = new Map<string, { readonly token: string; readonly caller: Caller }>();
  const open = new Set<string>();
  return {
    begins: ({ meta }, { step, token, idempotencyKey }, caller) => {
      expected.set(idempotencyKey, (expected.get(idempotencyKey) ?? 0) + 1);
      const place = `${meta.workflowId}:${step}`;
      const other = last.get(place);
      last.set(place, { token, caller });
      open.add(token);
      const overlaps = other !== undefined && open.has(other.token) && !other.caller.dead && exclusive();
      return overlaps ? `${caller.name} calls for ${step} while ${other.caller.name} does` : undefined;
    },
    ends: (token) => {
      open.delete(token);
    },
    reaches: (idempotencyKey) => {
      const left = expected.get(idempotencyKey) ?? 0;
      expected.set(idempotencyKey, left - 1);
      return left > 0 ? undefined : `a call was made under ${idempotencyKey} that belongs to no attempt`;
    },
  };
}
