import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  cancelHandler,
  readHandler,
  repairHandler,
  undoHandler,
  undoPlanHandler,
} from '../../functions/handlers.ts';
import { stepMessage, undoPlan, workflowAnswer } from '../../lib/contract/wire.ts';
import type { StepRecord, WorkflowMeta } from '../../lib/engine/state.ts';
import { completedOf, hex } from '../ports/store/fixtures.ts';
import { expectRefusal } from './refusals.ts';
import { about, type TestStage, workflow } from './stage.ts';
import {
  FAILED,
  HALF,
  HALF_DONE,
  HINDRANCES,
  IN_DOUBT,
  openUndoStage,
  PAID,
  saved,
} from './undo-fixtures.ts';

let stage: TestStage;
beforeEach(async () => {
  stage = await openUndoStage();
});
afterEach(() => stage.close());

const given = (meta: WorkflowMeta, ...records: readonly StepRecord[]) => saved(stage, meta, ...records);
const metaNow = async (of: WorkflowMeta): Promise<WorkflowMeta | undefined> =>
  (await stage.engine.ports.store.load(of))?.meta;
const queued = (name = 'payment') =>
  stage.queues
    .contents({ chain: 'order-processing', step: name, kind: 'step' })
    .map((body) => stepMessage.parse(JSON.parse(body)));
const undo = (id: string, body?: unknown) => undoHandler(stage.engine)(about(id, { body }));
const planned = (id: string) => undoPlanHandler(stage.engine)(about(id));
const cancel = (id: string, body?: unknown) => cancelHandler(stage.engine)(about(id, { body }));

describe('POST undo', () => {
  it.each([
    ['without a body', undefined, {}],
    ['with a reason', { reason: 'sold out' }, { reason: 'sold out' }],
  ])('takes a failed workflow back, %s', async (_name, body, reason) => {
    const id = await given(FAILED, PAID);
    const answer = await undo(id, body);
    expect(answer.statusCode).toBe(202);
    expect(workflowAnswer.parse(JSON.parse(answer.body))).toMatchObject({
      status: 'compensating',
      undo: { payment: { status: 'pending', attempts: 0 } },
      error: { step: 'shipment', next: 'Nothing: what was done is taken back. See undo.' },
    });
    expect(queued()).toMatchObject([{ step: 'payment', action: 'undo', epoch: 0 }]);
    const meta = await metaNow(FAILED);
    expect(meta).toMatchObject({ status: 'compensating', operations: [{ operation: 'undo', ...reason }] });
    // What the undo needs of it is kept until it is over.
    expect(meta?.input).toEqual(FAILED.input);
  });

  it.each([
    'processing',
    'completed',
    'cancelled',
    'compensating',
    'compensated',
    'compensation_failed',
  ] as const)('of a workflow that is %s is a 409 that says so, and changes nothing', async (status) => {
    const meta = workflow('other', { status });
    const id = await given(meta);
    const detail = expectRefusal(await undo(id), { status: 409, code: 'WRONG_STATUS' });
    expect(detail).toBe(`the workflow is ${status}; only a failed workflow can be undone`);
    expect(await metaNow(meta)).toEqual(meta);
    expect(queued()).toEqual([]);
  });

  it.each(Object.entries(HINDRANCES))(
    'where %s is a 409 that says so, and changes nothing',
    async (_, { code, says, meta, did }) => {
      const id = await given(meta, ...did);
      expect(expectRefusal(await undo(id), { status: 409, code })).toMatch(says);
      expect(await metaNow(meta)).toEqual(meta);
      expect(stage.queues.stats().sent).toBe(0);
    },
  );

  it.each<[string, unknown, readonly string[]]>([
    ['an unknown field', { why: 'x' }, ['why']],
    ['a field of cancel', { undo: true }, ['undo']],
    ['an empty reason', { reason: ' ' }, ['reason']],
    ['a reason that is too long', { reason: 'x'.repeat(501) }, ['reason']],
    ['an array', [], ['(body)']],
    ['null', 'null', ['(body)']],
  ])('with %s is refused, and changes nothing', async (_name, body, fields) => {
    const id = await given(FAILED, PAID);
    const answer = await undo(id, body);
    expect(expectRefusal(answer, { status: 400, code: 'INVALID_REQUEST', fields })).toMatch(/./);
    expect(answer.body).toContain('the body of an undo is not valid');
    expect(await metaNow(FAILED)).toEqual(FAILED);
  });

  it('with a body that is no JSON is refused', async () => {
    const id = await given(FAILED, PAID);
    expectRefusal(await undo(id, '{'), { status: 400, code: 'INVALID_JSON' });
  });

  it('and resume are one function: the route that let the request pass decides, and nothing in the request', async () => {
    const id = await given(FAILED, PAID);
    const repair = repairHandler(stage.engine);
    const asked = (routeKey: string) =>
      repair({ ...about(id), routeKey, rawPath: `/api/workflows/${id}/resume` });
    expect(JSON.parse((await asked('POST /api/workflows/{id}/undo')).body)).toMatchObject({
      status: 'compensating',
    });
    expectRefusal(await asked('POST /api/workflows/{id}/resume'), { status: 409, code: 'WRONG_STATUS' });
  });
});

