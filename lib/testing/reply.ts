import { LIMITS } from '../contract/limits.ts';
import { REPLY_HEADERS } from '../contract/names.ts';
import type { HttpOutcome, HttpRequest } from '../engine/ports.ts';
import { type Said, textOf } from './fakes/answer.ts';

const failed = (
  code: 'DEADLINE_EXCEEDED' | 'CONNECTION_FAILED' | 'CONNECTION_BROKEN',
  sent: 'no' | 'unknown',
  message: string,
): HttpOutcome => ({ kind: 'failure', code, sent, message });

export const TOO_LATE = failed('DEADLINE_EXCEEDED', 'unknown', 'no reply in time');

/** What a caller gets of what a fake says, as the HTTP client would hand it on. */
export function replyOf(said: Exclude<Said, { kind: 'noAnswer' }>, { allHeaders }: HttpRequest): HttpOutcome {
  if (said.kind === 'unreachable') return failed('CONNECTION_FAILED', 'no', 'connection refused');
  if (said.kind !== 'answer') return failed('CONNECTION_BROKEN', 'unknown', 'connection reset');
  const { status } = said;
  const body = textOf(said);
  if (Buffer.byteLength(body) > LIMITS.replyBytes) {
    const message = `the reply is larger than ${LIMITS.replyBytes} bytes`;
    return { kind: 'failure', code: 'REPLY_TOO_LARGE', sent: 'unknown', message, status };
  }
  const read: readonly string[] = allHeaders === true ? Object.keys(said.headers) : REPLY_HEADERS;
  const headers = Object.fromEntries(
    Object.entries(said.headers).filter(([name]) => read.includes(name) && name !== 'set-cookie'),
  );
  return { kind: 'reply', status, body, ...(Object.keys(headers).length === 0 ? {} : { headers }) };
}
