import { describe, expect, vi } from 'vitest';
import type { WorkflowAnswer } from '../../../lib/contract/wire.ts';
import type { Fault } from '../../../lib/local/demo/faults.ts';
import { ORDER, ORDER_STEPS, quickOrder } from '../fixture-chains.ts';
import {
  atRest,
  cancel,
  effectsOf,
  problemOf,
  resume,
  type Scenario,
  type Stage,
  show,
  standing,
  start,
  undo,
} from '../stage.ts';
import { LASTING, type Lasting, PASSING, PATIENCE } from './faults.ts';

/** The undos of an order in their order: the step, its target, and the path at which that takes it back. */
const UNDOS = [
  ['shipment', 'shipping', '/cancellations'],
  ['payment', 'payments', '/refunds'],
] as const;
type Undo = (typeof UNDOS)[number];

/** A target that knows nothing of what it did: of a step that is completed that is a refusal. */
const unknownThere = (status: 404 | 410): Lasting => ({
  fault: { status },
  ...{ code: 'REFUSED', attempts: 1, effect: 'none', acted: 0, round: 1, httpStatus: status },
});

const STOPPING = Object.entries({
  ...LASTING,
  'knows nothing of what it did (404)': unknownThere(404),
  'knows nothing of what it did any more (410)': unknownThere(410),
});

/** Without a schema a reply is what its status says: nothing is read of it. */
const isUnread = ({ fault: { malformed } }: Lasting): boolean =>
  malformed !== undefined && malformed !== 'huge';

/** A fault for the calls to one path alone, where a fault may say so. */
export const at = (path: string, fault: Fault): Fault => (fault.down ? fault : { ...fault, match: path });

/** Every fault of a demo target on every undo of the order chain, one undo after the other in one order. */
export function undoFaultScenarios(scenario: Scenario): void {
  describe('where every undo meets a target that', () => {
    for (const [what, fault, attempts] of PASSING) {
      scenario(`${what}: all is undone, once each`, async (stage) => {
        const id = await struck(stage, fault);
        const { undo: undos } = await expectCompensated(stage, id);
        // A kept connection that breaks under a call is replaced within the attempt.
        if (fault.drop === undefined) {
          for (const [step] of UNDOS) expect(undos?.[step]?.attempts, step).toBe(attempts);
        }
        expectUndone(stage, id);
      });
    }

    for (const [what, lasting] of STOPPING.filter(([, one]) => isUnread(one))) {
      scenario(`${what}: all is undone, as no undo has a schema and the status says so`, async (stage) => {
        const id = await struck(stage, lasting.fault);
        await expectCompensated(stage, id);
        expectUndone(stage, id);
      });
    }

    for (const [what, lasting] of STOPPING.filter(([, one]) => !isUnread(one))) {
      scenario(`${what}: each says so, and goes on once it is resumed`, async (stage) => {
        const id = await struck(stage, lasting.fault);
        const rounds: number[] = [];
        for (const failed of UNDOS) {
          const [step, target] = failed;
          rounds.push(await expectUndoFailed(stage, id, failed, lasting));
          if (lasting.actsLater) {
            await vi.waitUntil(() => standing(stage, target, id).length === 0, PATIENCE);
          }
          await stage.demo.heal(target);
          expect((await resume(stage, id)).status, step).toBe(202);
        }
        await expectCompensated(stage, id);
        expectUndone(stage, id, rounds);
      });
    }
  });
  describe('where an undo has failed', () => failedUndoScenarios(scenario));
}

/** An order that stopped at its confirmation, so that its payment and its shipment are to be taken back. */
export async function stopped(stage: Stage): Promise<string> {
  await stage.demo.setFault('mail', { status: 422 });
  const id = await start(stage, quickOrder.start, ORDER);
  expect(await atRest(stage, id)).toMatchObject({ status: 'failed', error: { step: 'confirmation' } });
  return id;
}

/** Such an order that is being taken back, by targets that all have this fault where they undo. */
async function struck(stage: Stage, fault: Fault): Promise<string> {
  const id = await stopped(stage);
  for (const [, target, path] of UNDOS) await stage.demo.setFault(target, at(path, fault));
  expect((await undo(stage, id)).status).toBe(202);
  return id;
}

