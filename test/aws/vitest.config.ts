import { defineConfig } from 'vitest/config';
import { announced } from '../support/announced.ts';

/** The acceptance suite: what is deployed to AWS, on an emulator. */
export default defineConfig({
  test: {
    root: `${import.meta.dirname}/../..`,
    include: ['test/aws/**/*.test.ts'],
    globalSetup: 'test/aws/setup.ts',
    // One emulator with its functions is enough for a small machine.
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 300_000,
    reporters: announced({ acceptance: 9 }),
    name: 'acceptance',
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
  },
});
