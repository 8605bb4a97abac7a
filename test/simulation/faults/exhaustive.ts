import { findStep } from '../../../lib/chain/graph.ts';
import type { WorkflowStatus } from '../../../lib/contract/names.ts';
import type { TargetFault } from '../../../lib/testing/faults/chaos.ts';
import {
  alternatives,
  describePlan,
  type Planned,
  type Point,
  plannedChaos,
  planProblems,
} from '../../../lib/testing/faults/planned.ts';
import { createChance } from '../../../lib/testing/world/chance.ts';
import { addCounts, type Counts, noCounts } from '../counts.ts';
import type { Violation } from '../oracle/seen/ledger.ts';
import { type Graph, graphSubject, type Subject } from '../world/chains.ts';
import { begin, cancel, resume } from '../world/clients.ts';
import { lookupOf, withLookup } from '../world/lookups.ts';
import { resumeUndo, takeBack } from '../world/undoers.ts';
import { openWorld, START } from '../world/world.ts';
import { drawRates } from './rates.ts';

const LINE = { a: [], b: ['a'], c: ['b'] } as const satisfies Graph;
const DIAMOND = { a: [], b: ['a'], c: ['a'], d: ['b', 'c'] } as const satisfies Graph;

/** The chains whose every single fault and every pair of faults is tried, or a share of the pairs. Those with undo are taken back, as their last step is refused. */
const SUBJECTS = {
  line: small(LINE),
  diamond: small(DIAMOND),
  'line-undo': takenBack(LINE, 'c'),
  'diamond-undo': takenBack(DIAMOND, 'd'),
  'line-lookup': lookedUp(small(LINE)),
  'line-undo-lookup': lookedUp(takenBack(LINE, 'c')),
  'pivot-lookup': lookedUp(upToPivot()),
} as const satisfies Readonly<Record<string, SmallSubject>>;
export type SmallGraph = keyof typeof SUBJECTS;
export const SMALL_GRAPHS = Object.keys(SUBJECTS).filter((name): name is SmallGraph =>
  Object.hasOwn(SUBJECTS, name),
);

interface SmallSubject {
  readonly subject: Subject;
  /** The step whose target refuses, unless a fault is planned for it. */
  readonly refused?: string;
  /** Where an operator cancels it, it is taken back; where it is no longer possible, it goes on. */
  readonly takesBack?: boolean;
}

function small(graph: Graph): SmallSubject {
  return { subject: graphSubject(graph, () => ({ retries: 1, timeout: 5 }), { run: noCode, now: () => 0 }) };
}

function takenBack(graph: Graph, refused: string): SmallSubject {
  const call = { retries: 1, timeout: 5 };
  const subject = graphSubject(
    graph,
    () => ({ ...call, undo: call, lateBy: 20 }),
    { run: noCode, now: () => 0 },
    'undo',
  );
  return { subject: { ...subject, says404: () => true }, refused };
}

/** Two steps, of which the second is the pivot. */
function upToPivot(): SmallSubject {
  const call = { retries: 1, timeout: 5 };
  const step = (name: string) =>
    name === 'b' ? { ...call, lateBy: 20, pivot: true } : { ...call, lateBy: 20, undo: call };
  const subject = graphSubject({ a: [], b: ['a'] }, step, { run: noCode, now: () => 0 });
  return { subject: { ...subject, says404: () => true }, takesBack: true };
}

/** The same, whose targets can be asked. The second step has one attempt, and is in doubt where that may have acted. */
function lookedUp({ subject, ...small }: SmallSubject): SmallSubject {
  const chain = withLookup(subject.chain, ({ name }) => ({
    lookup: lookupOf(name, { retries: 1, timeout: 5 }),
    lateBy: 20,
    ...(name === 'b' ? { retries: 0 } : {}),
  }));
  return { ...small, subject: { ...subject, chain } };
}

/** As code that the chains do not have. */
function noCode(): Promise<never> {
  return Promise.reject(new Error('these chains run no code'));
}

/** How one plan went. */
interface Played {
  readonly plan: string;
  readonly points: readonly Point[];
  readonly violations: readonly Violation[];
  readonly counts: Counts;
}

/** Resumes of a workflow that failed, one for each fault that may be planned. */
const MOST_RESUMES = 3;

