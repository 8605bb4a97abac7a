import { describe, expect } from 'vitest';
import type { Fault } from '../../../lib/local/demo/faults.ts';
import { quickForgotten, quickKeyless, quickPivot } from '../lookup-chains.ts';
import {
  atRest,
  cancel,
  effectsOf,
  problemOf,
  resume,
  type Scenario,
  type Stage,
  standing,
  start,
  undo,
  until,
} from '../stage.ts';
import {
  ACTED,
  asked,
  CANNOT_TELL,
  CARD,
  DID_NOT,
  expectCompleted,
  expectEffects,
  expectUnknown,
  inDoubt,
} from './lookup.ts';

/** A fault of who is asked. */
const at = (fault: Fault): Fault => ({ ...fault, match: '/charges' });

/** Faults that pass by themselves, and what came of each time that it was asked. */
const PASSING: readonly (readonly [string, Fault, readonly string[]])[] = [
  ['answers slowly, but in time', { latencyMs: 300 }, ['completed']],
  ['answers 503', { status: 503, times: 1 }, ['retrying', 'completed']],
  ['answers 429 with Retry-After', { status: 429, retryAfter: '1', times: 1 }, ['retrying', 'completed']],
  ['answers 409', { status: 409, times: 1 }, ['retrying', 'completed']],
  ['hangs', { hang: true, times: 1 }, ['retrying', 'completed']],
  ['drips its answer', { drip: true, times: 1 }, ['retrying', 'completed']],
  ['drops the connection', { drop: 'before', times: 1 }, ['retrying', 'completed']],
];

/** Faults that stay, so that nobody finds out. */
const LASTING: readonly (readonly [string, Fault, readonly string[]])[] = [
  ['answers 503', { status: 503 }, ['retrying', 'failed']],
  ['answers 403', { status: 403 }, ['failed']],
  ['redirects', { status: 302 }, ['failed']],
  ['hangs', { hang: true }, ['retrying', 'failed']],
  ['drops the connection', { drop: 'before' }, ['retrying', 'failed']],
  ['answers half a JSON', { malformed: 'json' }, ['failed']],
  ['answers what breaks the schema of the step', { malformed: 'schema' }, ['failed']],
  ['answers nothing', { malformed: 'empty' }, ['failed']],
  ['answers a web page', { malformed: 'html' }, ['failed']],
  ['answers 2 MiB', { malformed: 'huge' }, ['failed']],
  ['cannot tell', CANNOT_TELL, ['completed']],
];

/** What a lookup meets beside the four answers of `lookupScenarios`. */
export function lookupFaultScenarios(scenario: Scenario): void {
  describe('a lookup whose target', () => {
    for (const [what, fault, outcomes] of PASSING) {
      scenario(`${what}: is answered, and the payment completes`, async (stage) => {
        const id = await inDoubt(stage, ACTED, at(fault));
        await expectCompleted(stage, id);
        expect(await asked(stage, id)).toEqual(outcomes);
        expectEffects(stage, id, 'do:0');
      });
    }
    for (const [what, fault, outcomes] of LASTING) {
      scenario(`${what}: finds nothing out, and a resume goes on as ever`, async (stage) => {
        const id = await inDoubt(stage, ACTED, at(fault));
        await expectUnknown(stage, id);
        expect(await asked(stage, id)).toEqual(outcomes);
        await stage.demo.heal('payments');
        expect((await resume(stage, id)).status).toBe(202);
        await expectCompleted(stage, id);
        expectEffects(stage, id, 'do:0');
      });
    }
    scenario('answers 410: was not called, as with 404', async (stage) => {
      const id = await inDoubt(stage, DID_NOT, at({ status: 410 }));
      expect(await atRest(stage, id)).toMatchObject({ status: 'failed', error: { effect: 'none' } });
      expect(await asked(stage, id)).toEqual(['retrying', 'completed']);
    });
  });

  describe('where payments cannot tell, a person', () => {
    for (const [said, keys] of [
      [{ notDone: true }, ['do:1']],
      [{ newKey: true }, ['do:1']],
    ] as const) {
      scenario(`says ${Object.keys(said)}: it is called under a new key`, async (stage) => {
        const id = await inDoubt(stage, DID_NOT, CANNOT_TELL);
        await expectUnknown(stage, id);
        await stage.demo.heal('payments');
        expect((await resume(stage, id, { steps: { payment: said } })).status).toBe(202);
        await expectCompleted(stage, id);
        expectEffects(stage, id, ...keys);
      });
    }
  });

  describe('a step that is called again under a new key as it was not done', () => {
    scenario('is one whose key its target may have forgotten', async (stage) => {
      await stage.demo.setFault('payments', at({ hang: true, times: 1 }));
      const id = await start(stage, quickForgotten.start, CARD);
      await expectCompleted(stage, id);
      expect(await asked(stage, id)).toEqual(['retrying', 'completed']);
      expectEffects(stage, id, 'do:1');
    });

    scenario('is one whose target takes no keys', async (stage) => {
      await stage.demo.setFault('payments', at({ drop: 'before', times: 1 }));
      const id = await start(stage, quickKeyless.start, CARD);
      await expectCompleted(stage, id);
      expect(stage.demo.ledger('payments').effects).toMatchObject([
        { key: null, body: { reference: `${id}:payment:do:1` } },
      ]);
    });

    scenario('is not one whose target takes no keys, and acted', async (stage) => {
      await stage.demo.setFault('payments', at({ drop: 'after', times: 1 }));
      const id = await start(stage, quickKeyless.start, CARD);
      await expectCompleted(stage, id);
      expect(stage.demo.ledger('payments').effects).toMatchObject([
        { key: null, body: { reference: `${id}:payment:do:0` } },
      ]);
    });
  });

  describe('before an undo', () => beforeUndoScenarios(scenario));
  describe('a pivot in doubt', () => pivotScenarios(scenario));
}

