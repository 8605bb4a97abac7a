import type { ChainDefinition, StepDefinition } from '../../chain/definition.ts';
import { healthyAttempt } from '../../chain/graph.ts';
import { lookupPatience, patience, undoPatience } from '../../chain/settings.ts';
import { LIMITS } from '../../contract/limits.ts';
import { isDone, isReady, notBefore } from '../decision.ts';
import { lookupOf, waitsUntil } from '../lookup/words.ts';
import type { StepRecord, WorkflowState } from '../state.ts';

/** Something of a workflow that is not done: since when, in milliseconds since 1970, and how long it may take. */
export interface Waiting {
  /** Left out where it is of no step. */
  readonly step?: string;
  readonly since: number;
  readonly boundMs: number;
}

/** How long it takes at most until the reconciler has looked again at what nothing else brings on. */
export const LOOK_MS = LIMITS.reconcileBackoffCap * 1_000;
/** Somebody is told after so long, even if a step may wait for longer. */
const MOST_MS = LIMITS.overdueMost * 1_000;

/**
 * What waits: each step that could have begun, after the steps before it or the start or resume; the end, where all steps are done; a
 * failure that nobody was told of. Nothing of a workflow that has ended.
 * @param chain undefined where this deployment does not know it: then whatever is processing waits since its start or resume
 */
export function waitingOf(chain: ChainDefinition | undefined, state: WorkflowState): readonly Waiting[] {
  const { meta, steps } = state;
  const whole = { since: meta.updatedAt, boundMs: LOOK_MS };
  if (meta.status === 'compensating') return [{ ...whole, boundMs: takingBackMs(chain) }];
  if (meta.notify === 'pending') return [whole];
  if (meta.status !== 'processing') return [];
  if (chain === undefined) return [whole];
  const doneAt = (name: string): number => steps.get(name)?.completedAt ?? 0;
  const ready = readySteps(chain, state);
  if (ready.length === 0) {
    return [{ ...whole, since: Math.max(meta.updatedAt, ...chain.steps.map(({ name }) => doneAt(name))) }];
  }
  return ready.map((step) => ({
    step: step.name,
    since: Math.max(meta.updatedAt, ...step.after.map(doneAt)),
    boundMs: boundOf(step, steps.get(step.name)) + lookupMs(step, state),
  }));
}

/** A compensation at its slowest: what runs ends, late effects come in, and one undo follows the other. */
const takingBackMs = (chain: ChainDefinition | undefined): number => {
  const seconds = (chain?.steps ?? []).map(
    (step) => step.timeout + step.lateBy + undoPatience(step) + lookupPatience(step),
  );
  return Math.min(MOST_MS, seconds.reduce((sum, one) => sum + one, 0) * 1_000 + LOOK_MS);
};

const readySteps = (chain: ChainDefinition, state: WorkflowState): readonly StepDefinition[] =>
  chain.steps.filter((step) => !isDone(state.steps.get(step.name)) && isReady(state, step));

/**
 * What asking may take where the step has failed, and is in doubt: a last call may act late, what is known before is asked again, and a target may say
 * for how long it is to be left alone.
 */
function lookupMs({ name, lookup, timeout, lateBy }: StepDefinition, state: WorkflowState): number {
  const record = state.steps.get(name);
  if (lookup === undefined || record?.status !== 'failed' || record.open === 0) return 0;
  const seconds = timeout + lateBy + patience(lookup);
  return Math.min(MOST_MS, seconds * 1_000 + askedMs(lookup, lookupOf(state, name)));
}

/** All that the definition allows the step, what its target asked for beyond that, and one look of the reconciler. */
const boundOf = (step: StepDefinition, record: StepRecord | undefined): number =>
  Math.min(MOST_MS, patience(step) * 1_000 + askedMs(step, record) + LOOK_MS);

/** How much longer than its own backoff a step has waited between attempts, and waits now: as long as its target asked for. */
function askedMs({ backoff }: Pick<StepDefinition, 'backoff'>, record: StepRecord | undefined): number {
  if (record === undefined) return 0;
  const { attempts, status, nextAttemptAt = 0, updatedAt } = record;
  const waits = attempts
    .slice(1)
    .map(({ startedAt }, at) => startedAt - (attempts[at]?.endedAt ?? startedAt));
  if (status === 'retrying') waits.push(nextAttemptAt - updatedAt);
  const most = LIMITS.retryAfter * (1 + LIMITS.askedJitter) * 1_000;
  return waits.reduce((sum, wait) => sum + Math.max(0, Math.min(wait, most) - backoff.cap * 1_000), 0);
}

/** How late something is: its age divided by its bound. From 1 on it is overdue. */
export const lateness = ({ since, boundMs }: Waiting, now: number): number =>
  Math.max(0, now - since) / boundMs;

/** What of a workflow is the latest, and how late. */
export function latest(
  waiting: readonly Waiting[],
  now: number,
): { readonly of: Waiting; readonly ratio: number } | undefined {
  const [first, ...others] = waiting.map((of) => ({ of, ratio: lateness(of, now) }));
  if (first === undefined) return undefined;
  return others.reduce((most, one) => (one.ratio > most.ratio ? one : most), first);
}

/**
 * Since when a step could begin that no function has taken: the age of its message in the queue, as the table knows it. Undefined if
 * there is none, or the chain is not known here.
 */
export function oldestUnclaimedSince(
  chain: ChainDefinition | undefined,
  state: WorkflowState,
): number | undefined {
  const { meta, steps } = state;
  if (meta.status !== 'processing' || chain === undefined) return undefined;
  const since = waitingOf(chain, state)
    .filter(({ step }) => step !== undefined && isUntaken(steps.get(step), meta.epoch))
    .map((one) => one.since);
  return since.length === 0 ? undefined : Math.min(...since);
}

const isUntaken = (record: StepRecord | undefined, epoch: number): boolean =>
  record === undefined || (record.status === 'failed' && record.epoch < epoch);

/**
 * When the reconciler looks at a workflow that needs nothing now, in milliseconds since 1970: when the attempts that can begin, are under
 * way or wait for their time should have succeeded.
 */
export function nextLook(chain: ChainDefinition, state: WorkflowState, now: number): number {
  const ends = readySteps(chain, state).map((step) => {
    const record = state.steps.get(step.name);
    const until = notBefore(record, now) ?? waitsUntil(state, step.name, now) ?? now;
    return record?.status === 'running' && until > now ? until : until + healthyAttempt(step) * 1_000;
  });
  return Math.min(now + LOOK_MS, ends.length === 0 ? Infinity : Math.max(...ends));
}
