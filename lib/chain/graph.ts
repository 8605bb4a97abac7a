import { LIMITS } from '../contract/limits.ts';
import type { ChainDefinition, StepDefinition } from './definition.ts';

/** Where one step stands in its chain. */
interface Place {
  readonly step: StepDefinition;
  readonly successors: readonly StepDefinition[];
  readonly ancestors: ReadonlySet<string>;
  readonly descendants: ReadonlySet<string>;
}

/** Definitions never change, so each chain's graph is walked once. */
const walked = new WeakMap<ChainDefinition, ReadonlyMap<string, Place>>();

function placesOf(chain: ChainDefinition): ReadonlyMap<string, Place> {
  const known = walked.get(chain);
  if (known !== undefined) return known;
  const places = new Map(chain.steps.map((step) => [step.name, placeOf(chain, step)]));
  walked.set(chain, places);
  return places;
}

function placeOf({ steps }: ChainDefinition, step: StepDefinition): Place {
  // Steps stand in an order in which each follows all it names, so one pass sees them all.
  const descendants = new Set<string>();
  for (const { name, after } of steps) {
    if (after.some((before) => before === step.name || descendants.has(before))) descendants.add(name);
  }
  const ancestors = new Set<string>(step.after);
  for (const { name, after } of [...steps].reverse()) {
    if (ancestors.has(name)) for (const before of after) ancestors.add(before);
  }
  return {
    step,
    successors: steps.filter(({ after }) => after.includes(step.name)),
    ancestors,
    descendants,
  };
}

const NONE: ReadonlySet<string> = new Set();

/** The named step, or undefined. */
export const findStep = (chain: ChainDefinition, name: string): StepDefinition | undefined =>
  placesOf(chain).get(name)?.step;

/** Steps directly after `name`. */
export const successors = (chain: ChainDefinition, name: string): readonly StepDefinition[] =>
  placesOf(chain).get(name)?.successors ?? [];

/** Names of all steps that come after `name`, directly or not. */
export const descendants = (chain: ChainDefinition, name: string): ReadonlySet<string> =>
  placesOf(chain).get(name)?.descendants ?? NONE;

/** Names of all steps that `name` comes after, directly or not. */
export const ancestors = (chain: ChainDefinition, name: string): ReadonlySet<string> =>
  placesOf(chain).get(name)?.ancestors ?? NONE;

/** Steps that follow nothing. */
export const roots = (chain: ChainDefinition): readonly StepDefinition[] =>
  chain.steps.filter((step) => step.after.length === 0);

/** Seconds within which an attempt at a step ends that begins at once. */
export const healthyAttempt = (step: StepDefinition): number => step.timeout + LIMITS.functionMargin;
