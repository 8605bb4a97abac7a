import { describe, expect, it } from 'vitest';
import { type Capacity, CHAIN_LENGTHS, type Costs, measureCapacity, measureCosts } from './costs.ts';

describe('what a workflow that goes well costs', () => {
  it('is two writes of META, and of each step two writes, one query and one message', async () => {
    const costs = await measureCosts();
    expect(
      costs.map(({ steps, metaWrites, stepWrites, queries, messages }) => [
        ...[steps, metaWrites, stepWrites, queries, messages],
      ]),
    ).toEqual(CHAIN_LENGTHS.map((steps) => [steps, 2, 2 * steps, steps, steps]));
  });

  it('in bytes written grows in proportion to the steps', async () => {
    const costs = await measureCosts();
    const perStep = (from: Costs | undefined, to: Costs | undefined): number => {
      if (from === undefined || to === undefined) throw new Error('a length was not measured');
      return (to.bytesWritten - from.bytesWritten) / (to.steps - from.steps);
    };
    const short = perStep(costs[0], costs[1]);
    const long = perStep(costs.at(-2), costs.at(-1));
    // Step names and counters of the later steps have a digit more.
    expect(long).toBeLessThan(short * 1.02);
  });

  it('on DynamoDB is at most 11 write units for the sample order, indexes included', async () => {
    const capacity: Capacity = await measureCapacity();
    expect(capacity.writes).toBe(8);
    expect(capacity.reads).toBe(3);
    expect(capacity.writeUnits).toBeLessThanOrEqual(11);
    expect(capacity.readUnits).toBeLessThanOrEqual(6);
  });
});
