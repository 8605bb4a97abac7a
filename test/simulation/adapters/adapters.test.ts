import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleSimulator } from '../bundle.ts';
import { addCounts, noCounts } from '../counts.ts';
import { runJobs, seedJobs } from '../pool.ts';
import { simulateAdapters } from './adapters.ts';
import { type EmbeddedAws, startEmbeddedAws } from './embedded-aws.ts';
import { ADAPTER_MUTANTS, ADAPTER_SEEDS, huntAdapters } from './mutants.ts';
import { addRequestCounts, noRequestCounts, REQUESTS_COUNTED } from './request-counts.ts';

/** Milliseconds, on a machine that has other things to do. */
const PATIENCE = 600_000;

describe('the engine over the real adapters', () => {
  it(
    `keeps its promises in ${ADAPTER_SEEDS} schedules with faults at every request of the SDK`,
    async () => {
      const bundle = await bundleSimulator('adapters', [], 'adapters/thread.ts');
      const answers = await runJobs(bundle, seedJobs(1, ADAPTER_SEEDS, 10));
      const counts = noCounts();
      const requests = noRequestCounts();
      const broken: unknown[] = [];
      for (const answer of answers) {
        addCounts(counts, answer.counts);
        if (answer.kind !== 'seeds') continue;
        addRequestCounts(requests, answer.requests);
        for (const { seed, violations } of answer.broken) {
          broken.push({ replay: `npm run sim -- --seed ${seed} --adapters`, violations });
        }
      }
      const told = REQUESTS_COUNTED.map((name) => `${name} ${requests[name]}`).join(', ');
      console.info(`${counts.schedules} schedules, ${counts.workflows} workflows: ${told}`);
      expect(broken).toEqual([]);
      expect(counts.schedules).toBe(ADAPTER_SEEDS);
      // The adapters ask for a consistent read wherever it matters: an old one would be a mistake of theirs.
      const { oldReads, ...happened } = requests;
      expect(oldReads).toBe(0);
      for (const [name, count] of Object.entries(happened)) expect(count, name).toBeGreaterThan(0);
      for (const name of ['completed', 'failed', 'cancelled', 'crashes'] as const) {
        expect(counts[name], name).toBeGreaterThan(0);
      }
    },
    PATIENCE,
  );
});

describe('a schedule over the adapters', () => {
  let aws: EmbeddedAws;
  beforeAll(async () => {
    aws = await startEmbeddedAws();
  });
  afterAll(() => aws.close());

  // In these, queries that are under way together are struck, and batches are done in part.
  it.each([3, 15, 40, 51])('of seed %i goes the same way each time', async (seed) => {
    const played = async (): Promise<readonly string[]> => {
      const lines: string[] = [];
      await simulateAdapters(seed, aws, { trace: (line) => lines.push(line) });
      return lines;
    };
    const first = await played();
    expect(first.length).toBeGreaterThan(20);
    expect(await played()).toEqual(first);
  });
});

describe.concurrent(`within ${ADAPTER_SEEDS} schedules it is noticed that`, () => {
  it.each(ADAPTER_MUTANTS)(
    '$name',
    async (mutant) => {
      const caught = await huntAdapters(mutant);
      expect(caught?.violations.length).toBeGreaterThan(0);
    },
    PATIENCE,
  );
});
