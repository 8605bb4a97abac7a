import { configDefaults, defineConfig } from 'vitest/config';

/** Whole machines in small: each takes all processors, so they come one after another, once the rest is done. */
const HEAVY = [
  'test/simulation/**/*.test.ts',
  'test/hostile/**/*.test.ts',
  'test/soak/**/*.test.ts',
  'test/fuzz/**/*.test.ts',
  'test/newcomer/**/*.test.ts',
];
// The acceptance suite has a configuration of its own.
const ELSEWHERE = [...configDefaults.exclude, 'test/aws/**'];

export default defineConfig({
  test: {
    root: `${import.meta.dirname}/..`,
    globalSetup: 'test/support/build.ts',
    // CI adds up what the runners themselves report.
    reporters:
      process.env.CI === 'true'
        ? ['default', ['json', { outputFile: 'dist/reports/vitest.json' }]]
        : ['default'],
    projects: [
      {
        extends: true,
        test: {
          name: 'quick',
          include: ['test/**/*.test.ts'],
          exclude: [...ELSEWHERE, ...HEAVY],
          testTimeout: 60_000,
          // End-to-end scenarios wait more than they work.
          maxConcurrency: 20,
        },
      },
      {
        extends: true,
        test: {
          name: 'heavy',
          include: HEAVY,
          exclude: ELSEWHERE,
          testTimeout: 120_000,
          fileParallelism: false,
          maxConcurrency: 2,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