describe('GET undo', () => {
  it('shows what would be called, in which order and under which keys, and calls nobody', async () => {
    const shipped = completedOf('shipment', { trackingId: 't-1', estimatedDelivery: '2030-01-01' });
    const id = await given(FAILED, PAID, shipped, completedOf('confirmation', { messageId: 'm-1' }));
    const before = await stage.engine.ports.store.load(FAILED);
    const answer = await planned(id);
    expect(answer.statusCode).toBe(200);
    expect(undoPlan.parse(JSON.parse(answer.body))).toEqual({
      workflowId: id,
      chain: 'order-processing',
      status: 'failed',
      steps: [
        { step: 'confirmation', does: 'stays', waitsFor: [] },
        {
          step: 'shipment',
          does: 'calls',
          idempotencyKey: `${id}:shipment:undo:0`,
          request: { target: 'shipping', method: 'POST', path: '/cancellations' },
          waitsFor: ['confirmation'],
        },
        {
          step: 'payment',
          does: 'calls',
          idempotencyKey: `${id}:payment:undo:0`,
          request: { target: 'payments', method: 'POST', path: '/refunds' },
          waitsFor: ['shipment'],
        },
      ],
    });
    expect(answer.body).not.toContain('4111');
    expect(stage.calls).toEqual([]);
    expect(stage.queues.stats().sent).toBe(0);
    expect(await stage.engine.ports.store.load(FAILED)).toEqual(before);
  });

  it('says of which steps nobody knows whether they acted', async () => {
    const id = await given(FAILED, IN_DOUBT);
    expect(JSON.parse((await planned(id)).body)).toMatchObject({
      steps: [{ step: 'payment', inDoubt: true, does: 'calls' }],
    });
  });

  it.each(Object.entries(HINDRANCES).filter(([, { meta }]) => meta.version === 1))(
    'says where %s why an undo would be refused, and is answered all the same',
    async (_, { code, says, meta, did }) => {
      const answer = await planned(await given(meta, ...did));
      expect(answer.statusCode).toBe(200);
      const { refused } = undoPlan.parse(JSON.parse(answer.body));
      expect(refused).toMatchObject({ status: 409, code, detail: expect.stringMatching(says) });
    },
  );

  it('of a workflow whose version is not deployed is a 409: nobody knows its undos', async () => {
    const id = await given({ ...FAILED, version: 9 });
    expectRefusal(await planned(id), { status: 409, code: 'WRONG_STATUS' });
  });

  it('of one that could not be taken back shows what is undone, what is left, and that a resume goes on', async () => {
    const id = await given(HALF, ...HALF_DONE);
    const plan = undoPlan.parse(JSON.parse((await planned(id)).body));
    expect(plan.steps).toMatchObject([{ step: 'payment', does: 'calls' }]);
    expect(plan.refused?.detail).toBe(
      'the workflow is compensation_failed: a resume goes on with what is left',
    );
  });

  it('takes no parameters', async () => {
    const id = await given(FAILED);
    const answer = await undoPlanHandler(stage.engine)(about(id, { queryStringParameters: { dry: '1' } }));
    expectRefusal(answer, { status: 400, code: 'INVALID_REQUEST', fields: ['dry'] });
  });

  it('is of the function that shows workflows, by the route that let it pass', async () => {
    const id = await given(FAILED, PAID);
    const read = readHandler(stage.engine);
    const { body } = await read({ ...about(id), routeKey: 'GET /api/workflows/{id}/undo' });
    expect(undoPlan.parse(JSON.parse(body)).steps).toHaveLength(1);
    expect(
      JSON.parse((await read({ ...about(id), rawPath: `/api/workflows/${id}/undo` })).body),
    ).toHaveProperty('createdAt');
  });
});

