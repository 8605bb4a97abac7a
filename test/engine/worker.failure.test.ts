import { describe, expect, it } from 'vitest';
import { resume } from '../../lib/engine/operations/change.ts';
import type { HttpOutcome } from '../../lib/engine/ports.ts';
import { GRAPHS } from './fixtures.ts';
import { deferred, eventsOf, ok, openWorld, requestChain, status, timedOut, type World } from './world.ts';

const LINE = requestChain(GRAPHS.line);
const never = new Promise<never>(() => undefined);
const VISIBILITY = 270_000;
const unsent: HttpOutcome = {
  kind: 'failure',
  code: 'CONNECTION_FAILED',
  sent: 'no',
  message: 'no connection',
};

/** The rounds of the idempotency keys that the targets saw. */
const rounds = ({ calls }: World): string => calls.map(({ key }) => key?.split(':').at(-1)).join(' ');

describe('a failure that may pass', () => {
  it('is tried again with the same key when it is due, not before', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin();
    world.fraction = 0.999;
    world.answers('a', status(503), timedOut);
    expect(await world.work('a')).toBe('retry');
    expect(await world.step(key, 'a')).toMatchObject({ status: 'retrying', attempt: 1, open: 1 });
    await world.clock.advance(7_995);
    expect(world.visible('a')).toEqual([]);
    await world.clock.advance(1);
    expect(await world.work('a')).toBe('retry');
    await world.clock.advance(16_000);
    expect(await world.work('a')).toBe('acknowledge');
    expect(world.calls.map((call) => call.key)).toEqual(Array(3).fill(`${key.workflowId}:a:do:0`));
    const record = await world.step(key, 'a');
    expect(record).toMatchObject({ status: 'completed', attempt: 3, round: 0, open: 3 });
    expect(record?.attempts.map(({ outcome }) => outcome)).toEqual(['retrying', 'retrying', 'completed']);
    expect(record).not.toHaveProperty('error');
  });

  it('is tried again when the target asks for it', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin();
    world.answers('a', status(429, 'slow down', { 'retry-after': '600' }));
    const begun = world.clock.now();
    await world.work('a');
    expect(await world.step(key, 'a')).toMatchObject({ nextAttemptAt: begun + 600_000 });
    await world.clock.advance(599_999);
    expect(world.visible('a')).toEqual([]);
    await world.clock.advance(1);
    expect(await world.work('a')).toBe('acknowledge');
  });

  it('has a connection of its own next time where one broke, and only then', async () => {
    const world = await openWorld(requestChain(GRAPHS.line, { retries: 3 }));
    await world.begin();
    world.answers('a', { ...unsent, code: 'CONNECTION_BROKEN', sent: 'unknown' }, timedOut, status(503));
    await world.run();
    for (let round = 0; round < 3; round += 1) {
      await world.clock.advance(8_000);
      await world.run();
    }
    expect(world.calls.filter(({ step }) => step === 'a').map(({ request }) => request.fresh)).toEqual([
      undefined,
      true,
      undefined,
      undefined,
    ]);
  });

  it('of a step without retries has always had a connection of its own', async () => {
    const world = await openWorld(requestChain(GRAPHS.line, { retries: 0 }));
    await world.begin();
    await world.run();
    expect(world.calls.map(({ request }) => request.fresh)).toEqual(world.calls.map(() => true));
  });

  it('is told with its error and its due time', async () => {
    const world = await openWorld(LINE);
    await world.begin();
    world.fraction = 0.5;
    world.answers('a', status(503, 'busy'));
    await world.work('a');
    expect(eventsOf(world, 'step_retrying')).toMatchObject([
      {
        step: 'a',
        attempt: 1,
        nextAttemptAt: world.clock.now() + 6_000,
        error: {
          code: 'TARGET_UNAVAILABLE',
          message: 'api answered 503 Service Unavailable',
          detail: expect.stringContaining('busy'),
          httpStatus: 503,
          target: 'api',
          effect: 'unknown',
        },
      },
    ]);
  });

  it('is tried again although its message could not be hidden: the message only comes at another time', async () => {
    const world = await openWorld(LINE);
    await world.begin();
    world.answers('a', status(503, '', { 'retry-after': '600' }));
    world.faults.next('setVisibility', { fail: true });
    expect(await world.work('a')).toBe('retry');
    await world.clock.advance(VISIBILITY);
    expect(await world.work('a')).toBe('retry');
    expect(world.called()).toBe('a');
    await world.clock.advance(600_000 - VISIBILITY);
    expect(await world.work('a')).toBe('acknowledge');
    expect(world.called()).toBe('a a');
  });

  it('fails the step once its attempts are used up', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin();
    world.answers('a', status(503), status(503), status(503));
    await world.run();
    expect(world.called()).toBe('a a a');
    expect(await world.step(key, 'a')).toMatchObject({ status: 'failed', attempt: 3, round: 0, open: 3 });
    expect(await world.meta(key)).toMatchObject({ status: 'failed', error: { step: 'a', attempts: 3 } });
  });
});

