import { LIMITS } from '../contract/limits.ts';
import type { ChainDefinition, StepDefinition } from './definition.ts';

/** The named step, or undefined. */
export const findStep = (chain: ChainDefinition, name: string): StepDefinition | undefined =>
  chain.steps.find((step) => step.name === name);

/** Steps directly after `name`. */
export const successors = (chain: ChainDefinition, name: string): readonly StepDefinition[] =>
  chain.steps.filter((step) => step.after.includes(name));

/** Steps that follow nothing. */
export const roots = (chain: ChainDefinition): readonly StepDefinition[] =>
  chain.steps.filter((step) => step.after.length === 0);

/** Names of all steps that come after `name`, directly or not. */
export function descendants(chain: ChainDefinition, name: string): ReadonlySet<string> {
  const found = new Set<string>();
  // Steps stand in an order in which each follows all it names, so one pass sees every descendant.
  for (const step of chain.steps) {
    if (step.after.some((before) => before === name || found.has(before))) found.add(step.name);
  }
  return found;
}

/** Names of all steps that `name` comes after, directly or not. */
export function ancestors(chain: ChainDefinition, name: string): ReadonlySet<string> {
  const found = new Set<string>(findStep(chain, name)?.after ?? []);
  for (const step of [...chain.steps].reverse()) {
    if (found.has(step.name)) for (const before of step.after) found.add(before);
  }
  return found;
}

/** Seconds that a workflow takes at most when every step succeeds at its first attempt: the longest path of timeouts and margins. */
export function healthyDuration(chain: ChainDefinition): number {
  const ends = new Map<string, number>();
  for (const step of chain.steps) {
    const begin = Math.max(0, ...step.after.map((before) => ends.get(before) ?? 0));
    ends.set(step.name, begin + step.timeout + LIMITS.functionMargin);
  }
  return Math.max(0, ...ends.values());
}
