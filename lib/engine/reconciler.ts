import type { ChainDefinition } from '../chain/definition.ts';
import { successors } from '../chain/graph.ts';
import { LIMITS } from '../contract/limits.ts';
import { deadLetterQueue, isTerminal } from '../contract/names.ts';
import { allDone } from './advance.ts';
import { isDone, isReady, notBefore } from './decision.ts';
import { toldOf } from './errors.ts';
import {
  LOOK_MS,
  lateness,
  latest,
  nextLook,
  oldestUnclaimedSince,
  type Waiting,
  waitingOf,
} from './lateness/lateness.ts';
import { askingOf } from './lookup/words.ts';
import type { Pace } from './ports.ts';
import {
  definitionOf,
  type Engine,
  erase,
  idsOf,
  isSensitive,
  loadState,
  messageFor,
  type Repair,
  saveMeta,
  sensitiveOf,
  toStep,
  toStepFailed,
  undue,
  whyUndeployed,
} from './shell.ts';
import type { WorkflowKey, WorkflowMeta, WorkflowState } from './state.ts';
import { emptyDeadLetters } from './step-failed.ts';
import { groupOf, type Untold, untoldOf, wantedFor } from './telling/digest.ts';
import { closedUntil } from './telling/pace.ts';
import { loadPace, tell } from './telling/tell.ts';
import { undoRepairs } from './undo/repairs.ts';

/** What the reconciler needs. */
export type ReconcilerEngine = Engine<'store' | 'queue' | 'clock' | 'random' | 'telemetry' | 'notifier'>;

/**
 * What a workflow needs that nothing else may bring (docs/architecture.md, "The reconciler").
 * @param queuesLost true after a restart of the one-process engine: then waiting messages are gone too
 */
export function decideRepairs(
  chain: ChainDefinition | undefined,
  state: WorkflowState,
  now: number,
  queuesLost = false,
): readonly Repair[] {
  const { meta } = state;
  if (chain === undefined) return [];
  if (meta.status === 'compensating') return undoRepairs(chain, state, now, queuesLost);
  if (meta.status !== 'processing') return [];
  if (allDone(chain, state)) {
    const last = chain.steps.find((step) => successors(chain, step.name).length === 0);
    if (last === undefined) return [];
    return [{ why: 'all steps are done', outgoing: toStep(messageFor(meta, last.name)) }];
  }
  return chain.steps.flatMap((step) => {
    const record = state.steps.get(step.name);
    if (isDone(record) || !isReady(state, step)) return [];
    const message = messageFor(meta, step.name);
    if (record?.status === 'failed' && record.epoch === meta.epoch) {
      const asking = askingOf(state, step, 'do', now);
      if (asking === 'no') return [{ why: 'the step failed', outgoing: toStepFailed(message) }];
      if (asking === 'waits' && !queuesLost) return [];
      return [{ why: 'the target of the step is to be asked', outgoing: toStep(message) }];
    }
    if (!queuesLost && notBefore(record, now) !== undefined) return [];
    return [{ why: whyStuck(record?.status), outgoing: toStep(message) }];
  });
}

const whyStuck = (status: string | undefined): string => {
  if (status === 'running') return 'the lease is over';
  if (status === 'retrying') return 'the next attempt is due';
  if (status === 'failed') return 'the step failed before a resume';
  return 'the step was never claimed';
};

/** What one run of the reconciler saw and did. `overdue`: age of the latest that waits, divided by how long it may take. */
export interface ReconcileReport {
  readonly examined: number;
  readonly repaired: number;
  readonly overdue: number;
}

/**
 * One run: empties the dead-letter queues, examines every workflow that is due, repairs what is stuck, and tells on-call of failures that
 * nobody was told of.
 * Errors: the store's own, where it could not read the index of a shard; the others are done by then.
 * @param remainingMs milliseconds that the function may still run; the rest waits for the next run
 */
export async function reconcile(
  engine: ReconcilerEngine,
  remainingMs: () => number,
): Promise<ReconcileReport> {
  const shards = Array.from({ length: LIMITS.indexShards }, (_, shard) => shard);
  const collection = newCollection(engine, remainingMs);
  const runs = shards.map((shard) => reconcileShard(engine, collection, shard, remainingMs));
  const emptying = emptyDeadLetters(engine, engine.chains.places.map(deadLetterQueue), collection.isOpen);
  // All end before one that failed ends the whole. Without its figure a run that could not see everything counts as missing.
  await Promise.allSettled([...runs, emptying]);
  await tellAll(engine, collection, remainingMs);
  const reports = await Promise.all(runs);
  const report = {
    examined: reports.reduce((sum, { examined }) => sum + examined, 0),
    repaired: reports.reduce((sum, { repaired }) => sum + repaired, 0),
    overdue: Math.max(0, ...reports.map(({ overdue }) => overdue)),
  };
  engine.ports.telemetry.emit({ event: 'most_overdue', ratio: report.overdue });
  engine.ports.telemetry.emit({ event: 'oldest_unclaimed', ageMs: collection.unclaimedMs() });
  return report;
}

