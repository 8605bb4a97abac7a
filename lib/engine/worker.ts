import { LIMITS } from '../contract/limits.ts';
import { queueSuffix, stepQueue } from '../contract/names.ts';
import type { StepMessage } from '../contract/wire.ts';
import { advance, mustReload } from './advance.ts';
import { perform } from './calling/call.ts';
import { attemptsInEpoch, type Claim, decideMessage, type MessageDecision, type Place } from './decision.ts';
import { comeBackIn, comeBackLater, type Handled, handling, readMessage } from './delivery.ts';
import { EngineError, toldOf } from './errors.ts';
import { completedRecord, type Failure, failedRecord } from './outcome.ts';
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
  toStepFailed,
} from './shell.ts';
import { recordsOf, type StepRecord, withRecord } from './state.ts';
import { decideUndo } from './undo/decide.ts';
import { isInDoubt } from './undo/words.ts';

/** What a worker needs. */
export type WorkerEngine = Engine<'store' | 'queue' | 'http' | 'clock' | 'random' | 'targets' | 'telemetry'>;

/** A message on its way through the protocol. */
interface Job {
  readonly delivery: Delivery;
  readonly message: StepMessage;
  readonly remainingMs: () => number;
  readonly progress: { attempted: boolean };
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
    const progress = { attempted: false };
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

/**
 * A message that the table kept from being handled must not become a dead letter: after three of them the step would be given up as
 * one whose function takes nothing. The step is in the table, and the reconciler sends its message once the table is well.
 */
function leftToReconciler(engine: WorkerEngine, message: StepMessage, error: unknown): Promise<Handled> {
  const { chain, step } = message;
  const where = queueSuffix(stepQueue({ chain, step }));
  engine.ports.telemetry.emit({ ...idsOfStep(message), event: 'unexpected_error', where, ...toldOf(error) });
  return ignored(engine, message, 'the table does not answer; the reconciler sends it again');
}

/**
 * How many attempts at a message's step ended without an outcome, the last one so too: its function died. 1 for one that came back before any
 * attempt: it may have died as its request was built. 0 for a message that is received for the first time, for which nothing is loaded.
 * Errors: those of the table.
 */
export async function deathsOf({ ports }: WorkerEngine, delivery: Delivery): Promise<number> {
  const message = delivery.receiveCount > 1 ? readMessage(delivery) : undefined;
  const state = message && (await loadState(ports, message));
  if (message === undefined || state === undefined) return 0;
  const action = state.meta.status === 'compensating' ? 'undo' : 'do';
  const record = recordsOf(state, action).get(message.step);
  // It was held until nothing of its step could come late.
  if (action === 'undo' && record === undefined && isInDoubt(state, message.step)) return 0;
  if (record === undefined || record.epoch < state.meta.epoch) return 1;
  return record.status === 'running' ? attemptsInEpoch(state, record) : 0;
}

async function work(engine: WorkerEngine, job: Job): Promise<Handled> {
  const { clock, random } = engine.ports;
  const { message } = job;
  for (let tries = 0; tries < LIMITS.decisions; tries += 1) {
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
    const handled = await carryOut(engine, job, ifNeeded(decision, moment, job.seenBy));
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
      return ignored(engine, message, decision.because);
    case 'advance':
      return advanced(engine, decision.at);
    case 'repeatDeadLetter':
      return sendDeadLetter(engine, messageFor(decision.at.state.meta, message.step));
    case 'hold':
      return hold(engine, delivery, decision.until);
    case 'saveDeadWorker':
    case 'saveKeyExpired':
    case 'saveRequestChanged':
    case 'saveNotAsked':
      return gaveUp(engine, decision);
    case 'skip':
      return skipped(engine, decision);
    case 'close':
      return closedAll(engine, decision);
    case 'claim':
      return claimed(engine, { at: decision.at, claim: decision.claim, ...job });
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
async function closedAll(
  { ports }: WorkerEngine,
  { at, records }: Extract<MessageDecision, { do: 'close' }>,
): Promise<'decideAgain'> {
  await Promise.all(records.map(({ record, expected }) => saveStep(ports, at.state, record, expected)));
  return 'decideAgain';
}

type GivenUp = Extract<MessageDecision, { record: StepRecord }>;

/** A step that is not needed: one write, and on. */
async function skipped(
  engine: WorkerEngine,
  { at, record, expected }: GivenUp,
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
  { at, record, expected }: GivenUp,
): Promise<Handled | 'decideAgain'> {
  const saved = await saveStep(engine.ports, at.state, record, expected);
  return saved ? await stepFailed(engine, at, record) : 'decideAgain';
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
async function attempt(engine: WorkerEngine, job: Attempt): Promise<Handled> {
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

/** Statuses by which a target says that there is nothing, or nothing any more. */
const NOTHING_THERE: readonly (number | undefined)[] = [404, 410];

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
async function notSucceeded(engine: WorkerEngine, job: Attempt, failure: Failure): Promise<Handled> {
  const { clock, queue, random, telemetry } = engine.ports;
  const now = clock.now();
  const draw = { fraction: random.fraction(), granularityMs: queue.granularityMs };
  const { record, error } = failedRecord(job.claim.record, job.at.step, failure, now, draw);
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
  const { step, action, epoch, attempt, error, attempts, updatedAt } = record;
  if (error !== undefined) {
    const durationMs = updatedAt - (attempts.at(-1)?.startedAt ?? updatedAt);
    const ids = { ...idsOf(state.meta), step, epoch, attempt, ...(action === undefined ? {} : { action }) };
    engine.ports.telemetry.emit({ ...ids, event: 'step_failed', durationMs, error });
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
