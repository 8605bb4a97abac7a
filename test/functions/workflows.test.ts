import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  cancelHandler,
  getHandler,
  listHandler,
  readHandler,
  resumeHandler,
  timelineHandler,
} from '../../functions/handlers.ts';
import type { ApiEvent } from '../../functions/http.ts';
import { WORKFLOW_STATUSES } from '../../lib/contract/names.ts';
import { listAnswer, stepMessage, workflowAnswer } from '../../lib/contract/wire.ts';
import type { WorkflowMeta } from '../../lib/engine/state.ts';
import { ABSENT, claimOf, completedOf, hex, START } from '../ports/store/fixtures.ts';
import { expectRefusal } from './refusals.ts';
import { about, failedWorkflow, openStage, PAYMENT, request, type TestStage, workflow } from './stage.ts';

let stage: TestStage;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

const given = async (...metas: readonly WorkflowMeta[]): Promise<void> => {
  for (const meta of metas) await stage.engine.ports.store.create(meta);
};
const metaNow = async (of: WorkflowMeta): Promise<WorkflowMeta | undefined> =>
  (await stage.engine.ports.store.load(of))?.meta;

const RUNNING = workflow('running');
const FAILED = failedWorkflow('failed');
const { dueAt: _, ...ENDED } = workflow('completed', { status: 'completed' });

/** What is no workflow id at all. */
const NO_IDS = ['', 'wf_', 'wf_1', `wf_${hex(1).toUpperCase()}`, `wf_${hex(1)}0`, hex(1), `../wf_${hex(1)}`];

describe.each([
  ['get', getHandler],
  ['timeline', timelineHandler],
  ['cancel', cancelHandler],
  ['resume', resumeHandler],
] as const)('%s', (_name, handler) => {
  it.each(NO_IDS)('of %j is a 404 that says what a workflow id is', async (id) => {
    const detail = expectRefusal(await handler(stage.engine)(about(id)), {
      status: 404,
      code: 'UNKNOWN_WORKFLOW',
    });
    expect(detail).toContain(JSON.stringify(id));
    expect(detail).toContain('wf_ and 32 hexadecimal digits');
  });

  it('of an id that is far too long shows only its beginning', async () => {
    const answer = await handler(stage.engine)(about('x'.repeat(10_000)));
    expectRefusal(answer, { status: 404, code: 'UNKNOWN_WORKFLOW' });
    expect(answer.body.length).toBeLessThan(500);
  });

  it('without an id is a 404', async () => {
    expectRefusal(await handler(stage.engine)(request()), { status: 404, code: 'UNKNOWN_WORKFLOW' });
  });

  it('of a workflow that nobody started is a 404 that names it', async () => {
    const { workflowId } = RUNNING;
    const detail = expectRefusal(await handler(stage.engine)(about(workflowId)), {
      status: 404,
      code: 'UNKNOWN_WORKFLOW',
    });
    expect(detail).toContain(workflowId);
  });

  it('of another tenant’s workflow is a 404', async () => {
    const other = workflow('other', { tenant: 'acme' });
    await given(other);
    expectRefusal(await handler(stage.engine)(about(other.workflowId)), {
      status: 404,
      code: 'UNKNOWN_WORKFLOW',
    });
  });
});

