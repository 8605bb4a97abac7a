import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';

/*
 * AES-256-GCM, by Node's own crypto (NIST SP 800-38D): unreadable without the key, and unread if a single bit of it changed.
 */
const ALGORITHM = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** Each use of the workflow's key has a key of its own. */
const keyFrom = (secret: string): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', secret, '', 'stepline sensitive results', 32));

/**
 * A JSON value that only who has the key reads: initialization vector, tag and text, in base64.
 * @param place what it belongs to: it opens nowhere else
 * @param chance 32 hexadecimal digits that nobody used before under this key
 */
export function seal(key: string, place: string, value: unknown, chance: string): string {
  const iv = Buffer.from(chance, 'hex').subarray(0, IV_BYTES);
  const cipher = createCipheriv(ALGORITHM, keyFrom(key), iv, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(place));
  const text = Buffer.concat([cipher.update(JSON.stringify(value), 'utf8'), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), text]).toString('base64');
}

/** What `seal` was given. Errors: throws under another key or place, and for a text that was changed. */
export function unseal(key: string, place: string, sealed: string): unknown {
  const bytes = Buffer.from(sealed, 'base64');
  const decipher = createDecipheriv(ALGORITHM, keyFrom(key), bytes.subarray(0, IV_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(Buffer.from(place));
  decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
  const text = decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES), undefined, 'utf8');
  return JSON.parse(text + decipher.final('utf8'));
}
