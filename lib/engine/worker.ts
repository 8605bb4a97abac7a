import type { ChainDefinition, StepDefinition } from '../chain/definition.ts';
import { ancestors, findStep } from '../chain/graph.ts';
import { LIMITS } from '../contract/limits.ts';
import { type StepMessage, stepMessage } from '../contract/wire.ts';
import { messageOf, perform } from './call.ts';
import { type Claim, decideAdvance, decideMessage, mustReload } from './decision.ts';
import { completedRecord, type Failure, failedRecord } from './outcome.ts';
import type { Delivery } from './ports.ts';
import {
  type Engine,
  erase,
  idsOf,
  messageFor,
  saveMeta,
  saveStep,
  toDeadLetters,
  toStep,
  undue,
} from './shell.ts';
import type { StepRecord, WorkflowState } from './state.ts';

/** What becomes of a message: deleted, or back in its queue once its visibility ends. */
export type Handled = 'acknowledge' | 'retry';

/**
 * Runs the step protocol for one received message (design, section 5). Never throws.
 * @param remainingMs milliseconds that the function may still run
 */
export async function handleDelivery(
  engine: Engine,
  delivery: Delivery,
  remainingMs: () => number,
): Promise<Handled> {
  try {
    const message = readMessage(delivery);
    if (message === undefined) return await park(engine, delivery);
    return await work(engine, delivery, message, remainingMs);
  } catch (error) {
    return await tryLater(engine, delivery, error);
  }
}

/** The message in a delivery; undefined if it cannot be read or belongs to another queue. */
export function readMessage(delivery: Delivery): StepMessage | undefined {
  let body: unknown;
  try {
    body = JSON.parse(delivery.body);
  } catch {
    return undefined;
  }
  const { success, data } = stepMessage.safeParse(body);
  const { queue } = delivery;
  const fits = success && queue.kind !== 'parking' && data.chain === queue.chain && data.step === queue.step;
  return fits ? data : undefined;
}

/** A message that nobody can read goes to the parking queue alone. */
export async function park({ ports }: Engine, delivery: Delivery): Promise<Handled> {
  await ports.queue.park(delivery.body);
  const { queue } = delivery;
  ports.telemetry.emit({
    event: 'message_parked',
    queue: queue.kind === 'parking' ? 'parking' : `${queue.chain}_${queue.step}`,
    reason: 'the body is not a message of this queue',
  });
  return 'acknowledge';
}

/** Something outside failed. The message comes back sooner than its visibility timeout would let it, and later each time. */
export async function tryLater({ ports }: Engine, delivery: Delivery, error: unknown): Promise<Handled> {
  const { queue } = delivery;
  ports.telemetry.emit({
    event: 'unexpected_error',
    where: queue.kind === 'parking' ? 'parking' : `${queue.chain}_${queue.step}`,
    message: messageOf(error),
  });
  const seconds = Math.min(LIMITS.backoffCap, 2 ** Math.min(delivery.receiveCount, 10));
  await ports.queue.setVisibility(delivery, seconds).catch(() => undefined);
  return 'retry';
}

