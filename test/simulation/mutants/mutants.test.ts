import { describe, expect, it } from 'vitest';
import { hunt, knownSeeds, noteSeeds, WITHIN } from './hunt.ts';
import { MUTANTS } from './mutants.ts';

const known = knownSeeds();

describe('a protocol that is wrong in one way is caught', () => {
  it('of each it is known which schedule does', () => {
    // Found anew by: npm run sim -- --mutants
    expect(Object.keys(known)).toEqual(MUTANTS.map(({ name }) => name));
  });

  it('what is known stays where one is not caught', () => {
    expect(noteSeeds([])).toEqual(MUTANTS.map(({ name }) => `not caught: ${name}`));
    expect(knownSeeds()).toEqual(known);
  });

  for (const mutant of MUTANTS) {
    const { caught, harm } = known[mutant.name] ?? { caught: 0, harm: 0 };
    const hunts = new Map<number, ReturnType<typeof hunt>>();
    /** For most the first schedule that catches it does harm, too. */
    const inSeed = (seed: number): ReturnType<typeof hunt> => {
      const hunted = hunts.get(seed) ?? hunt(mutant, seed, 1);
      hunts.set(seed, hunted);
      return hunted;
    };
    it.concurrent(`${mutant.name}: by seed ${caught}`, async ({ expect }) => {
      expect(caught).toBeLessThanOrEqual(WITHIN);
      const { by } = await inSeed(caught);
      expect(by?.violations.length).toBeGreaterThan(0);
    });
    it.concurrent(`${mutant.name}: breaks a promise in seed ${harm}`, async ({ expect }) => {
      expect((await inSeed(harm)).harm).toBeDefined();
    });
  }
});
