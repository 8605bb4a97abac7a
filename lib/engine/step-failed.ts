import type { ChainDefinition } from '../chain/definition.ts';
import { findStep } from '../chain/graph.ts';
import { LIMITS } from '../contract/limits.ts';
import { type QueueName, queueSuffix } from '../contract/names.ts';
import type { StepMessage, WorkflowError } from '../contract/wire.ts';
import { advance } from './advance.ts';
import { attemptsInEpoch, isExpiring, notBefore } from './decision.ts';
import { type Handled, handling } from './delivery.ts';
import { EngineError, toldOf } from './errors.ts';
import type { Delivery, Pace } from './ports.ts';
import { safeUntilOf } from './retry.ts';
import {
  definitionOf,
  type Engine,
  idsOf,
  loadState,
  messageFor,
  saveMeta,
  type Trips,
  toStep,
  toStepFailed,
  type Undeployed,
  whyUndeployed,
} from './shell.ts';
import { iso, type StepRecord, type WorkflowMeta, type WorkflowState } from './state.ts';
import { untoldOf, wantedFor } from './telling/digest.ts';
import { closedUntil } from './telling/pace.ts';
import { loadPace, tell } from './telling/tell.ts';

/** What the step-failed handler needs. */
export type StepFailedEngine = Engine<'store' | 'queue' | 'clock' | 'random' | 'telemetry' | 'notifier'>;

/** What the step-failed handler does with a dead letter (docs/architecture.md, "The step-failed handler"). */
export type DeadLetterDecision =
  | { readonly do: 'acknowledge'; readonly because: string }
  | { readonly do: 'notify' }
  | { readonly do: 'advance' }
  | { readonly do: 'fail'; readonly error: WorkflowError }
  | { readonly do: 'queueAgain'; readonly trips: Trips };

/**
 * Rows from top to bottom; the first that fits decides.
 * @param definition of the workflow; or why this deployment has none
 */
export function decideDeadLetter(
  state: WorkflowState | undefined,
  message: StepMessage,
  now: number,
  definition?: ChainDefinition | Undeployed,
): DeadLetterDecision {
  if (state === undefined) return { do: 'acknowledge', because: 'there is no such workflow' };
  const { meta } = state;
  if (meta.chain !== message.chain || meta.version !== message.version) {
    return { do: 'acknowledge', because: `the workflow is of ${meta.chain} version ${meta.version}` };
  }
  if (meta.status !== 'processing') {
    if (meta.notify === 'pending') return { do: 'notify' };
    return { do: 'acknowledge', because: `the workflow is ${meta.status}` };
  }
  const record = state.steps.get(message.step);
  if (message.epoch < meta.epoch) {
    // A resume while the call was under way sent a message that waits for the lease: the step need not.
    const ended = record?.status === 'failed' && record.epoch < meta.epoch;
    if (ended) return { do: 'queueAgain', trips: { trip: 0 } };
    return { do: 'acknowledge', because: 'the dead letter is of an older epoch' };
  }
  if (record?.status === 'completed') return { do: 'advance' };
  if (record?.status === 'failed' && record.epoch === meta.epoch)
    return { do: 'fail', error: errorOf(record) };
  if (notBefore(record, now) !== undefined) {
    return { do: 'acknowledge', because: 'the step is under way; the reconciler watches it' };
  }
  if (isExpiring(meta, now)) return { do: 'fail', error: expired(meta, message.step, record) };
  // Trips count while nothing takes the message: a claim since the first of them shows that something does.
  const claimed = record === undefined ? 0 : attemptsInEpoch(state, record);
  if (claimed > (message.claimed ?? 0)) return { do: 'queueAgain', trips: { trip: 1, claimed } };
  if (message.trip >= LIMITS.trips) return { do: 'fail', error: notTaken(message, record, definition) };
  const { claimed: seen } = message;
  return {
    do: 'queueAgain',
    trips: { trip: message.trip + 1, ...(seen === undefined ? {} : { claimed: seen }) },
  };
}

function errorOf(record: StepRecord): WorkflowError {
  const error = record.error ?? {
    code: 'WORKER_DIED',
    message: 'the function ended without saving an error',
    effect: 'unknown',
  };
  return { ...error, step: record.step, attempts: record.attempt };
}

const expired = ({ expiresAt, epoch }: WorkflowMeta, step: string, record: StepRecord | undefined) =>
  givenUp(
    'EXPIRED',
    `the workflow is kept until ${iso(expiresAt)} only, and step "${step}" was not done a day before`,
    { step, epoch },
    record,
  );

function notTaken(
  message: StepMessage,
  record: StepRecord | undefined,
  definition: ChainDefinition | Undeployed | undefined,
): WorkflowError {
  const times = `the function of step "${message.step}" could not take the message, ${message.trip + 1} times in all`;
  if (definition === undefined) return givenUp('NOT_TAKEN', times, message, record);
  if ('next' in definition) {
    const { message: why, next } = definition;
    return { ...givenUp('NOT_TAKEN', `${times}: ${why}`, message, record), next };
  }
  const step = findStep(definition, message.step);
  const until = step && record ? safeUntilOf(step, record) : {};
  return { ...givenUp('NOT_TAKEN', times, message, record), ...until };
}

/**
 * The error of a step that did not fail by itself. Only META is written: a worker that loaded before may yet claim the step
 * and make its call. So nobody can say that nothing was done, though no attempt was claimed.
 */
