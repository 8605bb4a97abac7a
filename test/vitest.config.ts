import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: `${import.meta.dirname}/..`,
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    // End-to-end scenarios wait more than they work.
    maxConcurrency: 20,
  },
});
