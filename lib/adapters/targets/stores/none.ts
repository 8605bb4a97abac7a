import type { Stores } from './store.ts';

/** What stands for `#stores` where there are no secrets. */
export const stores: Stores = {};