const givenUp = (
  code: WorkflowError['code'],
  message: string,
  { step, epoch }: Pick<StepMessage, 'step' | 'epoch'>,
  record: StepRecord | undefined,
): WorkflowError => ({
  code,
  message,
  effect: 'unknown',
  step,
  attempts: record?.epoch === epoch ? record.attempt : 0,
});

/** Handles one dead letter. Never throws, and never writes a step. */
export const handleDeadLetter = (engine: StepFailedEngine, delivery: Delivery): Promise<Handled> =>
  handling(engine, delivery, async (message) => {
    await settle(engine, message);
    return 'acknowledge';
  });

async function settle(engine: StepFailedEngine, message: StepMessage): Promise<void> {
  const { ports } = engine;
  for (let tries = 0; tries < LIMITS.decisions; tries += 1) {
    const state = await loadState(ports, message);
    const chain = state && definitionOf(engine.chains, state.meta);
    const definition = chain ?? (state && whyUndeployed(engine.chains, state.meta));
    const decision = decideDeadLetter(state, message, ports.clock.now(), definition);
    ports.telemetry.emit({
      ...idsOf(message),
      event: 'dead_letter',
      step: message.step,
      trip: message.trip,
      did: decision.do === 'acknowledge' ? decision.because : decision.do,
    });
    // The decision has seen the state; this tells the compiler.
    if (decision.do === 'acknowledge' || state === undefined) return;
    if (decision.do === 'queueAgain') {
      await ports.queue.send([toStep(messageFor(state.meta, message.step, decision.trips))]);
      return;
    }
    if (decision.do === 'advance') {
      if (chain === undefined) {
        const { message: why, next } = whyUndeployed(engine.chains, state.meta);
        throw new EngineError('NEWER_VERSION', why, { next });
      }
      await advance(engine, chain, state, message.step);
      return;
    }
    // Before the write: a failure of a group that was told of just now is due when that may be told again.
    const pace = await loadPace(ports);
    const failed =
      decision.do === 'notify' ? state.meta : await fail(engine, state.meta, decision.error, pace);
    const untold = failed === undefined ? undefined : untoldOf(failed);
    if (untold === undefined) continue;
    const patienceMs = LIMITS.publishPatience * 1_000;
    await tell(engine, { failures: [untold], by: 'first', pace, patienceMs });
    // Told, or the reconciler tells of it together with others of its kind.
    return;
  }
  throw new Error(`META of ${message.workflowId} changed at every try`);
}

/** META to `failed`, to be told; undefined if META is no longer what it was decided from. */
async function fail(
  { ports }: StepFailedEngine,
  meta: WorkflowMeta,
  error: WorkflowError,
  pace: Pace,
): Promise<WorkflowMeta | undefined> {
  const now = ports.clock.now();
  const wait = LIMITS.reconcileInterval * 1_000;
  const failed = { ...meta, status: 'failed', error, notify: 'pending', updatedAt: now } as const;
  const untold = untoldOf(failed);
  const closed = untold && closedUntil(pace, wantedFor(untold, 'first'), now);
  const due: WorkflowMeta = { ...failed, dueAt: closed ?? now + wait, dueAfter: wait };
  if (!(await saveMeta(ports, due, { status: meta.status, epoch: meta.epoch }))) return undefined;
  ports.telemetry.emit({ ...idsOf(meta), event: 'workflow_failed', error });
  return due;
}

type EmptyingEngine = Engine<'queue' | 'telemetry'>;

/** Dead-letter queues that are read at the same time. */
const QUEUES_AT_ONCE = 10;

/**
 * Empties the queues to which SQS moves what was received too often: sends each message to the step-failed queue, and only then deletes
 * it. What is no message of its queue is parked. An empty queue costs one request, and of those that are not, each gives one batch in
 * turn. Never throws: a queue that cannot be read is told of, and the others are emptied.
 * @param goOn whether there is time for more; the rest waits for the next run
 */
export async function emptyDeadLetters(
  engine: EmptyingEngine,
  queues: readonly QueueName[],
  goOn: () => boolean,
): Promise<void> {
  for (let left = queues; left.length > 0; ) {
    const filled: QueueName[] = [];
    for (let first = 0; first < left.length; first += QUEUES_AT_ONCE) {
      if (!goOn()) return;
      const some = left.slice(first, first + QUEUES_AT_ONCE);
      const moved = await Promise.all(some.map((queue) => moveBatch(engine, queue)));
      filled.push(...some.filter((_, at) => moved[at]));
    }
    left = filled;
  }
}

/** @returns whether anything was moved: what could not be is left to the next run, as each receive of it counts */
async function moveBatch(engine: EmptyingEngine, queue: QueueName): Promise<boolean> {
  const { ports } = engine;
  try {
    const deliveries = await ports.queue.receive(queue, LIMITS.batchSize);
    const handled = await Promise.all(deliveries.map((delivery) => move(engine, delivery)));
    return handled.includes('acknowledge');
  } catch (error) {
    ports.telemetry.emit({ event: 'unexpected_error', where: queueSuffix(queue), ...toldOf(error) });
    return false;
  }
}

async function move(engine: EmptyingEngine, delivery: Delivery): Promise<Handled> {
  const { queue } = engine.ports;
  const handled = await handling(engine, delivery, async (message) => {
    await queue.send([toStepFailed(message)]);
    return 'acknowledge';
  });
  if (handled === 'acknowledge') await queue.acknowledge(delivery.queue, delivery.receiptHandle);
  return handled;
}
