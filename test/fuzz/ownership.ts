import assert from 'node:assert/strict';
import { successOf } from './answers.ts';
import { type Envelope, eventOf } from './event.ts';
import type { Request } from './request.ts';
import { ORDER_PATH, orderOf, TENANTS, type World } from './world.ts';

const PLAIN: Envelope = {
  token: 'tenant',
  body: 'text',
  headers: 'lower',
  basePath: '',
  without: undefined,
  asNull: false,
};

/** What a tenant asks in the plainest way. */
const plain = (world: World, by: number, route: 'start' | 'get', changes: Partial<Request>) => {
  const request = { route, by, path: '', id: '', query: [], headers: [], body: undefined, ...changes };
  return world.handlers[route](eventOf({ method: route === 'start' ? 'POST' : 'GET', ...request }, PLAIN));
};

/** A workflow that was just started: its own tenant reads it, and for all others there is none. */
export async function expectOwn(world: World, by: number, workflowId: string): Promise<void> {
  if (world.ids[by]?.includes(workflowId) === false) world.ids[by]?.push(workflowId);
  for (const tenant of TENANTS.keys()) {
    const { statusCode } = await plain(world, tenant, 'get', { id: workflowId });
    assert.equal(statusCode, tenant === by ? 200 : 404, `${workflowId} asked for by ${TENANTS[tenant]}`);
  }
}

/** After all that, an order is taken as ever. */
export async function expectStillWorking(world: World): Promise<void> {
  const body = Buffer.from(JSON.stringify(orderOf({ word: 'sound', card: '4000' })));
  const answer = await plain(world, 0, 'start', { path: ORDER_PATH, body });
  const success = successOf(answer);
  if (success?.of !== 'start') throw new Error(`no start: ${answer.body}`);
  await expectOwn(world, 0, success.workflowId);
}
