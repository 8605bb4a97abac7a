import { createHmac } from 'node:crypto';
import type { AuthOf } from '../../../contract/auth.ts';
import { EngineError } from '../../../engine/errors.ts';
import type { HttpRequest } from '../../../engine/ports.ts';
import type { Signer } from './kind.ts';

/** A keyed hash of the request, made for every sending: a signature with a time in it does not hold for long. */
export const hmac = (auth: AuthOf<'hmac'>): Signer => ({
  signing(desk) {
    const { secret, keyEncoding, header, algorithm, encoding, signs, value, timestamp } = auth;
    const key = keyOf(desk.value(secret), keyEncoding, desk.target);
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

const SPELLED = { text: /^/, hex: /^(?:[0-9a-f]{2})+$/i, base64: /^[A-Za-z0-9+/_-]+={0,2}$/ } as const;

/** Node reads as much of it as makes sense: of a text that is no hexadecimal digits at all, nothing. */
function keyOf(text: string, encoding: keyof typeof SPELLED, target: string): Buffer {
  if (SPELLED[encoding].test(text)) return Buffer.from(text, encoding === 'text' ? 'utf8' : encoding);
  throw new EngineError(
    'TARGET_MISSING',
    `the secret that signs for target "${target}" is not written in ${encoding}`,
    {
      next: 'Correct keyEncoding in the auth of the target, or the secret.',
    },
  );
}

function partsOf(
  { method, url, body = '' }: HttpRequest,
  timestamp: string,
): Readonly<Record<string, string>> {
  const { pathname, search } = new URL(url);
  return { method, path: pathname + search, timestamp, body };
}

const filled = (template: string, parts: Readonly<Record<string, string>>): string =>
  template.replace(/\{(\w+)\}/g, (_, name: string) => parts[name] ?? '');