describe('get', () => {
  const get = (id: string, query?: Record<string, string>) =>
    getHandler(stage.engine)(about(id, query === undefined ? {} : { queryStringParameters: query }));

  it('shows status, steps and the output known so far, and no input', async () => {
    await given(RUNNING);
    const payment = completedOf('payment', { orderId: 'o-1', receiptUrl: 'https://pay.example/1' });
    await stage.engine.ports.store.writeStep(RUNNING, payment, ABSENT, RUNNING.expiresAt);
    const answer = await get(RUNNING.workflowId);
    expect(answer.statusCode).toBe(200);
    expect(JSON.parse(answer.body)).toEqual({
      workflowId: RUNNING.workflowId,
      chain: 'order-processing',
      status: 'processing',
      steps: { payment: 'completed', shipment: 'pending', confirmation: 'pending' },
      orderId: 'o-1',
      trackingId: null,
      createdAt: new Date(START).toISOString(),
      updatedAt: new Date(START + 400).toISOString(),
    });
  });

  it('adds every attempt where the timeline is asked for, and only there', async () => {
    await given(RUNNING);
    await stage.engine.ports.store.writeStep(RUNNING, claimOf('payment'), ABSENT, RUNNING.expiresAt);
    expect(workflowAnswer.parse(JSON.parse((await get(RUNNING.workflowId)).body)).timeline).toBeUndefined();
    const { body } = await timelineHandler(stage.engine)(about(RUNNING.workflowId));
    expect(workflowAnswer.parse(JSON.parse(body)).timeline).toMatchObject([{ step: 'payment', attempt: 1 }]);
  });

  it('and the timeline are one function: the route that let the request pass decides, and nothing in the request', async () => {
    await given(RUNNING);
    const read = readHandler(stage.engine);
    const path = `/api/workflows/${RUNNING.workflowId}`;
    const asked = async (changes: Partial<ApiEvent>) =>
      workflowAnswer.parse(JSON.parse((await read({ ...about(RUNNING.workflowId), ...changes })).body));
    const byEverybody = { routeKey: 'GET /api/workflows/{id}', rawPath: path };
    expect(await asked(byEverybody)).not.toHaveProperty('timeline');
    expect(await asked({ ...byEverybody, rawPath: `${path}/timeline` })).not.toHaveProperty('timeline');
    expect(await asked({ rawPath: `${path}/timeline` })).not.toHaveProperty('timeline');
    expect(await asked({ routeKey: 'GET /api/workflows/{id}/timeline' })).toHaveProperty('timeline', []);
  });

  it('names the path of the timeline where it is asked for by its earlier name', async () => {
    await given(RUNNING);
    const answer = await get(RUNNING.workflowId, { detail: 'timeline' });
    const detail = expectRefusal(answer, { status: 400, code: 'INVALID_REQUEST', fields: ['detail'] });
    expect(detail).toContain('GET /api/workflows/{id}/timeline');
  });

  it.each<[string, Record<string, string>]>([
    ['detail', { detail: 'everything' }],
    ['detail', { detail: '' }],
    ['verbose', { verbose: 'true' }],
    ['Detail', { Detail: 'timeline' }],
    ['toString', { toString: '1' }],
  ])('refuses the parameter %s in %j', async (field, query) => {
    await given(RUNNING);
    const answer = await get(RUNNING.workflowId, query);
    expectRefusal(answer, { status: 400, code: 'INVALID_REQUEST', fields: [field] });
  });
});

