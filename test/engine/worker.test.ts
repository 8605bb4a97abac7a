import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../lib/contract/limits.ts';
import type { StepMessage } from '../../lib/contract/wire.ts';
import { handleDelivery } from '../../lib/engine/worker.ts';
import { settle } from '../support/manual-clock.ts';
import { buildChain, GRAPHS } from './fixtures.ts';
import { deferred, eventsOf, ok, openWorld, requestChain, status, TENANT } from './world.ts';

const LINE = requestChain(GRAPHS.line);
const never = new Promise<never>(() => undefined);
const LEASE = 50_000;
/** After this a received message comes back by itself. */
const VISIBILITY = 270_000;

describe('a workflow that goes well', () => {
  it('makes each call once and in order, and completes', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin();
    await world.run();
    expect(world.called()).toBe('a b c');
    expect(await world.meta(key)).toMatchObject({ status: 'completed', epoch: 0 });
    expect((await world.step(key, 'b'))?.result).toEqual({ ok: 'b' });
  });

  it('costs two writes of its own item and one load for each step, and one write of META at its end', async () => {
    const world = await openWorld(LINE);
    await world.begin();
    world.faults.log.length = 0;
    await world.run();
    const count = (operation: string) => world.faults.log.filter((one) => one === operation).length;
    expect({ load: count('load'), step: count('writeStep'), meta: count('writeMeta') }).toEqual({
      load: 3,
      step: 6,
      meta: 1,
    });
  });

  it('gives a call the timeout of its step, or what is left of the function but 2 s', async () => {
    const world = await openWorld(LINE);
    await world.begin();
    await world.work('a');
    await world.work('b', 'step', 20_000);
    await world.work('c', 'step', 32_000);
    expect(world.calls.map(({ deadlineMs }) => deadlineMs)).toEqual([30_000, 18_000, 30_000]);
  });

  it('shows a step the results of the steps before it and no others', async () => {
    const seen: Record<string, unknown> = {};
    const chain = buildChain({ ...GRAPHS.diamond, apart: ['a'] }, (name) => ({
      run: ({ results }: { results: unknown }) => {
        seen[name] = results;
        return `of ${name}`;
      },
    }));
    const world = await openWorld(chain);
    await world.begin({ payload: {} });
    await world.work('a');
    await world.work('apart');
    await world.run();
    expect(seen).toEqual({
      a: {},
      apart: { a: 'of a' },
      b: { a: 'of a' },
      c: { a: 'of a' },
      d: { a: 'of a', b: 'of b', c: 'of c' },
    });
  });
});

describe('a message that is delivered again', () => {
  it('after a crash between save and send queues the next step once more, without a call', async () => {
    const world = await openWorld(LINE);
    await world.begin();
    world.faults.next('send', { fail: true });
    expect(await world.work('a')).toBe('retry');
    expect(world.visible('b')).toEqual([]);
    await world.clock.advance(2_000);
    expect(await world.work('a')).toBe('acknowledge');
    expect(world.visible('b')).toHaveLength(1);
    expect(world.called()).toBe('a');
  });

  it('although the next step was queued makes no second call of either', async () => {
    const world = await openWorld(LINE);
    await world.begin();
    world.faults.next('send', { lose: true });
    expect(await world.work('a')).toBe('retry');
    await world.clock.advance(2_000);
    expect(await world.work('a')).toBe('acknowledge');
    expect(world.visible('b')).toHaveLength(2);
    await world.run();
    expect(world.called()).toBe('a b c');
  });

  it('after a crash during the call is a second attempt with the same key once the lease is over', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin();
    world.answers('a', never);
    void world.work('a');
    await world.clock.advance(VISIBILITY);
    expect(await world.work('a')).toBe('acknowledge');
    expect(world.calls.map((call) => call.key)).toEqual([
      `${key.workflowId}:a:do:0`,
      `${key.workflowId}:a:do:0`,
    ]);
    const record = await world.step(key, 'a');
    expect(record).toMatchObject({ status: 'completed', attempt: 2, open: 2 });
    expect(record?.attempts.map(({ outcome }) => outcome)).toEqual(['interrupted', 'completed']);
  });

  it('while its step is under way is hidden until the lease is over, not acknowledged, and no call is made', async () => {
    const world = await openWorld(LINE);
    await world.begin();
    const answer = deferred<ReturnType<typeof ok>>();
    world.answers('a', answer.promise);
    const [message] = world.visible('a');
    const first = world.work('a');
    await settle();
    await world.queueAgain(message);
    expect(await world.work('a')).toBe('retry');
    await world.clock.advance(LEASE - 1);
    expect(world.visible('a')).toEqual([]);
    await world.clock.advance(1);
    expect(world.visible('a')).toHaveLength(1);
    answer.resolve(ok('a'));
    expect(await first).toBe('acknowledge');
    expect(world.called()).toBe('a');
  });
});