/** Examines page after page of what is due in a shard, until a page is not full, brings nothing new, or time runs out. */
async function reconcileShard(
  engine: ReconcilerEngine,
  collection: Collection,
  shard: number,
  remainingMs: () => number,
): Promise<ReconcileReport> {
  const { clock, store } = engine.ports;
  const report = { examined: 0, repaired: 0, overdue: 0 };
  let page: Awaited<ReturnType<typeof store.listDue>>;
  let moved: number;
  do {
    page = await store.listDue(shard, clock.now(), LIMITS.reconcileBatch);
    moved = 0;
    for (let first = 0; first < page.length; first += AT_ONCE) {
      if (remainingMs() < RESERVE_MS) return report;
      const some = page.slice(first, first + AT_ONCE);
      const looks = await Promise.all(some.map((due) => look(engine, collection, due)));
      for (const { repaired, overdue, mine } of looks) {
        report.examined += 1;
        report.repaired += repaired;
        report.overdue = Math.max(report.overdue, overdue);
        if (mine) moved += 1;
      }
    }
  } while (page.length === LIMITS.reconcileBatch && moved > 0);
  return report;
}

/** Workflows of a shard examined at the same time. */
const AT_ONCE = 10;
/** No workflow is begun with less than this left, in milliseconds. */
const RESERVE_MS = 2 * LIMITS.saveReserveMs;

/** What looking at one workflow did; `mine`: this run moved its due time. */
interface Look {
  readonly repaired: number;
  readonly overdue: number;
  readonly mine: boolean;
}

/** One workflow that cannot be examined must not keep the others waiting. It stays due, and its age tells on-call in the end. */
async function look(
  engine: ReconcilerEngine,
  collection: Collection,
  { dueAt, ...key }: WorkflowKey & { readonly dueAt: number },
): Promise<Look> {
  try {
    return await examine(engine, collection, key);
  } catch (error) {
    complain(engine, key, toldOf(error));
    const overdue = lateness({ since: dueAt, boundMs: LOOK_MS }, engine.ports.clock.now());
    return { repaired: 0, overdue, mine: false };
  }
}

const complain = (
  { ports }: ReconcilerEngine,
  { workflowId }: WorkflowKey,
  told: ReturnType<typeof toldOf>,
): void => ports.telemetry.emit({ event: 'unexpected_error', where: 'reconciler', ...told, workflowId });

async function examine(engine: ReconcilerEngine, collection: Collection, key: WorkflowKey): Promise<Look> {
  const { ports } = engine;
  const now = ports.clock.now();
  const state = await loadState(ports, key);
  const nothing: Look = { repaired: 0, overdue: 0, mine: false };
  // The index is eventual: only the table says what is due.
  if (state?.meta.dueAt === undefined || state.meta.dueAt > now) return nothing;
  const { meta } = state;
  const chain = definitionOf(engine.chains, meta);
  if (isLeft(meta) && meta.notify === undefined) {
    return { ...nothing, mine: await eraseFailed(engine, chain, meta) };
  }
  const waits = latest(waitingOf(chain, state), now);
  const overdue = waits?.ratio ?? 0;
  collection.sawUnclaimed(now - (oldestUnclaimedSince(chain, state) ?? now));
  // Moves the due time before any push: a backlog is never flooded.
  const untold = untoldOf(chain, state);
  const told = untold && { ...untold, dueAt: await untilTold(collection, untold, now) };
  const repairs = decideRepairs(chain, state, now);
  const moved =
    told !== undefined
      ? { ...meta, dueAt: told.dueAt }
      : chain !== undefined && repairs.length === 0 && meta.status === 'processing'
        ? { ...meta, dueAt: nextLook(chain, state, now) }
        : postponed(meta, now);
  const mine = await saveMeta(ports, moved, {
    status: meta.status,
    epoch: meta.epoch,
    dueAt: state.meta.dueAt,
  });
  if (!mine) return { ...nothing, overdue };
  if (waits !== undefined && overdue >= 1) tellOverdue(engine, meta, waits.of, now);
  if (told !== undefined) {
    if (collection.isOpen()) collection.add(told);
    // What is taken back meanwhile needs its messages all the same.
    if (meta.status !== 'compensating') return { repaired: 0, overdue, mine };
  }
  if (chain === undefined && !isTerminal(meta.status)) {
    complain(engine, meta, whyUndeployed(engine.chains, meta));
  }
  try {
    await push(engine, meta, repairs);
  } catch (error) {
    complain(engine, meta, toldOf(error));
    return { repaired: 0, overdue, mine };
  }
  return { repaired: repairs.length, overdue, mine };
}

