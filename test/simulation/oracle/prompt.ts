import type { StepRecord, WorkflowMeta } from '../../../lib/engine/state.ts';
import { harmful, type Problem, type Shadow, stepOf } from './shadow.ts';

/**
 * What is wrong with a claim where nothing fails but targets: a step that could run, and waited.
 * @param now when the claim was written, in milliseconds since 1970
 */
export function promptProblems(
  shadow: Shadow,
  record: StepRecord,
  now: number,
  patienceMs: number,
): Problem[] {
  const step = stepOf(shadow, record.step);
  // Its messages may have to wait for each other.
  if (step.concurrency !== undefined) return [];
  const before = shadow.steps.get(record.step);
  const since = Math.max(
    shadow.processingSince,
    ...step.after.map((name) => completedAt(shadow, name)),
    couldRun(before),
  );
  const waited = now - since;
  if (waited <= patienceMs) return [];
  return [harmful(`${record.step} could run, and waited ${waited} ms as ${before?.status ?? 'pending'}`)];
}

const completedAt = ({ steps }: Shadow, name: string): number => steps.get(name)?.completedAt ?? 0;

/** When what an item says no longer stood in the way. */
function couldRun(before: StepRecord | undefined): number {
  if (before?.status === 'retrying') return before.nextAttemptAt ?? 0;
  // It failed after the resume: then its next attempt could begin at once.
  if (before?.status === 'failed') return before.updatedAt;
  return before?.status === 'running' ? (before.leaseUntil ?? 0) : 0;
}

/**
 * What is wrong with a write of META, or a notification, where nothing fails but targets: what could be known and was not.
 * @param meta as it was written
 */
export function promptMetaProblems(
  shadow: Shadow,
  meta: WorkflowMeta,
  now: number,
  patienceMs: number,
): Problem[] {
  const { meta: before, processingSince } = shadow;
  if (before.status !== 'processing') return [];
  const ends = [...shadow.steps.values()]
    .filter(({ step }) => meta.status === 'completed' || step === meta.error?.step)
    .map(({ updatedAt }) => updatedAt);
  const isEnd = meta.status === 'completed' || meta.status === 'failed';
  const late = now - Math.max(processingSince, ...ends);
  return isEnd ? lateProblems(`the workflow is ${meta.status}`, late, patienceMs) : [];
}

/** @param told the id of a notification that comes for the first time */
export const promptToldProblems = (
  { toTell }: Shadow,
  told: string,
  now: number,
  patienceMs: number,
): Problem[] => lateProblems(`on-call was told ${told}`, now - (toTell.get(told) ?? now), patienceMs);

const lateProblems = (what: string, ms: number, patienceMs: number): Problem[] =>
  ms <= patienceMs ? [] : [harmful(`${what} ${ms} ms after that was known`)];