describe('two workers with the same message', () => {
  it('make one call, even if both load before either claims', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin();
    const delivery = world.receive('a');
    const handled = await Promise.all([world.handle(delivery), world.handle(delivery)]);
    expect(handled.sort()).toEqual(['acknowledge', 'retry']);
    expect(world.called()).toBe('a');
    expect(await world.step(key, 'a')).toMatchObject({ status: 'completed', attempt: 1, open: 1 });
  });

  it('make one call of each step however often every message is delivered', async () => {
    const world = await openWorld(LINE);
    await world.begin();
    for (const step of ['a', 'b', 'c']) {
      const delivery = world.receive(step);
      await Promise.all(Array.from({ length: 5 }, () => world.handle(delivery)));
    }
    await world.clock.advance(VISIBILITY);
    await world.run();
    expect(world.called()).toBe('a b c');
  });
});

describe('a write whose reply was lost', () => {
  it('is recognised as my own claim: one call', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin();
    world.faults.next('writeStep', { lose: true });
    expect(await world.work('a')).toBe('acknowledge');
    expect(world.called()).toBe('a');
    expect(await world.step(key, 'a')).toMatchObject({ status: 'completed', attempt: 1, open: 1 });
  });

  it('is recognised as my own success: the next step is queued', async () => {
    const world = await openWorld(LINE);
    await world.begin();
    world.faults.next('writeStep', {}, { lose: true });
    expect(await world.work('a')).toBe('acknowledge');
    expect(world.visible('b')).toHaveLength(1);
  });

  it('is recognised as my own completion', async () => {
    const world = await openWorld(requestChain({ a: [] }));
    const key = await world.begin();
    world.faults.next('writeMeta', { lose: true });
    expect(await world.work('a')).toBe('acknowledge');
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
    expect(eventsOf(world, 'workflow_completed')).toHaveLength(1);
  });

  it('and whose repetition failed too makes no call: the claim costs one attempt once its lease is over', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin();
    world.faults.next('writeStep', { lose: true }, { fail: true });
    expect(await world.work('a')).toBe('retry');
    expect(world.called()).toBe('');
    await world.clock.advance(LEASE);
    expect(await world.work('a')).toBe('acknowledge');
    expect(await world.step(key, 'a')).toMatchObject({ status: 'completed', attempt: 2 });
  });
});

describe('a stale worker', () => {
  it.each([
    ['success', ok('stale')],
    ['failure', status(503)],
    ['refusal', status(402)],
  ])('does not write its %s after another claimed', async (_, outcome) => {
    const world = await openWorld(LINE);
    const key = await world.begin();
    const [late, current] = [deferred<typeof outcome>(), deferred<typeof outcome>()];
    world.answers('a', late.promise, current.promise);
    const stale = world.work('a');
    await world.clock.advance(VISIBILITY);
    const second = world.work('a');
    await settle();
    const claimed = await world.step(key, 'a');
    late.resolve(outcome);
    expect(await stale).toBe('retry');
    expect(await world.step(key, 'a')).toEqual(claimed);
    expect([...world.visible('b'), ...world.visible('a', 'deadLetter')]).toEqual([]);
    current.resolve(ok('current'));
    expect(await second).toBe('acknowledge');
    expect((await world.step(key, 'a'))?.result).toEqual({ ok: 'current' });
  });

  it('does not write its outcome over that of the worker after it', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin();
    const late = deferred<ReturnType<typeof ok>>();
    world.answers('a', late.promise, ok('current'));
    const stale = world.work('a');
    await world.clock.advance(VISIBILITY);
    expect(await world.work('a')).toBe('acknowledge');
    late.resolve(ok('stale'));
    expect(await stale).toBe('retry');
    expect((await world.step(key, 'a'))?.result).toEqual({ ok: 'current' });
  });

  it('may write its outcome, lease over or not, as long as nobody else claimed', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin();
    const late = deferred<ReturnType<typeof ok>>();
    world.answers('a', late.promise);
    const slow = world.work('a');
    await world.clock.advance(LEASE + 1);
    late.resolve(ok('late'));
    expect(await slow).toBe('acknowledge');
    expect(await world.step(key, 'a')).toMatchObject({ status: 'completed', result: { ok: 'late' } });
  });
});

