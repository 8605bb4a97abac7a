import { expect } from 'vitest';
import type { WorkflowAnswer } from '../../../lib/contract/wire.ts';
import type { Fault } from '../../../lib/local/demo/faults.ts';
import { ORDER, quickLookup } from '../fixture-chains.ts';
import { atRest, effectsOf, resume, type Scenario, type Stage, show, start, undo } from '../stage.ts';

export const CARD = { card: ORDER.card };

/** Both attempts of a payment, of which nobody is told whether they acted. */
export const ACTED: Fault = { drop: 'after', match: '/charges', times: 2 };
export const DID_NOT: Fault = { drop: 'before', match: '/charges', times: 2 };
/** What payments answers to who asks: it cannot tell. */
export const CANNOT_TELL: Fault = { status: 200, body: { state: 'under way' }, match: '/charges' };

/** A payment that nobody knows of, and of which payments is asked then. @param asked how that is answered; as it is, if left out */
export async function inDoubt(stage: Stage, attempts: Fault, asked?: Fault): Promise<string> {
  await stage.demo.setFault('payments', asked === undefined ? [attempts] : [attempts, asked]);
  return await start(stage, quickLookup.start, CARD);
}

/** How often payments was asked, with what came of each time. */
export async function asked(stage: Stage, id: string): Promise<readonly string[]> {
  const { timeline = [] } = await show(stage, id, true);
  return timeline.flatMap(({ action, outcome }) => (action === 'lookup' ? [outcome] : []));
}

/** It has failed, and nobody found out whether it acted. */
export async function expectUnknown(stage: Stage, id: string): Promise<WorkflowAnswer> {
  const shown = await atRest(stage, id);
  expect(shown).toMatchObject({
    status: 'failed',
    error: { step: 'payment', code: 'CONNECTION_BROKEN', attempts: 2, effect: 'unknown' },
  });
  expect(JSON.stringify([shown, await show(stage, id, true)])).not.toContain(ORDER.card);
  return shown;
}

export const expectCompleted = async (stage: Stage, id: string): Promise<void> =>
  expect(await atRest(stage, id)).toMatchObject({
    status: 'completed',
    steps: { payment: 'completed' },
    orderId: expect.stringMatching(/^ord_/),
  });

/** The charges and refunds of the payment, once each under these keys. */
export const expectEffects = (stage: Stage, id: string, ...keys: readonly string[]): void =>
  expect(effectsOf(stage, 'payments', id)).toEqual(keys.map((key) => [`${id}:payment:${key}`, 1]));

/** What a target answers that is asked what became of a call. */
export function lookupScenarios(scenario: Scenario): void {
  scenario('that it was done completes the step with its result, and charges once', async (stage) => {
    const id = await inDoubt(stage, ACTED);
    await expectCompleted(stage, id);
    expect(await asked(stage, id)).toEqual(['completed']);
    expectEffects(stage, id, 'do:0');
    // Two attempts, and one question, which is no call that acts.
    expect(stage.demo.ledger('payments').calls).toBe(3);
  });

  scenario('that it was not done counts once it is late enough, and has a key of its own', async (stage) => {
    const id = await inDoubt(stage, DID_NOT);
    expect(await atRest(stage, id)).toMatchObject({
      status: 'failed',
      error: { step: 'payment', code: 'CONNECTION_BROKEN', effect: 'none' },
    });
    expect(await asked(stage, id)).toEqual(['retrying', 'completed']);
    await resume(stage, id);
    await expectCompleted(stage, id);
    expectEffects(stage, id, 'do:1');
  });

  scenario('that it cannot tell leaves it to a person, who says it', async (stage) => {
    const id = await inDoubt(stage, ACTED, CANNOT_TELL);
    await expectUnknown(stage, id);
    expect(await asked(stage, id)).toEqual(['completed']);
    const said = { steps: { payment: { done: { orderId: 'ord_books' } } }, reason: 'it is in the books' };
    expect((await resume(stage, id, said)).status).toBe(202);
    expect(await atRest(stage, id)).toMatchObject({ status: 'completed', orderId: 'ord_books' });
    expectEffects(stage, id, 'do:0');
  });

  scenario('before it is undone, that it was done has the undo told its result', async (stage) => {
    const id = await inDoubt(stage, ACTED, CANNOT_TELL);
    await expectUnknown(stage, id);
    await stage.demo.heal('payments');
    expect((await undo(stage, id)).status).toBe(202);
    expect(await atRest(stage, id)).toMatchObject({
      status: 'compensated',
      steps: { payment: 'completed' },
      undo: { payment: { status: 'completed' } },
    });
    expectEffects(stage, id, 'do:0', 'undo:0');
    const [, refund] = stage.demo.ledger('payments').effects;
    expect(refund?.body).toMatchObject({ charge: expect.stringMatching(/^ord_/) });
  });
}
