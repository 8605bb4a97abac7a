import { configDefaults, defineConfig } from 'vitest/config';
import { announced } from './support/announced.ts';

/** Whole machines in small, and what takes a minute: `npm run test:deep`, one file after another. */
export const DEEP = [
  'simulation',
  'hostile',
  'soak',
  'fuzz',
  'newcomer',
  'bench/cost',
  'e2e/crash',
  'cdk/thousand',
  'bin/cdk',
  'local/process.stray',
];
/** They replace modules, clients of the SDK or the clock, or fill a database in memory, so each file has modules of its own. */
export const REPLACING = [
  ...['adapters', 'ops', 'ports/queue/sqs', 'functions/compose'],
  ...['local/process', 'local/process.broken', 'ports/store/dynamodb'],
];
/** @example testsIn(['ops', 'e2e/crash']) // all tests of test/ops, and test/e2e/crash.test.ts */
const testsIn = (places: readonly string[]): string[] =>
  places.map((place) => `test/${place}{/**/*,}.test.ts`);
// The acceptance suite has a configuration of its own.
const ELSEWHERE = [...configDefaults.exclude, 'test/aws/**'];

export default defineConfig({
  test: {
    root: `${import.meta.dirname}/..`,
    globalSetup: 'test/support/build.ts',
    setupFiles: 'test/support/setup.ts',
    // The AWS SDK warns of old versions of Node in every process of every test.
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    reporters: announced({ quick: 4, deep: 16 }),
    projects: [
      {
        extends: true,
        test: {
          name: 'quick',
          include: ['test/**/*.test.ts'],
          exclude: [...ELSEWHERE, ...testsIn([...DEEP, ...REPLACING])],
          testTimeout: 60_000,
          // Loading the CDK and the SDK anew for each file takes longer than the tests.
          isolate: false,
          // End-to-end scenarios wait more than they work.
          maxConcurrency: 20,
        },
      },
      {
        extends: true,
        test: { name: 'quick-replacing', include: testsIn(REPLACING), testTimeout: 60_000 },
      },
      {
        extends: true,
        test: {
          name: 'deep',
          include: testsIn(DEEP),
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
