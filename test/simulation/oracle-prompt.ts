import type { StepRecord } from '../../lib/engine/state.ts';
import { harmful, type Problem, type Shadow, stepOf } from './shadow.ts';

/** A message is hidden for whole seconds, and each call of a port takes a little while. In milliseconds. */
const PATIENCE_MS = 3_000;

/**
 * What is wrong with a claim where nothing fails but targets: a step that could run, and waited.
 * @param now when the claim was written, in milliseconds since 1970
 */
export function promptProblems(shadow: Shadow, record: StepRecord, now: number): Problem[] {
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
  if (waited <= PATIENCE_MS) return [];
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
