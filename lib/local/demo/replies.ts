import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { LIMITS } from '../../contract/limits.ts';
import type { Fault } from './faults.ts';
import { sendText } from './http.ts';
import type { StoredReply } from './ledger.ts';

const DRIP_MS = 1_000;

/** Replies of every malformed kind, made from the good one. */
const MALFORMED: Readonly<
  Record<NonNullable<Fault['malformed']>, (good: string) => { body: string; type: string }>
> = {
  json: (good) => ({ body: good.slice(0, Math.ceil(good.length / 2)), type: 'application/json' }),
  schema: () => ({ body: JSON.stringify({ result: { ok: 'yes' } }), type: 'application/json' }),
  empty: () => ({ body: '', type: 'application/json' }),
  huge: () => ({
    body: JSON.stringify({ padding: 'x'.repeat(2 * LIMITS.replyBytes) }),
    type: 'application/json',
  }),
  html: () => ({ body: '<!doctype html><title>Welcome</title><p>It works!', type: 'text/html' }),
};

/** Sends `reply` as the fault spoils it. The effect has happened. */
export async function sendFaulty(
  response: ServerResponse,
  reply: StoredReply,
  fault: Fault,
  signal: AbortSignal,
): Promise<void> {
  if (fault.malformed === undefined) return await drip(response, reply, signal);
  const { body, type } = MALFORMED[fault.malformed](reply.body);
  sendText(response, 200, body, { 'content-type': type });
}

async function drip(response: ServerResponse, reply: StoredReply, signal: AbortSignal): Promise<void> {
  const bytes = Buffer.from(reply.body);
  const type = reply.type ?? 'application/json';
  response.writeHead(reply.status, { 'content-type': type, 'content-length': bytes.length });
  response.flushHeaders();
  for (const byte of bytes) {
    await sleep(DRIP_MS, undefined, { signal });
    if (response.destroyed) return;
    response.write(Uint8Array.of(byte));
  }
  response.end();
}
