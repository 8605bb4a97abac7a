import { once } from 'node:events';
import type { Server } from 'node:http';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createFront } from '../../lib/local/http-front.ts';
import { portOf } from '../adapters/http/raw-server.ts';
import { anyClient, serve } from './clients.ts';
import { Coverage } from './coverage.ts';
import { expectOwn, expectStillWorking } from './ownership.ts';
import { FUZZ_TIMEOUT, fuzz, isReplay } from './run.ts';
import { openWorld, TENANTS } from './world.ts';

const FILE = 'test/fuzz/front.test.ts';

/** Clients that come at the same time. */
const anyClients = fc.array(anyClient, { minLength: 1, maxLength: 40, size: 'max' });

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return portOf(server);
}

it('whatever bytes clients write, the server answers no 5xx, shows no inside and nothing of other tenants, and goes on', {
  timeout: FUZZ_TIMEOUT,
}, async () => {
  const coverage = new Coverage();
  await fuzz(FILE, { of: anyClients, count: 120 }, async (clients) => {
    const world = await openWorld();
    const server = createFront(Promise.resolve(world.service));
    try {
      const port = await listening(server);
      world.written();
      const started = await Promise.all(clients.map((client) => serve(world, port, client, coverage)));
      expect(world.written().filter(({ tenant }) => tenant !== TENANTS[0])).toEqual([]);
      expect(world.stage.events.filter(({ event }) => event === 'unexpected_error')).toEqual([]);
      for (const workflowId of started.flat()) await expectOwn(world, 0, workflowId);
      await expectStillWorking(world);
    } finally {
      server.closeAllConnections();
      server.close();
      await world.close();
    }
  });
  if (isReplay) return;
  coverage.expectAtLeast({
    requests: 2_500,
    'status 200': 80,
    'status 202': 60,
    'status 400': 300,
    'status 404': 90,
    'status 405': 40,
    'status 409': 25,
    'status 413': 3,
    'status 417': 2,
    'status 431': 5,
    'start 202': 40,
    'get 200': 20,
    'get 404': 15,
    'list 200': 40,
    'cancel 200': 2,
    'cancel 404': 10,
    'cancel 409': 8,
    'resume 202': 1,
    'resume 404': 10,
    'resume 409': 8,
    'nowhere 404': 10,
  });
});
