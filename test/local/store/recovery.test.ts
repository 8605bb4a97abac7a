import { describe, expect, it, vi } from 'vitest';
import { registry } from '../../../lib/chain/registry.ts';
import { type QueueName, STEP_FAILED, stepQueue } from '../../../lib/contract/names.ts';
import { type StepMessage, stepMessage } from '../../../lib/contract/wire.ts';
import type { StepRecord, WorkflowMeta } from '../../../lib/engine/state.ts';
import { createEmbeddedQueues } from '../../../lib/local/queue/queue.ts';
import { recover } from '../../../lib/local/store/recovery.ts';
import { ABSENT, claimOf, completedOf, given, loaded, metaOf, START } from '../../ports/store/fixtures.ts';
import { DIAMOND, testPorts } from '../engine-support.ts';

const STEPS = ['a', 'b', 'c', 'd'] as const;
const NOW = START + 20_000;

const diamond = (changes: Partial<WorkflowMeta> = {}): WorkflowMeta =>
  metaOf('one', { chain: 'diamond', input: { card: '4242' }, ...changes });

const failedOf = (step: string, changes: Partial<StepRecord> = {}): StepRecord => {
  const { leaseUntil: _, ...claim } = claimOf(step);
  const error = { code: 'REFUSED', message: 'no', effect: 'none' } as const;
  const [attempt] = claim.attempts;
  const attempts =
    attempt === undefined ? [] : [{ ...attempt, outcome: 'failed' as const, endedAt: START + 30 }];
  return { ...claim, status: 'failed', open: 0, round: 1, error, attempts, ...changes };
};

const retryingOf = (step: string, nextAttemptAt: number): StepRecord => {
  const { leaseUntil: _, ...claim } = claimOf(step);
  return { ...claim, status: 'retrying', nextAttemptAt };
};

/** What an earlier run left, and what becomes of it. */
async function world(meta: WorkflowMeta, records: readonly StepRecord[] = []) {
  const ports = await testPorts();
  await given(ports.store, meta);
  for (const record of records) await ports.store.writeStep(meta, record, ABSENT, meta.expiresAt);
  await ports.clock.advance(NOW - ports.clock.now());
  const { clock, random, store, telemetry } = ports;

  /** One more start of the process: with queues that are empty. */
  const restart = async (claimsLost = false) => {
    const queues = createEmbeddedQueues({ clock, random });
    const settings = { visibilityTimeout: 60, maxReceiveCount: 5, retention: 86_400 };
    for (const step of STEPS) {
      queues.declare({ chain: 'diamond', step, kind: 'step' }, settings);
    }
    queues.declare(STEP_FAILED, settings);
    const recovered = vi.fn(async () => undefined);
    const engine = { chains: registry([DIAMOND]), ports: { store, queue: queues, clock, random, telemetry } };
    const { unfinished, failed } = store;
    const leftover = { unfinished, failed, recovery: { claimsLost }, recovered };
    const { goOn: count, wait } = await recover(engine, leftover);
    const inQueue = (name: QueueName): StepMessage[] =>
      queues.contents(name).map((body) => stepMessage.parse(JSON.parse(body)));
    const stepsOf = (messages: readonly StepMessage[]) => messages.map(({ step }) => step).join(' ');
    const queued = STEPS.flatMap((step) => inQueue(stepQueue({ chain: 'diamond', step })));
    const dead = inQueue(STEP_FAILED);
    return { count, wait, recovered, messages: queued, queued: stepsOf(queued), dead: stepsOf(dead) };
  };
  const record = async (step: string): Promise<StepRecord | undefined> =>
    (await loaded(store, meta)).steps.get(step);
  return { ...ports, restart, record };
}

const A = completedOf('a', { id: '1' });
const B = completedOf('b', { id: '2' });
const C = completedOf('c', { id: '3' });
const D = completedOf('d', { id: '4' });

/** The attempt of a step that was ready once `A` was completed, and may have run until the process was killed. */
const LOST = {
  epoch: 0,
  attempt: 1,
  round: 0,
  outcome: 'interrupted',
  startedAt: A.completedAt,
  endedAt: NOW,
} as const;

