import type { StepRecord } from '../../../../lib/engine/state.ts';
import { against, harmful, type Problem, type Shadow, stepOf, type Times } from '../shadow.ts';

/*
 * What is promised of lookups, written out from the promises: a target is asked what became of a call only while nobody knows that, by one
 * worker at a time, and as often as the chain says.
 */

/** The name of META among the steps, where moments are kept of both. */
export const META = 'META';

/** Whether a lookup found nothing out, and nobody asks again for the same. */
export const isInVain = (lookup: StepRecord): boolean =>
  lookup.status === 'failed' || (lookup.status === 'completed' && lookup.answer === 'unknown');

/** Whether two lookups ask for the same: of one epoch and round, and on the same way. */
const isAlike = (one: StepRecord, other: StepRecord): boolean =>
  one.epoch === other.epoch && one.round === other.round && one.before === other.before;

/** What is wrong with the claim of a lookup, beside other lookups of its step. */
export function claimProblems(
  shadow: Shadow,
  before: StepRecord | undefined,
  record: StepRecord,
  { now }: Times,
  write: string,
): Problem[] {
  const problems: Problem[] = [];
  const refuse = (why: string): number => problems.push(against(`${write}: ${why}`));
  const harm = (why: string): number => problems.push(harmful(`${write}: ${why}`));
  const { lookup } = stepOf(shadow, record.step);
  if (lookup === undefined) return [harmful(`${write}, and its step has none`)];
  const isOfSame = before?.epoch === record.epoch && before.round === record.round;
  // One of before a resume asks for nothing that counts any more.
  const isLive = before?.status === 'running' && (before.leaseUntil ?? Infinity) > now;
  if (isLive && before.epoch === record.epoch) refuse('under a live lease');
  if (isOfSame && before.status === 'retrying' && (before.nextAttemptAt ?? Infinity) > now)
    harm('before it was due');
  if (isOfSame && (before.answer === 'done' || before.answer === 'notDone')) harm('it was answered');
  if (before !== undefined && isAlike(before, record) && isInVain(before)) harm('it was asked in vain');
  if (before !== undefined && before.epoch > record.epoch) refuse('for an older epoch');
  if (record.epoch > shadow.meta.epoch) refuse('for an epoch that never was');
  const earlier = before !== undefined && isAlike(before, record) ? before.attempt : 0;
  if (record.attempt !== earlier + 1) refuse(`attempt ${record.attempt} after ${earlier}`);
  if (record.attempt > lookup.retries + 1) harm(`attempt ${record.attempt} of ${lookup.retries + 1}`);
  if (record.updatedAt > now) refuse('from the future');
  if (record.leaseUntil === undefined) refuse('without a lease');
  return problems;
}

/**
 * What is wrong with the claim of a lookup, beside its step. A lookup is not written on the state of its step: what changed since the load from
 * which it was decided, nobody knew.
 * @param loadedAt number of that load
 */
export function askedProblems(
  shadow: Shadow,
  { step, epoch, round, before }: StepRecord,
  loadedAt: number,
  { now }: Times,
): Problem[] {
  const problems: Problem[] = [];
  const harm = (why: string): number => problems.push(harmful(`the target of ${step} is asked: ${why}`));
  const isFresh = (name: string): boolean => loadedAt > (shadow.writtenAt.get(name) ?? 0);
  const { status } = shadow.meta;
  if (isFresh(META)) {
    if (status !== (before === 'undo' ? 'compensating' : 'processing')) harm(`its workflow is ${status}`);
    if (epoch !== shadow.meta.epoch) harm(`in epoch ${epoch}, not ${shadow.meta.epoch}`);
  }
  if (!isFresh(step)) return problems;
  const record = shadow.steps.get(step);
  if (record === undefined || record.status === 'completed' || record.open === 0) harm('it is in no doubt');
  if (record?.status === 'running' && (record.leaseUntil ?? Infinity) > now) harm('it is being called');
  if (record !== undefined && record.round !== round) harm(`in round ${round}, not ${record.round}`);
  if (before === undefined && (record?.status !== 'failed' || record.epoch !== epoch))
    harm(`it is ${record?.status}, and not given up`);
  if (before === 'undo' && (shadow.undos.get(step)?.status ?? 'pending') !== 'pending')
    harm('its undo was claimed');
  return problems;
}