/** Runs one workflow in which nothing goes wrong but what is planned; where it fails, an operator resumes it. */
export async function play(
  graph: SmallGraph,
  plan: readonly Planned[],
  trace?: (line: string) => void,
): Promise<Played> {
  const { subject, refused, takesBack = refused !== undefined }: SmallSubject = SUBJECTS[graph];
  const chance = createChance(1);
  const points: Point[] = [];
  let cancelNow = (): void => undefined;
  let cancelled = false;
  const world = await openWorld({
    chance,
    trace,
    // Nobody kills a worker that waits: it comes back when others have taken over.
    zombies: true,
    subject: () => subject,
    chaos: (_time, _subject, told) => {
      const chaos = plannedChaos(plan, points, () => cancelNow(), told);
      return { ...chaos, target: (name, ms) => refusedBy(refused, name, chaos.target(name, ms)) };
    },
  });
  const { oracle, time } = world;
  const clients = { ...world, chance, rates: { ...drawRates(chance, [], START), calm: true } };
  cancelNow = () => {
    cancelled = refused === undefined;
    for (const { meta } of oracle.workflows.values())
      void (takesBack ? takeBack(clients, meta.workflowId, 'cancel') : cancel(clients, meta.workflowId));
  };
  let lastDeed = START;
  oracle.onMeta(({ meta }, before) => {
    lastDeed = time.now();
    if (meta.status === before?.status || meta.epoch >= MOST_RESUMES) return;
    if (meta.status === 'failed') time.after(1_000, () => void resume(clients, meta.workflowId));
    if (meta.status === 'compensation_failed')
      time.after(1_000, () => void resumeUndo(clients, meta.workflowId));
  });
  void begin(clients, 1);
  await world.finish(() => lastDeed);
  for (const problem of planProblems(plan, points)) oracle.report(problem);
  for (const { meta } of oracle.workflows.values()) {
    if (!endsOf(subject, refused).includes(meta.status) && !cancelled)
      oracle.report(`it ends ${meta.status}`);
  }
  if (oracle.workflows.size === 0) oracle.report('no workflow was started');
  return {
    plan: `${graph}: ${describePlan(plan)}`,
    points,
    violations: oracle.violations,
    counts: world.counts,
  };
}

/** A step whose target acts and refuses is done where the target can be asked. */
function endsOf({ chain }: Subject, refused: string | undefined): readonly WorkflowStatus[] {
  if (refused === undefined) return ['completed'];
  const { lookup } = findStep(chain, refused) ?? {};
  return lookup === undefined ? ['compensated'] : ['compensated', 'completed'];
}

const REFUSED: TargetFault = { reply: { kind: 'status', status: 422 }, takes: 10 };

/** Where no fault is planned for it. */
const refusedBy = (refused: string | undefined, target: string, fault: TargetFault): TargetFault =>
  target === refused && fault.reply.kind === 'good' ? REFUSED : fault;

/** What came of all the plans that were tried. */
export interface Exhausted {
  readonly plans: number;
  readonly counts: Counts;
  readonly broken: readonly Played[];
}

/** Which part of the first faults is tried, from 0 and of how many; and of the second ones each of so many, or all where it is 1. */
export interface Share {
  readonly part: number;
  readonly parts: number;
  readonly oneOf: number;
}

/** Every single fault at every moment, and every pair of faults, or a share of the pairs. */
export async function exhaust(graph: SmallGraph, { part, parts, oneOf }: Share): Promise<Exhausted> {
  const counts = noCounts();
  const broken: Played[] = [];
  let plans = 0;
  const tried = async (plan: readonly Planned[]): Promise<Played> => {
    const played = await play(graph, plan);
    plans += 1;
    addCounts(counts, played.counts);
    if (played.violations.length > 0) broken.push(played);
    return played;
  };
  const { points } = await play(graph, []);
  const firsts = alternatives(points, 0).filter((_, index) => index % parts === part);
  for (const first of firsts) {
    const single = await tried([first]);
    const seconds = alternatives(single.points, first.at + 1);
    // Not the same ones for each first.
    const some = seconds.filter((_, index) => (index + plans) % oneOf === 0);
    for (const second of some) await tried([first, second]);
  }
  return { plans, counts, broken };
}
