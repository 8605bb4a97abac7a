import { basic } from './basic.ts';
import { hmac } from './hmac.ts';
import type { AuthKinds } from './kind.ts';
import { oauth2 } from './oauth2.ts';
import { sigv4 } from './sigv4.ts';

/** What stands for `#auth`, but in bundles of chains none of whose targets has `auth` (`none.ts`). */
export const authKinds: AuthKinds = { basic, hmac, oauth2, sigv4 };
