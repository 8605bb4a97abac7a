import { orderProcessing } from '../../functions/chains/order-processing.ts';
import { everyFault } from '../../lib/testing/index.ts';
import { order, well } from './fixtures.ts';

/** Every fault over the order chain, with whatever engine this is bundled with. */
export const underFaults = (): Promise<unknown> =>
  everyFault(orderProcessing, { input: order, targets: well });
