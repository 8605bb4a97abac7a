import fc from 'fast-check';

/** `<seed>` runs everything as it was then; `<seed>:<path>` runs the one case that failed. */
export const REPLAY = 'STEPLINE_FUZZ_SEED';

const [givenSeed = '', ...givenPath] = (process.env[REPLAY] ?? '').split(':');
if (!/^(-?\d+)?$/.test(givenSeed)) throw new Error(`${REPLAY} must be <seed> or <seed>:<path>`);
const seed = givenSeed === '' ? 1 : Number(givenSeed);

/** Whether only the one case runs that failed before: then nothing can be said of how much was reached. */
export const isReplay = givenPath.length > 0;

/** A case that takes so long hangs, in milliseconds. It takes some ten. */
const PATIENCE_MS = 30_000;
/** So long a smaller case that fails is looked for, in milliseconds. */
const SEARCH_MS = 90_000;
/** For a test, in milliseconds: what it found must be told. It takes some ten seconds where all is well. */
export const FUZZ_TIMEOUT = SEARCH_MS + 2 * PATIENCE_MS;

/**
 * Holds a property to be true of many cases. Every run tries the same cases, unless the environment gives another seed.
 * Errors: an `Error` with the smallest case that fails, and how to run it again.
 * @param file the test file, for the line that runs it again
 */
export async function fuzz<Case>(
  file: string,
  cases: { readonly of: fc.Arbitrary<Case>; readonly count: number },
  property: (one: Case) => Promise<void>,
): Promise<void> {
  const run = await fc.check(fc.asyncProperty(cases.of, property), {
    seed,
    numRuns: cases.count,
    timeout: PATIENCE_MS,
    interruptAfterTimeLimit: SEARCH_MS,
    ...(isReplay ? { path: givenPath.join(':') } : {}),
  });
  if (!run.failed) return;
  const again = `${REPLAY}=${run.seed}:${run.counterexamplePath} npx vitest run --config test/vitest.config.ts ${file}`;
  const said = fc.defaultReportMessage(run) ?? 'the property failed';
  throw new Error(`${said}\n\nThis case alone: ${again}`, { cause: run.errorInstance });
}
