import { orderProcessing } from '../../functions/chains/order-processing.ts';
import { userOnboarding } from '../../functions/chains/user-onboarding.ts';
import { answer, everyFault } from '../../lib/testing/index.ts';
import { order, well } from './fixtures.ts';

/** Every fault over the order chain, with whatever engine this is bundled with. */
export const underFaults = (): Promise<unknown> =>
  everyFault(orderProcessing, { input: order, targets: well });

/** The same over a chain that takes back what it did. */
export const underFaultsAndUndone = (): Promise<unknown> =>
  everyFault(userOnboarding, {
    targets: {
      identity: { 'POST /verifications': { verificationId: 'v-1', verified: true } },
      accounts: { 'POST /accounts': { accountId: 'a-1' }, 'DELETE /accounts': answer(204) },
      mail: { 'POST /messages': { messageId: 'm-1' } },
    },
  });
