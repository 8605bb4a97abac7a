import { availableParallelism } from 'node:os';
import { configDefaults, defineConfig } from 'vitest/config';
import { announced } from './support/announced.ts';
import { LongestFirst } from './support/longest-first.ts';

/** What takes a minute, in virtual time or without any: as many files at a time as there are processors. */
const COMPUTING = ['simulation', 'fuzz', 'bench/cost', 'cdk/thousand'];
/** Whole machines in small, one file after another: they start programs, and wait for what others must not slow down. */
const ALONE = ['hostile', 'soak', 'newcomer', 'e2e/crash', 'bin/cdk', 'local/process.stray'];
/** `npm run test:deep` */
export const DEEP = [...COMPUTING, ...ALONE];
/** They replace modules, clients of the SDK or the clock, or fill a database in memory, so each file has modules of its own. */
export const REPLACING = [
  ...['adapters', 'ops', 'ports/queue/sqs', 'functions/compose'],
  ...['local/process', 'local/process.broken', 'ports/store/dynamodb', 'testing/replaced-timers'],
];
/** @example testsIn(['ops', 'e2e/crash']) // all tests of test/ops, and test/e2e/crash.test.ts */
const testsIn = (places: readonly string[]): string[] =>
  places.map((place) => `test/${place}{/**/*,}.test.ts`);
// The acceptance suites have configurations of their own.
const ELSEWHERE = [...configDefaults.exclude, 'test/aws/**', 'test/servers/**'];

export default defineConfig({
  test: {
    root: `${import.meta.dirname}/..`,
    globalSetup: 'test/support/build.ts',
    // One fewer, if left out: of two cores one would idle.
    maxWorkers: availableParallelism(),
    setupFiles: 'test/support/setup.ts',
    // The AWS SDK warns of old versions of Node in every process of every test.
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    sequence: { sequencer: LongestFirst },
    reporters: announced({ quick: 2, deep: 7 }),
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
          name: 'deep-computing',
          include: testsIn(COMPUTING),
          testTimeout: 120_000,
          maxConcurrency: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'deep',
          include: testsIn(ALONE),
          testTimeout: 120_000,
          fileParallelism: false,
          maxConcurrency: 2,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