describe('what is sent again after a restart', () => {
  it.each<[string, readonly StepRecord[], { queued?: string; dead?: string }]>([
    ['the first step, where nothing was ever claimed', [], { queued: 'a' }],
    ['a step that was running', [claimOf('a')], { queued: 'a' }],
    ['a step whose next attempt is due', [retryingOf('a', NOW - 1)], { queued: 'a' }],
    ['a step whose next attempt is not due yet', [retryingOf('a', NOW + 60_000)], { queued: 'a' }],
    ['the dead letter of a step that failed', [failedOf('a')], { dead: 'a' }],
    ['every step after one that was completed without going on', [A], { queued: 'b c' }],
    ['of two branches the one that is not done', [A, B], { queued: 'c' }],
    ['each branch as it is', [A, failedOf('b'), claimOf('c')], { queued: 'c', dead: 'b' }],
    ['the step that joins two branches, once both are done', [A, B, C], { queued: 'd' }],
    ['the last step, where all are done and the workflow is not', [A, B, C, D], { queued: 'd' }],
  ])('is %s', async (_, records, { queued = '', dead = '' }) => {
    const { restart } = await world(diamond(), records);
    expect(await restart()).toMatchObject({ count: 1, queued, dead });
  });

  it('is in the present epoch, where a failure of an older one is history', async () => {
    const { restart } = await world(diamond({ epoch: 2 }), [failedOf('a', { epoch: 1 })]);
    const { messages, dead } = await restart();
    expect(dead).toBe('');
    expect(messages).toEqual([
      {
        tenant: 'acme',
        workflowId: metaOf('one').workflowId,
        chain: 'diamond',
        version: 1,
        step: 'a',
        action: 'do',
        epoch: 2,
        trip: 0,
      },
    ]);
  });

  it('is nothing for a failure that on-call was not told of: the reconciler tells', async () => {
    const error = { ...failedOf('b').error, step: 'b', attempts: 1 } as WorkflowMeta['error'];
    const meta = diamond({ status: 'failed', notify: 'pending', ...(error ? { error } : {}) });
    const { restart } = await world(meta, [A, failedOf('b')]);
    expect(await restart()).toMatchObject({ count: 1, queued: '', dead: '' });
  });

  it.each([
    ['completed', [A, B, C, D]],
    ['cancelled', [A, claimOf('b')]],
    ['failed', [failedOf('a')]],
  ] as const)(
    'is nothing for a workflow that is %s, and nothing of it is written',
    async (status, records) => {
      const { dueAt: _, ...meta } = diamond({ status });
      const { restart, store } = await world(meta, records);
      const before = await store.load(meta);
      const { flushes } = store.stats();
      const writeStep = vi.spyOn(store, 'writeStep');
      expect(await restart(true)).toMatchObject({ count: 0, queued: '', dead: '' });
      expect(writeStep).not.toHaveBeenCalled();
      expect(store.stats().flushes).toBe(flushes);
      expect(await store.load(meta)).toStrictEqual(before);
    },
  );

  it('is nothing for a chain that is not there any more, though its leases end', async () => {
    const { restart, record } = await world(diamond({ version: 9 }), [claimOf('a')]);
    expect(await restart(true)).toMatchObject({
      count: 0,
      wait: [
        {
          count: 1,
          example: diamond({}).workflowId,
          message: 'this deployment does not know diamond version 9',
          next: 'Deploy the chain diamond with its version 9 beside the newer ones.',
        },
      ],
      queued: '',
      dead: '',
    });
    expect(await record('a')).toMatchObject({ status: 'running', attempt: 0, leaseUntil: NOW });
  });

  it('comes for every unfinished workflow, and is told', async () => {
    const { restart, store, events } = await world(diamond());
    for (let number = 0; number < 30; number += 1) await given(store, { ...diamond(), ...idOf(number) });
    const { count, messages } = await restart();
    expect(count).toBe(31);
    expect(messages).toHaveLength(31);
    expect(new Set(messages.map(({ workflowId }) => workflowId)).size).toBe(31);
    expect(events.filter(({ event }) => event === 'repaired')).toHaveLength(31);
  });
});

const idOf = (number: number) => ({ workflowId: metaOf(`other ${number}`).workflowId });

describe('a lease of an earlier run', () => {
  it('is over, and its attempt is not counted, though it stays open and is shown', async () => {
    const claim = claimOf('a', { attempt: 2, open: 2, leaseUntil: NOW + 30_000 });
    const { restart, record } = await world(diamond(), [claim]);
    await restart();
    expect(await record('a')).toStrictEqual({
      ...claim,
      attempt: 1,
      leaseUntil: NOW,
      token: expect.not.stringMatching(claim.token),
      attempts: [{ ...claim.attempts[0], outcome: 'interrupted', endedAt: NOW }],
    });
  });

  it('ends for every branch of a workflow', async () => {
    const { restart, record } = await world(diamond(), [A, claimOf('b'), claimOf('c')]);
    expect((await restart()).queued).toBe('b c');
    expect(await record('b')).toMatchObject({ attempt: 0, open: 1, leaseUntil: NOW });
    expect(await record('c')).toMatchObject({ attempt: 0, open: 1, leaseUntil: NOW });
  });

  it('gives back one attempt, however often the process is started before the step is claimed again', async () => {
    const { restart, record } = await world(diamond(), [claimOf('a', { attempt: 2, open: 1 })]);
    for (let times = 0; times < 3; times += 1) expect((await restart()).queued).toBe('a');
    expect(await record('a')).toMatchObject({ status: 'running', attempt: 1, open: 1, leaseUntil: NOW });
  });

  it('ends in a workflow that had failed meanwhile, too: a resume does not wait for a worker that is dead', async () => {
    const { dueAt: _, ...meta } = diamond({ status: 'failed' });
    const { restart, record } = await world(meta, [A, failedOf('b'), claimOf('c', { open: 2 })]);
    expect(await restart(true)).toMatchObject({ count: 0, queued: '', dead: '' });
    expect(await record('b')).toStrictEqual(failedOf('b'));
    expect(await record('c')).toMatchObject({ status: 'running', attempt: 0, open: 2, leaseUntil: NOW });
  });

  it.each([
    ['retrying', retryingOf('a', NOW + 1)],
    ['failed', failedOf('a')],
    ['completed', A],
  ])('leaves a step alone that is %s', async (_, before) => {
    const { restart, record, store } = await world(diamond(), [before]);
    const writeStep = vi.spyOn(store, 'writeStep');
    await restart();
    expect(writeStep).not.toHaveBeenCalled();
    expect(await record('a')).toStrictEqual(before);
  });
});

