import { describe, expect, it } from 'vitest';
import { registry } from '../../../lib/chain/registry.ts';
import { STEP_FAILED } from '../../../lib/contract/names.ts';
import type { StepRecord, WorkflowMeta } from '../../../lib/engine/state.ts';
import { createEmbeddedQueues } from '../../../lib/local/queue/queue.ts';
import type { Suspect } from '../../../lib/local/store/attempts.ts';
import { recover } from '../../../lib/local/store/recovery.ts';
import { GRAPHS } from '../../engine/fixtures.ts';
import { withLookup } from '../../engine/with-lookup.ts';
import { requestChain } from '../../engine/world.ts';
import { ABSENT, claimOf, completedOf, given, loaded, metaOf, START } from '../../ports/store/fixtures.ts';
import { testPorts } from '../engine-support.ts';

const NOW = START + 20_000;
const RETRIES = 2;
const undo = { request: () => ({ target: 'shop', method: 'POST', path: '/undo' }) };
/** Its target can be asked what became of each call. */
const CHAIN = withLookup(requestChain(GRAPHS.line, { undo }), { retries: RETRIES });

const { leaseUntil: _, ...ENDED } = claimOf('b', { status: 'failed' });
const error = { code: 'DEADLINE_EXCEEDED', message: 'no reply', effect: 'unknown' } as const;
/** The step failed, and nobody knows whether it acted. */
const IN_DOUBT: StepRecord = { ...ENDED, error };
const asking = (changes: Partial<StepRecord> = {}): StepRecord =>
  claimOf('b', { action: 'lookup', open: 0, leaseUntil: NOW + 30_000, ...changes });

/** A workflow as an earlier run left it, and one restart after another. */
async function left(changes: Partial<WorkflowMeta>, ...records: readonly StepRecord[]) {
  const { clock, random, store, telemetry } = await testPorts();
  const meta = metaOf('w', { chain: CHAIN.name, ...changes });
  await given(store, meta);
  for (const record of [completedOf('a', { ok: 'a' }), ...records])
    await store.writeStep(meta, record, ABSENT, meta.expiresAt);
  await clock.advance(NOW - clock.now());
  /** @param guilty whether it was the attempt at `b` that ended the run before */
  const restart = async ({ guilty = false, claimsLost = false } = {}) => {
    const queues = createEmbeddedQueues({ clock, random });
    const settings = { visibilityTimeout: 60, maxReceiveCount: 5, retention: 86_400 };
    for (const { name: step } of CHAIN.steps)
      queues.declare({ chain: CHAIN.name, step, kind: 'step' }, settings);
    queues.declare(STEP_FAILED, settings);
    const { tenant, workflowId } = meta;
    const suspects: readonly Suspect[] = guilty ? [{ tenant, workflowId, step: 'b', counts: true }] : [];
    const { unfinished, failed } = store;
    const leftover = { unfinished, failed, recovery: { claimsLost }, suspects };
    const ports = { store, queue: queues, clock, random, telemetry };
    await recover({ chains: registry([CHAIN]), ports }, { ...leftover, recovered: async () => undefined });
    return await loaded(store, meta);
  };
  /** The same lookup, claimed once more. */
  const claimAgain = async (before: StepRecord | undefined) => {
    if (before === undefined) throw new Error('there is no lookup');
    const { nextAttemptAt: _at, ...kept } = before;
    const claim: StepRecord = {
      ...kept,
      status: 'running',
      attempt: before.attempt + 1,
      token: `claim ${before.attempt + 1}`,
      leaseUntil: NOW + 30_000,
      attempts: [
        ...before.attempts,
        { epoch: 0, attempt: before.attempt + 1, round: 0, outcome: 'running', startedAt: NOW },
      ],
    };
    const expected = { status: before.status, token: before.token };
    expect(await store.writeStep(meta, claim, expected, meta.expiresAt)).toEqual({ written: true });
  };
  return { restart, claimAgain };
}

