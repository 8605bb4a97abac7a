import { secretsManager } from './secrets-manager.ts';
import { ssm } from './ssm.ts';
import type { Stores } from './store.ts';

/** What stands for `#stores`, but in bundles of steps whose secrets are in one store, or in none: a client is up to 80 KB. */
export const stores: Stores = { 'secrets-manager': secretsManager, ssm };
