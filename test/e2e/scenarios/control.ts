import { describe, expect } from 'vitest';
import type { QueueName } from '../../../lib/contract/names.ts';
import type { StepMessage } from '../../../lib/contract/wire.ts';
import { ORDER, ORDER_STEPS, quickCode, quickDiamond, quickOrder } from '../fixture-chains.ts';
import {
  cancel,
  effectsOf,
  ended,
  problemOf,
  resume,
  type Scenario,
  type Stage,
  send,
  show,
  start,
  until,
} from '../stage.ts';

const SLOW = { latencyMs: 400 };

/** Starts at once, duplicates, cancel, resume, stale messages, branches. */
export function controlScenarios(scenario: Scenario): void {
  describe('a start', () => startScenarios(scenario));
  describe('messages', () => messageScenarios(scenario));
  describe('cancel', () => cancelScenarios(scenario));
  describe('resume', () => resumeScenarios(scenario));
  describe('branches and code', () => branchScenarios(scenario));
}

function startScenarios(scenario: Scenario): void {
  scenario(
    'is answered before any target has answered, with what is not known yet as null',
    async (stage) => {
      await stage.demo.setFault('payments', SLOW);
      const { status, headers, json } = await send(stage, 'POST', quickOrder.start, ORDER);
      expect({ status, json }).toEqual({
        status: 202,
        json: { workflowId: expect.stringMatching(/^wf_/), status: 'processing' },
      });
      const id = String(json.workflowId);
      expect(headers.get('location')).toBe(`/api/workflows/${id}`);
      expect(await show(stage, id)).toMatchObject({ status: 'processing', orderId: null, trackingId: null });
      expect(stage.demo.ledger('payments').effects).toEqual([]);
      await ended(stage, id);
    },
  );

  scenario('sent twice at once under one Idempotency-Key is one workflow', async (stage) => {
    const key = { 'idempotency-key': 'order 4711' };
    const starts = Array.from({ length: 5 }, () => start(stage, quickOrder.start, ORDER, key));
    const [id = '', ...others] = await Promise.all(starts);
    expect(new Set([id, ...others]).size).toBe(1);
    await ended(stage, id);
    expect(await send(stage, 'POST', quickOrder.start, ORDER, key)).toMatchObject({
      status: 202,
      json: { workflowId: id, status: 'completed' },
    });
    for (const [, target] of ORDER_STEPS) expect(effectsOf(stage, target, id)).toHaveLength(1);
  });

  scenario('with another payload under the same Idempotency-Key is refused', async (stage) => {
    // Until the workflow has completed: then its sensitive input is erased, and compared no more.
    await stage.demo.setFault('payments', SLOW);
    const key = { 'idempotency-key': 'order 4712' };
    const id = await start(stage, quickOrder.start, ORDER, key);
    for (const change of [{ amount: 99 }, { card: '4000000000000002' }]) {
      const answer = await send(stage, 'POST', quickOrder.start, { ...ORDER, ...change }, key);
      expect(problemOf(answer)).toMatchObject({ status: 422, code: 'KEY_REUSED' });
    }
    expect(await ended(stage, id)).toMatchObject({ status: 'completed' });
    const late = await send(stage, 'POST', quickOrder.start, { ...ORDER, amount: 99 }, key);
    expect(problemOf(late)).toMatchObject({ status: 422, code: 'KEY_REUSED' });
    expect(stage.demo.ledger('payments').effects).toHaveLength(1);
  });
}

const queueOf = (step: string, kind: 'step' | 'deadLetter' = 'step'): QueueName => ({
  chain: quickOrder.name,
  step,
  kind,
});

const messageFor = (workflowId: string, step: string, changes: Partial<StepMessage> = {}): string =>
  JSON.stringify({
    tenant: 'default',
    workflowId,
    chain: quickOrder.name,
    version: quickOrder.version,
    step,
    action: 'do',
    epoch: 0,
    trip: 0,
    ...changes,
  });

const expectOneCallEach = (stage: Stage, id: string): void => {
  for (const [step, target] of ORDER_STEPS) {
    expect(effectsOf(stage, target, id), step).toEqual([[`${id}:${step}:do:0`, 1]]);
    expect(stage.demo.ledger(target).calls, target).toBe(1);
  }
};

