import { dataEnrichment } from './data-enrichment.ts';
import { notifications } from './notifications.ts';
import { orderProcessing } from './order-processing.ts';
import { userOnboarding } from './user-onboarding.ts';

/** Every chain, older versions included while a workflow of theirs may still run. Nothing else lists them. */
export const chains = [orderProcessing, userOnboarding, dataEnrichment, notifications];