describe('cancel with undo', () => {
  it.each(['processing', 'failed'] as const)(
    'takes one back that is %s, and keeps its input until then',
    async (status) => {
      const meta = status === 'failed' ? FAILED : workflow('running');
      const id = await given(meta, PAID);
      const answer = await cancel(id, { undo: true, reason: 'changed their mind' });
      expect(answer.statusCode).toBe(200);
      expect(JSON.parse(answer.body)).toMatchObject({ status: 'compensating' });
      expect(queued()).toMatchObject([{ step: 'payment', action: 'undo' }]);
      expect(await metaNow(meta)).toMatchObject({
        status: 'compensating',
        input: meta.input,
        operations: [{ operation: 'cancel', reason: 'changed their mind' }],
      });
    },
  );

  it.each(['completed', 'cancelled', 'compensating', 'compensated', 'compensation_failed'] as const)(
    'of a workflow that is %s is a 409 that says so, and changes nothing',
    async (status) => {
      const meta = workflow('other', { status });
      const id = await given(meta);
      const detail = expectRefusal(await cancel(id, { undo: true }), { status: 409, code: 'WRONG_STATUS' });
      expect(detail).toBe(`the workflow is ${status}; only a processing or failed workflow can be undone`);
      expect(await metaNow(meta)).toEqual(meta);
    },
  );

  it.each(Object.entries(HINDRANCES))(
    'where %s is a 409 that says so, and changes nothing',
    async (_, { code, says, meta, did }) => {
      const id = await given(meta, ...did);
      expect(expectRefusal(await cancel(id, { undo: true }), { status: 409, code })).toMatch(says);
      expect(await metaNow(meta)).toEqual(meta);
    },
  );

  it('is the plain cancel where undo is false, and refuses what is no truth value', async () => {
    const id = await given(workflow('running'), PAID);
    expectRefusal(await cancel(id, { undo: 'yes' }), {
      ...{ status: 400, code: 'INVALID_REQUEST', fields: ['undo'] },
    });
    expect(JSON.parse((await cancel(id, { undo: false })).body)).toMatchObject({ status: 'cancelled' });
    expect(stage.queues.stats().sent).toBe(0);
  });
});

it.each([
  ['undo', undoHandler],
  ['undoPlan', undoPlanHandler],
] as const)('%s of what is no workflow, or another tenant’s, is a 404', async (_, handler) => {
  const other = workflow('foreign', { tenant: 'acme' });
  await given(other);
  for (const id of ['wf_1', `wf_${hex('nobody')}`, other.workflowId]) {
    expectRefusal(await handler(stage.engine)(about(id)), { status: 404, code: 'UNKNOWN_WORKFLOW' });
  }
});
