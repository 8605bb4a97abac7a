import type { StepRecord } from '../../../../lib/engine/state.ts';
import { against, harmful, keyOfCall, type Problem, type Shadow, stepOf, type Times } from '../shadow.ts';

/** What a write makes of a step in doubt, by a word on what its call did. */
type Word = 'done' | 'notDone';

/** Whether a write says of a step in doubt what its call did: of a lookup, or of a person. It has a token of nobody's claim. */
export function wordOf(shadow: Shadow, before: StepRecord | undefined, record: StepRecord): Word | undefined {
  if (before === undefined || record.action !== undefined || record.token === before.token) return undefined;
  if (before.status === 'completed' || before.open === 0 || shadow.claims.has(record.token)) return undefined;
  if (record.status === 'completed') return 'done';
  // A claim that is put back may have found that nobody had acted.
  return record.open === 0 && before.status !== 'running' && record.status !== 'running'
    ? 'notDone'
    : undefined;
}

/**
 * What is wrong with a step that is said to be done, or not to be: the target must have said so, of this very call, and it must be so.
 */
export function answeredProblems(
  shadow: Shadow,
  before: StepRecord,
  record: StepRecord,
  word: Word,
  { now }: Times,
  write: string,
): Problem[] {
  const { step } = record;
  const problems: Problem[] = [];
  const harm = (why: string): number => problems.push(harmful(`${write}: ${why}`));
  const refuse = (why: string): number => problems.push(against(`${write}: ${why}`));
  const key = keyOfCall(shadow, { step, round: before.round });
  const acted = shadow.effects.get(step);
  const lookup = shadow.lookups.get(step);
  const byPerson = shadow.said.has(`${word} ${key}`);
  if (!byPerson) {
    const asked = lookup && shadow.asked.get(lookup.token);
    if (lookup?.status !== 'completed' || lookup.answer !== word) harm(`no lookup says that it is ${word}`);
    else if (lookup.round !== before.round) harm(`a lookup of round ${lookup.round} says so`);
    else if (asked?.claimed !== (shadow.claimed.get(step) ?? 0))
      harm('it was called since its target was asked');
  }
  if (before.status === 'running' && (before.leaseUntil ?? Infinity) > now) harm('under a live lease');
  if (before.status !== 'failed' && before.status !== 'cancelled') refuse(`it was ${before.status}`);
  if (record.epoch !== before.epoch) refuse('in another epoch');
  if (word === 'done') {
    if (acted?.has(key) !== true) harm(`its target never acted for ${key}`);
    else if (JSON.stringify(acted.get(key)) !== JSON.stringify(record.result))
      harm(`its result is ${JSON.stringify(record.result)}, and the target answered another`);
    if (record.round !== before.round || record.open !== before.open) refuse('with other attempts');
    return problems;
  }
  if (acted?.has(key) === true && !shadow.stale.has(key)) harm(`its target has acted for ${key}`);
  if (record.round !== before.round + 1) harm('its next call has the same key');
  if (record.error !== undefined && record.error.effect !== 'none')
    harm(`its effect is ${record.error?.effect}`);
  if (record.status === 'retrying') {
    const { retries } = stepOf(shadow, step);
    if (before.status !== 'failed' || lookup?.before === 'undo') refuse('it is taken back');
    if (record.attempt > retries) harm(`attempt ${record.attempt} of ${retries + 1} was its last`);
    if ((record.nextAttemptAt ?? Infinity) > now) harm('it waits');
  } else if (record.status !== before.status) refuse('with another status');
  return problems;
}

/** What is wrong with an effect under a key of which a lookup said that there is none, and never will be. */
export const deniedProblems = (shadow: Shadow, key: string): string[] =>
  shadow.denied.has(key) ? [`a target acted under ${key}, of which it was said that nothing was done`] : [];
