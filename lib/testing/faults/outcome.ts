import type { HttpOutcome } from '../../engine/ports.ts';
import type { Reply } from './chaos.ts';

const HTTP_STATUS = { redirect: 302, invalid: 200 };

/**
 * A reply as it comes over the wire. An error echoes what was sent, as careless servers do.
 * @param good what the caller gets of a target that does well
 */
export function outcomeOf(reply: Reply, good: () => HttpOutcome, sent: string): HttpOutcome {
  switch (reply.kind) {
    case 'good':
      return good();
    case 'invalid':
      return { kind: 'reply', status: HTTP_STATUS.invalid, body: JSON.stringify({ not: 'this', sent }) };
    case 'redirect':
      return { kind: 'reply', status: HTTP_STATUS.redirect, body: sent };
    case 'status': {
      const { status, headers, repeated } = reply;
      return {
        kind: 'reply',
        status,
        body: `no: ${sent}`,
        ...(headers === undefined ? {} : { headers }),
        ...(repeated ? { repeated } : {}),
      };
    }
    case 'tooLarge':
      return {
        kind: 'failure',
        code: 'REPLY_TOO_LARGE',
        sent: 'unknown',
        message: 'the reply is too large',
        status: 200,
        excerpt: sent,
      };
    case 'unreachable':
      return { kind: 'failure', code: 'CONNECTION_FAILED', sent: 'no', message: 'connection refused' };
    case 'broken':
    case 'never':
      return { kind: 'failure', code: 'CONNECTION_BROKEN', sent: 'unknown', message: 'connection reset' };
  }
}
