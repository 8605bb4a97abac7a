import { ancestors } from '../chain/graph.ts';
import { LIMITS } from '../contract/limits.ts';
import type { StepMessage } from '../contract/wire.ts';
import { advance } from './advance.ts';
import { perform } from './call.ts';
import { type Claim, decideMessage, type MessageDecision, mustReload, type Place } from './decision.ts';
import { comeBackIn, type Handled, handling } from './delivery.ts';
import { completedRecord, type Failure, failedRecord } from './outcome.ts';
import type { Delivery } from './ports.ts';
import { type Engine, idsOf, messageFor, saveStep, toDeadLetters } from './shell.ts';
import type { StepRecord, WorkflowState } from './state.ts';

/** What a worker needs. */
export type WorkerEngine = Engine<'store' | 'queue' | 'http' | 'clock' | 'random' | 'targets' | 'telemetry'>;

/** A message on its way through the protocol. */
interface Job {
  readonly delivery: Delivery;
  readonly message: StepMessage;
  readonly remainingMs: () => number;
}

/**
 * Runs the step protocol for one received message (design, section 5). Never throws.
 * @param remainingMs milliseconds that the function may still run
 */
export const handleDelivery = (
  engine: WorkerEngine,
  delivery: Delivery,
  remainingMs: () => number,
): Promise<Handled> =>
  handling(engine, delivery, (message) => work(engine, { delivery, message, remainingMs }));

async function work(engine: WorkerEngine, job: Job): Promise<Handled> {
  const { clock, random, store } = engine.ports;
  const { message } = job;
  for (let tries = 0; tries < LIMITS.decisions; tries += 1) {
    // 1. Load.
    const state = await store.load(message);
    // 2. Decide.
    const chain = engine.chains.find(message.chain, message.version);
    const decision = decideMessage(chain, state, message, clock.now(), random.token());
    const handled = await carryOut(engine, job, decision);
    if (handled !== 'decideAgain') return handled;
  }
  return await comeBackIn(engine, job.delivery, 1);
}

/** `decideAgain`: the state is no longer what was decided from. */
async function carryOut(
  engine: WorkerEngine,
  job: Job,
  decision: MessageDecision,
): Promise<Handled | 'decideAgain'> {
  const { queue, telemetry } = engine.ports;
  const { delivery, message } = job;
  const ids = { ...idsOf(message), step: message.step };
  switch (decision.do) {
    case 'deadLetter':
      await queue.send([toDeadLetters(message)]);
      telemetry.emit({ ...ids, event: 'message_dead_lettered', because: decision.because });
      return 'acknowledge';
    case 'acknowledge':
      telemetry.emit({ ...ids, event: 'message_ignored', because: decision.because });
      return 'acknowledge';
    case 'advance':
      await advance(engine, decision.at.chain, decision.at.state, message.step);
      return 'acknowledge';
    case 'repeatDeadLetter':
      await queue.send([toDeadLetters(messageFor(decision.at.state.meta, message.step))]);
      return 'acknowledge';
    case 'hold':
      return await hold(engine, delivery, decision.until);
    case 'saveDeadWorker':
      if (!(await saveStep(engine.ports, decision.at.state, decision.record, decision.expected)))
        return 'decideAgain';
      return await stepFailed(engine, decision.at, decision.record);
    case 'claim':
      // 3. Claim. A failed condition: load again, decide again.
      if (!(await saveStep(engine.ports, decision.at.state, decision.claim.record, decision.claim.expected)))
        return 'decideAgain';
      return await attempt(engine, { ...job, at: decision.at, claim: decision.claim });
  }
}

/** A message whose step is claimed. */
interface Attempt extends Job {
  readonly at: Place;
  readonly claim: Claim;
}

/** 4. Call, and save what came of it. */
async function attempt(engine: WorkerEngine, job: Attempt): Promise<Handled> {
  const { chain, step, state } = job.at;
  const timeoutMs = step.timeout * 1_000;
  const deadlineMs = Math.min(timeoutMs, job.remainingMs() - LIMITS.saveReserveMs);
  if (deadlineMs < Math.min(LIMITS.leastCallMs, timeoutMs)) return await putBack(engine, job);

  const { workflowId, input } = state.meta;
  const idempotencyKey = `${workflowId}:${step.name}:${job.message.action}:${job.claim.record.round}`;
  engine.ports.telemetry.emit({ ...idsOfAttempt(job), event: 'attempt_started', idempotencyKey });
  const { sensitive } = chain;
  const context = { input, results: resultsOf(job.at) };
  const call = { step, context, sensitive, workflowId, idempotencyKey, deadlineMs };
  const result = await perform(engine.ports, call);
  return result.ok
    ? await succeeded(engine, job, result.result)
    : await notSucceeded(engine, job, result.failure);
}

