import { describe, expect, vi } from 'vitest';
import { workflowPath } from '../../lib/contract/names.ts';
import type { Fault } from '../../lib/local/demo/faults.ts';
import { LATE_BY, ORDER, ORDER_STEPS, quickDiamond, quickOrder, quickUndo } from './fixture-chains.ts';
import { LASTING, type Lasting, PASSING, PATIENCE } from './scenarios-faults.ts';
import {
  atRest,
  cancel,
  effectsOf,
  problemOf,
  resume,
  type Scenario,
  type Stage,
  send,
  show,
  standing,
  start,
  undo,
  until,
} from './stage.ts';

const SLOW = { latencyMs: 400 };

/** Workflows that are taken back: by themselves, by an operator, and under faults. */
export function undoScenarios(scenario: Scenario): void {
  describe('of an order that failed', () => faultOfStepScenarios(scenario));
  describe('that fails itself', () => faultOfUndoScenarios(scenario));
  describe('by an operator', () => operatorScenarios(scenario));
}

/** A fault for the calls to one path alone, where a fault may say so. */
const at = (path: string, fault: Fault): Fault => (fault.down ? fault : { ...fault, match: path });

function faultOfStepScenarios(scenario: Scenario): void {
  for (const [what, lasting] of Object.entries(LASTING)) {
    scenario(`as shipping ${what}: leaves nothing standing`, async (stage) => {
      await stage.demo.setFault('shipping', at('/shipments', lasting.fault));
      const id = await start(stage, quickUndo.start, ORDER);
      const shown = await atRest(stage, id);
      const happened = lasting.acted === 1 || lasting.actsLater === true;
      expect(shown).toMatchObject({
        status: 'compensated',
        error: { step: 'shipment', effect: lasting.effect },
        steps: { payment: 'completed', shipment: 'failed', confirmation: 'cancelled' },
        undo: { payment: { status: 'completed', attempts: 1 } },
      });
      expect(shown.inDoubt).toBe(lasting.effect === 'unknown' ? 1 : undefined);
      expect(shown.undo?.shipment).toEqual(
        lasting.effect === 'none'
          ? undefined
          : { status: 'completed', attempts: 1, inDoubt: true, ...(happened ? {} : { found: false }) },
      );
      expect(effectsOf(stage, 'payments', id)).toEqual([
        [`${id}:payment:do:0`, 1],
        [`${id}:payment:undo:0`, 1],
      ]);
      expect(effectsOf(stage, 'shipping', id)).toHaveLength(happened ? 2 : 0);
      expectNothingStands(stage, id);
    });
  }

  scenario('whose call acts later than its target says has that call refused', async (stage) => {
    // Both attempts are given up, and the undo has asked, before it would act.
    await stage.demo.setFault('shipping', at('/shipments', { latencyMs: (LATE_BY + 8) * 1_000 }));
    const id = await start(stage, quickUndo.start, ORDER);
    expect(await atRest(stage, id)).toMatchObject({
      status: 'compensated',
      inDoubt: 1,
      undo: { shipment: { status: 'completed', found: false } },
    });
    expect(stage.demo.ledger('shipping').refused).toEqual([`${id}:shipment:do:0`]);
    await new Promise((resolve) => setTimeout(resolve, (LATE_BY + 9) * 1_000));
    expect(effectsOf(stage, 'shipping', id)).toEqual([]);
  });

  scenario('at its confirmation takes back the shipment, then the payment', async (stage) => {
    await stage.demo.setFault('mail', { status: 422 });
    const id = await start(stage, quickUndo.start, ORDER);
    expect(await atRest(stage, id)).toMatchObject({ status: 'compensated' });
    const { timeline = [] } = await show(stage, id, true);
    expect(timeline.map(({ action = 'do', step }) => `${action} ${step}`)).toEqual([
      ...['do payment', 'do shipment', 'do confirmation', 'undo shipment', 'undo payment'],
    ]);
    expectNothingStands(stage, id);
  });
}

function expectNothingStands(stage: Stage, id: string): void {
  for (const [, target] of ORDER_STEPS) expect(standing(stage, target, id), target).toEqual([]);
}

/** An order that stopped at its confirmation, so that its payment and its shipment are to be taken back. */
async function stopped(stage: Stage): Promise<string> {
  await stage.demo.setFault('mail', { status: 422 });
  const id = await start(stage, quickOrder.start, ORDER);
  expect(await atRest(stage, id)).toMatchObject({ status: 'failed', error: { step: 'confirmation' } });
  return id;
}