describe('after a run that was killed', () => {
  it('one more attempt of each ready step counts as open: its claim may be lost, and it may have called', async () => {
    const { restart, record } = await world(diamond(), [A, claimOf('b', { open: 2 })]);
    const { queued } = await restart(true);
    expect(queued).toBe('b c');
    expect(await record('a')).toStrictEqual(A);
    expect(await record('b')).toMatchObject({ status: 'running', attempt: 0, open: 3, leaseUntil: NOW });
    expect(await record('c')).toStrictEqual({
      step: 'c',
      status: 'pending',
      epoch: 0,
      attempt: 0,
      round: 0,
      open: 1,
      token: expect.stringMatching(/^[0-9a-f]{32}$/),
      updatedAt: NOW,
      attempts: [LOST],
    });
    expect(await record('d')).toBeUndefined();
  });

  it('the timeline has the attempt that may have been lost: from when the step was ready until now', async () => {
    const due = retryingOf('a', NOW - 5);
    const { restart, record } = await world(diamond(), [due]);
    await restart(true);
    expect((await record('a'))?.attempts).toStrictEqual([
      ...due.attempts,
      { ...LOST, attempt: due.attempt + 1, startedAt: NOW - 5 },
    ]);
  });

  it('the timeline has no attempt more where none can have begun', async () => {
    for (const [before, name] of [
      [retryingOf('a', NOW + 1), 'a'],
      [failedOf('a'), 'a'],
    ] as const) {
      const { restart, record } = await world(diamond(), [before]);
      await restart(true);
      expect((await record(name))?.attempts).toStrictEqual(before.attempts);
    }
    const { restart, record } = await world(diamond(), [A, claimOf('b')]);
    await restart(true);
    expect((await record('b'))?.attempts.map(({ outcome }) => outcome)).toEqual(['interrupted']);
  });

  it('each run that was killed leaves one, which begins where the last one ended', async () => {
    const { restart, record } = await world(diamond(), []);
    await restart(true);
    await restart(true);
    const [first, second, ...more] = (await record('a'))?.attempts ?? [];
    expect(more).toEqual([]);
    expect(second?.startedAt).toBe(first?.endedAt);
  });

  it('a step that waits for its next attempt keeps its time', async () => {
    const before = retryingOf('a', NOW + 5_000);
    const { restart, record } = await world(diamond(), [before]);
    expect((await restart(true)).queued).toBe('a');
    expect(await record('a')).toStrictEqual({
      ...before,
      open: before.open + 1,
      token: expect.not.stringMatching(before.token),
    });
  });

  it('a step that has failed is told of, as after any other run', async () => {
    const { restart, record } = await world(diamond(), [failedOf('a')]);
    expect(await restart(true)).toMatchObject({ queued: '', dead: 'a' });
    expect(await record('a')).toMatchObject({ status: 'failed', round: 1 });
  });

  it('the lost claims count in the epoch that the workflow is in', async () => {
    const { restart, record } = await world(diamond({ epoch: 3 }));
    await restart(true);
    expect(await record('a')).toMatchObject({ status: 'pending', epoch: 3, open: 1 });
  });

  it('one more is counted by every run that is told so: each of those before may have lost one', async () => {
    const { restart, record } = await world(diamond(), [A, claimOf('b')]);
    await restart(true);
    await restart(true);
    expect(await record('b')).toMatchObject({ attempt: 0, open: 3, leaseUntil: NOW });
    expect(await record('c')).toMatchObject({ status: 'pending', attempt: 0, open: 2 });
  });

  it('nothing is counted for steps whose turn has not come, or is over', async () => {
    const { restart, store } = await world(diamond(), [A, B]);
    const written = vi.spyOn(store, 'writeStep');
    await restart(true);
    expect(written.mock.calls.map(([, { step }]) => step)).toEqual(['c']);
  });

  it('nothing is counted where the last run closed the store: it lost none', async () => {
    const { restart, record } = await world(diamond(), [A, claimOf('b')]);
    await restart(false);
    expect(await record('b')).toMatchObject({ open: 1 });
    expect(await record('c')).toBeUndefined();
  });
});

describe('that all of it was put back', () => {
  it('is noted once it is done', async () => {
    const { restart } = await world(diamond());
    const { recovered } = await restart(true);
    expect(recovered).toHaveBeenCalledTimes(1);
  });

  it('is not noted where the table failed on the way', async () => {
    const { restart, store } = await world(diamond());
    vi.spyOn(store, 'load').mockRejectedValue(new Error('the table is gone'));
    const recovered = restart(true);
    await expect(recovered).rejects.toThrow('the table is gone');
  });
});
