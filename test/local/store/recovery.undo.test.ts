import { describe, expect, it } from 'vitest';
import { registry } from '../../../lib/chain/registry.ts';
import { STEP_FAILED } from '../../../lib/contract/names.ts';
import type { StepRecord, WorkflowMeta } from '../../../lib/engine/state.ts';
import { createEmbeddedQueues } from '../../../lib/local/queue/queue.ts';
import { recover } from '../../../lib/local/store/recovery.ts';
import { GRAPHS } from '../../engine/fixtures.ts';
import { requestChain } from '../../engine/world.ts';
import { ABSENT, completedOf, given, metaOf, START } from '../../ports/store/fixtures.ts';
import { testPorts } from '../engine-support.ts';

const undo = { request: () => ({ target: 'shop', method: 'POST', path: '/undo' }) };
const CHAIN = requestChain(GRAPHS.diamond, { undo }, { onFailure: 'undo' });

/** A workflow that was being taken back when its process was killed, as it is once the next one has begun. */
async function restarted(records: readonly StepRecord[]) {
  const { clock, random, store, telemetry } = await testPorts();
  const { error: _, ...meta } = metaOf('w', { chain: CHAIN.name, status: 'compensating' });
  await given(store, meta as WorkflowMeta);
  for (const record of records) await store.writeStep(meta, record, ABSENT, meta.expiresAt);
  await clock.advance(START + 20_000 - clock.now());
  const queues = createEmbeddedQueues({ clock, random });
  const settings = { visibilityTimeout: 60, maxReceiveCount: 5, retention: 86_400 };
  for (const { name: step } of CHAIN.steps)
    queues.declare({ chain: CHAIN.name, step, kind: 'step' }, settings);
  queues.declare(STEP_FAILED, settings);
  const { unfinished, failed } = store;
  const leftover = { unfinished, failed, recovery: { claimsLost: true }, recovered: async () => undefined };
  await recover(
    { chains: registry([CHAIN]), ports: { store, queue: queues, clock, random, telemetry } },
    leftover,
  );
  return await store.load(meta);
}

describe('a process that was killed while a workflow was taken back has lost no claim, as each was on disk before its call', () => {
  it('of a step that is not closed yet', async () => {
    const closed: StepRecord = { ...completedOf('c', null), status: 'cancelled', open: 0 };
    const state = await restarted([completedOf('a', { id: '1' }), closed]);
    expect(state?.steps.has('b')).toBe(false);
    expect(state?.steps.get('c')).toEqual(closed);
    expect(state?.steps.has('d')).toBe(false);
  });

  it('of an undo that is next', async () => {
    const steps = ['a', 'b', 'c'].map((name) => completedOf(name, { id: name }));
    const state = await restarted([...steps, { ...completedOf('d', null), status: 'cancelled', open: 0 }]);
    expect(state?.undos).toBeUndefined();
  });

  it('of an undo that a person has made by hand, though its step may yet act late', async () => {
    const steps = ['a', 'b', 'c'].map((name) => completedOf(name, { id: name }));
    const { completedAt: _, result: __, ...last } = completedOf('d', null);
    const inDoubt: StepRecord = { ...last, status: 'cancelled', open: 1, updatedAt: START + 15_000 };
    const byHand: StepRecord = { ...completedOf('d', null), action: 'undo', open: 0 };
    const state = await restarted([...steps, inDoubt, byHand]);
    expect(state?.undos?.get('d')).toEqual(byHand);
  });
});