function faultOfUndoScenarios(scenario: Scenario): void {
  for (const [what, fault, attempts] of PASSING) {
    scenario(`as payments ${what}: is done all the same, once`, async (stage) => {
      const id = await stopped(stage);
      await stage.demo.setFault('payments', at('/refunds', fault));
      expect((await undo(stage, id)).status).toBe(202);
      expect(await atRest(stage, id)).toMatchObject({
        status: 'compensated',
        undo: { payment: { status: 'completed' }, shipment: { status: 'completed' } },
      });
      // A kept connection that breaks under a call is replaced within the attempt.
      if (fault.drop === undefined) {
        expect((await show(stage, id)).undo?.payment?.attempts).toBe(attempts);
      }
      expectRefunded(stage, id, 0);
    });
  }

  for (const [what, lasting] of Object.entries(LASTING)) {
    const { malformed } = lasting.fault;
    if (malformed !== undefined && malformed !== 'huge') {
      scenario(`as payments ${what}: is done, as it has no schema and the status says so`, async (stage) => {
        const id = await stopped(stage);
        await stage.demo.setFault('payments', at('/refunds', lasting.fault));
        await undo(stage, id);
        expect(await atRest(stage, id)).toMatchObject({ status: 'compensated' });
        expectRefunded(stage, id, 0);
      });
      continue;
    }
    scenario(`as payments ${what}: says so, and goes on once it is resumed`, async (stage) => {
      const id = await stopped(stage);
      await stage.demo.setFault('payments', at('/refunds', lasting.fault));
      await undo(stage, id);
      await expectUndoFailed(stage, id, lasting);
      if (lasting.actsLater) await vi.waitUntil(() => standing(stage, 'payments', id).length === 0, PATIENCE);
      await stage.demo.heal('payments');
      expect((await resume(stage, id)).status).toBe(202);
      expect(await atRest(stage, id)).toMatchObject({ status: 'compensated' });
      expectRefunded(stage, id, lasting.round);
    });
  }

  for (const status of [404, 410]) {
    scenario(`as payments knows nothing of what it did (${status}): is no success`, async (stage) => {
      const id = await stopped(stage);
      await stage.demo.setFault('payments', at('/refunds', { status }));
      await undo(stage, id);
      expect(await atRest(stage, id)).toMatchObject({
        status: 'compensation_failed',
        undoError: { step: 'payment', code: 'REFUSED', httpStatus: status },
      });
    });
  }

  scenario('goes on after what a person did by hand', async (stage) => {
    const id = await refusedUndo(stage);
    const said = { steps: { payment: { undone: true } }, reason: 'refunded in the console' };
    expect((await resume(stage, id, said)).status).toBe(202);
    expect(await atRest(stage, id)).toMatchObject({
      status: 'compensated',
      undo: { payment: { status: 'completed' } },
    });
    const { operations = [] } = await show(stage, id, true);
    expect(operations.at(-1)).toMatchObject({ operation: 'resume', steps: { payment: 'undone' } });
    expect(standing(stage, 'payments', id)).toEqual([`${id}:payment:do:0`]);
  });

  scenario('is closed by a cancel, and what stands stays', async (stage) => {
    const id = await refusedUndo(stage);
    expect(problemOf(await undo(stage, id))).toMatchObject({ status: 409, code: 'WRONG_STATUS' });
    expect((await cancel(stage, id, { reason: 'written off' })).json).toMatchObject({
      status: 'cancelled',
      undo: { payment: { status: 'failed' }, shipment: { status: 'completed' } },
    });
    expect(problemOf(await resume(stage, id))).toMatchObject({ status: 409, code: 'WRONG_STATUS' });
  });
}

async function refusedUndo(stage: Stage): Promise<string> {
  const id = await stopped(stage);
  await stage.demo.setFault('payments', at('/refunds', { status: 422 }));
  await undo(stage, id);
  expect(await atRest(stage, id)).toMatchObject({ status: 'compensation_failed' });
  return id;
}

async function expectUndoFailed(
  stage: Stage,
  id: string,
  { code, attempts, effect, acted, httpStatus }: Lasting,
): Promise<void> {
  const shown = await atRest(stage, id);
  expect(shown).toMatchObject({
    status: 'compensation_failed',
    error: { step: 'confirmation' },
    undoError: { step: 'payment', target: 'payments', code, attempts, effect },
    undo: { payment: { status: 'failed', attempts }, shipment: { status: 'completed' } },
  });
  expect(shown.undoError?.httpStatus).toBe(httpStatus);
  expect(shown.undoError).not.toHaveProperty('detail');
  expect(JSON.stringify([shown, await show(stage, id, true)])).not.toContain(ORDER.card);
  expect(standing(stage, 'payments', id)).toHaveLength(1 - acted);
  expect(standing(stage, 'shipping', id)).toEqual([]);
}

