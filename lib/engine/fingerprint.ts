import { createHmac, hash as digest, randomBytes, timingSafeEqual } from 'node:crypto';
import type * as z from 'zod';
import type { Fingerprint } from './state.ts';

type Fields = Readonly<Record<string, unknown>>;

/** JSON with sorted keys: equal for equal values, whatever their order of fields. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (!isFields(value)) return JSON.stringify(value) ?? 'null';
  // A loop over names: this is done for every call, and lists of pairs are slow.
  let text = '{';
  for (const name of Object.keys(value).sort()) {
    const field = value[name];
    if (field === undefined) continue;
    text += `${text === '{' ? '' : ','}${JSON.stringify(name)}:${canonical(field)}`;
  }
  return `${text}}`;
}

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null;

/**
 * The fields of a body that the chain's input declares, as they were sent: the same body gives the same, whatever the schema makes
 * of it anew each time. A field that the schema drops tells nothing, and might be a secret under a wrong name.
 * @example asSent(z.object({ id: z.string().default(randomUUID), amount: z.number() }), { amount: 5, junk: 1 }) // { amount: 5 }
 */
export function asSent(schema: z.ZodType, body: unknown): Fields {
  const { def } = schema._zod;
  const shape = 'shape' in def && typeof def.shape === 'object' && def.shape !== null ? def.shape : {};
  const keepsAll = 'catchall' in def && def.catchall !== undefined;
  const fields = typeof body === 'object' && body !== null ? Object.entries(body) : [];
  return Object.fromEntries(fields.filter(([name]) => keepsAll || Object.hasOwn(shape, name)));
}

/** `input` without its sensitive fields. */
export function withoutSensitive(input: Fields, sensitive: readonly string[]): Fields {
  return Object.fromEntries(Object.entries(input).filter(([name]) => !sensitive.includes(name)));
}

const hash = (text: string): string => digest('sha256', text, 'base64url');
const mac = (key: string, text: string): string => createHmac('sha256', key).update(text).digest('base64url');

/**
 * A hash that tells nothing of the text without the key, in a quarter of the time of an HMAC. Only for hashes that nobody could forge, as the
 * engine alone writes them: who has one could extend its text.
 * @param key chance, without an end of line
 */
export const keyed = (key: string, text: string): string => digest('sha256', `${key}\n${text}`, 'base64url');

/**
 * The fingerprint of what a start sent. The whole of it is covered only by a keyed hash, whose key is erased together with
 * the sensitive fields: what remains tells nothing of them.
 * @param key chance; 16 random bytes unless a test gives it
 */
export function fingerprint(
  input: Fields,
  sensitive: readonly string[],
  key: string = randomBytes(16).toString('base64url'),
): Fingerprint {
  const open = hash(canonical(withoutSensitive(input, sensitive)));
  return sensitive.length === 0 ? { open } : { open, sealed: { key, mac: sealed(key, input) } };
}

/** Tells nothing of the value without the key, and is the same for the same value. */
export const sealed = (key: string, value: unknown): string => mac(key, canonical(value));

/** What may stay of a fingerprint once the sensitive input is erased. */
export const unsealed = (fingerprint: Fingerprint): Fingerprint => ({ open: fingerprint.open });

/** Whether `input` is the payload behind `fingerprint`; without its seal only the fields that are not sensitive count. */
export function matches(fingerprint: Fingerprint, input: Fields, sensitive: readonly string[]): boolean {
  if (!same(fingerprint.open, hash(canonical(withoutSensitive(input, sensitive))))) return false;
  const { sealed: seal } = fingerprint;
  return seal === undefined || same(seal.mac, sealed(seal.key, input));
}

const same = (a: string, b: string): boolean =>
  a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
