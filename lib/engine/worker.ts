import { ancestors } from '../chain/graph.ts';
import { LIMITS } from '../contract/limits.ts';
import { idempotencyKey, queueSuffix, stepQueue } from '../contract/names.ts';
import type { StepMessage } from '../contract/wire.ts';
import { advance } from './advance.ts';
import { perform } from './calling/call.ts';
import type { Call } from './calling/types.ts';
import {
  attemptsInEpoch,
  type Claim,
  decideMessage,
  type MessageDecision,
  mustReload,
  type Place,
} from './decision.ts';
import { comeBackIn, comeBackLater, type Handled, handling, readMessage } from './delivery.ts';
import { EngineError, toldOf } from './errors.ts';
import { secretsOf } from './mask.ts';
import { completedRecord, type Failure, failedRecord } from './outcome.ts';
import type { Delivery } from './ports.ts';
import { type Built, buildRequest } from './request/build.ts';
import { frozen } from './sensitive/frozen.ts';
import { resultOf, sealedRecord, secretsIn } from './sensitive/results.ts';
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
import type { StepRecord, WorkflowState } from './state.ts';

/** What a worker needs. */
export type WorkerEngine = Engine<'store' | 'queue' | 'http' | 'clock' | 'random' | 'targets' | 'telemetry'>;

/** A message on its way through the protocol. */
interface Job {
  readonly delivery: Delivery;
  readonly message: StepMessage;
  readonly remainingMs: () => number;
  readonly progress: { attempted: boolean };
  /** The same for the request that is built and for its call: sealed results are opened once. */
  readonly seenBy: (at: Place) => Seen;
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
  const record = message && state?.steps.get(message.step);
  if (state === undefined) return 0;
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
    const decision = decideMessage(chain, state, message, {
      now: clock.now(),
      token: random.token(),
      remainingMs: job.remainingMs(),
      build: (at, round) => build(at, round, job.seenBy),
    });
    const handled = await carryOut(engine, job, decision);
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
      return gaveUp(engine, decision);
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

async function gaveUp(
  engine: WorkerEngine,
  {
    at,
    record,
    expected,
  }: Extract<MessageDecision, { do: 'saveDeadWorker' | 'saveKeyExpired' | 'saveRequestChanged' }>,
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
  return result.ok
    ? await succeeded(engine, job, result.result)
    : await notSucceeded(engine, job, result.failure);
}

const keyOf = ({ state, step }: Place, round: number): string =>
  idempotencyKey({ workflowId: state.meta.workflowId, step: step.name, action: 'do', round });

/** What a `request` step would send in a round. */
function build(at: Place, round: number, seenBy: Job['seenBy']): Built | undefined {
  const { step, state } = at;
  if (step.request === undefined) return undefined;
  const { requestKey } = state.meta;
  return buildRequest({ step, ...seenBy(at), idempotencyKey: keyOf(at, round), requestKey });
}

type Seen = Pick<Call, 'context' | 'secrets'>;

/** Looks once at a place. */
function looking(): Job['seenBy'] {
  let last: { readonly at: Place; readonly seen: Seen } | undefined;
  return (at) => {
    if (last?.at !== at) last = { at, seen: lookAt(at) };
    return last.seen;
  };
}

/** What a step may see, which its code cannot change: the input and the results of the steps before it. And what of that nobody else may. */
function lookAt({ chain, step, state: { meta, steps } }: Place): Seen {
  const before = ancestors(chain, step.name);
  const results: Record<string, unknown> = {};
  for (const { name } of before.size === 0 ? [] : chain.steps) {
    const record = before.has(name) ? steps.get(name) : undefined;
    if (record?.status === 'completed') results[name] = resultOf(record, meta);
  }
  const secrets = (): readonly string[] => [
    ...secretsOf(meta.input, chain.sensitive),
    ...chain.steps.flatMap((one) => secretsIn(results[one.name], one)),
  ];
  return { context: frozen({ input: meta.input, results }), secrets };
}

/**
 * Undoes a claim without a call: the previous item again, on condition of my token. It gets a token of its own: a try of the
 * claim's write that timed out may still be under way, and must not find the state that it was decided from once more.
 */
async function putBack(engine: WorkerEngine, job: Attempt): Promise<Handled> {
  await saveOutcome(engine, job, { ...job.claim.before, token: engine.ports.random.token() });
  engine.ports.telemetry.emit({ ...idsOfAttempt(job), event: 'claim_put_back' });
  return await comeBackIn(engine, job.delivery, 0);
}

/** 5. Success: save, advance, acknowledge last. */
async function succeeded(engine: WorkerEngine, job: Attempt, result: unknown): Promise<Handled> {
  const { ports } = engine;
  const { chain, step, state } = job.at;
  const now = ports.clock.now();
  const completed = completedRecord(job.claim.record, result, now);
  const record = sealedRecord(completed, step, state.meta, () => ports.random.token());
  if (!(await saveOutcome(engine, job, record))) return 'retry';
  const durationMs = now - job.claim.record.updatedAt;
  ports.telemetry.emit(added(idsOfAttempt(job), { event: 'step_completed', durationMs }));
  const saved: WorkflowState = { meta: state.meta, steps: new Map(state.steps).set(step.name, record) };
  const latest = mustReload(chain, saved, step.name) ? await loadState(ports, state.meta) : saved;
  if (latest !== undefined) await advance(engine, chain, latest, step.name);
  return 'acknowledge';
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
  const { step, epoch, attempt, error, attempts, updatedAt } = record;
  if (error !== undefined) {
    const durationMs = updatedAt - (attempts.at(-1)?.startedAt ?? updatedAt);
    const ids = { ...idsOf(state.meta), step, epoch, attempt };
    engine.ports.telemetry.emit({ ...ids, event: 'step_failed', durationMs, error });
  }
  return await sendDeadLetter(engine, messageFor(state.meta, step));
}

const hold = ({ ports }: WorkerEngine, delivery: Delivery, until: number): Promise<Handled> =>
  comeBackIn({ ports }, delivery, until - ports.clock.now());

const idsOfAttempt = ({ at, claim }: Attempt) => {
  const { tenant, workflowId, chain } = at.state.meta;
  const { step, epoch, attempt } = claim.record;
  return { tenant, workflowId, chain, step, epoch, attempt };
};