/** The results that a step may see: those of the steps before it. */
function resultsOf({ chain, step, state }: Place): Readonly<Record<string, unknown>> {
  const before = ancestors(chain, step.name);
  return Object.fromEntries(
    [...state.steps.values()]
      .filter((record) => before.has(record.step) && record.status === 'completed')
      .map((record) => [record.step, record.result]),
  );
}

/** Undoes a claim without a call: the previous item again, on condition of my token. */
async function putBack(engine: WorkerEngine, job: Attempt): Promise<Handled> {
  await saveOutcome(engine, job, job.claim.before);
  engine.ports.telemetry.emit({ ...idsOfAttempt(job), event: 'claim_put_back' });
  return await comeBackIn(engine, job.delivery, 0);
}

/** 5. Success: save, advance, acknowledge last. */
async function succeeded(engine: WorkerEngine, job: Attempt, result: unknown): Promise<Handled> {
  const { ports } = engine;
  const { chain, step, state } = job.at;
  const now = ports.clock.now();
  const record = completedRecord(job.claim.record, result, now);
  if (!(await saveOutcome(engine, job, record))) return 'retry';
  const durationMs = now - job.claim.record.updatedAt;
  ports.telemetry.emit({ ...idsOfAttempt(job), event: 'step_completed', durationMs });
  const saved: WorkflowState = { meta: state.meta, steps: new Map(state.steps).set(step.name, record) };
  const latest = mustReload(chain, saved, step.name) ? await ports.store.load(state.meta) : saved;
  if (latest !== undefined) await advance(engine, chain, latest, step.name);
  return 'acknowledge';
}

/** 6. Failure: try again later, or give the step up. */
async function notSucceeded(engine: WorkerEngine, job: Attempt, failure: Failure): Promise<Handled> {
  const { clock, random, telemetry } = engine.ports;
  const now = clock.now();
  const { record, error } = failedRecord(job.claim.record, job.at.step, failure, now, random.fraction());
  if (!(await saveOutcome(engine, job, record))) return 'retry';
  if (record.nextAttemptAt === undefined) return await stepFailed(engine, job.at, record);
  const { nextAttemptAt } = record;
  const durationMs = now - job.claim.record.updatedAt;
  telemetry.emit({ ...idsOfAttempt(job), event: 'step_retrying', durationMs, nextAttemptAt, error });
  return await hold(engine, job.delivery, nextAttemptAt);
}

/** Writes what became of my attempt, on condition of my token. */
const saveOutcome = (engine: WorkerEngine, { at, claim }: Attempt, record: StepRecord): Promise<boolean> =>
  saveStep(engine.ports, at.state, record, { status: 'running', token: claim.record.token });

/** Sends the dead letter of a step that was saved as failed, with the epoch of the item. */
async function stepFailed(engine: WorkerEngine, { state }: Place, record: StepRecord): Promise<Handled> {
  const { step, epoch, attempt, error, attempts, updatedAt } = record;
  if (error !== undefined) {
    const durationMs = updatedAt - (attempts.at(-1)?.startedAt ?? updatedAt);
    const ids = { ...idsOf(state.meta), step, epoch, attempt };
    engine.ports.telemetry.emit({ ...ids, event: 'step_failed', durationMs, error });
  }
  await engine.ports.queue.send([toDeadLetters(messageFor(state.meta, step))]);
  return 'acknowledge';
}

const hold = ({ ports }: WorkerEngine, delivery: Delivery, until: number): Promise<Handled> =>
  comeBackIn({ ports }, delivery, (until - ports.clock.now()) / 1_000);

const idsOfAttempt = ({ at, claim }: Attempt) => {
  const { epoch, attempt } = claim.record;
  return { ...idsOf(at.state.meta), step: at.step.name, epoch, attempt };
};
