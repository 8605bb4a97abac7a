import { LIMITS } from '../contract/limits.ts';
import type { StepMessage } from '../contract/wire.ts';
import { advance, mustReload } from './advance.ts';
import { perform } from './calling/call.ts';
import { type Claim, decideMessage, type MessageDecision, type Place, type Saving } from './decision.ts';
import { comeBackIn, comeBackLater, type Handled, handling, isShort, leftToReconciler } from './delivery.ts';
import { EngineError } from './errors.ts';
import { askedFirst } from './lookup/decide.ts';
import { lookUp } from './lookup/look-up.ts';
import { completedRecord, type Failure, failedRecord, NOTHING_THERE } from './outcome.ts';
import type { Delivery } from './ports.ts';
import { ifNeeded } from './request/needed.ts';
import { build, keyOf, looking, type SeenBy } from './request/seen.ts';
import { sealedRecord } from './sensitive/results.ts';
import {
  added,
  definitionOf,
  type Engine,
  idsOf,
  loadState,
  messageFor,
  saveStep,
  toStep,
  toStepFailed,
} from './shell.ts';
import { type StepRecord, withRecord } from './state.ts';
import { decideUndo } from './undo/decide.ts';
import { isInDoubt } from './undo/doubt.ts';

/** What a worker needs. */
export type WorkerEngine = Engine<'store' | 'queue' | 'http' | 'clock' | 'random' | 'targets' | 'telemetry'>;

interface Progress {
  attempted: boolean;
  /** The epoch in which the step was saved as failed by this message, and its target is to be asked. */
  failedIn?: number;
}

/** A message on its way through the protocol. */
interface Job {
  readonly delivery: Delivery;
  readonly message: StepMessage;
  readonly remainingMs: () => number;
  readonly progress: Progress;
  /** The same for the request that is built and for its call: sealed results are opened once. */
  readonly seenBy: SeenBy;
}

/**
 * Runs the step protocol for one received message (docs/architecture.md, "The step protocol"). Never throws.
 * @param remainingMs milliseconds that the function may still run
 */
export const handleDelivery = (
  engine: WorkerEngine,
  delivery: Delivery,
  remainingMs: () => number,
): Promise<Handled> =>
  handling(engine, delivery, async (message) => {
    const progress: Progress = { attempted: false };
    try {
      return await work(engine, { delivery, message, remainingMs, progress, seenBy: looking() });
    } catch (error) {
      if (progress.attempted || !isTables(error) || delivery.receiveCount < LIMITS.receivesUnread)
        throw error;
      return leftToReconciler(engine, message, error);
    }
  });

const isTables = (error: unknown): boolean =>
  error instanceof EngineError && error.code === 'STORE_UNAVAILABLE';

async function work(engine: WorkerEngine, job: Job): Promise<Handled> {
  const { clock, random } = engine.ports;
  const { progress } = job;
  for (let tries = 0; tries < LIMITS.decisions; tries += 1) {
    // What I have saved as failed is of that epoch, whatever my message is of.
    const { failedIn = job.message.epoch } = progress;
    const message = { ...job.message, epoch: failedIn };
    // 1. Load.
    const state = await loadState(engine.ports, message);
    // 2. Decide.
    const chain = state && definitionOf(engine.chains, state.meta);
    const moment = {
      now: clock.now(),
      token: random.token(),
      remainingMs: job.remainingMs(),
      build: (at: Place, round: number) => build(at, round, job.seenBy),
    };
    // A message asks, META decides.
    const decision =
      state?.meta.status === 'compensating'
        ? decideUndo(chain, state, message, moment)
        : decideMessage(chain, state, message, moment);
    const first = ifNeeded(askedFirst(decision, moment), moment, job.seenBy);
    // Hidden, my own message would be worth nothing once it comes back.
    if (first.do === 'hold' && message.epoch > job.message.epoch) {
      await engine.ports.queue.send([toStep(message)]);
      return 'acknowledge';
    }
    const handled = await carryOut(engine, { ...job, message }, first);
    if (handled !== 'decideAgain') return handled;
  }
  return await comeBackIn(engine, job.delivery, 1_000);
}

const idsOfStep = (message: StepMessage) => ({ ...idsOf(message), step: message.step });

