import type { ChainDefinition } from '../definition.ts';

/** By the names of the steps that have an undo: what it is. */
export type Undos = Readonly<Record<string, 'request' | 'run'>>;

/** In the order of the alphabet. */
export const undosOf = ({ steps }: ChainDefinition): Undos =>
  Object.fromEntries(
    steps
      .flatMap(({ name, undo }): [string, Undos[string]][] =>
        undo === undefined ? [] : [[name, undo.run === undefined ? 'request' : 'run']],
      )
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );

/**
 * A line for each of the steps that has no undo any more: a workflow that is taken back would leave standing what the step did.
 * @param steps those that both definitions have
 */
export const undosGone = (was: Undos, is: Undos, steps: readonly string[]): readonly string[] =>
  steps
    .filter((step) => was[step] !== undefined && is[step] === undefined)
    .map((step) => `step "${step}" has no undo, and had one`);

/** A line for each undo that is new, or of another kind. */
export const undosChanged = (was: Undos, is: Undos): readonly string[] =>
  Object.entries(is).flatMap(([step, kind]) => {
    const before = was[step];
    if (before === kind) return [];
    return before === undefined
      ? [`step "${step}" has an undo, and had none`]
      : [`the undo of step "${step}" has ${kind}, and had ${before}`];
  });