function expectRefunded(stage: Stage, id: string, round: number): void {
  expect(effectsOf(stage, 'payments', id)).toEqual([
    [`${id}:payment:do:0`, 1],
    [`${id}:payment:undo:${round}`, 1],
  ]);
  expectNothingStands(stage, id);
}

function operatorScenarios(scenario: Scenario): void {
  scenario('is looked at before, which calls nobody, and granted once', async (stage) => {
    const id = await stopped(stage);
    const calls = () => ORDER_STEPS.map(([, target]) => stage.demo.ledger(target).calls);
    const before = calls();
    expect(await send(stage, 'GET', `${workflowPath(id)}/undo`)).toMatchObject({
      status: 200,
      json: {
        workflowId: id,
        status: 'failed',
        steps: [
          { step: 'shipment', does: 'calls', request: { target: 'shipping', path: '/cancellations' } },
          { step: 'payment', does: 'calls', idempotencyKey: `${id}:payment:undo:0` },
        ],
      },
    });
    expect(calls()).toEqual(before);
    const answers = await Promise.all([undo(stage, id), undo(stage, id), undo(stage, id)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 409, 409]);
    expect(await atRest(stage, id)).toMatchObject({ status: 'compensated' });
    expectRefunded(stage, id, 0);
  });

  for (const [n, [step, target]] of ORDER_STEPS.entries()) {
    scenario(`who cancels while ${step} runs takes it back too, once it has ended`, async (stage) => {
      await stage.demo.setFault(target, SLOW);
      const id = await start(stage, quickOrder.start, ORDER);
      await until(stage, id, ({ steps }) => steps[step] === 'running');
      const answer = await cancel(stage, id, { undo: true, reason: 'the customer has left' });
      expect(answer).toMatchObject({ status: 200, json: { status: 'compensating' } });
      expect(await atRest(stage, id)).toMatchObject({
        status: 'compensated',
        steps: Object.fromEntries(
          ORDER_STEPS.map(([name], place) => [name, place <= n ? 'completed' : 'cancelled']),
        ),
      });
      const stands = ORDER_STEPS.map(([, called]) => standing(stage, called, id).length);
      // A mail that was sent stays.
      expect(stands).toEqual([0, 0, step === 'confirmation' ? 1 : 0]);
      expect(stage.demo.ledger('payments').effects).toHaveLength(2);
    });
  }

  scenario('who cancels between two attempts takes back what may have been done', async (stage) => {
    await stage.demo.setFault('shipping', at('/shipments', { status: 503, retryAfter: '30' }));
    const id = await start(stage, quickUndo.start, ORDER);
    await until(stage, id, ({ steps }) => steps.shipment === 'retrying');
    await cancel(stage, id, { undo: true });
    expect(await atRest(stage, id)).toMatchObject({
      status: 'compensated',
      undo: { shipment: { status: 'completed', inDoubt: true, found: false } },
    });
    expectNothingStands(stage, id);
  });

  scenario('waits for a branch that still runs', async (stage) => {
    await stage.demo.setFault('sms', { status: 422 });
    await stage.demo.setFault('mail', SLOW);
    const contact = { card: ORDER.card, email: ORDER.email, phone: '+4912345678' };
    const id = await start(stage, quickDiamond.start, contact);
    await until(stage, id, ({ status }) => status === 'failed');
    expect((await undo(stage, id)).status).toBe(202);
    expect(await atRest(stage, id)).toMatchObject({
      status: 'compensated',
      steps: { payment: 'completed', mail: 'completed', sms: 'failed', push: 'cancelled' },
    });
    const sent = stage.demo.ledger('mail').effects.map(({ at: sentAt }) => sentAt);
    const [, refunded] = stage.demo.ledger('payments').effects;
    expect(sent).toHaveLength(1);
    expect(Date.parse(refunded?.at ?? '')).toBeGreaterThanOrEqual(Date.parse(sent[0] ?? ''));
  });

  scenario(
    'is refused where there is nothing to take back, or the body says something else',
    async (stage) => {
      await stage.demo.setFault('payments', SLOW);
      const id = await start(stage, quickOrder.start, ORDER);
      expect(problemOf(await undo(stage, id))).toMatchObject({ status: 409, code: 'WRONG_STATUS' });
      expect(problemOf(await undo(stage, id, { why: 'x' }))).toMatchObject({ status: 400 });
      expect(await atRest(stage, id)).toMatchObject({ status: 'completed' });
      for (const answer of [await undo(stage, id), await cancel(stage, id, { undo: true })]) {
        expect(problemOf(answer)).toMatchObject({ status: 409, code: 'WRONG_STATUS' });
      }
      const plan = await send(stage, 'GET', `${workflowPath(id)}/undo`);
      expect(plan.json).toMatchObject({ refused: { code: 'WRONG_STATUS' } });
    },
  );
}
