import { describe, expect, it } from 'vitest';
import { alternatives } from '../../../lib/testing/faults/planned.ts';
import { bundleSimulator } from '../bundle.ts';
import { runJobs } from '../pool.ts';
import { type Exhausted, play, SMALL_GRAPHS, type SmallGraph } from './exhaustive.ts';

/** First faults are shared out in so many parts, so that all threads end together. */
const PARTS = 40;
/** Fewer would mean that faults or moments have been taken out. */
const LEAST_PLANS: Readonly<Record<SmallGraph, number>> = {
  line: 25_000,
  diamond: 45_000,
  'line-undo': 9_000,
  'diamond-undo': 8_000,
  'line-lookup': 900,
  'line-undo-lookup': 700,
  'pivot-lookup': 700,
};
/** Of the pairs of faults one of so many: all of those with undo take a quarter of an hour. */
const ONE_OF: Readonly<Record<SmallGraph, number>> = {
  line: 1,
  diamond: 1,
  'line-undo': 10,
  'diamond-undo': 20,
  'line-lookup': 40,
  'line-undo-lookup': 200,
  'pivot-lookup': 30,
};

describe('every single fault at every moment, and every pair of faults', () => {
  for (const graph of SMALL_GRAPHS) {
    it(`breaks nothing in the ${graph}`, async () => {
      const bundle = await bundleSimulator(`exhaust-${graph}`);
      const began = performance.now();
      const jobs = Array.from(
        { length: PARTS },
        (_, part) => ({ kind: 'exhaust', graph, part, parts: PARTS, oneOf: ONE_OF[graph] }) as const,
      );
      const parts = (await runJobs(bundle, jobs)).filter(
        (answer): answer is { kind: 'exhaust' } & Exhausted => answer.kind === 'exhaust',
      );
      const plans = parts.reduce((sum, part) => sum + part.plans, 0);
      const seconds = (performance.now() - began) / 1_000;
      process.stdout.write(`${plans} plans of the ${graph}, ${Math.round(plans / seconds)} a second\n`);
      const broken = parts.flatMap((part) => part.broken);
      expect(
        broken
          .slice(0, 10)
          .map(({ plan, violations }) => `npm run sim -- --plan "${plan}": ${violations[0]?.what}`),
      ).toEqual([]);
      const { points } = await play(graph, []);
      const singles = alternatives(points, 0).length;
      expect(plans).toBeGreaterThan((singles * singles * 0.5) / ONE_OF[graph]);
      expect(plans).toBeGreaterThan(LEAST_PLANS[graph]);
      // A fault that is never noticed by anything would prove nothing: these all happened.
      const crashes = parts.reduce((sum, { counts }) => sum + counts.crashes, 0);
      const ends = parts.reduce((sum, { counts }) => sum + counts.completed + counts.compensated, 0);
      expect(crashes).toBeGreaterThan(plans / 10);
      expect(ends).toBeGreaterThan(plans / 2);
    }, 600_000);
  }

  it('a plan whose moment never comes is refused', async () => {
    const { violations, points } = await play('line', [{ at: 1_000, fault: 'fails' }]);
    expect(violations.map(({ what }) => what)).toEqual([
      `moment 1000 never came: the last was ${points.length - 1}`,
    ]);
  });

  it('a plan with a fault that its moment does not have is refused', async () => {
    const { violations } = await play('line', [{ at: 3, fault: 'loses its reply' }]);
    expect(violations.map(({ what }) => what)).toEqual([
      'moment 3 is a receive, which has no fault "loses its reply"; there are: reaches no function; reaches an outdated function',
    ]);
  });
});
