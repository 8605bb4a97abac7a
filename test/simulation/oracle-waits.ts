import type { StepRecord } from '../../lib/engine/state.ts';
import { against, harmful, type Problem, type Shadow, stepOf } from './shadow.ts';

/** A target's reply that was no success, as it was sent. */
export interface Refused {
  readonly at: number;
  readonly status: number;
  /** From when on it wants to be called again, if it said so and it made sense. */
  readonly notBefore: number | undefined;
}

/** Holds the waits between attempts to what targets asked for, and to the backoff of the definition. */
export interface Waits {
  refused(idempotencyKey: string, reply: Refused): void;
  /** What is wrong with the due time of a step that is to be tried again. */
  problems(shadow: Shadow, record: StepRecord): Problem[];
}

/** As many waits of no time at all in a row are no chance any more: each comes once in a thousand. */
const MOST_ZEROS = 3;

/** @param skewMs by how much the clocks of a worker and of the world may differ, in milliseconds */
export function createWaits(skewMs: () => number): Waits {
  const refusals = new Map<string, Refused[]>();
  let zeros = 0;

  const backoffProblems = (shadow: Shadow, { step, attempt, updatedAt, nextAttemptAt = 0 }: StepRecord) => {
    const { base, cap } = stepOf(shadow, step).backoff;
    const longest = 1_000 * Math.min(cap, base * 2 ** (attempt - 1));
    const wait = nextAttemptAt - updatedAt;
    zeros = wait === 0 ? zeros + 1 : 0;
    if (wait < 0 || wait > longest)
      return [harmful(`${step} waits ${wait} ms after attempt ${attempt}, at most ${longest} is agreed`)];
    return zeros < MOST_ZEROS ? [] : [harmful(`${step} waits for nothing, as all do`)];
  };

  return {
    refused: (idempotencyKey, reply) => {
      const all = refusals.get(idempotencyKey) ?? [];
      all.push(reply);
      refusals.set(idempotencyKey, all);
    },
    problems: (shadow, record) => {
      const { step, round, error, updatedAt, nextAttemptAt = 0 } = record;
      if (error?.httpStatus === undefined) return backoffProblems(shadow, record);
      const key = `${shadow.meta.workflowId}:${step}:do:${round}`;
      const replies = (refusals.get(key) ?? []).filter(
        ({ at, status }) => status === error.httpStatus && Math.abs(at - updatedAt) <= skewMs(),
      );
      if (replies.length === 0) return [against(`${step} tells of a ${error.httpStatus} that nobody sent`)];
      // Several replies of one moment: nobody can tell which of them it was.
      const asked = replies.flatMap(({ notBefore }) => notBefore ?? []);
      if (asked.length < replies.length) return asked.length > 0 ? [] : backoffProblems(shadow, record);
      if (asked.some((until) => Math.abs(until - nextAttemptAt) <= skewMs())) return [];
      return [harmful(`${step} is to be tried again at ${nextAttemptAt}, its target asked for ${asked}`)];
    },
  };
}
