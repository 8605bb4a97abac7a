import { expect, it } from 'vitest';
import * as z from 'zod';
import { get } from '../../../lib/engine/operations/read.ts';
import { buildChain } from '../fixtures.ts';
import { openWorld, status } from '../world.ts';

const SENT = { card: '4242424242424242', last: 'LOVELACE' };
const ECHO = `no: card ${SENT.card} of ${SENT.last}`;

it('what was sent of a sensitive value in another spelling, or of a part of it, is in no answer, no event and no mail', async () => {
  const request = ({ input }: { input: { card: string; name: string } }) => ({
    target: 'api',
    method: 'POST',
    path: '/a',
    body: { card: input.card.replaceAll(' ', ''), last: input.name.split(' ')[1]?.toUpperCase() },
  });
  const world = await openWorld(
    buildChain({ a: [] }, () => ({ request, retries: 1 }), {
      input: z.strictObject({ card: z.string(), name: z.string() }),
      sensitive: ['card', 'name'],
    }),
  );
  world.answers('a', status(503, ECHO), status(422, ECHO));
  const key = await world.begin({ payload: { card: '4242 4242 4242 4242', name: 'Ada Lovelace' } });
  await world.run();
  await world.clock.advance(1_000);
  await world.run();
  expect(world.calls.map(({ request: { body } }) => body)).toEqual([
    JSON.stringify(SENT),
    JSON.stringify(SENT),
  ]);
  const { events, notifications } = world;
  const answer = await get(world.engine, key, true);
  expect(answer).toMatchObject({
    status: 'failed',
    error: { detail: expect.stringMatching(/no: card \*\*\* of \*\*\*$/) },
  });
  expect(notifications).toHaveLength(1);
  expect(JSON.stringify({ answer, events, notifications })).not.toMatch(/4242|lovelace/i);
});