describe('list', () => {
  const list = (query: Record<string, string> = {}) =>
    listHandler(stage.engine)(request({ rawPath: '/api/workflows', queryStringParameters: query }));
  const listed = async (query?: Record<string, string>) => {
    const answer = await list(query);
    expect(answer.statusCode).toBe(200);
    return listAnswer.parse(JSON.parse(answer.body));
  };
  const many = (count: number) =>
    Array.from({ length: count }, (_, n) => workflow(`many ${n}`, { createdAt: START + n * 1_000 }));
  const idsOf = (workflows: readonly { readonly workflowId: string }[]) =>
    workflows.map(({ workflowId }) => workflowId);

  it('shows the newest twenty, and with the cursor the ones before', async () => {
    const metas = many(45);
    await given(...metas);
    const newestFirst = idsOf(metas).reverse();
    const first = await listed();
    expect(idsOf(first.workflows)).toEqual(newestFirst.slice(0, 20));
    const second = await listed({ cursor: String(first.nextCursor) });
    expect(idsOf(second.workflows)).toEqual(newestFirst.slice(20, 40));
    const third = await listed({ cursor: String(second.nextCursor) });
    expect(third).toMatchObject({ workflows: { length: 5 }, nextCursor: null });
  });

  it('shows of each what a listing shows, and nothing of its input', async () => {
    await given(RUNNING);
    const answer = await list();
    expect(JSON.parse(answer.body)).toEqual({
      workflows: [
        {
          workflowId: RUNNING.workflowId,
          chain: 'order-processing',
          status: 'processing',
          createdAt: new Date(START).toISOString(),
        },
      ],
      nextCursor: null,
    });
  });

  it('takes chain, status and limit', async () => {
    await given(RUNNING, FAILED, ENDED, workflow('another chain', { chain: 'notifications' }));
    expect(idsOf((await listed({ status: 'failed' })).workflows)).toEqual([FAILED.workflowId]);
    expect((await listed({ chain: 'notifications' })).workflows).toHaveLength(1);
    expect((await listed({ limit: '1' })).workflows).toHaveLength(1);
    expect(
      (await listed({ chain: 'order-processing', status: 'processing', limit: '100' })).workflows,
    ).toEqual([expect.objectContaining({ workflowId: RUNNING.workflowId })]);
  });

  it.each(WORKFLOW_STATUSES)('takes the status %s', async (status) => {
    await listed({ status });
  });

  const CURSOR = `${'0'.repeat(15)}-wf_${hex(1)}`;
  it.each([
    ['limit', '0'],
    ['limit', '101'],
    ['limit', '-1'],
    ['limit', '1.5'],
    ['limit', '1e1'],
    ['limit', 'ten'],
    ['limit', ''],
    ['limit', ' 5'],
    ['limit', '0x5'],
    ['limit', '1000'],
    ['cursor', ''],
    ['cursor', 'next'],
    ['cursor', `${CURSOR}x`],
    ['cursor', `x${CURSOR}`],
    ['cursor', CURSOR.toUpperCase()],
    ['status', 'running'],
    ['status', 'FAILED'],
    ['status', ''],
    ['chain', 'orders'],
    ['chain', ''],
    ['page', '2'],
    ['tenant', 'acme'],
    ['__proto__', '1'],
  ])('refuses the parameter %s with %j and names it', async (field, value) => {
    await given(RUNNING);
    const query = Object.fromEntries([[field, value]]);
    expectRefusal(await list(query), { status: 400, code: 'INVALID_REQUEST', fields: [field] });
  });

  it('says what it would have taken', async () => {
    expect((await list({ status: 'running' })).body).toContain(
      'Must be one of processing, completed, failed, cancelled, compensating, compensated, compensation_failed"',
    );
    expect((await list({ chain: 'orders' })).body).toContain('user-onboarding');
    expect((await list({ limit: '0' })).body).toContain('1 to 100');
    expect((await list({ page: '1' })).body).toContain('chain, status, limit, cursor');
  });
});

describe('cancel', () => {
  const cancel = (id: string, body?: unknown) => cancelHandler(stage.engine)(about(id, { body }));

  it.each([
    ['without a body', undefined],
    ['with an empty object', {}],
  ])('stops a running workflow, %s', async (_name, body) => {
    await given(RUNNING);
    const answer = await cancel(RUNNING.workflowId, body);
    expect(answer.statusCode).toBe(200);
    expect(JSON.parse(answer.body)).toMatchObject({
      status: 'cancelled',
      steps: { payment: 'cancelled', shipment: 'cancelled', confirmation: 'cancelled' },
    });
    expect(await metaNow(RUNNING)).toMatchObject({ status: 'cancelled', erased: true });
    expect(JSON.stringify(await metaNow(RUNNING))).not.toContain('4111');
  });

  it.each([
    ['completed', ENDED],
    ['cancelled', { ...ENDED, status: 'cancelled' as const }],
  ])('of a workflow that is %s is a 409 that says so, and changes nothing', async (status, meta) => {
    await given(meta);
    const detail = expectRefusal(await cancel(meta.workflowId), { status: 409, code: 'WRONG_STATUS' });
    expect(detail).toContain(`the workflow is ${status};`);
    expect(await metaNow(meta)).toEqual(meta);
  });

  it.each<[string, unknown, readonly string[]]>([
    ['an unknown field', { why: 'x' }, ['why']],
    ['an empty reason', { reason: '  ' }, ['reason']],
    ['a reason that is too long', { reason: 'x'.repeat(501) }, ['reason']],
    ['a field of resume', { newKey: true }, ['newKey']],
    ['an array', [], ['(body)']],
    ['a text', '"now"', ['(body)']],
    ['null', 'null', ['(body)']],
  ])('with %s is refused, and changes nothing', async (_name, body, fields) => {
    await given(RUNNING);
    expectRefusal(await cancel(RUNNING.workflowId, body), { status: 400, code: 'INVALID_REQUEST', fields });
    expect(await metaNow(RUNNING)).toEqual(RUNNING);
  });

  it('with a body that is no JSON is refused, and changes nothing', async () => {
    await given(RUNNING);
    expectRefusal(await cancel(RUNNING.workflowId, '{'), { status: 400, code: 'INVALID_JSON' });
    expect(await metaNow(RUNNING)).toEqual(RUNNING);
  });
});

