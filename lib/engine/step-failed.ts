import type { ChainDefinition } from '../chain/definition.ts';
import { findStep } from '../chain/graph.ts';
import { LIMITS } from '../contract/limits.ts';
import { type QueueName, queueSuffix } from '../contract/names.ts';
import type { StepMessage, WorkflowError } from '../contract/wire.ts';
import { advance } from './advance.ts';
import { againOr, type DeadLetterDecision, errorOf, expired, notTaken } from './dead-letter.ts';
import { isDone, isExpiring, notBefore } from './decision.ts';
import { type Handled, handling } from './delivery.ts';
import { EngineError, toldOf } from './errors.ts';
import { askingOf, lookupOf } from './lookup/words.ts';
import type { Delivery, Pace } from './ports.ts';
import {
  definitionOf,
  type Engine,
  idsOf,
  loadState,
  messageFor,
  saveMeta,
  toStep,
  toStepFailed,
  type Undeployed,
  whyUndeployed,
} from './shell.ts';
import type { WorkflowMeta, WorkflowState } from './state.ts';
import { untoldOf, wantedFor } from './telling/digest.ts';
import { closedUntil } from './telling/pace.ts';
import { loadPace, tell } from './telling/tell.ts';
import { advanceUndo } from './undo/advance.ts';
import { decideUndoDeadLetter } from './undo/dead-letter.ts';
import { isTakenBack } from './undo/turn.ts';

/** What the step-failed handler needs. */
export type StepFailedEngine = Engine<'store' | 'queue' | 'clock' | 'random' | 'telemetry' | 'notifier'>;

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
  if (isDone(record)) return { do: 'advance' };
  if (record?.status === 'failed' && record.epoch === meta.epoch) {
    const fail = { do: 'fail', error: errorOf(record) } as const;
    const step = definition && 'steps' in definition ? findStep(definition, message.step) : undefined;
    const asking = step === undefined ? 'no' : askingOf(state, step, 'do', now);
    if (asking === 'no') return fail;
    if (asking === 'due') return againOr(state, message, lookupOf(state, message.step), () => fail);
    return { do: 'acknowledge', because: 'its target is asked; the reconciler watches it' };
  }
  if (notBefore(record, now) !== undefined) {
    return { do: 'acknowledge', because: 'the step is under way; the reconciler watches it' };
  }
  if (isExpiring(meta, now)) return { do: 'fail', error: expired(meta, message.step, record) };
  return againOr(state, message, record, () => ({
    do: 'fail',
    error: notTaken(message, record, definition),
  }));
}

/** Handles one dead letter. Never throws, and never writes a step. */
export const handleDeadLetter = (engine: StepFailedEngine, delivery: Delivery): Promise<Handled> =>
  handling(engine, delivery, async (message) => {
    await settle(engine, message);
    return 'acknowledge';
  });

async function settle(engine: StepFailedEngine, message: StepMessage): Promise<void> {
  const { ports } = engine;
  for (let tries = 0; tries < LIMITS.decisions; tries += 1) {
    const loaded = await loadState(ports, message);
    const state = loaded?.meta.status === 'compensating' ? await toldOfFailure(engine, loaded) : loaded;
    const chain = state && definitionOf(engine.chains, state.meta);
    const decision = decide(engine, chain, state, message);
    ports.telemetry.emit({
      ...idsOf(message),
      event: 'dead_letter',
      step: message.step,
      trip: message.trip,
      did: decision.do === 'acknowledge' ? decision.because : decision.do,
    });
    // The decision has seen the state; this tells the compiler.
    if (decision.do === 'acknowledge' || state === undefined) return;
    if (await carryOut(engine, chain, state, message, decision)) return;
  }
  throw new Error(`META of ${message.workflowId} changed at every try`);
}

/** A failure that on-call was not told of is told first, whatever follows. */
async function toldOfFailure(
  engine: StepFailedEngine,
  state: WorkflowState,
): Promise<WorkflowState | undefined> {
  const untold = untoldOf(undefined, state);
  const patienceMs = LIMITS.publishPatience * 1_000;
  if (untold === undefined) return state;
  try {
    await tell(engine, { failures: [untold], by: 'first', patienceMs });
  } catch (error) {
    // The reconciler tells of it; what was done must be taken back all the same.
    const { workflowId } = state.meta;
    engine.ports.telemetry.emit({
      event: 'unexpected_error',
      where: 'telling',
      ...toldOf(error),
      workflowId,
    });
  }
  return await loadState(engine.ports, state.meta);
}

function decide(
  { chains, ports }: StepFailedEngine,
  chain: ChainDefinition | undefined,
  state: WorkflowState | undefined,
  message: StepMessage,
): DeadLetterDecision {
  const now = ports.clock.now();
  const isOfChain = state?.meta.chain === message.chain && state.meta.version === message.version;
  if (state?.meta.status !== 'compensating' || !isOfChain) {
    return decideDeadLetter(state, message, now, chain ?? (state && whyUndeployed(chains, state.meta)));
  }
  return decideUndoDeadLetter(known(chains, chain, state.meta), state, message, now);
}