/** `decideAgain`: the state is no longer what was decided from. */
function carryOut(
  engine: WorkerEngine,
  job: Job,
  decision: MessageDecision,
): Promise<Handled | 'decideAgain'> {
  const { delivery, message } = job;
  switch (decision.do) {
    case 'deadLetter':
      return notServed(engine, message, decision.because);
    case 'awaitDeployment':
      return delivery.receiveCount < LIMITS.receivesUnknown
        ? comeBackLater(engine, delivery)
        : notServed(engine, message, decision.because);
    case 'acknowledge':
      // A resume came between: nobody else queues the step again.
      return job.progress.failedIn === undefined
        ? ignored(engine, message, decision.because)
        : sendDeadLetter(engine, message);
    case 'advance':
      return advanced(engine, decision.at);
    case 'repeatDeadLetter':
      return sendDeadLetter(engine, messageFor(decision.at.state.meta, message.step, message));
    case 'hold':
      return hold(engine, delivery, decision.until);
    case 'saveDeadWorker':
    case 'saveKeyExpired':
    case 'saveRequestChanged':
    case 'saveNotAsked':
      return gaveUp(engine, job, decision);
    case 'skip':
      return skipped(engine, decision);
    case 'lookUp':
      return isShort(job, decision.at.step.lookup ?? decision.at.step)
        ? comeBackIn(engine, delivery, 0)
        : lookUp(engine.ports, { ...job, ...decision });
    case 'settle':
      return settled(engine, decision);
    case 'claim':
      return isShort(job, decision.at.step)
        ? comeBackIn(engine, delivery, 0)
        : claimed(engine, { at: decision.at, claim: decision.claim, ...job });
  }
}

async function sendDeadLetter({ ports }: WorkerEngine, message: StepMessage): Promise<Handled> {
  await ports.queue.send([toStepFailed(message)]);
  return 'acknowledge';
}

async function notServed(engine: WorkerEngine, message: StepMessage, because: string): Promise<Handled> {
  const handled = await sendDeadLetter(engine, message);
  engine.ports.telemetry.emit({ ...idsOfStep(message), event: 'message_dead_lettered', because });
  return handled;
}

async function ignored({ ports }: WorkerEngine, message: StepMessage, because: string): Promise<Handled> {
  ports.telemetry.emit({ ...idsOfStep(message), event: 'message_ignored', because });
  return 'acknowledge';
}

async function advanced(engine: WorkerEngine, { chain, state, step }: Place): Promise<Handled> {
  await advance(engine, chain, state, step.name);
  return 'acknowledge';
}

/** Whether or not all of them were what was loaded: decided again. */
async function settled(
  { ports }: WorkerEngine,
  { at: { state }, records }: Extract<MessageDecision, { do: 'settle' }>,
): Promise<'decideAgain'> {
  await Promise.all(records.map(({ record, expected }) => saveStep(ports, state, record, expected)));
  return 'decideAgain';
}

/** A step that is not needed: one write, and on. */
async function skipped(
  engine: WorkerEngine,
  { at, record, expected }: Saving,
): Promise<Handled | 'decideAgain'> {
  const { ports } = engine;
  if (!(await saveStep(ports, at.state, record, expected))) return 'decideAgain';
  const { epoch, step } = record;
  ports.telemetry.emit({ ...idsOf(at.state.meta), event: 'step_skipped', step, epoch });
  await goOn(engine, at, record);
  return 'acknowledge';
}

async function gaveUp(
  engine: WorkerEngine,
  { progress }: Job,
  { at, record, expected }: Saving,
): Promise<Handled | 'decideAgain'> {
  const saved = await saveStep(engine.ports, at.state, record, expected);
  return saved ? await stepFailed(engine, progress, at, record) : 'decideAgain';
}

/** A message whose step is to be claimed, or is. */
interface Attempt extends Job {
  readonly at: Place;
  readonly claim: Claim;
}

/** 3. Claim. A failed condition: load again, decide again. */
async function claimed(engine: WorkerEngine, job: Attempt): Promise<Handled | 'decideAgain'> {
  const { at, claim } = job;
  const mine = await saveStep(engine.ports, at.state, claim.record, claim.expected);
  return mine ? await attempt(engine, job) : 'decideAgain';
}

/** 4. Call, and save what came of it. */
async function attempt(engine: WorkerEngine, job: Attempt): Promise<Handled | 'decideAgain'> {
  const { step, state } = job.at;
  const timeoutMs = step.timeout * 1_000;
  const { forgottenAt = Number.POSITIVE_INFINITY } = job.claim;
  const deadlineMs = Math.min(
    timeoutMs,
    job.remainingMs() - LIMITS.saveReserveMs,
    forgottenAt - engine.ports.clock.now(),
  );
  if (deadlineMs < Math.min(LIMITS.leastCallMs, timeoutMs)) return await putBack(engine, job);

  job.progress.attempted = true;
  const { workflowId } = state.meta;
  const { built, record } = job.claim;
  const key = keyOf(job.at, record.round);
  engine.ports.telemetry.emit(added(idsOfAttempt(job), { event: 'attempt_started', idempotencyKey: key }));
  // A kept connection may break under a call, which costs a step without retries its workflow; one that broke is not trusted again.
  const fresh = step.retries === 0 || job.claim.before.error?.code === 'CONNECTION_BROKEN';
  const { context, secrets } = job.seenBy(job.at);
  const call = { step, context, secrets, workflowId, idempotencyKey: key, built, deadlineMs, fresh };
  const result = await perform(engine.ports, call);
  if (result.ok) return await succeeded(engine, job, result.result);
  if (isNothingThere(job.at, result.failure)) return await succeeded(engine, job, null, false);
  return await notSucceeded(engine, job, result.failure);
}

