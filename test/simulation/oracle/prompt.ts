import { descendants } from '../../../lib/chain/graph.ts';
import type { StepRecord, WorkflowMeta } from '../../../lib/engine/state.ts';
import { deedOf, harmful, type Problem, recordsIn, type Shadow, stepOf } from './shadow.ts';

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
  const before = recordsIn(shadow, record).get(record.step);
  const since = Math.max(
    shadow.processingSince,
    ...(record.action === undefined
      ? step.after.map((name) => completedAt(shadow, name))
      : record.action === 'lookup' && record.before === undefined
        ? [shadow.steps.get(record.step)?.updatedAt ?? 0]
        : [couldBeUndone(shadow, [record.step, ...descendants(shadow.chain, record.step)])]),
    couldRun(before),
  );
  const waited = now - since;
  if (waited <= patienceMs) return [];
  return [harmful(`${deedOf(record)} could run, and waited ${waited} ms as ${before?.status ?? 'pending'}`)];
}

const completedAt = ({ steps }: Shadow, name: string): number => steps.get(name)?.completedAt ?? 0;

/** When the last of these steps was closed or undone, or could no longer act late, or be woken by its own message. */
function couldBeUndone({ chain, steps, undos, lookups, waits }: Shadow, names: readonly string[]): number {
  const ends = chain.steps
    .filter(({ name }) => names.includes(name))
    .flatMap(({ name, lateBy, timeout }) => {
      const { status, open = 0, updatedAt = 0, leaseUntil = 0, attempts = [] } = steps.get(name) ?? {};
      const deadline = (attempts.at(-1)?.startedAt ?? 0) + timeout * 1_000;
      const isInDoubt = status !== 'completed' && open > 0;
      const isClosed = status !== 'running' && status !== 'retrying';
      return [
        isInDoubt ? Math.max(updatedAt, deadline) + lateBy * 1_000 : updatedAt,
        isClosed ? 0 : leaseUntil,
        waits.get(name) ?? 0,
        undos.get(name)?.updatedAt ?? 0,
        couldRun(lookups.get(name)),
        lookups.get(name)?.updatedAt ?? 0,
      ];
    });
  return Math.max(0, ...ends);
}

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
  const { meta: before, processingSince, chain } = shadow;
  if (before.status === 'compensating' && meta.status !== before.status) {
    const name = meta.undoError?.step ?? '';
    const failed = [shadow.undos, shadow.lookups].map((records) => records.get(name)?.updatedAt ?? 0);
    const ended =
      meta.status === 'compensation_failed'
        ? Math.max(...failed)
        : couldBeUndone(
            shadow,
            chain.steps.map(({ name }) => name),
          );
    return lateProblems(`the workflow is ${meta.status}`, now - Math.max(processingSince, ended), patienceMs);
  }
  if (before.status !== 'processing') return [];
  const ends = [...shadow.steps.values(), ...shadow.lookups.values()]
    .filter(({ step }) => meta.status === 'completed' || step === meta.error?.step)
    .map(({ updatedAt }) => updatedAt);
  const isTurned = meta.status === 'compensating' && meta.error !== undefined;
  const isEnd = meta.status === 'completed' || meta.status === 'failed' || isTurned;
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
