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
    const seed = known[mutant.name] ?? 0;
    it.concurrent(`${mutant.name}: by seed ${seed}`, async ({ expect }) => {
      expect(seed).toBeLessThanOrEqual(WITHIN);
      const { by } = await hunt(mutant, seed, 1);
      expect(by?.violations).not.toEqual([]);
      expect(by).toBeDefined();
    });
  }
});
