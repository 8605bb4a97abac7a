import type { ChainDefinition, StepDefinition } from './definition.ts';
import { ancestors, descendants, successors } from './graph.ts';
import { type StepSettings, stepSettings } from './settings.ts';

/** A step as it is deployed: one queue and one function, which all versions of its chain share. */
export interface StepPlace {
  readonly chain: string;
  readonly step: string;
  readonly settings: StepSettings;
  /** Steps directly after this one in any version: the step queues them when it completed, or when its lookup found that it did. */
  readonly next: readonly string[];
  /** Whether it is a first step in some version: a start queues it. */
  readonly root: boolean;
  /**
   * Where a workflow of the chain may be taken back (a step of any version has an undo): the step itself, and all that come before it or after it in any
   * version. Whoever undoes the step may find that one of these is next. Else none.
   */
  readonly undoNeighbours: readonly string[];
  /** Targets that it, its undo or its lookup may call; undefined where a definition does not show them. */
  readonly targets: readonly string[] | undefined;
  /** Secrets that its code, or that of its undo, may read. */
  readonly secrets: readonly string[];
}

/**
 * Every step that needs a queue. All versions of a chain share one queue and one function for each step name: these have the
 * longest timeout and the most receives of any version, undos and lookups included, and the batch size and concurrency of the newest.
 * @example stepPlaces([orderProcessing]).map(({ step }) => step) // ['payment', 'shipment', 'confirmation']
 */
export function stepPlaces(chains: readonly ChainDefinition[]): readonly StepPlace[] {
  const places = new Map<string, StepPlace>();
  const undone = new Set(chains.filter(hasUndo).map(({ name }) => name));
  for (const chain of [...chains].sort((a, b) => a.version - b.version)) {
    for (const step of chain.steps) {
      const key = `${chain.name}_${step.name}`;
      places.set(key, merged(places.get(key), placeOf(chain, step, undone.has(chain.name))));
    }
  }
  return [...places.values()];
}

const hasUndo = ({ steps }: ChainDefinition): boolean => steps.some(({ undo }) => undo !== undefined);

const placeOf = (chain: ChainDefinition, step: StepDefinition, isUndone: boolean): StepPlace => ({
  chain: chain.name,
  step: step.name,
  settings: stepSettings(step),
  next: successors(chain, step.name).map(({ name }) => name),
  root: step.after.length === 0,
  undoNeighbours: isUndone ? neighbours(chain, step) : [],
  targets: [step.undo, step.lookup].reduce(allTargets, step.targets),
  secrets: union(step.secrets, step.undo?.secrets ?? []),
});

/** The step and all that come before it or after it, in the order of their definition. */
function neighbours(chain: ChainDefinition, { name }: StepDefinition): readonly string[] {
  const [before, after] = [ancestors(chain, name), descendants(chain, name)];
  return chain.steps
    .map((step) => step.name)
    .filter((other) => other === name || before.has(other) || after.has(other));
}

const union = (some: readonly string[], others: readonly string[]): readonly string[] => [
  ...new Set([...some, ...others]),
];

/** These and those of another call, if there is one; undefined where either does not show them. */
function allTargets(
  targets: StepPlace['targets'],
  other: Pick<StepPlace, 'targets'> | undefined,
): StepPlace['targets'] {
  if (other === undefined) return targets;
  return targets === undefined || other.targets === undefined ? undefined : union(targets, other.targets);
}

function merged(older: StepPlace | undefined, newer: StepPlace): StepPlace {
  if (older === undefined) return newer;
  const most = (setting: 'functionTimeout' | 'visibilityTimeout' | 'maxReceiveCount'): number =>
    Math.max(older.settings[setting], newer.settings[setting]);
  return {
    ...newer,
    settings: {
      ...newer.settings,
      functionTimeout: most('functionTimeout'),
      visibilityTimeout: most('visibilityTimeout'),
      maxReceiveCount: most('maxReceiveCount'),
    },
    next: union(older.next, newer.next),
    root: older.root || newer.root,
    undoNeighbours: union(older.undoNeighbours, newer.undoNeighbours),
    targets: allTargets(older.targets, newer),
    secrets: union(older.secrets, newer.secrets),
  };
}
