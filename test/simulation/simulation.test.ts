import { beforeAll, describe, expect, it } from 'vitest';
import { bundleSimulator } from './bundle.ts';
import { addCounts, type Counts, noCounts } from './counts.ts';
import { WITHIN } from './mutants/hunt.ts';
import { runJobs, seedJobs } from './pool.ts';
import { type Outcome, simulate } from './simulate.ts';

const EACH = 100;
/** As long as a slow machine may take. */
const PATIENCE_MS = 600_000;

const replay = ({ seed, about, violations }: Outcome): string =>
  `npm run sim -- --seed ${seed} (${about}): ${violations.map(({ what }) => what).join('; ')}`;

/** The same in every run: those within which every mutant is caught. New ones are for `npm run sim`. */
describe(`the schedules of the seeds 1 to ${WITHIN}`, () => {
  const counts: Counts = noCounts();
  const broken: Outcome[] = [];

  beforeAll(async () => {
    const bundle = await bundleSimulator('random');
    const began = performance.now();
    const answers = await runJobs(bundle, seedJobs(1, WITHIN, EACH));
    const seconds = (performance.now() - began) / 1_000;
    for (const answer of answers) {
      addCounts(counts, answer.counts);
      if (answer.kind === 'seeds') broken.push(...answer.broken);
    }
    const { schedules } = counts;
    process.stdout.write(`${schedules} schedules, ${Math.round(schedules / seconds)} a second\n`);
  }, PATIENCE_MS);

  it('violate nothing', () => {
    expect(broken.map(replay)).toEqual([]);
    expect(counts.schedules).toBe(WITHIN);
  });

  it('hold faults of every kind, and workflows that come to every end', () => {
    const { pastPivot, ...others } = counts;
    for (const [name, count] of Object.entries(others)) expect(count, name).toBeGreaterThan(100);
    // A worker has to claim the pivot in the very moment in which the workflow turns.
    expect(pastPivot).toBeGreaterThan(0);
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
