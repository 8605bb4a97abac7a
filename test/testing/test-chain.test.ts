import { describe, expect, it } from 'vitest';
import { orderProcessing } from '../../functions/chains/order-processing.ts';
import { workflowAnswer } from '../../lib/contract/wire.ts';
import { answer, broken, noAnswer, testChain, unreachable } from '../../lib/testing/index.ts';
import { messageOf, order, orderWith, well } from './fixtures.ts';

const later = { 'POST /shipments': answer(503) };
const refuses = { 'POST /shipments': answer(422, { error: 'no such street' }) };

describe('a workflow that is tested', () => {
  it('is what the API answers, from its start to its end', async () => {
    const run = await orderWith();
    const pending = { payment: 'pending', shipment: 'pending', confirmation: 'pending' };
    expect(run.workflow).toMatchObject({ status: 'processing', steps: pending, orderId: null });
    await run.until('completed');
    expect(run.workflow).toEqual({
      workflowId: expect.stringMatching(/^wf_/),
      chain: 'order-processing',
      status: 'completed',
      steps: { payment: 'completed', shipment: 'completed', confirmation: 'completed' },
      orderId: 'o-1',
      trackingId: 't-1',
      createdAt: expect.any(String),
      updatedAt: expect.any(String),
    });
    expect(workflowAnswer.parse(run.workflow)).toEqual(run.workflow);
    expect(run.timeline.timeline?.map(({ step, outcome }) => [step, outcome])).toEqual([
      ['payment', 'completed'],
      ['shipment', 'completed'],
      ['confirmation', 'completed'],
    ]);
  });

  it('waits in virtual time alone', async () => {
    const run = await orderWith({ shipping: later });
    const began = run.now.getTime();
    await run.until('shipment', 'retrying');
    expect(run.workflow.retrying?.shipment).toMatchObject({ attempt: 1, attempts: 4 });
    const { nextAttemptAt = '' } = run.workflow.retrying?.shipment ?? {};
    await run.until(() => run.calls.length === 3);
    expect(run.now.getTime()).toBeGreaterThanOrEqual(Date.parse(nextAttemptAt));
    await run.finished();
    expect(run.workflow).toMatchObject({ status: 'failed', error: { step: 'shipment', attempts: 4 } });
    // Three waits, of which half is sure: 10 + 20 + 40 s.
    expect(run.now.getTime() - began).toBeGreaterThan(70_000);
  });

  it('stands still but when time is let go by, to the millisecond', async () => {
    const run = await orderWith();
    await run.finished();
    const before = run.now.getTime();
    await run.advance({ days: 2, hours: 1, minutes: 1, seconds: 1.5 });
    expect(run.now.getTime() - before).toBe(2 * 86_400_000 + 3_600_000 + 60_000 + 1_500);
    expect(await messageOf(run.advance({}))).toMatch('write advance({ days, hours, minutes, seconds })');
  });

  it('loses its sensitive input 14 days after it failed: a resume is refused as the API refuses it', async () => {
    const run = await orderWith({ shipping: refuses });
    await run.until('failed');
    await run.advance({ days: 15 });
    await expect(run.resume()).rejects.toMatchObject({ name: 'ProblemError', code: 'ERASED' });
  });

  it('is resumed from its failed step, under a new key where nobody has acted', async () => {
    let mended = false;
    const run = await orderWith({
      shipping: { 'POST /shipments': () => (mended ? well.shipping['POST /shipments'] : answer(422)) },
    });
    await run.until('failed');
    mended = true;
    expect(await run.resume({ reason: 'the street is known now' })).toMatchObject({ status: 'processing' });
    await run.until('completed');
    expect(run.calls.map(({ step }) => step)).toEqual(['payment', 'shipment', 'shipment', 'confirmation']);
    const keys = run.calls.map(({ idempotencyKey = '' }) => idempotencyKey.split(':').slice(1).join(':'));
    expect(keys.slice(1, 3)).toEqual(['shipment:do:0', 'shipment:do:1']);
    expect(run.timeline.operations).toMatchObject([
      { operation: 'resume', reason: 'the street is known now' },
    ]);
  });

  it('is resumed with what an operator knows of a step', async () => {
    const run = await orderWith({ shipping: refuses });
    await run.until('failed');
    await run.resume({ done: { trackingId: 't-9', estimatedDelivery: '2030-01-01' } });
    await run.until('completed');
    expect(run.workflow).toMatchObject({ trackingId: 't-9' });
    expect(run.calls.at(-1)?.body).toEqual({ email: order.email, trackingId: 't-9' });
  });

  it('is cancelled, and a cancel that comes too late is refused', async () => {
    const run = await orderWith({ shipping: later });
    await run.until('shipment', 'retrying');
    expect(await run.cancel('changed their mind')).toMatchObject({ status: 'cancelled' });
    await run.advance({ hours: 1 });
    expect(run.calls).toHaveLength(2);
    await expect(run.cancel()).rejects.toMatchObject({ code: 'WRONG_STATUS' });
    await expect(run.resume()).rejects.toMatchObject({ code: 'WRONG_STATUS' });
  });

  it('refuses a body of a resume as the API does, and names the field', async () => {
    const run = await orderWith({ shipping: refuses });
    await run.until('failed');
    await expect(run.resume({ done: {}, newKey: true })).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    const steps = { shipmnt: { notDone: true } } as const;
    await expect(run.resume({ steps })).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
      errors: [
        {
          field: 'steps.shipmnt',
          message: 'Unknown step; the steps are payment, shipment, confirmation',
        },
      ],
    });
  });

  it('begins with an input that a start would take, or none', async () => {
    const input = { ...order, amount: -1, typo: 1 };
    const refused = testChain(orderProcessing, { input, targets: well });
    await expect(refused).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    expect(await messageOf(refused)).toMatch(
      /the body does not fit .*: amount: Too small.*; typo: Unknown field/,
    );
    const made = await testChain(orderProcessing, { targets: well });
    await made.until('completed');
    expect(made.calls[0]?.body).toEqual({ card: expect.any(String), amount: expect.any(Number) });
  });

  it('refuses to let time run twice at once', async () => {
    const run = await orderWith();
    const first = run.until('completed');
    expect(await messageOf(run.advance({ days: 1 }))).toMatch('await what lets it run, one after the other');
    await first;
    expect(run.workflow.status).toBe('completed');
  });

  it('is the same each time, waits and ids too', async () => {
    const [one, other] = [await orderWith({ shipping: later }), await orderWith({ shipping: later })];
    await one.finished();
    await other.finished();
    expect(one.timeline).toEqual(other.timeline);
    expect(one.calls).toEqual(other.calls);
  });
});