describe('a failure that will not pass', () => {
  it('sends the dead letter with the epoch of the workflow and acknowledges the message', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin();
    world.answers('a', status(402, 'declined'));
    const [message] = world.visible('a');
    expect(await world.work('a')).toBe('acknowledge');
    expect(world.visible('a', 'deadLetter')).toEqual([message]);
    expect(await world.step(key, 'a')).toMatchObject({ status: 'failed', attempt: 1 });
    expect(eventsOf(world, 'step_failed')).toMatchObject([
      {
        step: 'a',
        attempt: 1,
        error: { code: 'REFUSED', detail: expect.stringContaining('declined'), effect: 'none' },
      },
    ]);
  });

  it('whose dead letter was not sent is told again at the next delivery, without a call', async () => {
    const world = await openWorld(LINE);
    await world.begin();
    world.answers('a', status(402));
    world.faults.next('send', { fail: true });
    expect(await world.work('a')).toBe('retry');
    expect(world.visible('a', 'deadLetter')).toEqual([]);
    await world.clock.advance(2_000);
    expect(await world.work('a')).toBe('acknowledge');
    expect(world.visible('a', 'deadLetter')).toHaveLength(1);
    expect(world.called()).toBe('a');
  });

  it('whose save lost its reply is recognised as my own', async () => {
    const world = await openWorld(LINE);
    await world.begin();
    world.answers('a', status(402));
    world.faults.next('writeStep', {}, { lose: true });
    expect(await world.work('a')).toBe('acknowledge');
    expect(world.visible('a', 'deadLetter')).toHaveLength(1);
  });
});

describe('the key of a step that was resumed', () => {
  it.each<readonly [string, readonly HttpOutcome[], string]>([
    ['changes after a sole refusal', [status(402)], '0 1'],
    ['stays after a timeout followed by a refusal', [timedOut, status(402)], '0 0 0'],
    ['stays after a refusal that followed two timeouts', [timedOut, timedOut, status(402)], '0 0 0 0'],
    ['stays after timeouts alone', [timedOut, timedOut, timedOut], '0 0 0 0'],
    ['stays after statuses that say later', [status(503), status(429), status(409)], '0 0 0 0'],
    ['stays after a reply that breaks the schema', [{ kind: 'reply', status: 200, body: '{}' }], '0 0'],
    ['stays after a redirect', [status(302)], '0 0'],
    ['changes after calls that were never sent', [unsent, unsent, unsent], '0 0 0 1'],
    ['changes after calls that were never sent and a refusal', [unsent, status(404)], '0 0 1'],
    ['stays after one call of three that may have been sent', [unsent, timedOut, unsent], '0 0 0 0'],
  ])('%s', async (_, outcomes, expected) => {
    const world = await openWorld(requestChain({ a: [] }));
    const key = await world.begin();
    world.answers('a', ...outcomes);
    await world.run();
    expect(await world.meta(key)).toMatchObject({ status: 'failed' });
    await resume(world.engine, key);
    await world.run();
    expect(await world.meta(key)).toMatchObject({ status: 'completed', epoch: 1 });
    expect(rounds(world)).toBe(expected);
  });

  it('is new where the operator orders it, once, and the order is recorded', async () => {
    const world = await openWorld(requestChain({ a: [] }, { retries: 1 }));
    const key = await world.begin();
    world.answers('a', ...Array<HttpOutcome>(8).fill(timedOut));
    await world.run();
    await resume(world.engine, key, { newKey: true });
    expect(await world.meta(key)).toMatchObject({ newKey: { step: 'a', epoch: 1 } });
    await world.run();
    await resume(world.engine, key);
    await world.run();
    await resume(world.engine, key, { newKey: true });
    await world.run();
    expect(rounds(world)).toBe('0 0 1 1 1 1 2 2');
    expect(eventsOf(world, 'workflow_resumed')).toMatchObject([
      { epoch: 1, newKey: true },
      { epoch: 2, newKey: false },
      { epoch: 3, newKey: true },
    ]);
    const record = await world.step(key, 'a');
    expect(record?.attempts.map(({ epoch, attempt, round }) => `${epoch}.${attempt}:${round}`)).toEqual([
      '0.1:0',
      '0.2:0',
      '1.1:1',
      '1.2:1',
      '2.1:1',
      '2.2:1',
      '3.1:2',
      '3.2:2',
    ]);
  });

  it('is ordered anew for the failed step alone', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin();
    world.answers('b', ...Array<HttpOutcome>(3).fill(timedOut));
    await world.run();
    await resume(world.engine, key, { newKey: true });
    await world.run();
    expect(world.calls.map((call) => call.key?.split(':').slice(1).join(':'))).toEqual([
      'a:do:0',
      'b:do:0',
      'b:do:0',
      'b:do:0',
      'b:do:1',
      'c:do:0',
    ]);
  });
});