function messageScenarios(scenario: Scenario): void {
  scenario(
    'each delivered several times, before, while and after their step runs, call once',
    async (stage) => {
      for (const [, target] of ORDER_STEPS) await stage.demo.setFault(target, SLOW);
      const id = await start(stage, quickOrder.start, ORDER);
      for (const [step] of ORDER_STEPS) {
        await until(stage, id, ({ steps }) => steps[step] === 'running');
        for (const [name] of ORDER_STEPS) await stage.inject(queueOf(name), messageFor(id, name));
      }
      await ended(stage, id);
      for (const [name] of ORDER_STEPS) await stage.inject(queueOf(name), messageFor(id, name));
      // A later order of the same queues shows that the duplicates have been handled.
      const later = await start(stage, quickOrder.start, ORDER);
      expect(await ended(stage, later)).toMatchObject({ status: 'completed' });
      for (const [step, target] of ORDER_STEPS) {
        expect(effectsOf(stage, target, id), step).toEqual([[`${id}:${step}:do:0`, 1]]);
        expect(stage.demo.ledger(target).calls, target).toBe(2);
      }
      expect(await show(stage, id)).toMatchObject({ status: 'completed' });
    },
  );

  scenario('that cannot be read go to the parking queue alone', async (stage) => {
    const foreign = messageFor('wf_'.padEnd(35, '0'), 'shipment');
    const bodies = ['{ no JSON', '[]', '{"step":"payment"}', foreign];
    for (const body of bodies) await stage.inject(queueOf('payment'), body);
    const id = await start(stage, quickOrder.start, ORDER);
    expect(await ended(stage, id)).toMatchObject({ status: 'completed' });
    expect([...(await stage.parked())].sort()).toEqual([...bodies].sort());
  });

  scenario('of a workflow that does not exist disturb nobody', async (stage) => {
    await stage.inject(queueOf('payment'), messageFor('wf_'.padEnd(35, '1'), 'payment'));
    const id = await start(stage, quickOrder.start, ORDER);
    expect(await ended(stage, id)).toMatchObject({ status: 'completed' });
    expectOneCallEach(stage, id);
  });

  scenario('of a step whose time has not come call nothing', async (stage) => {
    await stage.demo.setFault('payments', SLOW);
    const id = await start(stage, quickOrder.start, ORDER);
    await stage.inject(queueOf('confirmation'), messageFor(id, 'confirmation'));
    expect(await ended(stage, id)).toMatchObject({ status: 'completed' });
    expectOneCallEach(stage, id);
  });

  scenario('from the dead, of before a resume, fail nothing after it', async (stage) => {
    await stage.demo.setFault('shipping', { status: 422 });
    const id = await start(stage, quickOrder.start, ORDER);
    expect(await ended(stage, id)).toMatchObject({ status: 'failed' });
    await stage.demo.setFault('shipping', SLOW);
    await resume(stage, id);
    await until(stage, id, ({ steps }) => steps.shipment === 'running');
    for (const trip of [0, 1, 2]) {
      await stage.inject(queueOf('shipment', 'deadLetter'), messageFor(id, 'shipment', { trip }));
    }
    expect(await ended(stage, id)).toMatchObject({ status: 'completed' });
    expect(effectsOf(stage, 'shipping', id)).toHaveLength(1);
  });

  scenario('from the dead, of a step that is under way, fail nothing', async (stage) => {
    await stage.demo.setFault('shipping', SLOW);
    const id = await start(stage, quickOrder.start, ORDER);
    await until(stage, id, ({ steps }) => steps.shipment === 'running');
    await stage.inject(queueOf('shipment', 'deadLetter'), messageFor(id, 'shipment', { trip: 2 }));
    expect(await ended(stage, id)).toMatchObject({ status: 'completed' });
    expectOneCallEach(stage, id);
  });
}

