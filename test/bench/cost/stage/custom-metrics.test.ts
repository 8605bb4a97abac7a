import { describe, expect, it } from 'vitest';
import { orderProcessing } from '../../../../functions/chains/order-processing.ts';
import { chains } from '../../../support/shipped-chains.ts';
import { customMetrics } from './custom-metrics.ts';

describe('the custom metrics of a month', () => {
  it('are none without a chain, but for those of the stage when something goes wrong', () => {
    expect(customMetrics([])).toEqual({ goesWell: 0, goesWrong: 2 });
  });

  it('are two of a chain and two of each of its steps while all goes well', () => {
    expect(customMetrics([orderProcessing]).goesWell).toBe(2 + 2 * orderProcessing.steps.length);
  });

  it('add up over the chains', () => {
    const { goesWell, goesWrong } = customMetrics(chains);
    const each = chains.map((chain) => customMetrics([chain]));
    expect(goesWell).toBe(each.reduce((sum, one) => sum + one.goesWell, 0));
    // The two of the stage, of parked messages and unexpected errors, are shared.
    expect(goesWrong - 2).toBe(each.reduce((sum, one) => sum + one.goesWrong - 2, 0));
  });
});