describe('a state that does not come', () => {
  it('is told with how all stands, the last error and the calls, and without waiting for it', async () => {
    const run = await orderWith({ shipping: refuses });
    const message = await messageOf(run.until('completed'));
    expect(message).toMatch(/^the workflow does not become completed: after 0\.\d+ s the workflow is failed/);
    expect(message).toContain('(payment completed, shipment failed, confirmation pending)');
    expect(message).toContain(
      'REFUSED of shipment: 422 Unprocessable Entity; the reply was: error: no such street',
    );
    expect(message).toContain('Calls: POST /charges (payment, 1.), POST /shipments (shipment, 1.).');
    // It can still be resumed.
    await run.resume({ notDone: true });
  });

  it('of a step, or of a condition, is told in the same way', async () => {
    const run = await orderWith();
    expect(await messageOf(run.until('shipment', 'retrying'))).toMatch(
      'step "shipment" does not become retrying: after',
    );
    expect(await messageOf(run.until(() => false))).toMatch('what is waited for does not come: after');
  });

  it('cannot be misspelt', async () => {
    const run = await orderWith();
    expect(await messageOf(run.until('shipmnt', 'retrying'))).toBe(
      'order-processing has no step "shipmnt". Did you mean "shipment"? There are payment, shipment, confirmation.',
    );
    // @ts-expect-error a workflow has no such status
    expect(await messageOf(run.until('complete'))).toMatch('Did you mean "completed"?');
  });
});

describe('what becomes of a call', () => {
  const codeOf = async (fake: object): Promise<string | undefined> => {
    const run = await orderWith({ mail: { 'POST /messages': fake } });
    await run.until('confirmation', 'retrying');
    return run.workflow.retrying?.confirmation?.error?.code;
  };

  it('is what the fake says', async () => {
    expect(await codeOf(noAnswer())).toBe('DEADLINE_EXCEEDED');
    expect(await codeOf(broken())).toBe('CONNECTION_BROKEN');
    expect(await codeOf(unreachable())).toBe('CONNECTION_FAILED');
    expect(await codeOf(answer(503))).toBe('TARGET_UNAVAILABLE');
  });

  it('takes as long as the step waits for it, in virtual time', async () => {
    const run = await orderWith({ mail: { 'POST /messages': () => noAnswer() } });
    await run.until('confirmation', 'running');
    const before = run.now.getTime();
    await run.until('confirmation', 'retrying');
    expect(run.now.getTime() - before).toBeGreaterThanOrEqual(15_000);
  });

  it('may be a wait that the target asks for', async () => {
    const run = await orderWith({
      mail: {
        'POST /messages': ({ attempt }) =>
          attempt === 1 ? answer(429, {}, { 'Retry-After': '600' }) : { messageId: 'm' },
      },
    });
    await run.until('confirmation', 'retrying');
    await run.advance({ minutes: 9 });
    expect(run.workflow.steps.confirmation).toBe('retrying');
    await run.advance({ minutes: 4 });
    expect(run.workflow.status).toBe('completed');
  });
});
