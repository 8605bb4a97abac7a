import type { Chance } from '../../../lib/testing/world/chance.ts';
import { type Code, type Graph, graphSubject, type StepOptions, type Subject } from './chains.ts';

/** The schedules of every third seed are of chains that are taken back; all others are what they were before there was undo. */
export const isUndoing = (seed: number): boolean => seed % 3 === 2;

/** Those in which order matters, from the smallest on. The first ones are the quickest, and drawn more often. */
const GRAPHS: readonly Graph[] = [
  { s1: [] },
  { s1: [], s2: ['s1'] },
  { s1: [], s2: [] },
  { s1: [], s2: ['s1'], s3: ['s2'] },
  { s1: [], s2: ['s1'], s3: ['s2'] },
  { s1: [], s2: ['s1'], s3: ['s1'] },
  { s1: [], s2: [], s3: ['s1', 's2'] },
  { s1: [], s2: [], s3: ['s1'] },
  { s1: [], s2: ['s1'], s3: ['s1'], s4: ['s2', 's3'] },
  { s1: [], s2: ['s1'], s3: ['s1'], s4: ['s2', 's3'] },
  { s1: [], s2: ['s1'], s3: ['s2'], s4: ['s1'], s5: ['s3', 's4'], s6: ['s5'] },
];
const TIMEOUTS = [0.5, 2, 5, 15, 30, 60];
const LATE_BY = [0, 1, 20, 60, 300];

/** A chain of which some steps can be undone, or all. */
export function drawUndoing(chance: Chance, code: Code): Subject {
  const graph = chance.pick(GRAPHS);
  const names = Object.keys(graph);
  const onFailure = chance.happens(0.6) ? 'undo' : 'stop';
  const share = chance.pick([1, 1, 0.7, 0.4]);
  const pivot = chance.happens(0.2) ? drawPivot(chance, graph) : undefined;
  const beforePivot = pivot === undefined ? names : names.slice(0, names.indexOf(pivot));
  const undone = beforePivot.filter(() => chance.happens(share));
  // One at least: else there were nothing to take back.
  const some = undone.length > 0 ? undone : [chance.pick(beforePivot)];
  const batchSize = chance.pick([1, 1, 5]);
  const lifetime = chance.happens(0.1) ? chance.pick([60, 300, 1_800]) : undefined;
  const lateBy = chance.pick(LATE_BY);
  const says404 = chance.happens(0.5);
  const call = (): Pick<StepOptions, 'retries' | 'timeout' | 'code'> => ({
    retries: chance.whole(0, 3),
    timeout: chance.pick(TIMEOUTS),
    code: chance.happens(0.15),
  });
  const stepOf = (name: string): StepOptions => ({
    ...call(),
    batchSize,
    concurrency: chance.happens(0.1) ? 2 : undefined,
    lateBy: chance.happens(0.5) ? lateBy : chance.pick(LATE_BY),
    pivot: name === pivot,
    undo: some.includes(name)
      ? { ...call(), idempotency: lifetime === undefined ? undefined : { lifetime } }
      : undefined,
  });
  return { ...graphSubject(graph, stepOf, code, onFailure), says404: () => says404 };
}

/** A step that all others come before or after; none where the first one would be it, as nothing came before. */
function drawPivot(chance: Chance, graph: Graph): string | undefined {
  const names = Object.keys(graph);
  const isBefore = (name: string, of: string): boolean =>
    (graph[of] ?? []).some((before) => before === name || isBefore(name, before));
  const possible = names.filter((name) =>
    names.every((other) => other === name || isBefore(other, name) || isBefore(name, other)),
  );
  const behind = possible.filter((name) => (graph[name] ?? []).length > 0);
  return behind.length === 0 ? undefined : chance.pick(behind);
}
