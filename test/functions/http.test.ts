import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type ApiHandler,
  cancelHandler,
  getHandler,
  listHandler,
  resumeHandler,
  type Service,
  startHandler,
  timelineHandler,
} from '../../functions/handlers.ts';
import type { ApiEvent } from '../../functions/http.ts';
import { EngineError, ERROR_CODES } from '../../lib/engine/errors.ts';
import type { Store } from '../../lib/engine/ports.ts';
import { expectRefusal } from './refusals.ts';
import { about, failedWorkflow, ORDER, openStage, request, type TestStage, workflow } from './stage.ts';

let stage: TestStage;
beforeEach(async () => {
  stage = await openStage();
  await stage.engine.ports.store.create(workflow('running'));
  await stage.engine.ports.store.create(failedWorkflow('failed'));
});
afterEach(() => stage.close());

/** Every route with a request that succeeds. */
const ROUTES: readonly (readonly [string, (service: Service) => ApiHandler, ApiEvent, number])[] = [
  ['start', startHandler, request({ body: ORDER }), 202],
  ['get', getHandler, about(workflow('running').workflowId), 200],
  ['timeline', timelineHandler, about(workflow('running').workflowId), 200],
  ['list', listHandler, request(), 200],
  ['cancel', cancelHandler, about(workflow('running').workflowId), 200],
  ['resume', resumeHandler, about(workflow('failed').workflowId), 202],
];

/** A store of which every method fails so. */
const failing = (error: () => unknown): Store => {
  const fail = () => Promise.reject(error());
  const reads = { load: fail, list: fail, listDue: fail, loadPace: fail };
  return { ...reads, create: fail, writeMeta: fail, writeStep: fail, writePace: fail };
};

it('a parameter that a client made up is named by its beginning', async () => {
  const answer = await listHandler(stage.engine)(
    request({ queryStringParameters: { ['k'.repeat(10_000)]: '1' } }),
  );
  expectRefusal(answer, { status: 400, code: 'INVALID_REQUEST', fields: ['k'.repeat(200)] });
  expect(answer.body.length).toBeLessThan(1_000);
});

describe.each(ROUTES)('%s', (where, handler, event, status) => {
  it('answers JSON that nobody may keep', async () => {
    const answer = await handler(stage.engine)(event);
    expect(answer.statusCode).toBe(status);
    expect(answer.headers).toMatchObject({
      'content-type': 'application/json',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
    expect(() => JSON.parse(answer.body)).not.toThrow();
  });

  it('with its store down is a 503 that says to come back, and tells the cause to the log alone', async () => {
    const store = failing(
      () => new EngineError('STORE_UNAVAILABLE', 'table stepline-prod: throttled s3cret'),
    );
    const answer = await handler(stage.with({ store }))(event);
    const detail = expectRefusal(answer, { status: 503, code: 'UNAVAILABLE' });
    expect(answer.headers['retry-after']).toBe('1');
    expect(answer.body).not.toMatch(/s3cret|table|throttled/);
    expect(detail).toContain('Idempotency-Key');
    expect(stage.events).toContainEqual({
      event: 'unexpected_error',
      where,
      message: 'table stepline-prod: throttled s3cret',
      next: ERROR_CODES.STORE_UNAVAILABLE.next,
    });
  });

  it.each<[string, () => unknown]>([
    ['an error that nobody expected', () => new TypeError('s3cret is not a function')],
    ['a wrong configuration', () => new EngineError('CONFIGURATION', 's3cret is not set')],
    ['something thrown that is no error', () => 's3cret'],
  ])('with %s is a 500 without detail, and tells the cause to the log', async (_, error) => {
    const answer = await handler(stage.with({ store: failing(error) }))(event);
    expectRefusal(answer, { status: 500, code: 'INTERNAL' });
    expect(answer.headers).not.toHaveProperty('retry-after');
    expect(answer.body).not.toContain('s3cret');
    expect(stage.events).toMatchObject([
      { event: 'unexpected_error', where, message: expect.stringContaining('s3cret') },
    ]);
  });

  it('of which a client asks something wrong bothers nobody in the log', async () => {
    const wrong = request({ rawPath: '/nowhere', queryStringParameters: { wrong: '1' }, body: '{' });
    expect((await handler(stage.engine)(wrong)).statusCode).toBeGreaterThanOrEqual(400);
    expect(stage.events).toEqual([]);
  });
});
