import { defineConfig } from 'vitest/config';
import { announced } from '../support/announced.ts';

/** The engine against servers that none of us wrote. */
export default defineConfig({
  test: {
    root: `${import.meta.dirname}/../..`,
    include: ['test/servers/**/*.test.ts'],
    globalSetup: 'test/servers/setup.ts',
    setupFiles: 'test/support/setup.ts',
    // Deadlines are measured: nothing else runs beside a test.
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: announced({ servers: 2 }),
    name: 'servers',
  },
});
