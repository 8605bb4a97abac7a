import fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import { listAnswer, startAnswer, workflowAnswer } from '../../lib/contract/wire.ts';
import { hex } from '../ports/store/fixtures.ts';
import { type ServerProcess, startServer } from '../support/server.ts';
import { anyClient, serve } from './clients.ts';
import { Coverage } from './coverage.ts';
import { FUZZ_TIMEOUT, fuzz, isReplay } from './run.ts';
import { type Known, ORDER_PATH, orderOf, PLANTED } from './world.ts';

const FILE = 'test/fuzz/process.test.ts';

const anyClients = fc.array(anyClient, { minLength: 1, maxLength: 40, size: 'max' });

/** Sends an order, and waits until it is completed. */
async function order({ baseUrl }: ServerProcess): Promise<string> {
  const body = JSON.stringify(orderOf({ word: 'sound', card: '4000' }));
  const answer = await fetch(baseUrl + ORDER_PATH, { method: 'POST', body });
  const { workflowId } = startAnswer.parse(await answer.json());
  await vi.waitFor(async () => {
    const shown = await fetch(`${baseUrl}/api/workflows/${workflowId}`);
    expect(workflowAnswer.parse(await shown.json()).status).toBe('completed');
  }, 20_000);
  return workflowId;
}

/** What clients of the server know: its own workflows, and ids that are none of its own. */
const knownOf = ({ baseUrl }: ServerProcess, own: readonly string[]): Known => ({
  ids: PLANTED.map(({ word }, tenant) => (tenant === 0 ? [...own] : [`wf_${hex(word)}`])),
  cursor: async (_, query) => {
    const answer = await fetch(`${baseUrl}/api/workflows?${new URLSearchParams(query)}`);
    return listAnswer.parse(await answer.json()).nextCursor ?? '';
  },
});

it('whatever bytes clients write, the process stays up, answers no 5xx, completes the next order and ends well', {
  timeout: FUZZ_TIMEOUT,
}, async () => {
  const server = await startServer(['--memory', '--port', '0', '--no-sample', '--log-level', 'warn']);
  const coverage = new Coverage();
  try {
    const known = knownOf(server, [await order(server), await order(server)]);
    const port = Number(new URL(server.baseUrl).port);
    await fuzz(FILE, { of: anyClients, count: 36 }, async (clients) => {
      await Promise.all(clients.map((client) => serve(known, port, client, coverage)));
    });
    await order(server);
    expect(server.printed()).not.toMatch(/unexpected_error|\n\s+at /);
    expect(await server.end('SIGTERM')).toBe(0);
  } finally {
    await server.end('SIGKILL');
  }
  if (isReplay) return;
  coverage.expectAtLeast({
    requests: 500,
    'status 200': 10,
    'status 202': 3,
    'status 400': 60,
    'status 404': 25,
    'status 409': 4,
    'status 431': 1,
  });
});
