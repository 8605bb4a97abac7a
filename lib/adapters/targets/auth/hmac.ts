import { createHmac } from 'node:crypto';
import type { AuthOf } from '../../../contract/auth.ts';
import type { HttpRequest } from '../../../engine/ports.ts';
import type { Signer } from './kind.ts';

/** A keyed hash of the request, made for every sending: a signature with a time in it does not hold for long. */
export const hmac = (auth: AuthOf<'hmac'>): Signer => ({
  signing(desk) {
    const { secret, keyEncoding, header, algorithm, encoding, signs, value, timestamp } = auth;
    const key = Buffer.from(desk.value(secret), keyEncoding === 'text' ? 'utf8' : keyEncoding);
    return {
      sign: (request) => {
        const now = desk.clock.now();
        const time = String(timestamp?.unit === 'ms' ? now : Math.floor(now / 1_000));
        const signature = createHmac(algorithm, key)
          .update(filled(signs, partsOf(request, time)))
          .digest(encoding);
        const headers = {
          ...request.headers,
          [header]: filled(value, { signature, timestamp: time }),
          ...(timestamp?.header === undefined ? {} : { [timestamp.header]: time }),
        };
        return { ...request, headers };
      },
    };
  },
});

function partsOf(
  { method, url, body = '' }: HttpRequest,
  timestamp: string,
): Readonly<Record<string, string>> {
  const { pathname, search } = new URL(url);
  return { method, path: pathname + search, timestamp, body };
}

const filled = (template: string, parts: Readonly<Record<string, string>>): string =>
  template.replace(/\{(\w+)\}/g, (_, name: string) => parts[name] ?? '');
