import { randomInt } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { bundleSimulator } from './bundle.ts';
import { addCounts, type Counts, noCounts } from './counts.ts';
import { WITHIN } from './mutants/hunt.ts';
import { runJobs, seedJobs } from './pool.ts';
import { type Outcome, simulate } from './simulate.ts';

/** Schedules in every run of the tests, as far as the time allows; never fewer than the mutants are caught within. */
const WANTED = 20_000;
const PATIENCE_MS = 60_000;
const EACH = 100;
/** The first schedules are those of every run, in which the mutants are caught; the others are new ones each time. */
const ANEW = 1_000_000 + randomInt(1_000_000_000);

function* jobs() {
  yield* seedJobs(1, WITHIN, EACH);
  yield* seedJobs(ANEW, WANTED - WITHIN, EACH);
}

const replay = ({ seed, about, violations }: Outcome): string =>
  `npm run sim -- --seed ${seed} (${about}): ${violations.map(({ what }) => what).join('; ')}`;

describe('random schedules', () => {
  const counts: Counts = noCounts();
  const broken: Outcome[] = [];

  beforeAll(async () => {
    const bundle = await bundleSimulator('random');
    const began = performance.now();
    let ended = 0;
    const answers = await runJobs(bundle, jobs(), {
      onProgress: (schedules) => {
        ended += schedules;
      },
      isEnough: () => ended >= WITHIN && performance.now() - began > PATIENCE_MS,
    });
    const seconds = (performance.now() - began) / 1_000;
    for (const answer of answers) {
      addCounts(counts, answer.counts);
      if (answer.kind === 'seeds') broken.push(...answer.broken);
    }
    const { schedules } = counts;
    const rate = `${Math.round(schedules / seconds)} a second`;
    process.stdout.write(
      `${schedules} random schedules, ${rate}; from ${WITHIN} on they are seeds ${ANEW} and above\n`,
    );
  }, 3 * PATIENCE_MS);

  it('violate nothing', () => {
    expect(broken.map(replay)).toEqual([]);
    expect(counts.schedules).toBeGreaterThanOrEqual(WITHIN);
  });

  it('hold faults of every kind, and workflows that come to every end', () => {
    for (const [name, count] of Object.entries(counts)) expect(count, name).toBeGreaterThan(100);
  });
});

describe('a seed', () => {
  it('replays its schedule line by line', async () => {
    for (const seed of [3, 15, 79]) {
      const [first, second] = await Promise.all([traceOf(seed), traceOf(seed)]);
      expect(first.length).toBeGreaterThan(10);
      // Of one process too, which begins while its world is being made.
      expect(first[0]).toMatch(`seed ${seed}: `);
      expect(second).toEqual(first);
    }
  });

  it('is a schedule of its own', async () => {
    expect(await traceOf(1)).not.toEqual(await traceOf(2));
  });
});

async function traceOf(seed: number): Promise<readonly string[]> {
  const lines: string[] = [];
  await simulate(seed, { trace: (line) => lines.push(line) });
  return lines;
}
