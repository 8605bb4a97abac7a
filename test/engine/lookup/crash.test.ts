import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import type { ChainDefinition } from '../../../lib/chain/definition.ts';
import { done, notDone, unknown } from '../../../lib/chain/index.ts';
import { cancel } from '../../../lib/engine/operations/change.ts';
import { reconcile } from '../../../lib/engine/reconciler.ts';
import type { WorkflowKey } from '../../../lib/engine/state.ts';
import type { Fault, Operation } from '../faults.ts';
import { buildChain, GRAPHS } from '../fixtures.ts';
import { openWorld, type SeenCall, timedOut, type World } from '../world.ts';
import { lookupOf } from './fixtures.ts';

const MINUTE = 60_000;
const UNDO = { request: () => ({ target: 'api', method: 'POST', path: '/undo' }), retries: 9 };

/** What the target says of the call of b that was answered nothing. */
type Says = 'done' | 'notDone' | 'unknown';

/**
 * Of three steps the target of b can be asked. Its first call does nothing that `says` does not say; its second acts.
 * @param calls those that were made
 */
const chainOf = (
  says: Says,
  calls: () => readonly SeenCall[],
  b: Readonly<Record<string, unknown>>,
  { onFailure, undo }: { readonly onFailure?: 'undo'; readonly undo?: typeof UNDO } = {},
): ChainDefinition =>
  buildChain(
    GRAPHS.line,
    (name) => ({
      request: () => ({ target: 'api', method: 'POST', path: `/${name}` }),
      response: z.object({ ok: z.string() }),
      retries: 9,
      ...(undo === undefined ? {} : { undo }),
      ...(name === 'b' ? { ...b, lookup: lookupOf(name, { retries: 9, reply: answer(says, calls) }) } : {}),
    }),
    {
      input: z.strictObject({ card: z.string(), amount: z.number() }),
      ...(onFailure === undefined ? {} : { onFailure }),
    },
  );

const answer = (says: Says, calls: () => readonly SeenCall[]) => () => {
  const acted = says === 'done' || callsOf(calls(), 'b').size > 1;
  return acted ? done({ ok: 'found' }) : says === 'unknown' ? unknown() : notDone();
};

/** The calls of a step, each as often as it has a key of its own. */
const callsOf = (calls: readonly SeenCall[], step: string): ReadonlySet<string | undefined> =>
  new Set(calls.filter((one) => one.step === step).map(({ request }) => request.headers['stepline-call-id']));

interface Scene {
  readonly says: Says;
  /** What b is besides. */
  readonly b: Readonly<Record<string, unknown>>;
  readonly more?: { readonly onFailure?: 'undo'; readonly undo?: typeof UNDO };
  /** What becomes of the workflow, and of b. */
  readonly ends: string;
  readonly step: string;
  /** Keys under which b is called, at the most. */
  readonly keys: number;
  readonly undone: number;
}

const TAKEN_BACK = { onFailure: 'undo', undo: UNDO } as const;
const SCENES: Readonly<Record<string, Scene>> = {
  'it was done': {
    ...{ says: 'done', b: { retries: 0 } },
    ...{ ends: 'completed', step: 'completed', keys: 1, undone: 0 },
  },
  'it was not done, and it is called again under a new key': {
    ...{ says: 'notDone', b: { retries: 5, idempotency: 'none' } },
    ...{ ends: 'completed', step: 'completed', keys: 2, undone: 0 },
  },
  'nobody can tell': {
    ...{ says: 'unknown', b: { retries: 0 } },
    ...{ ends: 'failed', step: 'failed', keys: 1, undone: 0 },
  },
  'it was not done, and what stands before it is undone': {
    ...{ says: 'notDone', b: { retries: 0 }, more: TAKEN_BACK },
    ...{ ends: 'compensated', step: 'failed', keys: 1, undone: 1 },
  },
  'nobody can tell, and nothing is undone': {
    ...{ says: 'unknown', b: { retries: 0 }, more: TAKEN_BACK },
    ...{ ends: 'compensation_failed', step: 'failed', keys: 1, undone: 0 },
  },
};

/** Until nothing is left to do, whatever was lost. */
async function toTheEnd(world: World): Promise<void> {
  for (let minutes = 0; minutes < 40; minutes += 1) {
    await world.run();
    await world.clock.advance(MINUTE);
    await reconcile(world.engine, () => MINUTE);
  }
  await world.run();
}

async function begun({
  says,
  b,
  more,
}: Scene): Promise<{ readonly world: World; readonly key: WorkflowKey }> {
  const world: World = await openWorld(chainOf(says, () => world.calls, b, more));
  const key = await world.begin();
  await world.work('a');
  world.answers('b', timedOut);
  return { world, key };
}