describe('a claim with too little time left for the call', () => {
  it('is put back without a call: pending, nothing counted, and the message is visible at once', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin();
    expect(await world.work('a', 'step', 2_999)).toBe('retry');
    expect(world.called()).toBe('');
    expect(await world.step(key, 'a')).toMatchObject({
      status: 'pending',
      attempt: 0,
      open: 0,
      round: 0,
      attempts: [],
    });
    expect(eventsOf(world, 'claim_put_back')).toHaveLength(1);
    expect(await world.work('a')).toBe('acknowledge');
    expect(await world.step(key, 'a')).toMatchObject({ status: 'completed', attempt: 1, open: 1 });
  });

  it('is put back as what it was: retrying, with all that it had', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin();
    world.answers('a', status(503));
    await world.work('a');
    await world.clock.advance(60_000);
    const before = await world.step(key, 'a');
    expect(await world.work('a', 'step', 2_500)).toBe('retry');
    expect(await world.step(key, 'a')).toEqual({ ...before, token: expect.any(String) });
    expect(await world.work('a')).toBe('acknowledge');
    expect(await world.step(key, 'a')).toMatchObject({ status: 'completed', attempt: 2, open: 2 });
  });

  // Found by the simulator over the adapters: seed 1297.
  it('is not there again when a try of its write comes late', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin();
    world.answers('a', status(503));
    await world.work('a');
    await world.clock.advance(60_000);
    const before = await world.step(key, 'a');
    if (before === undefined) throw new Error('the step has no item');
    expect(await world.work('a', 'step', 2_500)).toBe('retry');
    const putBack = await world.step(key, 'a');
    const late = { ...before, status: 'running', token: 'of the claim', attempt: 2 } as const;
    const expected = { status: before.status, token: before.token };
    const { expiresAt } = await world.meta(key);
    expect(await world.engine.ports.store.writeStep(key, late, expected, expiresAt)).toEqual({
      written: false,
      current: putBack,
    });
  });

  it('is put back although the reply of that write was lost', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin();
    world.faults.next('writeStep', {}, { lose: true });
    expect(await world.work('a', 'step', 2_000)).toBe('retry');
    expect(await world.step(key, 'a')).toMatchObject({ status: 'pending', attempt: 0, open: 0 });
  });

  it('makes the call with a second left', async () => {
    const world = await openWorld(LINE);
    await world.begin();
    expect(await world.work('a', 'step', 3_000)).toBe('acknowledge');
    expect(world.calls.map(({ deadlineMs }) => deadlineMs)).toEqual([1_000]);
  });

  it('makes the call of a step that needs less than a second, as long as its own timeout is left', async () => {
    const world = await openWorld(requestChain({ a: [] }, { timeout: 0.25 }));
    await world.begin();
    expect(await world.work('a', 'step', 2_249)).toBe('retry');
    expect(await world.work('a', 'step', 2_250)).toBe('acknowledge');
    expect(world.calls.map(({ deadlineMs }) => deadlineMs)).toEqual([250]);
  });
});

describe('a step whose workers die', () => {
  /** Three workers have begun, each after the lease of the one before; only the last may still answer. */
  const dying = async () => {
    const world = await openWorld(LINE);
    const key = await world.begin();
    const last = deferred<HttpOutcome>();
    world.answers('a', never, never, last.promise);
    const handled: Promise<unknown>[] = [];
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      handled.push(world.work('a'));
      await world.clock.advance(VISIBILITY);
    }
    return { world, key, last, ofLast: () => handled[2] };
  };

  it('is given up after its last attempt: failed, outcome unknown, without a further call', async () => {
    const { world, key } = await dying();
    expect(await world.work('a')).toBe('acknowledge');
    expect(world.called()).toBe('a a a');
    expect(await world.step(key, 'a')).toMatchObject({
      status: 'failed',
      attempt: 3,
      round: 0,
      open: 3,
      error: { code: 'WORKER_DIED', effect: 'unknown' },
    });
    expect(world.visible('a', 'deadLetter')).toHaveLength(1);
    expect(eventsOf(world, 'step_failed')).toMatchObject([{ error: { code: 'WORKER_DIED' } }]);
  });

  it('is given up once although the reply of that save was lost', async () => {
    const { world, key } = await dying();
    world.faults.next('writeStep', { lose: true });
    expect(await world.work('a')).toBe('acknowledge');
    expect(await world.step(key, 'a')).toMatchObject({ status: 'failed' });
    expect(world.visible('a', 'deadLetter')).toHaveLength(1);
  });

  it('keeps its failure when the last worker was only slow', async () => {
    const { world, key, last, ofLast } = await dying();
    await world.work('a');
    const failed = await world.step(key, 'a');
    last.resolve(ok('late'));
    expect(await ofLast()).toBe('retry');
    expect(await world.step(key, 'a')).toEqual(failed);
    expect(world.visible('b')).toEqual([]);
  });

  it('keeps its success when the last worker was quicker than the one that gives it up', async () => {
    const { world, key, last, ofLast } = await dying();
    world.faults.next('writeStep', {
      before: async () => {
        last.resolve(ok('just in time'));
        await ofLast();
      },
    });
    expect(await world.work('a')).toBe('acknowledge');
    expect(await world.step(key, 'a')).toMatchObject({ status: 'completed', result: { ok: 'just in time' } });
    expect(world.visible('a', 'deadLetter')).toEqual([]);
    expect(world.visible('b')).not.toEqual([]);
  });
});
