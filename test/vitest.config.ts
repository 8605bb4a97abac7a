import { configDefaults, defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: `${import.meta.dirname}/..`,
    include: ['test/**/*.test.ts'],
    // The acceptance suite has a configuration of its own.
    exclude: [...configDefaults.exclude, 'test/aws/**'],
    globalSetup: 'test/support/build.ts',
    testTimeout: 60_000,
    // End-to-end scenarios wait more than they work.
    maxConcurrency: 20,
    // CI adds up what the runners themselves report.
    reporters:
      process.env.CI === 'true'
        ? ['default', ['json', { outputFile: 'dist/reports/vitest.json' }]]
        : ['default'],
  },
});