async function expectEnd(world: World, key: WorkflowKey, scene: Scene, what: string): Promise<void> {
  const { ends, step, undone } = scene;
  expect({
    what,
    ends: (await world.meta(key)).status,
    step: (await world.step(key, 'b'))?.status,
    undone: callsOf(world.calls, 'undo').size,
  }).toEqual({ what, ends, step, undone });
  // None where its worker died between the claim and the call.
  expect(callsOf(world.calls, 'b').size, what).toBeLessThanOrEqual(scene.keys);
}

const STRUCK: readonly Operation[] = ['load', 'writeStep', 'writeMeta', 'send', 'setVisibility'];
const FAULTS: Readonly<Record<string, readonly Fault[]>> = {
  'is not done': [{ fail: true }, { fail: true }],
  'is done, and its reply is lost': [{ lose: true }, { lose: true }],
};

describe.each(Object.entries(SCENES))('a step in doubt whose target is asked: %s', (_, scene) => {
  it('ends so', async () => {
    const { world, key } = await begun(scene);
    await toTheEnd(world);
    await expectEnd(world, key, scene, 'undisturbed');
  });

  it.each(Object.entries(FAULTS))(
    'ends so wherever a write, a load or a message %s',
    async (_name, faults) => {
      const { world } = await begun(scene);
      const before = world.faults.log.length;
      await world.run();
      await world.clock.advance(2 * MINUTE);
      await world.run();
      const log = world.faults.log.slice(before);
      for (const operation of STRUCK) {
        const times = log.filter((one) => one === operation).length;
        for (let at = 0; at < times; at += 1) {
          for (const losing of [false, true]) {
            const { world: struck, key } = await begun(scene);
            struck.faults.next(operation, ...Array.from({ length: at }, () => ({})), ...faults);
            await struck.run();
            if (losing) struck.loseMessages();
            await toTheEnd(struck);
            await expectEnd(struck, key, scene, `${operation} ${at}${losing ? ', messages lost' : ''}`);
          }
        }
      }
    },
  );

  it('has every message twice, and nothing happens twice', async () => {
    const { world, key } = await begun(scene);
    for (let minutes = 0; minutes < 4; minutes += 1) {
      for (const { name } of world.chain.steps) {
        for (const kind of ['step', 'deadLetter'] as const) {
          for (const message of world.visible(name, kind)) await world.queueAgain(message, kind);
        }
      }
      await toTheEnd(world);
    }
    await expectEnd(world, key, scene, 'every message twice');
  });
});

describe('a workflow that is cancelled at any moment while the target of its step is asked', () => {
  /** Cancelled before the write of a step of that number. */
  const cancels = async (undo: boolean, at: number, says: Says) => {
    const { world, key } = await begun({ ...SCENE, says });
    let struck = false;
    const before = async () => {
      struck = true;
      await cancel(world.engine, key, { undo }).catch(() => undefined);
    };
    world.faults.next('writeStep', ...Array.from({ length: at }, () => ({})), { before });
    await toTheEnd(world);
    return { world, key, struck };
  };
  const SCENE: Scene = {
    ...{ says: 'done', b: { retries: 0 }, more: { undo: UNDO } },
    ...{ ends: '', step: '', keys: 1, undone: 0 },
  };

  it.each(['done', 'notDone'] as const)(
    'is taken back, and each step undone once, and only where it acted: %s',
    async (says) => {
      let cancelled = 0;
      for (let at = 0; ; at += 1) {
        const { world, key, struck } = await cancels(true, at, says);
        if (!struck) break;
        const { status: ends } = await world.meta(key);
        const last = (await world.step(key, 'c'))?.status === 'completed' ? 1 : 0;
        // The cancel came after the last step, or after the step was given up.
        if (ends === 'completed' || ends === 'failed') continue;
        const undone = callsOf(world.calls, 'undo').size;
        const acted = says === 'done' ? 2 : 1;
        expect({ at, ends, undone }).toEqual({ at, ends: 'compensated', undone: acted + last });
        cancelled += 1;
      }
      expect(cancelled).toBeGreaterThan(3);
    },
  );

  it('stays cancelled, and nothing is undone', async () => {
    for (let at = 0; ; at += 1) {
      const { world, key, struck } = await cancels(false, at, 'done');
      if (!struck) break;
      expect(['cancelled', 'completed'], String(at)).toContain((await world.meta(key)).status);
      expect(callsOf(world.calls, 'undo').size).toBe(0);
    }
  });
});