async function work(
  engine: Engine,
  delivery: Delivery,
  message: StepMessage,
  remainingMs: () => number,
): Promise<Handled> {
  const { ports } = engine;
  const { clock, queue, random, store, telemetry } = ports;
  for (let tries = 0; tries < LIMITS.decisions; tries += 1) {
    // 1. Load.
    const state = await store.load(message);
    const chain = engine.chains.find(message.chain, message.version);
    // 2. Decide.
    const decision = decideMessage(chain, state, message, clock.now(), random.token());
    if (decision.do === 'deadLetter') {
      await queue.send([toDeadLetters(message)]);
      telemetry.emit({
        ...idsOf(message),
        step: message.step,
        event: 'message_dead_lettered',
        because: decision.because,
      });
      return 'acknowledge';
    }
    if (decision.do === 'acknowledge') {
      telemetry.emit({
        ...idsOf(message),
        step: message.step,
        event: 'message_ignored',
        because: decision.because,
      });
      return 'acknowledge';
    }
    if (decision.do === 'hold') {
      await hide(engine, delivery, decision.until);
      return 'retry';
    }
    const step = chain && findStep(chain, message.step);
    // The decision has seen all three; this tells the compiler.
    if (state === undefined || chain === undefined || step === undefined) return 'retry';
    if (decision.do === 'advance') {
      await advance(engine, chain, state, message.step);
      return 'acknowledge';
    }
    if (decision.do === 'repeatDeadLetter') {
      await queue.send([toDeadLetters(messageFor(state.meta, step.name))]);
      return 'acknowledge';
    }
    if (decision.do === 'saveDeadWorker') {
      if (!(await saveStep(ports, state, decision.record, decision.expected))) continue;
      return await stepFailed(engine, state, decision.record);
    }
    // 3. Claim. A failed condition: load again, decide again.
    if (!(await saveStep(ports, state, decision.claim.record, decision.claim.expected))) continue;
    return await attempt(engine, { chain, step, state, claim: decision.claim, delivery, remainingMs });
  }
  await hide(engine, delivery, clock.now() + 1_000);
  return 'retry';
}

interface Attempt {
  readonly chain: ChainDefinition;
  readonly step: StepDefinition;
  readonly state: WorkflowState;
  readonly claim: Claim;
  readonly delivery: Delivery;
  readonly remainingMs: () => number;
}

/** 4. Call, and save what came of it. */
async function attempt(engine: Engine, job: Attempt): Promise<Handled> {
  const { ports } = engine;
  const { chain, step, state, claim } = job;
  const timeoutMs = step.timeout * 1_000;
  const deadlineMs = Math.min(timeoutMs, job.remainingMs() - LIMITS.saveReserveMs);
  if (deadlineMs < Math.min(LIMITS.leastCallMs, timeoutMs)) return await putBack(engine, job);

  const { record } = claim;
  const { workflowId } = state.meta;
  const idempotencyKey = `${workflowId}:${step.name}:do:${record.round}`;
  const ids = { ...idsOf(state.meta), step: step.name, epoch: record.epoch, attempt: record.attempt };
  ports.telemetry.emit({ ...ids, event: 'attempt_started', idempotencyKey });
  const result = await perform(ports, {
    step,
    context: { input: state.meta.input, results: resultsOf(chain, state, step) },
    sensitive: chain.sensitive,
    workflowId,
    idempotencyKey,
    deadlineMs,
  });
  return result.ok
    ? await succeeded(engine, job, result.result)
    : await notSucceeded(engine, job, result.failure);
}

/** Undoes a claim without a call: the previous item again, on condition of my token. */
async function putBack(engine: Engine, { state, step, claim, delivery }: Attempt): Promise<Handled> {
  const { ports } = engine;
  await saveStep(ports, state, claim.before, { status: 'running', token: claim.record.token });
  ports.telemetry.emit({ ...idsOf(state.meta), step: step.name, event: 'claim_put_back' });
  await hide(engine, delivery, ports.clock.now());
  return 'retry';
}

/** 5. Success: save, advance, acknowledge last. */
async function succeeded(engine: Engine, job: Attempt, result: unknown): Promise<Handled> {
  const { ports } = engine;
  const { chain, step, state, claim } = job;
  const now = ports.clock.now();
  const record = completedRecord(claim.record, result, now);
  if (!(await saveStep(ports, state, record, { status: 'running', token: record.token }))) return 'retry';
  ports.telemetry.emit({
    ...idsOf(state.meta),
    event: 'step_completed',
    step: step.name,
    epoch: record.epoch,
    attempt: record.attempt,
    durationMs: now - claim.record.updatedAt,
  });
  const saved: WorkflowState = { meta: state.meta, steps: new Map(state.steps).set(step.name, record) };
  const latest = mustReload(chain, saved, step.name) ? await ports.store.load(state.meta) : saved;
  if (latest !== undefined) await advance(engine, chain, latest, step.name);
  return 'acknowledge';
}

