import { describe, expect, it } from 'vitest';
import { target } from '../../lib/chain/index.ts';
import { resume } from '../../lib/engine/operations/change.ts';
import { get } from '../../lib/engine/operations/read.ts';
import { openWorld, requestChain, status, timedOut, type World } from './world.ts';

const sms = target('api', { idempotency: 'none' });
const CHAIN = requestChain({ a: [] }, { request: () => sms.post('/a', { text: 'hello' }), retries: 2 });

async function begun() {
  const world = await openWorld(CHAIN);
  const key = await world.begin();
  return { world, key };
}

async function next(world: World): Promise<void> {
  await world.clock.advance(300_000);
  await world.run();
}

describe('a target that takes no idempotency key', () => {
  it('is sent none, on a connection of its own, which nothing sends twice', async () => {
    const { world } = await begun();
    await world.run();
    const [call] = world.calls;
    expect(call?.request.headers).not.toHaveProperty('idempotency-key');
    expect(call?.request.fresh).toBe(true);
  });

  it.each([
    ['no answer', timedOut, 'DEADLINE_EXCEEDED'],
    ['an error of its own', status(503), 'TARGET_UNAVAILABLE'],
    ['a conflict', status(409), 'TARGET_UNAVAILABLE'],
  ])(
    'is not called again by itself after %s: the step stops, its effect unknown',
    async (_, answer, code) => {
      const { world, key } = await begun();
      world.answers('a', answer);
      await world.run();
      await next(world);
      expect(world.calls).toHaveLength(1);
      const { status: is, error } = await get(world.engine, key, false);
      expect(is).toBe('failed');
      expect(error).toMatchObject({ code, effect: 'unknown', noKey: true });
      expect(error).not.toHaveProperty('safeUntil');
      expect(error?.next).toContain('Then resume and say so: it is done, with its result');
    },
  );

  it.each([
    ['cannot be reached', { kind: 'failure', code: 'CONNECTION_FAILED', sent: 'no', message: 'refused' }],
    ['says 429', status(429)],
  ] as const)('is called again where it %s: nothing was done', async (_, answer) => {
    const { world, key } = await begun();
    world.answers('a', answer);
    await world.run();
    await next(world);
    expect(world.calls).toHaveLength(2);
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
  });

  it('is not called again by a function that takes over from one that died', async () => {
    const { world, key } = await begun();
    world.answers('a', new Promise(() => undefined));
    const [message] = world.visible('a');
    void world.handle(world.receive('a'));
    await world.clock.advance(400_000);
    await world.queueAgain(message);
    await world.run();
    expect(world.calls).toHaveLength(1);
    expect(await get(world.engine, key, false)).toMatchObject({
      status: 'failed',
      error: { code: 'WORKER_DIED', effect: 'unknown', noKey: true },
    });
  });

  it('is called by a resume only where that says what became of the call', async () => {
    const { world, key } = await begun();
    world.answers('a', timedOut);
    await world.run();
    await expect(resume(world.engine, key)).rejects.toMatchObject({
      code: 'KEY_EXPIRED',
      message: expect.stringContaining('the target of a takes none'),
    });
    await resume(world.engine, key, { notDone: true });
    await world.run();
    expect(world.calls).toHaveLength(2);
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
  });

  it('is not called where an operator says that it is done', async () => {
    const { world, key } = await begun();
    world.answers('a', timedOut);
    await world.run();
    await resume(world.engine, key, { done: { ok: 'seen there' } });
    await world.run();
    expect(world.calls).toHaveLength(1);
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
  });
});
