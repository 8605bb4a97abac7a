import assert from 'node:assert/strict';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { WorkflowState } from '../../lib/engine/state.ts';
import { expectDecent, successOf } from './answers.ts';
import { type Asked, anyRequest } from './asked.ts';
import { START_PATHS } from './bodies.ts';
import { Coverage } from './coverage.ts';
import { anyEnvelope, type Envelope, eventOf, isKnown } from './event.ts';
import { expectOwn, expectStillWorking } from './ownership.ts';
import { type Request, requestOf } from './request.ts';
import { FUZZ_TIMEOUT, fuzz, isReplay } from './run.ts';
import { record } from './values.ts';
import { openWorld, PLANTED, TENANTS, type World } from './world.ts';

const FILE = 'test/fuzz/lambda.test.ts';

/** Answers by route and status, and what else must have been reached: about a third of what most runs reach. */
const LEAST = {
  requests: 7_000,
  'start 202': 300,
  'start 400': 400,
  'start 403': 25,
  'start 405': 50,
  'start 413': 10,
  'start 422': 4,
  'get 200': 150,
  'get 400': 40,
  'get 403': 8,
  'get 404': 120,
  'timeline 200': 100,
  'timeline 400': 30,
  'timeline 403': 5,
  'timeline 404': 80,
  'list 200': 200,
  'list 400': 90,
  'list 403': 8,
  'cancel 200': 40,
  'cancel 400': 120,
  'cancel 403': 8,
  'cancel 404': 100,
  'cancel 409': 50,
  'cancel 413': 3,
  'resume 202': 15,
  'resume 400': 120,
  'resume 403': 8,
  'resume 404': 80,
  'resume 409': 60,
  'resume 413': 3,
  'nowhere 404': 100,
  'start 202 under a base path': 50,
  'nowhere 404 under a base path': 20,
  ...Object.fromEntries(START_PATHS.map((path) => [`${path} 202`, 30])),
  'workflow of another tenant 404': 150,
  'shown own data': 200,
};

const isAboutAnother = ({ ids }: World, { route, id, by }: Request): boolean =>
  (route === 'get' || route === 'timeline' || route === 'cancel' || route === 'resume') &&
  ids.some((owned, tenant) => tenant !== by && owned.includes(id));

/** Handles one request, and holds its answer to be decent and everything that is not its tenant's to be untouched. */
async function ask(world: World, asked: Asked, envelope: Envelope, coverage: Coverage): Promise<void> {
  const request = await requestOf(world, asked);
  const event = eventOf(request, envelope);
  const handler = request.route === 'nowhere' ? 'start' : request.route;
  world.written();
  const answer = await world.handlers[handler](event);
  coverage.count('requests');
  coverage.count(`${request.route} ${answer.statusCode}`);
  if (envelope.basePath !== '') coverage.count(`${request.route} ${answer.statusCode} under a base path`);
  if (request.route === 'start') coverage.count(`${request.path} ${answer.statusCode}`);
  if (isAboutAnother(world, request)) coverage.count(`workflow of another tenant ${answer.statusCode}`);
  const sent = (): string =>
    JSON.stringify([request.path, request.id, request.query, request.body?.toString('latin1')]);
  expectDecent(world, request.by, answer, sent);
  assert.deepEqual(
    world.stage.events.splice(0).filter((event) => event.event === 'unexpected_error'),
    [],
  );
  const tenant = TENANTS[request.by];
  assert.deepEqual(
    world.written().filter((key) => key.tenant !== tenant),
    [],
  );
  const success = successOf(answer, envelope.without === 'rawPath' ? '' : envelope.basePath);
  if (success === undefined) return;
  assert.ok(isKnown(envelope), `${answer.statusCode} without a tenant`);
  const own = world.ids[request.by] ?? [];
  if (success.of === 'start') await expectOwn(world, request.by, success.workflowId);
  else if (success.of === 'list') assert.ok(success.workflowIds.every((id) => own.includes(id)));
  else assert.ok(success.workflowId === request.id && own.includes(request.id));
  const { word } = PLANTED[request.by] ?? { word: '' };
  if (answer.body.includes(word)) coverage.count('shown own data');
}

const statesOf = async (world: World, tenant: number): Promise<readonly (WorkflowState | undefined)[]> =>
  await Promise.all((world.ids[tenant] ?? []).map((id) => world.state(tenant, id)));

const anyCase = record({
  /** A tenant that asks nothing: all the others leave what it has as it is. */
  bystander: fc.nat(TENANTS.length - 1),
  requests: fc.array(fc.tuple(anyRequest(), anyEnvelope), { minLength: 1, maxLength: 80, size: 'max' }),
});

it('whatever clients send, no function answers 5xx, shows its inside, or shows or changes what is another tenant’s', {
  timeout: FUZZ_TIMEOUT,
}, async () => {
  const coverage = new Coverage();
  await fuzz(FILE, { of: anyCase, count: 250 }, async ({ bystander, requests }) => {
    const world = await openWorld();
    try {
      const before = await statesOf(world, bystander);
      for (const [asked, envelope] of requests) {
        // The next tenant asks in its place.
        const by = asked.by === bystander ? (bystander + 1) % TENANTS.length : asked.by;
        await ask(world, { ...asked, by }, envelope, coverage);
      }
      expect(await statesOf(world, bystander)).toEqual(before);
      expect(world.ids[bystander]).toHaveLength(before.length);
      await expectStillWorking(world);
    } finally {
      await world.close();
    }
  });
  if (isReplay) return;
  coverage.expectAtLeast(LEAST);
});