/** Whether an undo is refused because its step, of which nobody knows whether it acted, did not. */
const isNothingThere = ({ action, state, step }: Place, { code, httpStatus }: Failure): boolean =>
  action === 'undo' &&
  code === 'REFUSED' &&
  NOTHING_THERE.includes(httpStatus) &&
  isInDoubt(state, step.name);

/**
 * Undoes a claim without a call: the previous item again, on condition of my token. It gets a token of its own: a try of the
 * claim's write that timed out may still be under way, and must not find the state that it was decided from once more.
 */
async function putBack(engine: WorkerEngine, job: Attempt): Promise<Handled> {
  await saveOutcome(engine, job, { ...job.claim.before, token: engine.ports.random.token() });
  engine.ports.telemetry.emit({ ...idsOfAttempt(job), event: 'claim_put_back' });
  return await comeBackIn(engine, job.delivery, 0);
}

/** 5. Success: save, advance, acknowledge last. @param found false for an undo that found nothing */
async function succeeded(
  engine: WorkerEngine,
  job: Attempt,
  result: unknown,
  found?: false,
): Promise<Handled> {
  const { ports } = engine;
  const { step, state } = job.at;
  const now = ports.clock.now();
  const saved = completedRecord(job.claim.record, job.at.action === 'undo' ? null : result, now);
  const completed = found === undefined ? saved : { ...saved, found };
  const record = sealedRecord(completed, step, state.meta, () => ports.random.token());
  if (!(await saveOutcome(engine, job, record))) return 'retry';
  const durationMs = now - job.claim.record.updatedAt;
  ports.telemetry.emit(added(idsOfAttempt(job), { event: 'step_completed', durationMs }));
  await goOn(engine, job.at, record);
  return 'acknowledge';
}

/** Advances from a record that was just saved. */
async function goOn(engine: WorkerEngine, { chain, step, state, action }: Place, record: StepRecord) {
  const known = withRecord(state, record);
  const reloads = action === 'undo' || mustReload(chain, known, step.name);
  const latest = reloads ? await loadState(engine.ports, state.meta) : known;
  if (latest !== undefined) await advance(engine, chain, latest, step.name);
}

/** 6. Failure: try again later, or give the step up. */
async function notSucceeded(
  engine: WorkerEngine,
  job: Attempt,
  failure: Failure,
): Promise<Handled | 'decideAgain'> {
  const { clock, queue, random, telemetry } = engine.ports;
  const now = clock.now();
  const draw = { fraction: random.fraction(), granularityMs: queue.granularityMs };
  const { record, error } = failedRecord(job.claim.record, job.at.step, failure, now, draw);
  if (!(await saveOutcome(engine, job, record))) return 'retry';
  if (record.nextAttemptAt === undefined) return await stepFailed(engine, job.progress, job.at, record);
  const { nextAttemptAt } = record;
  const durationMs = now - job.claim.record.updatedAt;
  telemetry.emit({ ...idsOfAttempt(job), event: 'step_retrying', durationMs, nextAttemptAt, error });
  return await hold(engine, job.delivery, nextAttemptAt);
}

/** Writes what became of my attempt, on condition of my token. */
const saveOutcome = (engine: WorkerEngine, { at, claim }: Attempt, record: StepRecord): Promise<boolean> =>
  saveStep(engine.ports, at.state, record, { status: 'running', token: claim.record.token });

/** Sends the dead letter of a step that was saved as failed, with the epoch of the item; unless its target is to be asked first. */
async function stepFailed(
  engine: WorkerEngine,
  progress: Progress,
  { state, step: { lookup }, action: kind }: Place,
  record: StepRecord,
): Promise<Handled | 'decideAgain'> {
  const { step, action, epoch, attempt, error, attempts, updatedAt } = record;
  if (error !== undefined) {
    const durationMs = updatedAt - (attempts.at(-1)?.startedAt ?? updatedAt);
    const ids = { ...idsOf(state.meta), step, epoch, attempt, ...(action === undefined ? {} : { action }) };
    engine.ports.telemetry.emit({ ...ids, event: 'step_failed', durationMs, error });
  }
  if (kind === 'do' && lookup !== undefined && record.open > 0) {
    progress.failedIn = epoch;
    return 'decideAgain';
  }
  return await sendDeadLetter(engine, messageFor(state.meta, step));
}

const hold = ({ ports }: WorkerEngine, delivery: Delivery, until: number): Promise<Handled> =>
  comeBackIn({ ports }, delivery, until - ports.clock.now());

const idsOfAttempt = ({ at, claim }: Attempt) => {
  const { tenant, workflowId, chain } = at.state.meta;
  const { step, action, epoch, attempt } = claim.record;
  const ids = { tenant, workflowId, chain, step, epoch, attempt };
  return action === undefined ? ids : { ...ids, action };
};
