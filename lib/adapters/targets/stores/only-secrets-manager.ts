import { secretsManager } from './secrets-manager.ts';
import type { Stores } from './store.ts';

/** What stands for `#stores` where all secrets are in Secrets Manager. */
export const stores: Stores = { 'secrets-manager': secretsManager };