function beforeUndoScenarios(scenario: Scenario): void {
  scenario('that it was not done has nothing undone', async (stage) => {
    const id = await inDoubt(stage, DID_NOT, CANNOT_TELL);
    await expectUnknown(stage, id);
    await stage.demo.heal('payments');
    await undo(stage, id);
    expect(await atRest(stage, id)).toMatchObject({ status: 'compensated' });
    expectEffects(stage, id);
    const { calls } = stage.demo.ledger('payments');
    // Two attempts, a question before it was given up, and one before it was to be undone.
    expect(calls).toBe(4);
  });

  scenario('a cancel between two attempts waits until they can act no more, and asks', async (stage) => {
    const id = await inDoubt(stage, at({ status: 503, retryAfter: '30', times: 1 }));
    await until(stage, id, ({ steps }) => steps.payment === 'retrying');
    expect((await cancel(stage, id, { undo: true })).status).toBe(200);
    expect(await atRest(stage, id)).toMatchObject({ status: 'compensated', steps: { payment: 'cancelled' } });
    // Once: nothing is asked before it is late enough.
    expect(await asked(stage, id)).toEqual(['completed']);
    expectEffects(stage, id);
  });

  for (const [name, said, keys] of [
    ['done', { done: { orderId: 'ord_books' } }, ['do:0', 'undo:0']],
    ['newKey', { newKey: true }, ['do:0', 'undo:0']],
    ['undone', { undone: true }, ['do:0']],
    ['notDone', { notDone: true }, ['do:0']],
  ] as const) {
    scenario(`that it cannot tell stops the compensation until a person says ${name}`, async (stage) => {
      const id = await inDoubt(stage, ACTED, CANNOT_TELL);
      await expectUnknown(stage, id);
      await undo(stage, id);
      const shown = await atRest(stage, id);
      expect(shown).toMatchObject({
        status: 'compensation_failed',
        error: { step: 'payment', code: 'CONNECTION_BROKEN' },
        undoError: { step: 'payment', code: 'LOOKUP_UNKNOWN', effect: 'unknown' },
      });
      expect(effectsOf(stage, 'payments', id)).toHaveLength(1);
      expect((await resume(stage, id, { steps: { payment: said } })).status).toBe(202);
      expect(await atRest(stage, id)).toMatchObject({ status: 'compensated' });
      expectEffects(stage, id, ...keys);
    });
  }

  scenario('that it cannot tell yet, a resume asks again', async (stage) => {
    const id = await inDoubt(stage, ACTED, CANNOT_TELL);
    await expectUnknown(stage, id);
    await undo(stage, id);
    expect(await atRest(stage, id)).toMatchObject({ undoError: { code: 'LOOKUP_UNKNOWN' } });
    expect(problemOf(await undo(stage, id))).toMatchObject({ status: 409, code: 'WRONG_STATUS' });
    await stage.demo.heal('payments');
    expect((await resume(stage, id)).status).toBe(202);
    expect(await atRest(stage, id)).toMatchObject({ status: 'compensated', steps: { payment: 'completed' } });
    expectEffects(stage, id, 'do:0', 'undo:0');
    expect(standing(stage, 'payments', id)).toEqual([]);
    expect(problemOf(await cancel(stage, id))).toMatchObject({ status: 409, code: 'WRONG_STATUS' });
  });
}

function pivotScenarios(scenario: Scenario): void {
  const begun = async (stage: Stage, ...faults: readonly Fault[]): Promise<string> => {
    await stage.demo.setFault('payments', faults);
    return await start(stage, quickPivot.start, CARD);
  };

  scenario('that was done has the workflow go forward', async (stage) => {
    const id = await begun(stage, ACTED);
    await expectCompleted(stage, id);
    expectEffects(stage, id, 'do:0');
    expect(standing(stage, 'shipping', id)).toEqual([`${id}:shipment:do:0`]);
  });

  scenario('that was not done has the workflow taken back', async (stage) => {
    const id = await begun(stage, DID_NOT);
    expect(await atRest(stage, id)).toMatchObject({
      status: 'compensated',
      error: { step: 'payment', effect: 'none' },
      undo: { shipment: { status: 'completed' } },
    });
    expectEffects(stage, id);
    expect(standing(stage, 'shipping', id)).toEqual([]);
  });

  scenario('of which nobody found out stops the workflow, and nothing is undone', async (stage) => {
    // At such a reply its lookup throws.
    const id = await begun(stage, ACTED, at({ malformed: 'schema' }));
    await expectUnknown(stage, id);
    expect(problemOf(await undo(stage, id))).toMatchObject({ status: 409, code: 'PAST_PIVOT' });
    expect(standing(stage, 'shipping', id)).toEqual([`${id}:shipment:do:0`]);
    await stage.demo.heal();
    expect((await resume(stage, id)).status).toBe(202);
    await expectCompleted(stage, id);
    expectEffects(stage, id, 'do:0');
  });
}