/** A person decides what becomes of it, and has some days for that. */
const isLeft = ({ status }: WorkflowMeta): boolean => status === 'failed' || status === 'compensation_failed';

const tellOverdue = (
  { ports }: ReconcilerEngine,
  meta: WorkflowMeta,
  { step, since, boundMs }: Waiting,
  now: number,
): void =>
  ports.telemetry.emit({
    ...idsOf(meta),
    event: 'overdue',
    ...(step === undefined ? {} : { step }),
    ageMs: now - since,
    boundMs,
  });

/** The days are over for which a failed workflow keeps its sensitive input: one write. */
async function eraseFailed(
  { ports }: ReconcilerEngine,
  chain: ChainDefinition | undefined,
  meta: WorkflowMeta,
): Promise<boolean> {
  // A function that did not know the chain made it due: where nothing is to be erased, nothing stands in the way of a resume.
  const erased = undue(isSensitive(chain, meta) ? erase(meta, sensitiveOf(chain, meta)) : meta);
  const { status, epoch, dueAt } = meta;
  const mine = await saveMeta(ports, erased, { status, epoch, ...(dueAt === undefined ? {} : { dueAt }) });
  if (mine && erased.erased) ports.telemetry.emit({ ...idsOf(meta), event: 'workflow_erased' });
  return mine;
}

/** META with its due time moved: twice as far at each look, up to a quarter of an hour. */
function postponed(meta: WorkflowMeta, now: number): WorkflowMeta {
  const wait = meta.dueAfter ?? LIMITS.reconcileInterval * 1_000;
  return { ...meta, dueAt: now + wait, dueAfter: Math.min(2 * wait, LIMITS.reconcileBackoffCap * 1_000) };
}

/** Sends what a workflow needs, and says so. */
export async function push(
  { ports }: Engine<'queue' | 'telemetry'>,
  meta: WorkflowMeta,
  repairs: readonly Repair[],
): Promise<void> {
  if (repairs.length === 0) return;
  await ports.queue.send(repairs.map(({ outgoing }) => outgoing));
  for (const { why, outgoing } of repairs) {
    ports.telemetry.emit({ ...idsOf(meta), event: 'repaired', step: outgoing.message.step, repair: why });
  }
}

/** Marking a workflow as told takes as long as meeting it: half of a run is for that. */
const COLLECTING_ENDS_MS = (LIMITS.reconcileInterval * 1_000) / 2;

/** What a run gathers: failures, of which it tells once it has looked at everything and knows how many there are, and an age. */
interface Collection {
  readonly groups: ReadonlyMap<string, readonly Untold[]>;
  add(untold: Untold): void;
  /** As it was when a failure was met first. */
  pace(): Promise<Pace>;
  isOpen(): boolean;
  /** Age of a step that no function has taken, and of the oldest of them. */
  sawUnclaimed(ageMs: number): void;
  unclaimedMs(): number;
}

function newCollection({ ports }: ReconcilerEngine, remainingMs: () => number): Collection {
  const groups = new Map<string, Untold[]>();
  let pace: Promise<Pace> | undefined;
  let unclaimedMs = 0;
  return {
    groups,
    sawUnclaimed: (ageMs) => {
      unclaimedMs = Math.max(unclaimedMs, ageMs);
    },
    unclaimedMs: () => unclaimedMs,
    add: (untold) => {
      const group = groupOf(untold);
      const known = groups.get(group);
      if (known === undefined) groups.set(group, [untold]);
      else known.push(untold);
    },
    pace: () => {
      pace ??= loadPace(ports);
      return pace;
    },
    isOpen: () => remainingMs() > COLLECTING_ENDS_MS,
  };
}

/** When a failure is due again if nobody has told of it by then. */
async function untilTold(collection: Collection, untold: Untold, now: number): Promise<number> {
  const closed = closedUntil(await collection.pace(), wantedFor(untold, 'all'), now);
  // The next run must not take it from this one, while that waits for its turn. What this one has no time for waits a window.
  const wait = collection.isOpen() ? 2 * LIMITS.reconcileInterval : LIMITS.digestWindow;
  return Math.min(closed ?? Infinity, now + wait * 1_000);
}

/**
 * One group after the other, as there is one publish a second. A group whose time has not come is told of all the same where the
 * oldest failure of its last digest is still there: that was not marked as told, so the digest is repeated. What fails is due again.
 */
async function tellAll(
  engine: ReconcilerEngine,
  { groups }: Collection,
  remainingMs: () => number,
): Promise<void> {
  const goOn = (): boolean => remainingMs() >= RESERVE_MS;
  for (const failures of groups.values()) {
    if (!goOn()) return;
    try {
      await tell(engine, { failures, by: 'all', patienceMs: remainingMs() - RESERVE_MS, goOn });
    } catch (error) {
      for (const one of failures.slice(0, 1)) complain(engine, one, toldOf(error));
    }
  }
}
