import { CALL_HEADERS } from './names.ts';

/** What HTTP allows in the value of a header; Node's own check is the same. */
export const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
/** A token of RFC 9110, 5.6.2. */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
export const NOT_ALLOWED = 'it has a character that HTTP does not allow';

/** Headers that Stepline sets at each call: another one would replace them. */
const OWN_HEADERS: readonly string[] = Object.values(CALL_HEADERS);

/** They belong to a connection or to one request's bytes, not to a target or a step. */
const FRAMING: readonly string[] = [
  'connection',
  'content-length',
  'expect',
  'host',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/** Why a header of that name can be set neither by a target's settings nor by a step. */
export function headerProblem(name: string): string | undefined {
  if (!HEADER_NAME.test(name)) return NOT_ALLOWED;
  if (OWN_HEADERS.includes(name.toLowerCase())) return 'Stepline itself sets this header; leave it out';
  if (FRAMING.includes(name.toLowerCase())) return 'the HTTP client itself sets this header; leave it out';
  return undefined;
}
