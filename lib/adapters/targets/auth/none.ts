import type { AuthKinds } from './kind.ts';

/** What stands for `#auth` in bundles of chains none of whose targets has `auth`. */
export const authKinds: AuthKinds = {};
