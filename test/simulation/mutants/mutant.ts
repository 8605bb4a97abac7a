import type { Mutation } from '../bundle.ts';

/** A protocol that is wrong in one way. */
export interface Mutant {
  /** What is wrong, in words. */
  readonly name: string;
  readonly mutations: readonly Mutation[];
}

/** @param mutations the file of each, and what takes the place of what in it */
export const mutant = (
  name: string,
  ...mutations: readonly (readonly [string, string, string])[]
): Mutant => ({
  name,
  mutations: mutations.map(([file, replace, by]) => ({ file, replace, by })),
});