describe('resume', () => {
  const resume = (id: string, body?: unknown) => resumeHandler(stage.engine)(about(id, { body }));
  const waiting = () => stage.queues.contents(PAYMENT).map((body) => stepMessage.parse(JSON.parse(body)));

  it.each([
    ['without a body', undefined],
    ['with an empty object', {}],
    ['with the old key', { newKey: false }],
  ])('continues a failed workflow at its failed step, %s', async (_name, body) => {
    await given(FAILED);
    const answer = await resume(FAILED.workflowId, body);
    expect(answer.statusCode).toBe(202);
    expect(JSON.parse(answer.body)).toMatchObject({ workflowId: FAILED.workflowId, status: 'processing' });
    expect(waiting()).toMatchObject([{ workflowId: FAILED.workflowId, step: 'payment', epoch: 1 }]);
    expect(await metaNow(FAILED)).toMatchObject({ status: 'processing', epoch: 1 });
    expect(await metaNow(FAILED)).not.toHaveProperty('newKey');
  });

  it('with a new key records the order', async () => {
    await given(FAILED);
    expect((await resume(FAILED.workflowId, { newKey: true })).statusCode).toBe(202);
    expect(await metaNow(FAILED)).toMatchObject({ newKey: { step: 'payment', epoch: 1 } });
  });

  it.each([
    ['processing', RUNNING],
    ['completed', ENDED],
    ['cancelled', { ...ENDED, status: 'cancelled' as const }],
  ])('of a workflow that is %s is a 409 that says so, and changes nothing', async (status, meta) => {
    await given(meta);
    const detail = expectRefusal(await resume(meta.workflowId), { status: 409, code: 'WRONG_STATUS' });
    expect(detail).toContain(`the workflow is ${status};`);
    expect(await metaNow(meta)).toEqual(meta);
    expect(waiting()).toEqual([]);
  });

  it.each<[string, unknown, readonly string[]]>([
    ['an unknown field', { newkey: true }, ['newkey']],
    ['a reason that is no text', { reason: 7 }, ['reason']],
    ['a text for newKey', { newKey: 'true' }, ['newKey']],
    ['a number for newKey', { newKey: 1 }, ['newKey']],
    ['null for newKey', { newKey: null }, ['newKey']],
    ['a wrong and an unknown field', { newKey: 'yes', from: 'payment' }, ['newKey', 'from']],
    ['an array', [], ['(body)']],
    ['a text', '"now"', ['(body)']],
    ['a truth value', 'true', ['(body)']],
    ['null', 'null', ['(body)']],
  ])('with %s is refused, and changes nothing', async (_name, body, fields) => {
    await given(FAILED);
    expectRefusal(await resume(FAILED.workflowId, body), { status: 400, code: 'INVALID_REQUEST', fields });
    expect(await metaNow(FAILED)).toEqual(FAILED);
    expect(waiting()).toEqual([]);
  });
});