async function expectCompensated(stage: Stage, id: string): Promise<WorkflowAnswer> {
  const shown = await atRest(stage, id);
  expect(shown).toMatchObject({
    status: 'compensated',
    undo: Object.fromEntries(UNDOS.map(([step]) => [step, { status: 'completed' }])),
  });
  return shown;
}

/**
 * The undo has failed; those before it are done, and those after it have not begun.
 * @returns the round of its next call
 */
async function expectUndoFailed(
  stage: Stage,
  id: string,
  [failed, failing]: Undo,
  { fault, code, attempts, effect, acted, httpStatus }: Lasting,
): Promise<0 | 1> {
  const shown = await atRest(stage, id);
  const place = UNDOS.findIndex(([step]) => step === failed);
  expect(shown).toMatchObject({
    status: 'compensation_failed',
    error: { step: 'confirmation' },
    undoError: { step: failed, target: failing, code, attempts },
  });
  const known = shown.undoError?.effect;
  // Where its connection was kept, nobody knows what a target heard that went down.
  expect(fault.down ? [effect, 'unknown'] : [effect]).toContain(known);
  expect(shown.undo?.[failed]?.attempts, failed).toBe(attempts);
  for (const [n, [step, target]] of UNDOS.entries()) {
    const [status, stands] =
      n < place ? ['completed', 0] : n > place ? ['pending', 1] : ['failed', 1 - acted];
    expect(shown.undo?.[step]?.status, step).toBe(status);
    expect(standing(stage, target, id), target).toHaveLength(stands);
  }
  expect(shown.undoError?.httpStatus).toBe(httpStatus);
  expect(shown.undoError).not.toHaveProperty('detail');
  expect(JSON.stringify([shown, await show(stage, id, true)])).not.toContain(ORDER.card);
  return known === 'none' ? 1 : 0;
}

/** Every step that has an undo took effect once, and was taken back once. @param rounds whose keys the undos had in the end */
export function expectUndone(stage: Stage, id: string, rounds: readonly number[] = []): void {
  for (const [n, [step, target]] of UNDOS.entries()) {
    expect(effectsOf(stage, target, id), target).toEqual([
      [`${id}:${step}:do:0`, 1],
      [`${id}:${step}:undo:${rounds[n] ?? 0}`, 1],
    ]);
  }
  expectNothingStands(stage, id);
}

export function expectNothingStands(stage: Stage, id: string): void {
  for (const [, target] of ORDER_STEPS) expect(standing(stage, target, id), target).toEqual([]);
}

function failedUndoScenarios(scenario: Scenario): void {
  scenario('a resume that comes several times at once is granted once', async (stage) => {
    const id = await refusedUndo(stage);
    await stage.demo.heal();
    const answers = await Promise.all([resume(stage, id), resume(stage, id), resume(stage, id)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 409, 409]);
    await expectCompensated(stage, id);
    expect(effectsOf(stage, 'payments', id)).toHaveLength(2);
    expectNothingStands(stage, id);
  });

  scenario('and may have acted, a person may order a new key', async (stage) => {
    const id = await stopped(stage);
    await stage.demo.setFault('payments', at('/refunds', { hang: true }));
    await undo(stage, id);
    expect(await atRest(stage, id)).toMatchObject({ undoError: { step: 'payment', effect: 'unknown' } });
    await stage.demo.heal('payments');
    expect((await resume(stage, id, { steps: { payment: { newKey: true } } })).status).toBe(202);
    await expectCompensated(stage, id);
    expect(effectsOf(stage, 'payments', id).map(([key]) => key)).toEqual([
      `${id}:payment:do:0`,
      `${id}:payment:undo:1`,
    ]);
  });

  scenario('a person may have done it by hand', async (stage) => {
    const id = await refusedUndo(stage);
    const said = { steps: { payment: { undone: true } }, reason: 'refunded in the console' };
    expect((await resume(stage, id, said)).status).toBe(202);
    await expectCompensated(stage, id);
    const { operations = [] } = await show(stage, id, true);
    expect(operations.at(-1)).toMatchObject({ operation: 'resume', steps: { payment: 'undone' } });
    expect(standing(stage, 'payments', id)).toEqual([`${id}:payment:do:0`]);
  });

  scenario('a cancel closes the order, and what stands stays', async (stage) => {
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
