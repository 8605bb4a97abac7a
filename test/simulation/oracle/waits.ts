import type { StepRecord } from '../../../lib/engine/state.ts';
import { harmful, type Problem, type Shadow, stepOf } from './shadow.ts';

/** Holds the waits between attempts to what targets asked for, and to the backoff of the definition. */
export interface Waits {
  /** What is wrong with the due time of a step that is to be tried again. */
  problems(shadow: Shadow, record: StepRecord): Problem[];
}

/** As many waits of no time at all in a row are no chance any more: each comes once in a thousand. */
const MOST_ZEROS = 3;

/** @param skewMs by how much the clocks of a worker and of the world may differ, in milliseconds */
export function createWaits(skewMs: () => number): Waits {
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
    problems: (shadow, record) => {
      const { step, token, nextAttemptAt = 0 } = record;
      const ended = shadow.endings.get(token);
      const asked = ended?.kind === 'reply' ? notBefore(ended.retryAfter, ended.at) : undefined;
      if (asked === undefined) return backoffProblems(shadow, record);
      if (Math.abs(asked - nextAttemptAt) <= skewMs()) return [];
      return [harmful(`${step} is to be tried again at ${nextAttemptAt}, its target asked for ${asked}`)];
    },
  };
}

/** No target may ask for more, in milliseconds. */
const MOST_ASKED = 3_600_000;

/** From when on a target wants to be called again; undefined if it does not say so in a way that makes sense. */
function notBefore(retryAfter: string | undefined, now: number): number | undefined {
  if (retryAfter === undefined) return undefined;
  const asked = retryAfter.endsWith(' GMT')
    ? Date.parse(retryAfter)
    : Number(/^[0-9]+$/.test(retryAfter) ? now + Number(retryAfter) * 1_000 : Number.NaN);
  return Number.isNaN(asked) ? undefined : Math.min(Math.max(asked, now), now + MOST_ASKED);
}