function cancelScenarios(scenario: Scenario): void {
  for (const [at, [step, target]] of ORDER_STEPS.entries()) {
    scenario(`while ${step} runs lets its call end, shows it, and calls nothing more`, async (stage) => {
      await stage.demo.setFault(target, SLOW);
      const id = await start(stage, quickOrder.start, ORDER);
      await until(stage, id, ({ steps }) => steps[step] === 'running');
      const answer = await cancel(stage, id);
      expect(answer).toMatchObject({ status: 200, json: { workflowId: id, status: 'cancelled' } });
      const workflow = await until(stage, id, ({ steps }) => steps[step] === 'completed');
      expect(workflow).toMatchObject({
        status: 'cancelled',
        steps: Object.fromEntries(
          ORDER_STEPS.map(([name], n) => [name, n <= at ? 'completed' : 'cancelled']),
        ),
      });
      for (const [n, [, called]] of ORDER_STEPS.entries()) {
        expect(stage.demo.ledger(called).calls, called).toBe(n <= at ? 1 : 0);
      }
      expect(problemOf(await cancel(stage, id))).toMatchObject({ status: 409, code: 'WRONG_STATUS' });
      expect(problemOf(await resume(stage, id))).toMatchObject({ status: 409, code: 'WRONG_STATUS' });
    });
  }

  scenario('between two attempts makes no more of them', async (stage) => {
    await stage.demo.setFault('shipping', { status: 503, retryAfter: '1' });
    const id = await start(stage, quickOrder.start, ORDER);
    const waiting = await until(stage, id, ({ steps }) => steps.shipment === 'retrying');
    expect(waiting.retrying?.shipment).toMatchObject({
      attempt: 1,
      attempts: 2,
      error: { code: 'TARGET_UNAVAILABLE', target: 'shipping', httpStatus: 503 },
    });
    const next = Date.parse(waiting.retrying?.shipment?.nextAttemptAt ?? '');
    await cancel(stage, id);
    await new Promise((resolve) => setTimeout(resolve, next - Date.now() + 1_500));
    expect(await show(stage, id)).toMatchObject({ status: 'cancelled', steps: { shipment: 'cancelled' } });
    expect(stage.demo.ledger('shipping').calls).toBe(1);
  });

  scenario('of a finished workflow is refused with its status', async (stage) => {
    const id = await start(stage, quickOrder.start, ORDER);
    await ended(stage, id);
    const refusal = problemOf(await cancel(stage, id));
    expect(refusal).toMatchObject({ status: 409, code: 'WRONG_STATUS' });
    expect(refusal.detail).toContain('completed');
  });
}

