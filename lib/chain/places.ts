import type { ChainDefinition, StepDefinition } from './definition.ts';
import { successors } from './graph.ts';
import { type StepSettings, stepSettings } from './settings.ts';

/** A step as it is deployed: one queue and one function, which all versions of its chain share. */
export interface StepPlace {
  readonly chain: string;
  readonly step: string;
  readonly settings: StepSettings;
  /** Steps directly after this one in any version. */
  readonly next: readonly string[];
  /** Whether it is a first step in some version: a start queues it. */
  readonly root: boolean;
  /** Targets that it may call; undefined where a definition does not show them. */
  readonly targets: readonly string[] | undefined;
  /** Secrets that its code may read. */
  readonly secrets: readonly string[];
}

/**
 * Every step that needs a queue. All versions of a chain share one queue and one function for each step name: these have the
 * longest timeout and the most retries of any version, and the batch size and concurrency of the newest.
 * @example stepPlaces([orderProcessing]).map(({ step }) => step) // ['payment', 'shipment', 'confirmation']
 */
export function stepPlaces(chains: readonly ChainDefinition[]): readonly StepPlace[] {
  const places = new Map<string, StepPlace>();
  for (const chain of [...chains].sort((a, b) => a.version - b.version)) {
    for (const step of chain.steps) {
      const key = `${chain.name}_${step.name}`;
      places.set(key, merged(places.get(key), placeOf(chain, step)));
    }
  }
  return [...places.values()];
}

const placeOf = (chain: ChainDefinition, step: StepDefinition): StepPlace => ({
  chain: chain.name,
  step: step.name,
  settings: stepSettings(step),
  next: successors(chain, step.name).map(({ name }) => name),
  root: step.after.length === 0,
  targets: step.targets,
  secrets: step.secrets,
});

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
    next: [...new Set([...older.next, ...newer.next])],
    root: older.root || newer.root,
    targets:
      older.targets === undefined || newer.targets === undefined
        ? undefined
        : [...new Set([...older.targets, ...newer.targets])],
    secrets: [...new Set([...older.secrets, ...newer.secrets])],
  };
}
