import { createSign, generateKeyPairSync } from 'node:crypto';
import { openListener } from '../../../lib/local/demo/http.ts';

/** An OpenID Connect issuer: it publishes a key and signs tokens with it. */
export interface Issuer {
  readonly url: string;
  /** A token with these claims beside `iss`, `iat` and `exp` (ten minutes from now), which they may replace. */
  token(claims: Readonly<Record<string, unknown>>): string;
  close(): Promise<void>;
}

const KEY_ID = 'stepline-test';
const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Starts an issuer on this machine. Tokens are signed with RS256. */
export async function openIssuer(): Promise<Issuer> {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: KEY_ID, alg: 'RS256', use: 'sig' };
  const listener = await openListener(
    (request, response) => {
      response.setHeader('content-type', 'application/json');
      if (request.url === '/.well-known/openid-configuration') {
        response.end(JSON.stringify({ issuer: url, jwks_uri: `${url}/keys` }));
        return;
      }
      response.end(JSON.stringify({ keys: [jwk] }));
    },
    '127.0.0.1',
    0,
  );
  const url = `http://127.0.0.1:${listener.port}`;
  return {
    url,
    token: (claims) => {
      const now = Math.floor(Date.now() / 1_000);
      const header = encoded({ alg: 'RS256', typ: 'JWT', kid: KEY_ID });
      const body = `${header}.${encoded({ iss: url, iat: now, exp: now + 600, ...claims })}`;
      return `${body}.${createSign('RSA-SHA256').update(body).sign(privateKey, 'base64url')}`;
    },
    close: listener.close,
  };
}
