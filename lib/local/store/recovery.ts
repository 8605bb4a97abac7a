import type { ChainDefinition, LookupDefinition, StepDefinition } from '../../chain/definition.ts';
import { findStep } from '../../chain/graph.ts';
import { type Action, type CallKind, isTerminal } from '../../contract/names.ts';
import {
  attemptsInEpoch,
  deadWorker,
  exactly,
  interrupted,
  isDone,
  isReady,
  recordOf,
  withAttempt,
} from '../../engine/decision.ts';
import { deadLookup } from '../../engine/lookup/decide.ts';
import { decideRepairs, push } from '../../engine/reconciler.ts';
import { isNotNeeded } from '../../engine/request/needed.ts';
import { definitionOf, type Engine, saveStep, type Undeployed, whyUndeployed } from '../../engine/shell.ts';
import {
  type AttemptRecord,
  allRecords,
  recordsOf,
  type StepRecord,
  type WorkflowKey,
  type WorkflowMeta,
  type WorkflowState,
  withRecord,
} from '../../engine/state.ts';
import { undoing } from '../../engine/undo/undoing.ts';
import { isClosed, undoOf } from '../../engine/undo/words.ts';
import type { Suspect } from './attempts.ts';

/** What an earlier run of the process left. */
export interface Leftover {
  /** Every workflow in the due index, whatever its due time. */
  unfinished(): AsyncIterable<WorkflowKey>;
  /** Every failed workflow. */
  failed(): AsyncIterable<WorkflowKey>;
  /** `claimsLost`: claims that never reached the disk are lost, and each may have made a call. */
  readonly recovery: { readonly claimsLost: boolean };
  /** What was running; an attempt that ended its life is counted. */
  readonly suspects?: readonly Suspect[];
  /** Notes that all of it was put back. */
  recovered(): Promise<void>;
}

/** Unfinished workflows that were put back. */
export interface Recovered {
  /** How many go on. */
  readonly goOn: number;
  /** Those whose definition is not here, by the reason. */
  readonly wait: readonly Waiting[];
}

interface Waiting extends Undeployed {
  readonly count: number;
  /** The id of one of them. */
  readonly example: string;
}

export const NOTHING_RECOVERED: Recovered = { goOn: 0, wait: [] };

type RecoveryEngine = Engine<'store' | 'queue' | 'clock' | 'random' | 'telemetry'>;

/**
 * Puts back what an earlier run of the process left unfinished. The store's lock proves that no other worker lives: every
 * lease is over, an attempt that ended that way is not counted, and every waiting message is gone from memory.
 */
export async function recover(engine: RecoveryEngine, leftover: Leftover): Promise<Recovered> {
  let goOn = 0;
  const wait = new Map<string, Waiting>();
  for await (const key of leftover.unfinished()) {
    const loaded = await engine.ports.store.load(key);
    if (loaded === undefined || isSettled(loaded.meta)) continue;
    const ended = await endLeases(engine, loaded, leftover.recovery.claimsLost);
    const state = await countAttempts(engine, ended, leftover.suspects ?? []);
    const chain = definitionOf(engine.chains, state.meta);
    if (chain === undefined) {
      const why = whyUndeployed(engine.chains, state.meta);
      const { count, example } = wait.get(why.message) ?? { count: 0, example: key.workflowId };
      wait.set(why.message, { ...why, count: count + 1, example });
    } else goOn += 1;
    await push(engine, state.meta, decideRepairs(chain, state, engine.ports.clock.now(), true));
  }
  if (leftover.recovery.claimsLost) await endLeasesOfFailed(engine, leftover);
  await leftover.recovered();
  return { goOn, wait: [...wait.values()] };
}

/** Whether a workflow has failed and on-call was told: only its input waits to be erased. */
const isSettled = ({ status, notify }: WorkflowMeta): boolean =>
  (status === 'failed' || status === 'compensation_failed') && notify === undefined;

/** An attempt that ended the life of the process was made: it counts, as one does whose function died on AWS. */
async function countAttempts(
  engine: RecoveryEngine,
  state: WorkflowState,
  suspects: readonly Suspect[],
): Promise<WorkflowState> {
  const { meta } = state;
  const chain = definitionOf(engine.chains, meta);
  const guilty = suspects.filter(
    (one) => one.counts && one.tenant === meta.tenant && one.workflowId === meta.workflowId,
  );
  let counted = state;
  for (const { step: name } of isTerminal(meta.status) ? [] : guilty) {
    const step = chain && findStep(chain, name);
    if (step === undefined || !isReady(state, step)) continue;
    const action = kindThatRan(state, name);
    const record = recordsOf(state, action).get(name);
    if (isDone(record) || hasFailed(state, record)) continue;
    const one =
      action === 'do' ? counting(engine, state, step, action) : countingBeside(engine, state, step, action);
    if (one === undefined) continue;
    if (await saveStep(engine.ports, state, one, exactly(record))) counted = withRecord(counted, one);
  }
  if (guilty.length === 0) return state;
  // It is on disk before anybody forgets that it counts.
  await engine.ports.store.load(meta);
  return counted;
}

/** What ran of a step: its lookup, where it has failed, or was closed and is not undone yet, and the lookup is under way; else what META asks for. */
function kindThatRan(state: WorkflowState, step: string): CallKind {
  const { status, epoch } = state.meta;
  const lookup = recordsOf(state, 'lookup').get(step);
  const asks = lookup?.status === 'running' && lookup.epoch === epoch;
  if (status === 'compensating')
    return asks && isClosed(state, step) && undoOf(state, step) === undefined ? 'lookup' : 'undo';
  return asks && hasFailed(state, state.steps.get(step)) ? 'lookup' : 'do';
}

