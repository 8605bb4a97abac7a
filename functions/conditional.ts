import { createHash } from 'node:crypto';
import { LIMITS } from '../lib/contract/limits.ts';
import { SEEN_HEADER } from '../lib/contract/names.ts';
import { type ApiAnswer, type ApiEvent, invalidField, json } from './http.ts';

/** An answer that says by its `ETag` what it shows. */
type Tagged = ApiAnswer & { readonly headers: { readonly etag: string } };

/** A JSON answer of 200. Its tag is a hash of the body: two answers that show the same have the same. */
export function taggedJson(body: unknown): Tagged {
  const answer = json(200, body);
  const etag = `"${createHash('sha256').update(answer.body).digest('base64url')}"`;
  return { ...answer, headers: { ...answer.headers, etag } };
}

/** The answer to whoever has seen it already. `full`: it was to wait, and all places to wait were taken. */
export function notModified({ headers }: Tagged, full: boolean): ApiAnswer {
  const { 'content-type': _, ...rest } = headers;
  return {
    statusCode: 304,
    headers: full ? { ...rest, 'retry-after': String(LIMITS.waitAgain) } : rest,
    body: '',
  };
}

/** Whether `If-None-Match` names that tag. What packs an answer on its way may have made the tag a weak one. */
export function isSeen(headers: ApiEvent['headers'], etag: string): boolean {
  const tags = (headers?.[SEEN_HEADER] ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes(etag) || tags.includes('*');
}

/** For how many milliseconds a read may wait. Errors: 400, which says what to write. */
export function readWait(wait: string | undefined): number {
  if (wait === undefined) return 0;
  const seconds = /^\d{1,2}$/.test(wait) ? Number(wait) : 0;
  if (seconds >= 1 && seconds <= LIMITS.waitMost) return seconds * 1_000;
  throw invalidField(
    'wait',
    `Must be a whole number of seconds from 1 to ${LIMITS.waitMost}, such as wait=${LIMITS.waitMost}; leave it out for an answer at once`,
  );
}
