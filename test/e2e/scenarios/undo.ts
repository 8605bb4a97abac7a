import { describe, expect } from 'vitest';
import { workflowPath } from '../../../lib/contract/names.ts';
import { LATE_BY, ORDER, ORDER_STEPS, quickDiamond, quickOrder, quickUndo } from '../fixture-chains.ts';
import {
  atRest,
  cancel,
  effectsOf,
  problemOf,
  type Scenario,
  send,
  show,
  standing,
  start,
  undo,
  until,
} from '../stage.ts';
import { LASTING } from './faults.ts';
import { at, expectNothingStands, expectUndone, stopped, undoFaultScenarios } from './undo-faults.ts';

const SLOW = { latencyMs: 400 };

/** Workflows that are taken back: by themselves, by an operator, and under faults. */
export function undoScenarios(scenario: Scenario): void {
  describe('of an order that failed', () => faultOfStepScenarios(scenario));
  undoFaultScenarios(scenario);
  describe('by an operator', () => operatorScenarios(scenario));
}

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
    expectUndone(stage, id);
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

  scenario('who cancels as soon as it is begun leaves nothing standing', async (stage) => {
    const id = await start(stage, quickOrder.start, ORDER);
    expect((await cancel(stage, id, { undo: true })).status).toBe(200);
    const { steps } = await atRest(stage, id);
    const done = ORDER_STEPS.filter(([name]) => steps[name] === 'completed');
    expect(await show(stage, id)).toMatchObject({ status: 'compensated' });
    for (const [, target] of ORDER_STEPS.slice(0, 2)) {
      const acted = done.some(([, called]) => called === target);
      expect(effectsOf(stage, target, id), target).toHaveLength(acted ? 2 : 0);
      expect(standing(stage, target, id), target).toEqual([]);
    }
  });

  scenario('who cancels what has failed takes it back, and closes nothing before it is', async (stage) => {
    const id = await stopped(stage);
    await stage.demo.setFault('shipping', SLOW);
    expect((await cancel(stage, id, { undo: true })).json).toMatchObject({ status: 'compensating' });
    for (const body of [{ undo: true }, {}]) {
      const again = problemOf(await cancel(stage, id, body));
      expect(again).toMatchObject({ status: 409, code: 'WRONG_STATUS' });
      expect(again.detail).toContain('compensating');
    }
    expect(await atRest(stage, id)).toMatchObject({ status: 'compensated' });
    expectUndone(stage, id);
    expect(problemOf(await cancel(stage, id))).toMatchObject({ status: 409, code: 'WRONG_STATUS' });
  });

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
