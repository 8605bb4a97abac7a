import { describe, expect, it } from 'vitest';
import type { Written } from '../../lib/engine/ports.ts';
import {
  erase,
  messageFor,
  saveMeta,
  saveStep,
  toStep,
  toStepFailed,
  undue,
} from '../../lib/engine/shell.ts';
import type { StepRecord, WorkflowMeta } from '../../lib/engine/state.ts';
import { ABSENT, claimOf, completedOf, given, metaOf, START } from '../ports/store/fixtures.ts';
import { stateOf } from './fixtures.ts';
import { openWorld, requestChain } from './world.ts';

const CHAIN = requestChain({ a: [] });
const META = metaOf('one');

/** A world with the workflow `META` in it, and a step of it if one is given. */
async function withStep(record?: StepRecord) {
  const world = await openWorld(CHAIN);
  const { store } = world.engine.ports;
  await given(store, META);
  if (record !== undefined) await store.writeStep(META, record, ABSENT, META.expiresAt);
  return {
    ...world,
    save: (item: StepRecord, expected: Parameters<typeof saveStep>[3]) =>
      saveStep({ store }, stateOf(META), item, expected),
  };
}

const claim = claimOf('a', { token: 'mine' });
const done: StepRecord = { ...completedOf('a', 'r'), token: 'mine' };
const running = { status: 'running', token: 'mine' } as const;

describe('the save of a step', () => {
  it('happens where the item is what was decided from', async () => {
    const { save, step } = await withStep(claim);
    expect(await save(done, running)).toBe(true);
    expect(await step(META, 'a')).toEqual(done);
  });

  it('does not happen where another has claimed', async () => {
    const theirs = { ...claim, token: 'theirs' };
    const { save, step } = await withStep(theirs);
    expect(await save(done, running)).toBe(false);
    expect(await step(META, 'a')).toEqual(theirs);
  });

  it('does not happen where there is an item and none was expected, or none and one was expected', async () => {
    expect(await (await withStep({ ...claim, token: 'theirs' })).save(claim, ABSENT)).toBe(false);
    expect(await (await withStep()).save(done, running)).toBe(false);
  });

  it('whose reply was lost is known as my own by its token and status', async () => {
    const { save, faults } = await withStep(claim);
    faults.next('writeStep', { lose: true });
    expect(await save(done, running)).toBe(true);
    expect(faults.log.filter((operation) => operation === 'writeStep')).toHaveLength(3);
  });

  it('is repeated once where it failed, and succeeds then', async () => {
    const { save, step, faults } = await withStep(claim);
    faults.next('writeStep', { fail: true });
    expect(await save(done, running)).toBe(true);
    expect(await step(META, 'a')).toEqual(done);
  });

  it('is not known where it failed twice: it throws', async () => {
    const { save, faults } = await withStep(claim);
    faults.next('writeStep', { fail: true }, { fail: true });
    await expect(save(done, running)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  it('is not my own where the item carries my token in a state that I did not want', async () => {
    const { save } = await withStep({ ...claim, status: 'failed' });
    expect(await save(done, running)).toBe(false);
  });

  it('is not my own where another claimed between my write and its repetition', async () => {
    const { save, faults, engine } = await withStep(claim);
    const next = { ...claim, token: 'theirs' };
    faults.next('writeStep', {
      fail: true,
      before: () => engine.ports.store.writeStep(META, next, running, META.expiresAt),
    });
    expect(await save(done, running)).toBe(false);
  });
});

describe('the save of META', () => {
  const cancelled: WorkflowMeta = {
    ...undue(META),
    status: 'cancelled',
    nonce: 'mine',
    updatedAt: START + 5,
  };
  const expected = { status: 'processing', epoch: 0 } as const;
  const open = async () => {
    const world = await withStep();
    return { ...world, store: world.engine.ports.store };
  };

  it('happens where status and epoch are what was decided from', async () => {
    const { store, meta } = await open();
    expect(await saveMeta({ store }, cancelled, expected)).toBe(true);
    expect(await meta(META)).toEqual(cancelled);
  });

  it('whose reply was lost is known as my own', async () => {
    const { store, faults } = await open();
    faults.next('writeMeta', { lose: true });
    expect(await saveMeta({ store }, cancelled, expected)).toBe(true);
  });

  it.each([
    ['nonce', { nonce: 'theirs' }],
    ['time', { updatedAt: START + 6 }],
    ['due time', { dueAt: START + 7 }],
    ['status', { status: 'failed' }],
    ['epoch', { epoch: 1 }],
    ['error', { error: { code: 'REFUSED', message: '', effect: 'none', step: 'b', attempts: 1 } }],
  ] as const)('is not my own where the stored one has another %s', async (_, changes) => {
    const { store, meta } = await open();
    const theirs: WorkflowMeta = { ...cancelled, ...changes };
    const first: Written<WorkflowMeta> = await store.writeMeta(theirs, expected);
    expect(first.written).toBe(true);
    expect(await saveMeta({ store }, cancelled, expected)).toBe(false);
    expect(await meta(META)).toEqual(theirs);
  });

  it('does not create a workflow', async () => {
    const { store } = await open();
    expect(await saveMeta({ store }, metaOf('absent'), expected)).toBe(false);
  });

  it('throws where it failed twice', async () => {
    const { store, faults } = await open();
    faults.next('writeMeta', { fail: true }, { fail: true });
    await expect(saveMeta({ store }, cancelled, expected)).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
  });
});

describe('a message', () => {
  const meta = metaOf('one', { epoch: 3, version: 7 });

  it('holds identifiers only, of the workflow’s present epoch', () => {
    expect(messageFor(meta, 'payment', { trip: 2 })).toStrictEqual({
      tenant: 'acme',
      workflowId: meta.workflowId,
      chain: 'order-processing',
      version: 7,
      step: 'payment',
      action: 'do',
      epoch: 3,
      trip: 2,
    });
  });

  it('stays under 1 KB with the longest names', () => {
    const longest = messageFor(
      { ...meta, chain: 'c'.repeat(25), tenant: 't'.repeat(255), version: 2 ** 53 - 1 },
      's'.repeat(20),
    );
    expect(JSON.stringify(longest).length).toBeLessThan(1_024);
  });

  it('goes to the queue of its step, or as a dead letter to the step-failed function', () => {
    const message = messageFor(meta, 'payment');
    expect(toStep(message).to).toEqual({ chain: 'order-processing', step: 'payment', kind: 'step' });
    expect(toStepFailed(message).to).toEqual({ kind: 'stepFailed' });
  });
});

describe('an erased workflow', () => {
  it('has neither sensitive input nor the seal, and keeps the rest', () => {
    const full = metaOf('one', {
      input: { card: '4242', amount: 5 },
      fingerprint: { open: 'o', sealed: { key: 'k', mac: 'm' } },
    });
    expect(erase(full, ['card'])).toStrictEqual({
      ...full,
      input: { amount: 5 },
      fingerprint: { open: 'o' },
      erased: true,
    });
  });

  it('gets no fingerprint that it did not have', () => {
    expect(erase(META, [])).not.toHaveProperty('fingerprint');
  });
});
