import { describe, expect, it } from 'vitest';
import { cancel, resume } from '../../../lib/engine/operations/change.ts';
import { get } from '../../../lib/engine/operations/read.ts';
import type { HttpOutcome } from '../../../lib/engine/ports.ts';
import { messageFor } from '../../../lib/engine/shell.ts';
import { handleDeadLetter } from '../../../lib/engine/step-failed.ts';
import { settle } from '../../support/manual-clock.ts';
import { MEANWHILE } from '../faults.ts';
import { GRAPHS } from '../fixtures.ts';
import {
  CARD,
  deferred,
  eventsOf,
  NO_CHAINS,
  ok,
  openWorld,
  requestChain,
  status,
  timedOut,
} from '../world.ts';

const LINE = requestChain(GRAPHS.line);
const WRONG_STATUS = { code: 'WRONG_STATUS', problem: { status: 409 } };

/** A workflow that failed at its second step. */
async function failed(chain = LINE) {
  const world = await openWorld(chain);
  const key = await world.begin();
  world.answers('b', status(402, 'declined'));
  await world.run();
  return { world, key };
}

const outcomes = async (asked: readonly Promise<unknown>[]) => {
  const ended = await Promise.allSettled(asked);
  return ended.map((one) => (one.status === 'fulfilled' ? 'done' : String(one.reason?.code))).sort();
};

