import { ssm } from './ssm.ts';
import type { Stores } from './store.ts';

/** What stands for `#stores` where all secrets are in the Parameter Store. */
export const stores: Stores = { ssm };
