import { LIMITS } from '../../contract/limits.ts';
import { request } from '../calling/call.ts';
import { type CallPorts, type Failed, failed } from '../calling/types.ts';
import type { Saving } from '../decision.ts';
import { ended, stepErrorOf } from '../outcome.ts';
import type { Ports } from '../ports.ts';
import type { SeenBy } from '../request/seen.ts';
import { nextAttemptAt } from '../retry.ts';
import { sealedRecord } from '../sensitive/results.ts';
import { idsOf, saveStep } from '../shell.ts';
import type { StepRecord } from '../state.ts';
import { lateUntil } from '../undo/doubt.ts';
import { type Found, judgeFor } from './judge.ts';
import { buildLookup, callIdOf, lookingUp } from './looking-up.ts';

type LookupPorts = CallPorts & Pick<Ports, 'store' | 'queue' | 'telemetry'>;

/** A claim of a lookup that was decided, and what its worker has. */
interface Asked extends Saving {
  readonly remainingMs: () => number;
  readonly seenBy: SeenBy;
  readonly progress: { attempted: boolean };
}

/**
 * Claims a lookup, asks, and saves what came of it on the claim's token. Whether or not the claim still stood: whoever called loads again, and decides
 * from what is there.
 */
export async function lookUp(ports: LookupPorts, asked: Asked): Promise<'decideAgain'> {
  const { at, record: claimed, expected, progress } = asked;
  const { state, step } = at;
  if (!(await saveStep(ports, state, claimed, expected))) return 'decideAgain';
  progress.attempted = true;
  const { epoch, attempt, round, token } = claimed;
  const ids = { ...idsOf(state.meta), step: step.name, action: 'lookup', epoch, attempt } as const;
  const idempotencyKey = callIdOf(at, round);
  ports.telemetry.emit({ ...ids, event: 'attempt_started', idempotencyKey });
  // What is asked before the last call must have ended says nothing of it but that it acted.
  const early = lateUntil(state, step, ports.clock.now());
  const came = await ask(ports, asked);
  const now = ports.clock.now();
  const durationMs = now - claimed.updatedAt;
  const record = recordOf(ports, asked, came, early, now);
  const mine = { status: 'running', token } as const;
  if (!(await saveStep(ports, state, record, mine))) return 'decideAgain';
  const { error, nextAttemptAt: again } = record;
  const due = again === undefined ? {} : { nextAttemptAt: again };
  if (came.ok) {
    ports.telemetry.emit({ ...ids, event: 'lookup_answered', answer: came.answer, durationMs, ...due });
  } else if (error !== undefined && again !== undefined) {
    ports.telemetry.emit({ ...ids, event: 'step_retrying', durationMs, nextAttemptAt: again, error });
  } else if (error !== undefined) {
    ports.telemetry.emit({ ...ids, event: 'step_failed', durationMs, error });
  }
  return 'decideAgain';
}

async function ask(ports: LookupPorts, { at, record, remainingMs, seenBy }: Asked): Promise<Found | Failed> {
  const { state, step } = at;
  const looking = lookingUp(step) ?? step;
  const built = buildLookup(at, record.round, seenBy);
  if ('failure' in built) return failed(built.failure);
  const { context, secrets } = seenBy({ ...at, action: 'lookup' });
  const deadlineMs = Math.max(0, Math.min(looking.timeout * 1_000, remainingMs() - LIMITS.saveReserveMs));
  const { workflowId } = state.meta;
  const call = { step: looking, context, secrets, workflowId, idempotencyKey: built.id, built, deadlineMs };
  return await request(ports, { ...call, fresh: true }, built, judgeFor(step));
}

function recordOf(
  { queue, random }: LookupPorts,
  { at, record: claimed }: Asked,
  came: Found | Failed,
  early: number | undefined,
  now: number,
): StepRecord {
  const { state, step } = at;
  const { leaseUntil: _, ...kept } = claimed;
  if (!came.ok) {
    const draw = { fraction: random.fraction(), granularityMs: queue.granularityMs };
    const { backoff, retries } = lookingUp(step) ?? step;
    const { attempt } = claimed;
    const again = came.failure.retriable && attempt <= retries;
    // It never acts.
    const error = stepErrorOf(came.failure, 0);
    const attempts = ended(claimed, again ? 'retrying' : 'failed', now, error);
    const missed = { ...kept, updatedAt: now, error, attempts };
    if (!again) return { ...missed, status: 'failed' };
    const due = nextAttemptAt(backoff, attempt, came.failure.headers ?? {}, now, draw);
    return { ...missed, status: 'retrying', nextAttemptAt: due };
  }
  const { answer, result } = came;
  // No attempt is used up: the target has answered, too early.
  if (answer === 'notDone' && early !== undefined) {
    const attempts = ended(claimed, 'retrying', now);
    const waiting = { nextAttemptAt: Math.max(early, now), attempt: claimed.attempt - 1 };
    return { ...kept, ...waiting, status: 'retrying', updatedAt: now, attempts };
  }
  const answered: StepRecord = {
    ...kept,
    status: 'completed',
    answer,
    ...(answer === 'done' ? { result } : {}),
    completedAt: now,
    updatedAt: now,
    attempts: ended(claimed, 'completed', now),
  };
  return sealedRecord(answered, step, state.meta, () => random.token());
}
