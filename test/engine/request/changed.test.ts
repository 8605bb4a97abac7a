import { describe, expect, it } from 'vitest';
import { cancel, resume } from '../../../lib/engine/operations/change.ts';
import { get } from '../../../lib/engine/operations/read.ts';
import type { WorkflowKey } from '../../../lib/engine/state.ts';
import { openWorld, requestChain, status, timedOut, type World } from '../world.ts';

/** What the request function reads besides its input: the code of a deployment, a clock, or chance. */
interface Code {
  body: string;
}

/** A step that sends what its code has just then. */
async function begun(retries = 2) {
  const code: Code = { body: 'first' };
  const request = () => ({ target: 'api', method: 'POST', path: '/a', body: { sent: code.body } });
  const world = await openWorld(
    requestChain({ a: [] }, { request, retries, backoff: { base: 240, cap: 240 } }),
  );
  world.fraction = 0.5;
  const key = await world.begin();
  return { world, key, code };
}

const sent = ({ calls }: World) => calls.map(({ key, request }) => [key?.split(':').at(-1), request.body]);
const first = '{"sent":"first"}';
const second = '{"sent":"second"}';

/** Runs until the next attempt is due, and that attempt. */
async function next(world: World): Promise<void> {
  await world.clock.advance(300_000);
  await world.run();
}

/** Begins, has the first attempt answered so, and then has the code make another request. */
async function changedAfter(...answers: Parameters<World['answers']>[1][]) {
  const all = await begun();
  all.world.answers('a', ...answers);
  await all.world.run();
  all.code.body = 'second';
  return all;
}

const writesOf = async (world: World, key: WorkflowKey) => (await world.step(key, 'a'))?.attempts.length;

describe('a request that an earlier attempt of its round sent otherwise', () => {
  it('is not sent where that attempt may have acted: the step says so, without a call', async () => {
    const { world, key } = await changedAfter(timedOut);
    await next(world);
    expect(sent(world)).toEqual([['0', first]]);
    const { status: is, error, steps } = await get(world.engine, key, false);
    expect(is).toBe('failed');
    expect(error).toMatchObject({ code: 'REQUEST_CHANGED', effect: 'unknown', target: 'api' });
    expect(error?.next).toContain('without Date.now() or Math.random(), and resume. Or: Look at the target');
    expect(error?.safeUntil).toMatch(/^\d{4}-/);
    expect(steps.a).toBe('failed');
    expect(await writesOf(world, key)).toBe(1);
  });

  it('goes out under a new key where nobody can have acted on the one before', async () => {
    const { world, key } = await changedAfter(status(429));
    await next(world);
    expect(sent(world)).toEqual([
      ['0', first],
      ['1', second],
    ]);
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
    expect(await world.step(key, 'a')).toMatchObject({ round: 1, open: 1, attempt: 2 });
  });

  it('keeps its key where it is the same again', async () => {
    const { world, key } = await begun();
    world.answers('a', timedOut, status(503));
    await world.run();
    await next(world);
    await next(world);
    expect(sent(world)).toEqual([
      ['0', first],
      ['0', first],
      ['0', first],
    ]);
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
  });

  it('is sent by a resume once the code makes the same again', async () => {
    const { world, key, code } = await changedAfter(timedOut);
    await next(world);
    await resume(world.engine, key);
    await world.run();
    expect(await get(world.engine, key, false)).toMatchObject({ error: { code: 'REQUEST_CHANGED' } });
    code.body = 'first';
    await resume(world.engine, key);
    await world.run();
    expect(sent(world)).toEqual([
      ['0', first],
      ['0', first],
    ]);
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
  });

  it('is sent under a new key by a resume that orders it', async () => {
    const { world, key } = await changedAfter(timedOut);
    await next(world);
    await resume(world.engine, key, { newKey: true });
    await world.run();
    expect(sent(world)).toEqual([
      ['0', first],
      ['1', second],
    ]);
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
  });

  it('is told from that of the attempt before it, not from that of a round that is over', async () => {
    const { world } = await changedAfter(status(429), timedOut);
    await next(world);
    await next(world);
    expect(sent(world)).toEqual([
      ['0', first],
      ['1', second],
      ['1', second],
    ]);
  });

  it('is a new one after a refusal and a resume, whatever it is', async () => {
    const { world, key } = await changedAfter(status(422));
    await resume(world.engine, key);
    await world.run();
    expect(sent(world)).toEqual([
      ['0', first],
      ['1', second],
    ]);
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
  });
});

describe('the hash of what was sent', () => {
  it('is saved with the claim, which costs no write more', async () => {
    const { world, key } = await begun();
    world.answers('a', timedOut);
    await world.run();
    expect((await world.step(key, 'a'))?.sentHash).toMatch(/^[\w-]{12}$/);
  });

  it('tells nothing once the input is erased: its key goes with that', async () => {
    const { world, key } = await begun();
    world.answers('a', status(422));
    await world.run();
    expect((await world.meta(key)).requestKey).toMatch(/^\w{32}$/);
    await cancel(world.engine, key);
    expect(await world.meta(key)).not.toHaveProperty('requestKey');
  });

  it('that an earlier release saved, made in another way under another name, is not taken for one of a changed request', async () => {
    const { world, key } = await begun();
    world.answers('a', timedOut);
    await world.run();
    const record = await world.step(key, 'a');
    if (record === undefined) throw new Error('the step was attempted');
    const { sentHash: _, ...rest } = record;
    const old = { ...rest, requestHash: 'q1w2e3r4t5z6u7i8' };
    const { store } = world.engine.ports;
    await store.writeStep(key, old, { status: record.status, token: record.token }, 0);
    await next(world);
    expect(sent(world)).toEqual([
      ['0', first],
      ['0', first],
    ]);
    const after = await world.step(key, 'a');
    expect(after?.status).toBe('completed');
    expect(after).not.toHaveProperty('requestHash');
  });

  it('is not looked at in a workflow of an earlier release, which has no key for it', async () => {
    const { world, key, code } = await begun();
    const { requestKey: _, ...old } = await world.meta(key);
    await world.engine.ports.store.writeMeta(old, { status: 'processing', epoch: 0 });
    world.answers('a', timedOut);
    await world.run();
    code.body = 'second';
    await next(world);
    expect(sent(world)).toEqual([
      ['0', first],
      ['0', second],
    ]);
  });
});
