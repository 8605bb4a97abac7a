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
import type { Violation } from '../oracle/oracle.ts';
import { type Graph, graphSubject, type Subject } from '../world/chains.ts';
import { begin, cancel, resume } from '../world/clients.ts';
import { openWorld, START } from '../world/world.ts';
import { drawRates } from './rates.ts';

/** The chains whose every single fault and every pair of faults is tried. */
export const SMALL_GRAPHS = {
  line: { a: [], b: ['a'], c: ['b'] },
  diamond: { a: [], b: ['a'], c: ['a'], d: ['b', 'c'] },
} as const satisfies Readonly<Record<string, Graph>>;
export type SmallGraph = keyof typeof SMALL_GRAPHS;

const NO_CODE = { run: () => Promise.reject(new Error('these chains run no code')), now: () => 0 };
const small = (graph: Graph): Subject => graphSubject(graph, () => ({ retries: 1, timeout: 5 }), NO_CODE);
const SUBJECTS: Readonly<Record<SmallGraph, Subject>> = {
  line: small(SMALL_GRAPHS.line),
  diamond: small(SMALL_GRAPHS.diamond),
};

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
  const chance = createChance(1);
  const points: Point[] = [];
  let cancelNow = (): void => undefined;
  let cancelled = false;
  const world = await openWorld({
    chance,
    trace,
    // Nobody kills a worker that waits: it comes back when others have taken over.
    zombies: true,
    subject: () => SUBJECTS[graph],
    chaos: (_time, _subject, told) => plannedChaos(plan, points, () => cancelNow(), told),
  });
  const { oracle, time } = world;
  const clients = { ...world, chance, rates: { ...drawRates(chance, [], START), calm: true } };
  cancelNow = () => {
    cancelled = true;
    for (const { meta } of oracle.workflows.values()) void cancel(clients, meta.workflowId);
  };
  let lastDeed = START;
  oracle.onMeta(({ meta }, before) => {
    lastDeed = time.now();
    if (meta.status !== 'failed' || before?.status !== 'processing' || meta.epoch >= MOST_RESUMES) return;
    time.after(1_000, () => void resume(clients, meta.workflowId));
  });
  void begin(clients, 1);
  await world.finish(() => lastDeed);
  for (const problem of planProblems(plan, points)) oracle.report(problem);
  for (const { meta } of oracle.workflows.values()) {
    if (meta.status !== 'completed' && !cancelled) oracle.report(`it ends ${meta.status}`);
  }
  if (oracle.workflows.size === 0) oracle.report('no workflow was started');
  return {
    plan: `${graph}: ${describePlan(plan)}`,
    points,
    violations: oracle.violations,
    counts: world.counts,
  };
}

/** What came of all the plans that were tried. */
export interface Exhausted {
  readonly plans: number;
  readonly counts: Counts;
  readonly broken: readonly Played[];
}

/**
 * Every single fault at every moment, and every pair of faults.
 * @param part which part of the first faults, from 0; of `parts` in all
 */
export async function exhaust(graph: SmallGraph, part: number, parts: number): Promise<Exhausted> {
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
    for (const second of alternatives(single.points, first.at + 1)) await tried([first, second]);
  }
  return { plans, counts, broken };
}