/** Queues what follows a completed step, or completes the workflow. */
export async function advance(
  engine: Engine,
  chain: ChainDefinition,
  state: WorkflowState,
  step: string,
): Promise<void> {
  const { ports } = engine;
  let latest: WorkflowState | undefined = state;
  for (let tries = 0; latest !== undefined && tries < LIMITS.decisions; tries += 1) {
    const { meta } = latest;
    const next = decideAdvance(chain, latest, step);
    if (next.queue.length > 0) {
      await ports.queue.send(next.queue.map(({ name }) => toStep(messageFor(meta, name))));
    }
    if (!next.complete) return;
    const now = ports.clock.now();
    const completed = {
      ...undue(erase(meta, chain.sensitive)),
      status: 'completed',
      updatedAt: now,
    } as const;
    if (await saveMeta(ports, completed, { status: meta.status, epoch: meta.epoch })) {
      ports.telemetry.emit({ ...idsOf(meta), event: 'workflow_completed', durationMs: now - meta.createdAt });
      return;
    }
    latest = await ports.store.load(meta);
  }
  if (latest !== undefined)
    throw new Error(`META of ${state.meta.workflowId} changed at every try to complete it`);
}

/** 6. Failure: try again later, or give the step up. */
async function notSucceeded(engine: Engine, job: Attempt, failure: Failure): Promise<Handled> {
  const { ports } = engine;
  const { step, state, claim, delivery } = job;
  const now = ports.clock.now();
  const record = failedRecord(claim.record, step, failure, now, ports.random.fraction());
  if (!(await saveStep(ports, state, record, { status: 'running', token: record.token }))) return 'retry';
  if (record.status === 'failed') return await stepFailed(engine, state, record);
  const { nextAttemptAt, error } = record;
  if (nextAttemptAt === undefined || error === undefined) return 'retry';
  ports.telemetry.emit({
    ...idsOf(state.meta),
    event: 'step_retrying',
    step: step.name,
    epoch: record.epoch,
    attempt: record.attempt,
    durationMs: now - claim.record.updatedAt,
    nextAttemptAt,
    error,
  });
  await hide(engine, delivery, nextAttemptAt);
  return 'retry';
}

/** Sends the dead letter of a step that was saved as failed, with the epoch of the item. */
async function stepFailed(engine: Engine, { meta }: WorkflowState, record: StepRecord): Promise<Handled> {
  const { error } = record;
  const begun = record.attempts.at(-1)?.startedAt ?? record.updatedAt;
  if (error !== undefined) {
    engine.ports.telemetry.emit({
      ...idsOf(meta),
      event: 'step_failed',
      step: record.step,
      epoch: record.epoch,
      attempt: record.attempt,
      durationMs: record.updatedAt - begun,
      error,
    });
  }
  await engine.ports.queue.send([toDeadLetters(messageFor(meta, record.step))]);
  return 'acknowledge';
}

/** Hides a message until `until`. The table has the due time: if this fails the message merely comes back at another time. */
async function hide({ ports }: Engine, delivery: Delivery, until: number): Promise<void> {
  const seconds = Math.ceil(Math.max(0, until - ports.clock.now()) / 1_000);
  await ports.queue.setVisibility(delivery, Math.min(seconds, LIMITS.visibility)).catch(() => undefined);
}

/** The results that a step may see: those of the steps before it. */
function resultsOf(
  chain: ChainDefinition,
  state: WorkflowState,
  step: StepDefinition,
): Readonly<Record<string, unknown>> {
  const before = ancestors(chain, step.name);
  return Object.fromEntries(
    [...state.steps.values()]
      .filter((record) => before.has(record.step) && record.status === 'completed')
      .map((record) => [record.step, record.result]),
  );
}
