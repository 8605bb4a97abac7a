import { dataEnrichment } from '../../functions/chains/data-enrichment.ts';
import { notifications } from '../../functions/chains/notifications.ts';
import { orderProcessing } from '../../functions/chains/order-processing.ts';
import { userOnboarding } from '../../functions/chains/user-onboarding.ts';

/**
 * The chains that Stepline ships as examples. Tests take them from here: the list in `functions/chains/index.ts` belongs to
 * whoever uses Stepline, and a chain that is added to it must change no test.
 */
export const chains = [orderProcessing, userOnboarding, dataEnrichment, notifications];