describe('the lookup of an earlier run', () => {
  it.each<[string, Partial<WorkflowMeta>, StepRecord, StepRecord]>([
    ['of a step that failed', {}, IN_DOUBT, asking()],
    [
      'before an undo',
      { status: 'compensating' },
      { ...IN_DOUBT, status: 'cancelled' },
      asking({ before: 'undo' }),
    ],
  ])('%s is over with its lease, and its attempt is not counted', async (_name, changes, step, lookup) => {
    const { restart } = await left(changes, step, lookup);
    const { steps, lookups } = await restart();
    expect(lookups?.get('b')).toStrictEqual({
      ...lookup,
      attempt: 0,
      leaseUntil: NOW,
      token: expect.not.stringMatching(lookup.token),
      attempts: [{ ...lookup.attempts[0], outcome: 'interrupted', endedAt: NOW }],
    });
    expect(steps.get('b')).toStrictEqual(step);
  });

  it('ends in a workflow that had failed meanwhile, too', async () => {
    const { dueAt: _dueAt, ...meta } = metaOf('w');
    const { restart } = await left({ ...meta, status: 'failed', dueAt: NOW }, IN_DOUBT, asking());
    const { lookups } = await restart({ claimsLost: true });
    expect(lookups?.get('b')).toMatchObject({ status: 'running', attempt: 0, leaseUntil: NOW });
  });

  it.each<[string, StepRecord]>([
    ['that has answered', { ...completedOf('b', null), action: 'lookup', answer: 'notDone' }],
    ['that is asked again later', asking({ status: 'retrying', nextAttemptAt: NOW + 5_000 })],
  ])('%s is left alone', async (_name, lookup) => {
    const { restart } = await left({}, IN_DOUBT, lookup);
    const { steps, lookups } = await restart({ guilty: true, claimsLost: true });
    expect(lookups?.get('b')).toStrictEqual(lookup);
    expect(steps.get('b')).toStrictEqual(IN_DOUBT);
  });
});

describe('a lookup that ended the process', () => {
  it('counts as an attempt of its own, and is due at once; the step is left as it failed', async () => {
    const { restart } = await left({}, IN_DOUBT, asking());
    const { steps, lookups } = await restart({ guilty: true });
    expect(lookups?.get('b')).toMatchObject({ status: 'retrying', attempt: 1, nextAttemptAt: NOW });
    expect(lookups?.get('b')).not.toHaveProperty('leaseUntil');
    expect(steps.get('b')).toStrictEqual(IN_DOUBT);
  });

  it.each<[string, Partial<WorkflowMeta>, StepRecord, Partial<StepRecord>]>([
    ['of a step that failed', {}, IN_DOUBT, {}],
    ['before an undo', { status: 'compensating' }, { ...IN_DOUBT, status: 'cancelled' }, { before: 'undo' }],
    ['before the undo of a failed step', { status: 'compensating' }, IN_DOUBT, { before: 'undo' }],
  ])('each time is given up once its attempts are used up: %s', async (_name, changes, step, side) => {
    const { restart, claimAgain } = await left(changes, step, asking(side));
    for (let times = 1; times <= RETRIES; times += 1) {
      const { lookups } = await restart({ guilty: true });
      expect(lookups?.get('b')).toMatchObject({ status: 'retrying', attempt: times });
      await claimAgain(lookups?.get('b'));
    }
    const { steps, undos, lookups } = await restart({ guilty: true });
    expect(lookups?.get('b')).toMatchObject({
      ...side,
      status: 'failed',
      attempt: RETRIES + 1,
      error: {
        code: 'WORKER_DIED',
        effect: 'none',
        message: 'the function of step "b" ended 3 times as it asked what became of its call',
      },
    });
    expect(steps.get('b')).toStrictEqual(step);
    expect(undos).toBeUndefined();
  });

  it('is no attempt at the undo that was claimed after it', async () => {
    const undoing = claimOf('b', { action: 'undo', open: 1, leaseUntil: NOW + 30_000 });
    const lookup = asking({ before: 'undo' });
    const step: StepRecord = { ...IN_DOUBT, status: 'cancelled' };
    const { restart } = await left({ status: 'compensating' }, step, lookup, undoing);
    const { undos, lookups } = await restart({ guilty: true });
    expect(undos?.get('b')).toMatchObject({ status: 'retrying', attempt: 1 });
    expect(lookups?.get('b')).toMatchObject({ status: 'running', attempt: 0 });
  });

  it('of an epoch before a resume counts nothing for the step that runs now', async () => {
    const running = claimOf('b', { epoch: 1, open: 2, leaseUntil: NOW + 30_000 });
    const { restart } = await left({ epoch: 1 }, running, asking());
    const { steps, lookups } = await restart({ guilty: true });
    expect(steps.get('b')).toMatchObject({ status: 'retrying', attempt: 1 });
    expect(lookups?.get('b')).toMatchObject({ status: 'running', attempt: 0 });
  });
});

it('a step that failed and waits for its lookup has lost no claim with the process: nobody can have called it again', async () => {
  const { restart } = await left({}, IN_DOUBT, asking());
  expect((await restart({ claimsLost: true })).steps.get('b')).toStrictEqual(IN_DOUBT);
  const refused: StepRecord = { ...ENDED, open: 0, round: 1, error: { ...error, effect: 'none' } };
  const other = await left({}, refused);
  expect((await other.restart({ claimsLost: true })).steps.get('b')).toStrictEqual(refused);
});