/** What became of it in this epoch is saved, and nobody calls it any more. */
const hasFailed = ({ meta }: WorkflowState, record: StepRecord | undefined): boolean =>
  record?.status === 'failed' && record.epoch === meta.epoch;

/** An undo or a lookup that ran; undefined where none is under way: its claim would be on disk. What ended the life needs no count then, as its step is closed, or was answered. */
function countingBeside(
  engine: RecoveryEngine,
  state: WorkflowState,
  step: StepDefinition,
  action: 'undo' | 'lookup',
): StepRecord | undefined {
  const record = recordsOf(state, action).get(step.name);
  if (record?.status !== 'running') return undefined;
  if (action === 'lookup') return step.lookup && countingLookup(engine, record, step.lookup);
  return step.undo && counting(engine, state, undoing(step), action);
}

/** Its attempts are of this epoch, round and side, as it is under way. */
function countingLookup(
  { ports }: RecoveryEngine,
  lookup: StepRecord,
  { retries }: LookupDefinition,
): StepRecord {
  const now = ports.clock.now();
  const { leaseUntil: _, ...kept } = lookup;
  const attempt = lookup.attempt + 1;
  const counted = { ...kept, token: ports.random.token(), attempt, updatedAt: now };
  return attempt > retries
    ? deadLookup(counted, now)
    : { ...counted, status: 'retrying', nextAttemptAt: now };
}

function counting(
  engine: RecoveryEngine,
  state: WorkflowState,
  step: StepDefinition,
  action: Action,
): StepRecord {
  const now = engine.ports.clock.now();
  const token = engine.ports.random.token();
  const before = recordOf(state, step.name, now, token, action);
  const { leaseUntil: _, ...kept } = before;
  const { epoch } = state.meta;
  const attempt = attemptsInEpoch(state, before) + 1;
  const counted = { ...kept, token, epoch, attempt, updatedAt: now };
  return attempt > step.retries
    ? deadWorker({ ...counted, status: 'failed' }, step, now)
    : { ...counted, status: 'retrying', nextAttemptAt: now };
}

/** A step of a failed workflow may have run beside the one that failed: a resume must not wait for its dead worker. */
async function endLeasesOfFailed(engine: RecoveryEngine, leftover: Leftover): Promise<void> {
  for await (const key of leftover.failed()) {
    const loaded = await engine.ports.store.load(key);
    // The others were met before.
    if (loaded !== undefined && isSettled(loaded.meta)) {
      await endLeases(engine, loaded, false);
    }
  }
}

async function endLeases(
  engine: RecoveryEngine,
  state: WorkflowState,
  claimsLost: boolean,
): Promise<WorkflowState> {
  const { clock, random } = engine.ports;
  let ended = state;
  const now = clock.now();
  for (const record of allRecords(state)) {
    if (record.status !== 'running') continue;
    const one = withoutLease(record, random.token(), now);
    if (await saveStep(engine.ports, state, one, exactly(record))) ended = withRecord(ended, one);
  }
  return claimsLost ? await countLostClaims(engine, ended) : ended;
}

const withoutLease = (record: StepRecord, token: string, now: number): StepRecord => ({
  ...record,
  token,
  leaseUntil: now,
  // A recovery that was itself cut short has taken the attempt back already.
  attempt: record.attempts.at(-1)?.outcome === 'interrupted' ? record.attempt : record.attempt - 1,
  attempts: interrupted(record, now),
});

/** A claim that was lost may have made its call: so one more attempt of the round counts as open, and its key stays. */
async function countLostClaims(engine: RecoveryEngine, state: WorkflowState): Promise<WorkflowState> {
  let all = state;
  const chain = definitionOf(engine.chains, state.meta);
  for (const step of chain === undefined ? [] : claimable(chain, state)) {
    const record = state.steps.get(step.name);
    const token = engine.ports.random.token();
    const now = engine.ports.clock.now();
    const before = recordOf(state, step.name, now, token);
    const lost = lostAttempt(state, step, before, now);
    const attempts = lost === undefined ? before.attempts : withAttempt(before.attempts, lost);
    const counted: StepRecord = { ...before, open: before.open + 1, token, attempts };
    if (await saveStep(engine.ports, state, counted, exactly(record))) all = withRecord(all, counted);
  }
  return all;
}

/**
 * The steps whose claim may be lost: those that are ready and have not failed. A claim of an undo or of a lookup, and any that was made once META had left
 * `processing`, is on disk before its call.
 */
const claimable = (chain: ChainDefinition, state: WorkflowState): readonly StepDefinition[] =>
  state.meta.status !== 'processing'
    ? []
    : chain.steps
        .filter((step) => isReady(state, step))
        .filter(({ name }) => !isDone(state.steps.get(name)) && !hasFailed(state, state.steps.get(name)))
        .filter((step) => !isNotNeeded({ chain, step, state, action: 'do' }));

/**
 * The attempt that may have been lost with its claim, for the timeline: from when it could begin until now, as nobody knows
 * more. Undefined where none can have begun: the last claim is on the disk, or the next attempt was not due.
 */
function lostAttempt(
  state: WorkflowState,
  step: StepDefinition,
  record: StepRecord,
  now: number,
): AttemptRecord | undefined {
  const { meta, steps } = state;
  const { status, round, nextAttemptAt = 0, attempts } = record;
  if (status === 'running' || nextAttemptAt > now) return undefined;
  const startedAt = Math.max(
    meta.updatedAt,
    nextAttemptAt,
    attempts.at(-1)?.endedAt ?? 0,
    ...step.after.map((name) => steps.get(name)?.completedAt ?? 0),
  );
  const attempt = attemptsInEpoch(state, record) + 1;
  return { epoch: meta.epoch, attempt, round, outcome: 'interrupted', startedAt, endedAt: now };
}