describe('what goes wrong outside', () => {
  it.each(['load', 'writeStep'] as const)(
    'in %s brings the message back soon, without a call',
    async (operation) => {
      const world = await openWorld(LINE);
      await world.begin();
      world.faults.next(operation, { fail: true }, { fail: true });
      expect(await world.work('a')).toBe('retry');
      expect(world.called()).toBe('');
      expect(eventsOf(world, 'unexpected_error')).toMatchObject([{ where: 'order-processing_a', step: 'a' }]);
      await world.clock.advance(2_000);
      await world.run();
      await world.clock.advance(4_000);
      await world.run();
      expect(world.called()).toBe('a b c');
    },
  );

  it('so often that no decision holds sends the message back after a second, without a call', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin();
    let writes = 0;
    const interfere = async () => {
      writes += 1;
      const current = await world.step(key, 'a');
      await world.engine.ports.store.writeStep(
        key,
        {
          step: 'a',
          status: 'pending',
          epoch: 0,
          attempt: 0,
          round: 0,
          open: 0,
          token: `another ${writes}`,
          updatedAt: world.clock.now(),
          attempts: [],
        },
        current === undefined ? { absent: true } : { status: 'pending', token: current.token },
        Number.MAX_SAFE_INTEGER,
      );
    };
    // Each disturbed write is followed by the disturbance itself, which passes.
    world.faults.next('writeStep', ...Array.from({ length: 8 }, () => [{ before: interfere }, {}]).flat());
    expect(await world.work('a')).toBe('retry');
    expect(writes).toBe(8);
    expect(world.called()).toBe('');
    await world.clock.advance(999);
    expect(world.visible('a')).toEqual([]);
    await world.clock.advance(1);
    expect(await world.work('a')).toBe('acknowledge');
  });
});

describe('a message that cannot be served', () => {
  it('of no workflow goes to the dead letters of its step as it is', async () => {
    const world = await openWorld(LINE);
    const message: StepMessage = {
      tenant: TENANT,
      workflowId: 'wf_gone',
      chain: LINE.name,
      version: 1,
      step: 'a',
      action: 'do',
      epoch: 0,
      trip: 1,
    };
    await world.queueAgain(message);
    expect(await world.work('a')).toBe('acknowledge');
    expect(world.visible('a', 'deadLetter')).toEqual([message]);
    expect(eventsOf(world, 'message_dead_lettered')).toMatchObject([
      { because: 'there is no such workflow' },
    ]);
  });

  it('of a version that this deployment does not know waits for one that does, and makes no call', async () => {
    const next = requestChain(GRAPHS.line, {}, { version: 2 });
    const world = await openWorld(next);
    const key = await world.begin();
    const older = await openWorld(LINE);
    const engine = { ...world.engine, chains: older.engine.chains };
    for (const seconds of [2, 4, 8, 16, 32, 64, 128]) {
      expect(await handleDelivery(engine, world.receive('a'), () => 45_000)).toBe('retry');
      await world.clock.advance(seconds * 1_000 - 1);
      expect(world.queued()).toBe('');
      await world.clock.advance(1);
      expect(world.queued()).toBe('a');
    }
    expect(world.called()).toBe('');
    await world.run();
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
  });

  it('goes there as well where none has come after eight receives', async () => {
    const world = await openWorld(requestChain(GRAPHS.line, {}, { version: 2 }));
    await world.begin();
    const older = await openWorld(LINE);
    const engine = { ...world.engine, chains: older.engine.chains };
    const delivery = { ...world.receive('a'), receiveCount: LIMITS.receivesUnknown };
    expect(await handleDelivery(engine, delivery, () => 45_000)).toBe('acknowledge');
    expect(world.visible('a', 'deadLetter')).toHaveLength(1);
    expect(world.called()).toBe('');
    expect(LIMITS.receivesUnknown).toBeLessThan(LIMITS.leastMaxReceives);
  });
});
