import { describe, expect, it } from 'vitest';
import { orderProcessing } from '../../../../functions/chains/order-processing.ts';
import { chains } from '../../../support/shipped-chains.ts';
import { customMetrics } from './custom-metrics.ts';

describe('the custom metrics of a month', () => {
  it('are none without a chain, but for those of the stage when something goes wrong', () => {
    expect(customMetrics([], 'full')).toEqual({ goesWell: 0, goesWrong: 4 });
  });

  it('are two of a chain and two of each of its steps while all goes well', () => {
    expect(customMetrics([orderProcessing], 'full').goesWell).toBe(2 + 2 * orderProcessing.steps.length);
  });

  it('are on a lean stage four of a chain, however many steps it has', () => {
    expect(customMetrics([orderProcessing], 'lean').goesWell).toBe(4);
  });

  it('add up over the chains', () => {
    const { goesWell, goesWrong } = customMetrics(chains, 'full');
    const each = chains.map((chain) => customMetrics([chain], 'full'));
    expect(goesWell).toBe(each.reduce((sum, one) => sum + one.goesWell, 0));
    // The four of the stage, of failed compensations, parked messages, repairs and unexpected errors, are shared.
    expect(goesWrong - 4).toBe(each.reduce((sum, one) => sum + one.goesWrong - 4, 0));
  });
});
