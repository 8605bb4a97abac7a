import { expect, it } from 'vitest';
import * as z from 'zod';
import { chain, done, notDone, target } from '../../lib/chain/index.ts';
import { startAnswer } from '../../lib/contract/wire.ts';
import { startLocal } from '../../lib/local/process.ts';
import { closers } from '../support/closers.ts';
import { PATIENCE_MS, QUIET, show } from './process-support.ts';

const hotel = target('hotel', { idempotency: { header: 'x-request-id', format: 'uuid' }, lateBy: 0 });
const airline = target('airline', { lateBy: 0 });

const ROOM = z.object({ roomId: z.string().min(1) });
const found = ({ status, body }: { readonly status: number; readonly body: unknown }) =>
  status === 404 ? notDone() : done(body);

/** A room, whose target wants its keys as UUIDs, and a seat, which code books. */
const trip = chain('trip', { version: 1, start: '/api/trip', input: z.object({}) })
  .step('room', {
    request: () => hotel.post('/rooms'),
    response: ROOM,
    retries: 0,
    lookup: { request: ({ idempotencyKey }) => hotel.get(`/rooms/${idempotencyKey}`), reply: found },
  })
  .step('seat', {
    targets: [airline],
    lateBy: 0,
    retries: 0,
    run: async ({ call }) => {
      await call('book', airline).post('/seats');
      return { seat: '7A' };
    },
    lookup: {
      request: ({ idempotencyKey }) => airline.get('/seats', { query: { of: idempotencyKey } }),
      reply: ({ status }) => (status === 404 ? notDone() : done({ seat: 'booked' })),
    },
  })
  .output(({ results }) => ({ room: results.room?.roomId ?? null, seat: results.seat?.seat ?? null }));

it('the one process answers the lookups of a chain of one’s own from what its demo targets did', async () => {
  const running = await startLocal([trip], QUIET, { readable: false, say: () => undefined });
  closers.push(() => running.stop().catch(() => undefined));
  await running.demo?.setFault('hotel', { drop: 'after', times: 1 });
  await running.demo?.setFault('airline', { drop: 'after', times: 1 });
  const started = await fetch(`${running.baseUrl}/api/trip`, { method: 'POST', body: '{}' });
  const { workflowId } = startAnswer.parse(await started.json());
  await expect
    .poll(() => show(running.baseUrl, workflowId), { timeout: PATIENCE_MS })
    .toMatchObject({ status: 'completed', room: expect.any(String), seat: 'booked' });
  expect(running.demo?.ledger('hotel')).toMatchObject({ calls: 2, effects: [{ path: '/rooms', times: 1 }] });
  expect(running.demo?.ledger('airline')).toMatchObject({
    calls: 2,
    effects: [{ path: '/seats', times: 1 }],
  });
});
