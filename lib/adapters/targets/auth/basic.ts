import type { AuthOf } from '../../../contract/auth.ts';
import type { Signer } from './kind.ts';

/** RFC 7617, in UTF-8. */
export const basic = ({ user, password }: AuthOf<'basic'>): Signer => ({
  signing(desk) {
    const pair = `${desk.value(user)}:${password === undefined ? '' : desk.value(password)}`;
    const encoded = Buffer.from(pair, 'utf8').toString('base64');
    return { headers: { authorization: `Basic ${encoded}` }, secrets: [encoded] };
  },
});
