import { REQUEST_ID_HEADERS, type ReplyHeaders } from '../../contract/names.ts';
import { statusText } from '../../contract/told.ts';
import { excerpt } from '../mask.ts';
import { replyText } from './reply-text.ts';

/** What there is of a reply. `body`: left out where it may not be shown, or never came whole. */
export interface Said {
  readonly status?: number | undefined;
  readonly headers?: ReplyHeaders | undefined;
  readonly body?: string | undefined;
  /** Why its bytes are no text: then an empty body says nothing. */
  readonly unreadable?: string | undefined;
}

/** Servers behind servers name a request each in their own way; more than two say nothing new. */
const MOST_IDS = 2;

/**
 * What a reply says, for operators, secrets masked: its status, where it redirects to (3xx), how to sign in (401), under which ids its
 * senders know the request, and at most 200 characters of it. Never empty.
 * @param problem what is wrong with the reply, where its status does not say so; secrets masked
 * @example
 * saidBy({ status: 402, headers: { 'request-id': 'req_7' }, body: '{"error":"declined"}' }, [])
 * // '402 Payment Required; request-id: req_7; the reply was: error: declined'
 */
export function saidBy(
  { status, headers = {}, body, unreadable }: Said,
  secrets: readonly string[],
  problem = '',
): string {
  const parts = [
    problem,
    status === undefined ? '' : statusText(status),
    ...namesOf(status, headers).map((name) => headerText(name, headers[name], secrets)),
    body === undefined || (body === '' && unreadable !== undefined) ? '' : bodyText(body, secrets),
  ].filter((part) => part !== '');
  return parts.length === 0 ? 'nothing more is known' : parts.join('; ');
}

/** The headers that are shown, in the order in which they are. */
function namesOf(status = 0, headers: ReplyHeaders): readonly (keyof ReplyHeaders)[] {
  const ids = REQUEST_ID_HEADERS.filter((name) => headers[name] !== undefined).slice(0, MOST_IDS);
  if (status >= 300 && status < 400) return ['location', ...ids];
  return status === 401 ? ['www-authenticate', ...ids] : ids;
}

/** Node reads a header as Latin-1; most senders write UTF-8, in which secrets are looked for. */
function headerText(name: string, value: string | undefined, secrets: readonly string[]): string {
  if (value === undefined) return '';
  const text = Buffer.from(value, 'latin1').toString('utf8');
  const isLossy =
    text.includes('\uFFFD') && secrets.some((secret) => Buffer.byteLength(secret) > secret.length);
  return isLossy ? '' : `${name}: ${excerpt(text, secrets)}`;
}

function bodyText(body: string, secrets: readonly string[]): string {
  if (body.trim() === '') return 'the reply was empty';
  const text = replyText(body, secrets);
  return text === '' ? 'the reply cannot be shown, as it may hold a secret' : `the reply was: ${text}`;
}
