import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cancelHandler, getHandler, listHandler, resumeHandler } from '../../functions/handlers.ts';
import { listAnswer, stepMessage, workflowAnswer } from '../../lib/contract/wire.ts';
import type { StepRecord, WorkflowMeta } from '../../lib/engine/state.ts';
import { START } from '../ports/store/fixtures.ts';
import { expectRefusal } from './refusals.ts';
import { about, request, type TestStage } from './stage.ts';
import {
  FAILED,
  HALF,
  HALF_DONE,
  IN_DOUBT,
  openUndoStage,
  PAID,
  REFUSED,
  saved,
  UNKNOWN,
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
const cancel = (id: string, body?: unknown) => cancelHandler(stage.engine)(about(id, { body }));
const resume = (id: string, body?: unknown) => resumeHandler(stage.engine)(about(id, { body }));

describe('a workflow that could not be taken back', () => {
  it('is found by its status, as failed ones are', async () => {
    await given(FAILED);
    const id = await given(HALF, ...HALF_DONE);
    const listed = async (status: string) => {
      const query = { queryStringParameters: { status } };
      const { body } = await listHandler(stage.engine)(request({ rawPath: '/api/workflows', ...query }));
      return listAnswer.parse(JSON.parse(body)).workflows.map((one) => `${one.workflowId} ${one.status}`);
    };
    expect(await listed('compensation_failed')).toEqual([`${id} compensation_failed`]);
    expect(await listed('failed')).toEqual([`${FAILED.workflowId} failed`]);
  });

  it('shows which undo failed, and what to do; not what its target answered', async () => {
    const id = await given(HALF, ...HALF_DONE);
    const answer = await getHandler(stage.engine)(about(id));
    expect(workflowAnswer.parse(JSON.parse(answer.body))).toMatchObject({
      status: 'compensation_failed',
      undo: { payment: { status: 'failed', attempts: 6, error: { code: 'REFUSED' } } },
      undoError: { step: 'payment', next: expect.stringContaining('"undone": true') },
    });
    expect(answer.body).not.toContain('already settled');
  });

  it('is resumed: its undo is called again, in a later epoch', async () => {
    const id = await given(HALF, ...HALF_DONE);
    const answer = await resume(id);
    expect(answer.statusCode).toBe(202);
    expect(JSON.parse(answer.body)).toMatchObject({ status: 'compensating' });
    expect(queued()).toMatchObject([{ step: 'payment', action: 'undo', epoch: 1 }]);
  });

  it('is over once a person has undone what was left, and says so', async () => {
    const id = await given(HALF, ...HALF_DONE);
    const body = { steps: { payment: { undone: true } }, reason: 'in their console' };
    const answer = workflowAnswer.parse(JSON.parse((await resume(id, body)).body));
    expect(answer).toMatchObject({ status: 'compensated', undo: { payment: { status: 'completed' } } });
    expect(answer).not.toHaveProperty('undoError');
    expect(queued()).toEqual([]);
    expect(await metaNow(HALF)).toMatchObject({
      erased: true,
      operations: [{ operation: 'resume', reason: 'in their console', steps: { payment: 'undone' } }],
    });
  });

  it('is closed by a cancel, which erases its input and leaves what stands', async () => {
    const id = await given(HALF, ...HALF_DONE);
    const answer = await cancel(id, { reason: 'they keep it' });
    expect(JSON.parse(answer.body)).toMatchObject({
      status: 'cancelled',
      undo: { payment: { status: 'failed' } },
    });
    expect(await metaNow(HALF)).toMatchObject({ erased: true });
  });

  it.each<[string, unknown, string, readonly string[], RegExp]>([
    [
      'something of a step that there is not',
      { steps: { paymnt: { undone: true } } },
      ...([
        'INVALID_REQUEST',
        ['steps.paymnt'],
        /Unknown step; the steps are payment, shipment, confirmation/,
      ] as const),
    ],
    [
      'nothing but a reason, in a field that there is not',
      { undone: true },
      ...(['INVALID_REQUEST', ['undone'], /Unknown field/] as const),
    ],
    [
      'that it is undone, and asks for another call of it',
      { steps: { payment: { undone: true, newKey: true } } },
      ...(['INVALID_REQUEST', ['steps.payment'], /./] as const),
    ],
  ])('refuses a resume that says %s, and changes nothing', async (_, body, code, fields, says) => {
    const id = await given(HALF, ...HALF_DONE);
    const answer = await resume(id, body);
    expectRefusal(answer, { status: 400, code, fields });
    expect(answer.body.replaceAll('\\"', '"')).toMatch(says);
    expect(await metaNow(HALF)).toEqual(HALF);
  });

  it.each<[string, unknown]>([
    ['that it is done', { done: { orderId: 'o-1' } }],
    ['that it is not done', { notDone: true }],
    ['of the step that it is not done', { steps: { payment: { notDone: true } } }],
  ])('refuses a resume that says %s once its undo was called, and changes nothing', async (_, body) => {
    const id = await given(HALF, ...HALF_DONE);
    expect(expectRefusal(await resume(id, body), { status: 409, code: 'STEP_STATUS' })).toBe(
      'the undo of step payment was called, and the step may be undone in part: of it can be said only that it is undone, or that its undo is to be called under a newKey',
    );
    expect(await metaNow(HALF)).toEqual(HALF);
  });

  it('goes on by what a person says of a call of which nobody knows whether it acted', async () => {
    const id = await given(UNKNOWN, IN_DOUBT);
    const done = { orderId: 'o-1', receiptUrl: 'https://pay.example/1' };
    const answer = await resume(id, { done, reason: 'it is in their books' });
    expect(answer.statusCode).toBe(202);
    expect(workflowAnswer.parse(JSON.parse(answer.body))).toMatchObject({
      status: 'compensating',
      steps: { payment: 'completed' },
    });
    expect(queued()).toMatchObject([{ step: 'payment', action: 'undo', epoch: 1 }]);
    expect(await metaNow(UNKNOWN)).toMatchObject({
      operations: [{ operation: 'resume', reason: 'it is in their books', steps: { payment: 'done' } }],
    });
  });

  it('takes no result that the step could not have', async () => {
    const id = await given(UNKNOWN, IN_DOUBT);
    const answer = await resume(id, { steps: { payment: { done: { orderId: 1 } } } });
    expectRefusal(answer, { status: 400, code: 'INVALID_REQUEST', fields: ['steps.payment.done'] });
    expect(await metaNow(UNKNOWN)).toEqual(UNKNOWN);
  });

  it('refuses a resume once the target may have forgotten the key of the undo, and says how to go on', async () => {
    const open = { ...REFUSED, open: 1, keyedAt: START };
    const id = await given({ ...HALF, expiresAt: START + 400 * 86_400_000 }, PAID, open);
    await stage.clock.advance(40 * 86_400_000);
    const detail = expectRefusal(await resume(id), { status: 409, code: 'KEY_EXPIRED' });
    expect(detail).toMatch(/an undo may have acted.*"payment": \{ "undone": true \}.*"newKey": true/);
    expect((await resume(id, { newKey: true })).statusCode).toBe(202);
  });
});