describe('a cancellation', () => {
  it('ends the workflow, erases its sensitive input and its seal, and leaves nothing for the reconciler', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin({ idempotencyKey: 'k' });
    await world.work('a');
    const answer = await cancel(world.engine, key);
    expect(answer).toMatchObject({
      status: 'cancelled',
      steps: { a: 'completed', b: 'cancelled', c: 'cancelled' },
    });
    const meta = await world.meta(key);
    expect(meta).toMatchObject({ status: 'cancelled', erased: true, input: { amount: 5 } });
    expect(meta).not.toHaveProperty('dueAt');
    expect(Object.keys(meta.fingerprint ?? {})).toEqual(['open']);
    expect(JSON.stringify(meta)).not.toContain(CARD);
    await world.run();
    expect(world.called()).toBe('a');
    expect(eventsOf(world, 'workflow_cancelled')).toHaveLength(1);
  });

  it('shows a call that is under way, and its end', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin();
    const slow = deferred<HttpOutcome>();
    world.answers('a', slow.promise);
    const working = world.work('a');
    await settle();
    expect((await cancel(world.engine, key)).steps).toEqual({ a: 'running', b: 'cancelled', c: 'cancelled' });
    slow.resolve(ok('a'));
    await working;
    expect((await get(world.engine, key, false)).steps).toEqual({
      a: 'completed',
      b: 'cancelled',
      c: 'cancelled',
    });
  });

  it('of one that has ended is refused', async () => {
    const done = await openWorld(LINE);
    const completed = await done.begin();
    await done.run();
    await expect(cancel(done.engine, completed)).rejects.toMatchObject({
      ...WRONG_STATUS,
      message:
        'the workflow is completed; only a processing, failed or compensation_failed workflow can be cancelled',
    });
    const stopped = await done.begin();
    await cancel(done.engine, stopped);
    await expect(cancel(done.engine, stopped)).rejects.toMatchObject(WRONG_STATUS);
  });

  it('closes one that has failed: its card is erased, its error stays, and nothing resumes it any more', async () => {
    const { world, key } = await failed();
    expect(await cancel(world.engine, key, { reason: 'the customer ordered again' })).toMatchObject({
      status: 'cancelled',
      steps: { a: 'completed', b: 'failed', c: 'cancelled' },
      error: { step: 'b', code: 'REFUSED', next: 'Nothing: the workflow was cancelled after it had failed.' },
    });
    const meta = await world.meta(key);
    expect(meta).toMatchObject({ status: 'cancelled', erased: true, input: { amount: 5 } });
    expect(meta).not.toHaveProperty('dueAt');
    await expect(resume(world.engine, key)).rejects.toMatchObject(WRONG_STATUS);
    const before = world.calls.length;
    await world.queueAgain(messageFor(meta, 'b'));
    await world.queueAgain(messageFor(meta, 'b'), 'deadLetter');
    await world.run();
    expect(world.calls).toHaveLength(before);
  });

  it('of one that failed before on-call was told tells nobody: who closes it knows', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin();
    world.answers('a', status(402, 'declined'));
    await world.work('a');
    const { notifier } = world.engine.ports;
    const away = { ...notifier, notify: () => Promise.reject(new Error('the topic is away')) };
    await handleDeadLetter(
      { ...world.engine, ports: { ...world.engine.ports, notifier: away } },
      world.receive('a', 'deadLetter'),
    );
    expect(await world.meta(key)).toMatchObject({ status: 'failed', notify: 'pending' });
    await cancel(world.engine, key);
    expect(await world.meta(key)).not.toHaveProperty('notify');
    await world.clock.advance(60 * 60_000);
    await world.run();
    expect(world.notifications).toEqual([]);
  });

  it('is kept with its reason, and shown with the timeline', async () => {
    const { world, key } = await failed();
    const at = world.clock.now();
    await resume(world.engine, key, { reason: 'the bank is back' });
    world.answers('b', status(402, 'declined'));
    await world.run();
    await world.clock.advance(1_000);
    await cancel(world.engine, key);
    const { operations, ...rest } = await get(world.engine, key, true);
    expect(operations).toEqual([
      { operation: 'resume', at: new Date(at).toISOString(), reason: 'the bank is back' },
      { operation: 'cancel', at: new Date(at + 1_000).toISOString() },
    ]);
    expect(rest).toMatchObject({ status: 'cancelled' });
    expect(await get(world.engine, key, false)).not.toHaveProperty('operations');
  });

  it('asked for twice at once is done once', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin();
    expect(await outcomes([cancel(world.engine, key), cancel(world.engine, key)])).toEqual([
      'WRONG_STATUS',
      'done',
    ]);
  });

  it('whose reply was lost is known as its own', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin();
    world.faults.next('writeMeta', { lose: true });
    expect(await cancel(world.engine, key)).toMatchObject({ status: 'cancelled' });
  });

  it('of a version that this deployment does not know erases the whole input', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin();
    const engine = { ...world.engine, chains: NO_CHAINS };
    expect(await cancel(engine, key)).toMatchObject({ status: 'cancelled' });
    expect((await world.meta(key)).input).toEqual({});
  });

  it.each(MEANWHILE)('decides again where the workflow completes %s', async (_, strike) => {
    const world = await openWorld(LINE);
    const key = await world.begin();
    world.faults.next(...strike(() => world.run()));
    await expect(cancel(world.engine, key)).rejects.toMatchObject({
      message:
        'the workflow is completed; only a processing, failed or compensation_failed workflow can be cancelled',
    });
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
  });
});

