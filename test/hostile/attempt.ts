import type net from 'node:net';
import { expect, onTestFinished } from 'vitest';
import type { StepErrorCode } from '../../lib/contract/names.ts';
import { gone, type RawServer, rawServer } from '../adapters/http/raw-server.ts';
import {
  BACKOFF_MS,
  CARD,
  type Ended,
  type HostileEngine,
  openHostileEngine,
  SECRET,
  type Surroundings,
} from './engine.ts';

/** A call ends by its deadline and this, in milliseconds. */
export const GRACE_MS = 250;

export const HEAD = 'HTTP/1.1 200 OK\r\n';
export const whole = (body: string | Buffer, status = '200 OK', more = ''): string =>
  `HTTP/1.1 ${status}\r\n${more}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
export const ORDER = '{"orderId":"o-1"}';

/** What of a step's item says how an attempt ended. */
export interface StepState {
  readonly status: string;
  readonly attempt: number;
  readonly open: number;
  readonly round: number;
  readonly code?: string | undefined;
  readonly effect?: string | undefined;
  readonly httpStatus?: number | undefined;
  /** From the end of the attempt to the next one. */
  readonly waitMs?: number | undefined;
}

export const stateOf = ({ record }: Ended): StepState => {
  const { status, attempt, open, round, error, nextAttemptAt, updatedAt } = record;
  const { code, effect, httpStatus } = error ?? {};
  const waitMs = nextAttemptAt === undefined ? undefined : nextAttemptAt - updatedAt;
  return { status, attempt, open, round, code, effect, httpStatus, waitMs };
};

/** The item after a first attempt that is tried again. Nobody can have acted where its attempt is not counted as open. */
export const retrying = (
  code: StepErrorCode,
  effect: 'none' | 'unknown',
  httpStatus?: number,
  waitMs = BACKOFF_MS,
): StepState => ({
  status: 'retrying',
  attempt: 1,
  open: effect === 'none' ? 0 : 1,
  round: 0,
  code,
  effect,
  httpStatus,
  waitMs,
});

/** The item after a first attempt that failed for good. The key changes only where nobody can have acted. */
export const failed = (code: StepErrorCode, effect: 'none' | 'unknown', httpStatus?: number): StepState => ({
  status: 'failed',
  attempt: 1,
  open: effect === 'none' ? 0 : 1,
  round: effect === 'none' ? 1 : 0,
  code,
  effect,
  httpStatus,
});

export const completed: StepState = { status: 'completed', attempt: 1, open: 1, round: 0 };

/** An engine for one test; whatever it says of the calls is held to the deadline, and to showing no secret. */
export async function engineFor(surroundings: Surroundings): Promise<HostileEngine> {
  const engine = await openHostileEngine(surroundings);
  onTestFinished(() => engine.close());
  return {
    ...engine,
    call: async (target, attempt) => {
      const ended = await engine.call(target, attempt);
      const { deadlineMs, lateMs, tookMs } = ended;
      expect(tookMs - deadlineMs - lateMs, 'milliseconds beyond the deadline').toBeLessThanOrEqual(GRACE_MS);
      expect(engine.events.filter(({ event }) => event === 'unexpected_error')).toEqual([]);
      const shown = JSON.stringify([ended.record.error, engine.events]);
      expect(shown).not.toContain(SECRET);
      expect(shown).not.toContain(CARD);
      return ended;
    },
  };
}

export async function serverFor(
  onRequest: (socket: net.Socket, count: number) => void,
): Promise<RawServer & { readonly base: string }> {
  const server = await rawServer(onRequest);
  onTestFinished(() => server.close());
  return { ...server, base: `http://127.0.0.1:${server.port}` };
}

/** One attempt against such a server. A call that got no reply leaves no connection behind. */
export async function against(
  onRequest: (socket: net.Socket, count: number) => void,
  more: Omit<Surroundings, 'urls'> = {},
) {
  const server = await serverFor(onRequest);
  const engine = await engineFor({ urls: [server.base], ...more });
  const ended = await engine.call();
  const state = stateOf(ended);
  if (WITHOUT_REPLY.has(state.code)) await Promise.all(server.accepted.map(gone));
  return { server, engine, ended, state, message: ended.record.error?.detail ?? '' };
}

const WITHOUT_REPLY = new Set<string | undefined>([
  'CONNECTION_BROKEN',
  'DEADLINE_EXCEEDED',
  'REPLY_TOO_LARGE',
]);

/** How often the server was sent a request. */
export const requestsOf = (server: RawServer): number => server.received().split('POST ').length - 1;