/** Errors: `NEWER_VERSION`; then the message waits for the deployment of what its workflow began with. */
function known(
  chains: StepFailedEngine['chains'],
  chain: ChainDefinition | undefined,
  meta: WorkflowMeta,
): ChainDefinition {
  if (chain !== undefined) return chain;
  const { message: why, next } = whyUndeployed(chains, meta);
  throw new EngineError('NEWER_VERSION', why, { next });
}

/** False where META is no longer what was decided from. */
async function carryOut(
  engine: StepFailedEngine,
  chain: ChainDefinition | undefined,
  state: WorkflowState,
  message: StepMessage,
  decision: Exclude<DeadLetterDecision, { do: 'acknowledge' }>,
): Promise<boolean> {
  const { chains, ports } = engine;
  const { meta } = state;
  switch (decision.do) {
    case 'queueAgain':
      await ports.queue.send([toStep(messageFor(meta, message.step, decision.trips))]);
      return true;
    case 'advance':
      await advance(engine, known(chains, chain, meta), state, message.step);
      return true;
    case 'advanceUndo':
      await advanceUndo(engine, known(chains, chain, meta), state);
      return true;
    case 'notify':
      await tellOf(engine, chain, state, await loadPace(ports));
      return true;
    case 'fail':
    case 'failUndo':
      return await failed(engine, chain, state, decision);
  }
}

/** META to `failed`, to `compensating` where the failure is taken back by itself, or to `compensation_failed`; then on-call is told. */
async function failed(
  engine: StepFailedEngine,
  chain: ChainDefinition | undefined,
  state: WorkflowState,
  decision: Extract<DeadLetterDecision, { do: 'fail' | 'failUndo' }>,
): Promise<boolean> {
  const { chains, ports } = engine;
  const { meta } = state;
  const now = ports.clock.now();
  // Before the write: a failure of a group that was told of just now is due when that may be told again.
  const pace = await loadPace(ports);
  if (decision.do === 'failUndo') {
    const { error } = decision;
    const changes = { status: 'compensation_failed', undoError: error } as const;
    const written = await write(engine, chain, state, changes, pace);
    if (written === undefined) return false;
    ports.telemetry.emit({ ...idsOf(meta), event: 'compensation_failed', error });
    await tellOf(engine, chain, written, pace);
    return true;
  }
  const { error } = decision;
  const definition = definitionFor(chains, chain, meta, error);
  const turns = meta.status === 'processing' && isTakenBack(definition, state, error, now);
  const changes = turns
    ? ({ status: 'compensating', error, undoEpoch: meta.epoch } as const)
    : ({ status: 'failed', error } as const);
  const written = await write(engine, chain, state, changes, pace);
  if (written === undefined) return false;
  ports.telemetry.emit({ ...idsOf(meta), event: turns ? 'workflow_compensating' : 'workflow_failed', error });
  // A branch that ended in between has queued nothing, and is in nobody's plan but that of a load after the write.
  const latest = turns ? await loadState(ports, meta) : undefined;
  if (turns && latest !== undefined) await advanceUndo(engine, definition, latest);
  await tellOf(engine, chain, latest ?? written, pace);
  return true;
}

/**
 * The definition by which it is told whether a failed workflow is taken back. Errors: `NEWER_VERSION`; then the dead letter waits for a function
 * that has it. One whose step nothing took may have been removed for good: it stops, and a person goes on.
 */
const definitionFor = (
  chains: StepFailedEngine['chains'],
  chain: ChainDefinition | undefined,
  meta: WorkflowMeta,
  { code }: WorkflowError,
): ChainDefinition | undefined =>
  meta.onFailure === 'undo' && code !== 'NOT_TAKEN' && code !== 'EXPIRED'
    ? known(chains, chain, meta)
    : chain;

/** Told, or the reconciler tells of it together with others of its kind. */
async function tellOf(
  engine: StepFailedEngine,
  chain: ChainDefinition | undefined,
  state: WorkflowState,
  pace: Pace,
): Promise<void> {
  const untold = untoldOf(chain, state);
  const patienceMs = LIMITS.publishPatience * 1_000;
  if (untold !== undefined) await tell(engine, { failures: [untold], by: 'first', pace, patienceMs });
}

/** The workflow as it fails, to be told; undefined if META is no longer what it was decided from. */
async function write(
  { ports }: StepFailedEngine,
  chain: ChainDefinition | undefined,
  state: WorkflowState,
  changes: Pick<WorkflowMeta, 'status' | 'error' | 'undoEpoch' | 'undoError'>,
  pace: Pace,
): Promise<WorkflowState | undefined> {
  const { meta } = state;
  const now = ports.clock.now();
  const wait = LIMITS.reconcileInterval * 1_000;
  const failed: WorkflowMeta = { ...meta, ...changes, notify: 'pending', updatedAt: now };
  const untold = untoldOf(chain, { ...state, meta: failed });
  const closed = untold && closedUntil(pace, wantedFor(untold, 'first'), now);
  // A compensation is looked at in a minute, whenever on-call may be told.
  const dueAt = changes.status === 'compensating' ? undefined : closed;
  const due: WorkflowMeta = { ...failed, dueAt: dueAt ?? now + wait, dueAfter: wait };
  const written = await saveMeta(ports, due, { status: meta.status, epoch: meta.epoch });
  return written ? { ...state, meta: due } : undefined;
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
