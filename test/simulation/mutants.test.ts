import { describe, expect, it } from 'vitest';
import { hunt, knownSeeds, WITHIN } from './hunt.ts';
import { MUTANTS } from './mutants.ts';

const known = knownSeeds();

describe('a protocol that is wrong in one way is caught', () => {
  it('there are at least twenty, each with a schedule that catches it', () => {
    expect(MUTANTS.length).toBeGreaterThanOrEqual(20);
    // Found anew by: npm run sim -- --mutants
    expect(Object.keys(known)).toEqual(MUTANTS.map(({ name }) => name));
  });

  for (const mutant of MUTANTS) {
    const { caught, harm } = known[mutant.name] ?? { caught: 0, harm: null };
    it.concurrent(`${mutant.name}: by seed ${caught}`, async ({ expect }) => {
      expect(caught).toBeLessThanOrEqual(WITHIN);
      const { by } = await hunt(mutant, caught, 1);
      expect(by?.violations.length).toBeGreaterThan(0);
    });
    if (harm === null) continue;
    it.concurrent(`${mutant.name}: breaks a promise in seed ${harm}`, async ({ expect }) => {
      expect((await hunt(mutant, harm, 1)).harm).toBeDefined();
    });
  }

  it('each does harm that users would see', () => {
    const harmless = Object.entries(known).filter(([, { harm }]) => harm === null);
    expect(harmless.map(([name]) => name)).toEqual([]);
  });
});