describe('a resume', () => {
  it('continues from the failed step in a new epoch, by one write of META', async () => {
    const { world, key } = await failed();
    const before = await world.meta(key);
    world.faults.log.length = 0;
    const answer = await resume(world.engine, key);
    expect(answer).toMatchObject({
      status: 'processing',
      steps: { a: 'completed', b: 'pending', c: 'pending' },
    });
    expect(answer).not.toHaveProperty('error');
    const meta = await world.meta(key);
    expect(meta).toMatchObject({ status: 'processing', epoch: 1, dueAt: world.clock.now() + 45_000 });
    expect(meta).not.toHaveProperty('error');
    expect(meta).not.toHaveProperty('newKey');
    expect(meta.nonce).not.toBe(before.nonce);
    expect(world.faults.log.filter((operation) => operation === 'writeMeta')).toHaveLength(1);
    expect(world.visible('b')).toMatchObject([{ epoch: 1, trip: 0 }]);
    await world.run();
    expect(world.called()).toBe('a b b c');
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
    expect(eventsOf(world, 'workflow_resumed')).toMatchObject([{ epoch: 1, newKey: false }]);
  });

  it('whose reply was lost is not done again though the workflow failed once more meanwhile', async () => {
    const { world, key } = await failed();
    world.answers('b', status(402));
    // The reconciler was quicker than the reply.
    const goesOn = async () => {
      await world.queueAgain(messageFor(await world.meta(key), 'b'));
      await world.run();
    };
    world.faults.next('writeMeta', { lose: true, after: goesOn });
    const answer = await resume(world.engine, key, { newKey: true });
    expect(answer).toMatchObject({ status: 'failed' });
    expect(await world.meta(key)).toMatchObject({ status: 'failed', epoch: 1, newKey: { epoch: 1 } });
  });

  it('whose reply was lost is not done again though others resumed the workflow meanwhile, and it failed each time', async () => {
    const { world, key } = await failed();
    world.answers('b', status(402), status(402));
    const goesOn = async () => {
      await world.queueAgain(messageFor(await world.meta(key), 'b'));
      await world.run();
      await resume(world.engine, key);
      await world.run();
    };
    world.faults.next('writeMeta', { lose: true, after: goesOn });
    await expect(resume(world.engine, key)).rejects.toMatchObject({
      ...WRONG_STATUS,
      message: 'the workflow was resumed meanwhile and has failed again; look at it, then resume',
    });
    expect(await world.meta(key)).toMatchObject({ status: 'failed', epoch: 2 });
  });

  it('whose reply was lost is not refused though the workflow completed meanwhile', async () => {
    const { world, key } = await failed();
    const goesOn = async () => {
      await world.queueAgain(messageFor(await world.meta(key), 'b'));
      await world.run();
    };
    world.faults.next('writeMeta', { lose: true, after: goesOn });
    expect(await resume(world.engine, key)).toMatchObject({ status: 'completed' });
    expect(await world.meta(key)).toMatchObject({ epoch: 1 });
  });

  it('starts attempts anew and keeps the history', async () => {
    const world = await openWorld(requestChain({ a: [] }));
    const key = await world.begin();
    world.answers('a', ...Array<HttpOutcome>(5).fill(timedOut));
    await world.run();
    await resume(world.engine, key);
    await world.run();
    const record = await world.step(key, 'a');
    expect(record).toMatchObject({ status: 'completed', epoch: 1, attempt: 3, open: 6 });
    expect(record?.attempts.map(({ epoch, attempt }) => `${epoch}.${attempt}`)).toEqual([
      '0.1',
      '0.2',
      '0.3',
      '1.1',
      '1.2',
      '1.3',
    ]);
  });

  it('drops a notification that is still to be made: its failure is over', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin();
    world.answers('a', status(402));
    await world.work('a');
    world.faults.next('notify', { fail: true });
    await world.work('a', 'deadLetter');
    await resume(world.engine, key);
    const meta = await world.meta(key);
    expect(meta).not.toHaveProperty('notify');
    expect(meta).not.toHaveProperty('dueAfter');
    await world.clock.advance(2_000);
    await world.run();
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
    expect(world.notifications).toEqual([]);
  });

  it('queues every branch that is ready', async () => {
    const world = await openWorld(requestChain({ a: [], b: ['a'], c: ['a'], d: ['b'] }));
    const key = await world.begin();
    world.answers('b', status(402));
    world.answers('c', status(402));
    await world.run();
    await resume(world.engine, key);
    expect([world.visible('b').length, world.visible('c').length, world.visible('d').length]).toEqual([
      1, 1, 0,
    ]);
  });

  it('queues a branch that waits for its next attempt, too: its message is of the old epoch', async () => {
    const world = await openWorld(requestChain(GRAPHS.join));
    const key = await world.begin();
    world.answers('a', status(503, '', { 'retry-after': '600' }));
    world.answers('b', status(402));
    await world.run();
    await resume(world.engine, key);
    expect(world.queued()).toBe('a b');
    await world.run();
    expect(world.called()).toBe('a b b');
    await world.clock.advance(600_000);
    await world.run();
    expect(world.called()).toBe('a b b a c');
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
  });

  it('of a workflow whose steps are all done finishes it without a call', async () => {
    const world = await openWorld(requestChain({ a: [] }));
    const key = await world.begin();
    const [message] = world.visible('a');
    const slow = deferred<HttpOutcome>();
    world.answers('a', slow.promise);
    const working = world.work('a');
    await world.clock.advance(50_000);
    // Its lease is over and its message came back from the dead three times; then its worker ends after all.
    await world.queueAgain(message && { ...message, trip: 2, claimed: 1 }, 'deadLetter');
    await world.work('a', 'deadLetter');
    slow.resolve(ok('a'));
    await working;
    expect(await get(world.engine, key, false)).toMatchObject({
      status: 'failed',
      steps: { a: 'completed' },
    });
    await resume(world.engine, key);
    await world.run();
    expect(world.called()).toBe('a');
    expect(await world.meta(key)).toMatchObject({ status: 'completed', epoch: 1 });
  });

  it('of a running workflow is refused', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin();
    await expect(resume(world.engine, key)).rejects.toMatchObject({
      ...WRONG_STATUS,
      message: 'the workflow is processing; only a failed or compensation_failed workflow can be resumed',
    });
    await world.run();
    await expect(resume(world.engine, key)).rejects.toMatchObject(WRONG_STATUS);
  });

  it('asked for twice at once is done once: the loser is refused', async () => {
    const { world, key } = await failed();
    const asked = [resume(world.engine, key), resume(world.engine, key)];
    expect(await outcomes(asked)).toEqual(['WRONG_STATUS', 'done']);
    expect(await world.meta(key)).toMatchObject({ epoch: 1 });
    expect(eventsOf(world, 'workflow_resumed')).toHaveLength(1);
  });

  it.each(MEANWHILE)('is refused where another resumed it and it failed again %s', async (_, strike) => {
    const { world, key } = await failed();
    world.answers('b', status(404));
    const another = async () => {
      await resume(world.engine, key);
      await world.run();
    };
    world.faults.next(...strike(another));
    await expect(resume(world.engine, key)).rejects.toMatchObject(WRONG_STATUS);
    expect(await world.meta(key)).toMatchObject({ status: 'failed', epoch: 1 });
    expect(world.called()).toBe('a b b');
  });

  it('whose reply was lost is known as its own', async () => {
    const { world, key } = await failed();
    world.faults.next('writeMeta', { lose: true });
    expect(await resume(world.engine, key)).toMatchObject({ status: 'processing' });
    expect(await world.meta(key)).toMatchObject({ epoch: 1 });
    expect(world.visible('b')).toHaveLength(1);
  });

  it('whose send failed still answers, and stays due for the reconciler', async () => {
    const { world, key } = await failed();
    world.faults.next('send', { fail: true });
    expect(await resume(world.engine, key)).toMatchObject({ status: 'processing' });
    expect(await world.meta(key)).toHaveProperty('dueAt');
  });

  it('is refused in the last day before the workflow expires', async () => {
    const { world, key } = await failed();
    const { expiresAt } = await world.meta(key);
    const lastMoment = expiresAt - 86_400_000;
    await world.clock.advance(lastMoment - world.clock.now() + 1);
    await expect(resume(world.engine, key)).rejects.toMatchObject({
      code: 'EXPIRING',
      problem: { status: 409 },
    });
    const other = await failed();
    await other.world.clock.advance(lastMoment - other.world.clock.now());
    expect(await resume(other.world.engine, other.key)).toMatchObject({ status: 'processing' });
  });

  it('of a version that this deployment does not know is refused, and says what to do', async () => {
    const { world, key } = await failed();
    const engine = { ...world.engine, chains: NO_CHAINS };
    await expect(resume(engine, key)).rejects.toMatchObject({
      ...WRONG_STATUS,
      message:
        'this deployment does not know order-processing version 1. Deploy the chain order-processing with its version 1 beside the newer ones.',
    });
    expect(await world.meta(key)).toMatchObject({ status: 'failed' });
  });
});
