import type { WaitHeaders } from '../../../lib/contract/names.ts';
import type { StepRecord } from '../../../lib/engine/state.ts';
import { callOf, harmful, type Problem, type Shadow } from './shadow.ts';

/** Holds the waits between attempts to the larger of what targets asked for and the backoff of the definition. */
export interface Waits {
  /** What is wrong with the due time of a step that is to be tried again. */
  problems(shadow: Shadow, record: StepRecord): Problem[];
}

/** Chance does not give the least so many times in a row that it were less likely than this. Few are told anything. */
const LEAST_LIKELY = { untold: 1e-9, atOnce: 1e-6, longer: 1e-6 };

/** A target may ask for an hour, in milliseconds, and its callers come within a fifth more. */
const MOST_ASKED = 3_600_000;
const SPREAD = 1.2;

/**
 * @param skewMs by how much the clocks of a worker and of the world may differ, in milliseconds
 * @param granularityMs what the queue's waits are multiples of
 */
export function createWaits(skewMs: () => number, granularityMs: number): Waits {
  /**
   * How likely it is that so many in a row were given the least: of those that were told nothing, to come at once, and to wait for longer
   * than the backoff.
   */
  const likely = { untold: 1, atOnce: 1, longer: 1 };
  const kept = (ms: number): number => Math.ceil(ms / granularityMs) * granularityMs;
  /** The last of the waits that a queue keeps: there are two at least. */
  const last = (least: number, most: number): number =>
    Math.max(Math.floor(most / granularityMs) * granularityMs, kept(least) + granularityMs);

  return {
    problems: (shadow, { step, action, attempt, token, updatedAt, nextAttemptAt = 0 }) => {
      const { base, cap } = callOf(shadow, { step, action }).backoff;
      const longest = 1_000 * Math.min(cap, base * 2 ** (attempt - 1));
      const ended = shadow.endings.get(token);
      const until = ended?.kind === 'reply' ? notBefore(ended.headers, ended.at) : undefined;
      const asked = until === undefined ? 0 : Math.min(Math.max(0, until - (ended?.at ?? 0)), MOST_ASKED);
      const slack = until === undefined ? 0 : skewMs();

      const wait = nextAttemptAt - updatedAt;
      const most = Math.max(last(longest / 2, longest), last(asked + slack, SPREAD * (asked + slack)));
      const what = `${step} waits ${wait} ms after attempt ${attempt}, its target asked for ${asked}`;
      if (wait < longest / 2 || wait > most)
        return [harmful(`${what}, from ${longest / 2} to ${most} is agreed`)];
      if (wait !== kept(wait)) return [harmful(`${what}, and its queue would keep ${kept(wait)}`)];
      if (asked > 0 && nextAttemptAt < (ended?.at ?? 0) + asked - slack) return [harmful(what)];

      if (asked > 0 && asked <= longest) return [];
      const kind = until === undefined ? 'untold' : asked === 0 ? 'atOnce' : 'longer';
      const [least, end] = kind === 'longer' ? [asked, SPREAD * asked] : [longest / 2, longest];
      const choices = (last(least, end) - kept(least)) / granularityMs + 1;
      likely[kind] = wait === kept(least) ? likely[kind] / choices : 1;
      return likely[kind] > LEAST_LIKELY[kind] ? [] : [harmful(`${what}, without any chance, as all do`)];
    },
  };
}

/** From when on a target wants to be called again, in milliseconds since 1970; undefined if it does not say so in a way that makes sense. */
function notBefore(headers: WaitHeaders = {}, now: number): number | undefined {
  const { 'retry-after': after = '', ratelimit = '', 'x-ratelimit-reset': reset } = headers;
  if (after.endsWith(' GMT')) return Date.parse(after);
  if (/^[0-9]+$/.test(after)) return now + Number(after) * 1_000;
  const [, seconds] = /r=0;t=([0-9]+)/.exec(ratelimit) ?? [];
  if (seconds !== undefined) return now + Number(seconds) * 1_000;
  if (reset === undefined || headers['x-ratelimit-remaining'] !== '0') return undefined;
  // As many digits as this year has, or else from now on.
  if (reset.length === 13) return Number(reset);
  return Number(reset) * 1_000 + (reset.length === 10 ? 0 : now);
}
