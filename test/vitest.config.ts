import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: `${import.meta.dirname}/..`,
    globalSetup: 'test/support/build.ts',
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    // End-to-end scenarios wait more than they work.
    maxConcurrency: 20,
  },
});