function resumeScenarios(scenario: Scenario): void {
  scenario('twice at once is granted once', async (stage) => {
    await stage.demo.setFault('payments', { status: 422, times: 1 });
    await stage.demo.setFault('shipping', SLOW);
    const id = await start(stage, quickOrder.start, ORDER);
    expect(await ended(stage, id)).toMatchObject({ status: 'failed' });
    const answers = await Promise.all([resume(stage, id), resume(stage, id), resume(stage, id)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 409, 409]);
    expect(await ended(stage, id)).toMatchObject({ status: 'completed' });
    for (const [, target] of ORDER_STEPS) expect(effectsOf(stage, target, id)).toHaveLength(1);
  });

  scenario('of a running workflow is refused with its status', async (stage) => {
    await stage.demo.setFault('payments', SLOW);
    const id = await start(stage, quickOrder.start, ORDER);
    const refusal = problemOf(await resume(stage, id));
    expect(refusal).toMatchObject({ status: 409, code: 'WRONG_STATUS' });
    expect(refusal.detail).toContain('processing');
    await ended(stage, id);
  });

  scenario('after an attempt that acted in silence and one that was refused charges once', async (stage) => {
    await stage.demo.setFault('payments', [
      { latencyMs: 1_500, late: true, times: 1 },
      { status: 422, times: 1 },
    ]);
    const id = await start(stage, quickOrder.start, ORDER);
    expect(await ended(stage, id)).toMatchObject({
      status: 'failed',
      error: { step: 'payment', code: 'REFUSED', httpStatus: 422, attempts: 2, effect: 'unknown' },
    });
    await resume(stage, id);
    expect(await ended(stage, id)).toMatchObject({ status: 'completed' });
    expectEffectUnderFirstKey(stage, id);
  });

  scenario('with newKey uses a new key, as the operator ordered', async (stage) => {
    await stage.demo.setFault('payments', { malformed: 'json', times: 1 });
    const id = await start(stage, quickOrder.start, ORDER);
    expect(await ended(stage, id)).toMatchObject({ status: 'failed', error: { effect: 'unknown' } });
    expect((await resume(stage, id, { newKey: true })).status).toBe(202);
    expect(await ended(stage, id)).toMatchObject({ status: 'completed' });
    expect(effectsOf(stage, 'payments', id).map(([key]) => key)).toEqual([
      `${id}:payment:do:0`,
      `${id}:payment:do:1`,
    ]);
  });

  scenario('as often as it takes keeps the attempts of every epoch in the timeline', async (stage) => {
    await stage.demo.setFault('mail', { status: 422, times: 2 });
    const id = await start(stage, quickOrder.start, ORDER);
    for (const time of [1, 2]) {
      expect(await ended(stage, id), `failure ${time}`).toMatchObject({ status: 'failed' });
      await resume(stage, id);
    }
    expect(await ended(stage, id)).toMatchObject({ status: 'completed' });
    const { timeline = [] } = await show(stage, id, true);
    const mails = timeline.filter(({ step }) => step === 'confirmation');
    expect(mails.map(({ epoch, attempt, outcome }) => [epoch, attempt, outcome])).toEqual([
      [0, 1, 'failed'],
      [1, 1, 'failed'],
      [2, 1, 'completed'],
    ]);
  });
}

const expectEffectUnderFirstKey = (stage: Stage, id: string): void => {
  expect(effectsOf(stage, 'payments', id)).toEqual([[`${id}:payment:do:0`, 1]]);
};

const CONTACT = { card: ORDER.card, email: ORDER.email, phone: '+4912345678' };

function branchScenarios(scenario: Scenario): void {
  scenario('join when both are done, whichever ends last', async (stage) => {
    for (const slow of ['mail', 'sms']) {
      await stage.demo.heal();
      await stage.demo.setFault(slow, { latencyMs: 300 });
      const id = await start(stage, quickDiamond.start, CONTACT);
      expect(await ended(stage, id)).toMatchObject({
        status: 'completed',
        steps: { payment: 'completed', mail: 'completed', sms: 'completed', push: 'completed' },
        pushId: expect.stringMatching(/^psh_/),
      });
      for (const target of ['payments', 'mail', 'sms', 'push']) {
        expect(effectsOf(stage, target, id), target).toHaveLength(1);
      }
    }
  });

  scenario('let a sibling of a failed one end; a resume runs the failed one and the join', async (stage) => {
    await stage.demo.setFault('sms', { status: 422, times: 1 });
    await stage.demo.setFault('mail', SLOW);
    const id = await start(stage, quickDiamond.start, CONTACT);
    expect(await ended(stage, id)).toMatchObject({ status: 'failed', error: { step: 'sms' } });
    expect(await until(stage, id, ({ steps }) => steps.mail === 'completed')).toMatchObject({
      status: 'failed',
      steps: { payment: 'completed', mail: 'completed', sms: 'failed', push: 'pending' },
    });
    await resume(stage, id);
    expect(await ended(stage, id)).toMatchObject({ status: 'completed' });
    for (const target of ['payments', 'mail', 'sms', 'push']) {
      expect(effectsOf(stage, target, id), target).toHaveLength(1);
    }
  });

  scenario('code runs between calls, with the results before it and a key of its own', async (stage) => {
    const id = await start(stage, quickCode.start, { card: ORDER.card, address: ORDER.address });
    const workflow = await ended(stage, id);
    expect(workflow).toMatchObject({
      status: 'completed',
      label: expect.stringMatching(/^ord_\w+ to 1 Main Street$/),
      key: `${id}:label:do:0`,
    });
    expect(stage.demo.ledger('shipping').effects).toMatchObject([{ body: { orderId: workflow.label } }]);
  });
}
