import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { done, notDone } from '../../../lib/chain/index.ts';
import { registry } from '../../../lib/chain/registry.ts';
import { nextOf } from '../../../lib/contract/advice.ts';
import { LIMITS } from '../../../lib/contract/limits.ts';
import type { HttpOutcome } from '../../../lib/engine/ports.ts';
import { reconcile } from '../../../lib/engine/reconciler.ts';
import { loadState } from '../../../lib/engine/shell.ts';
import type { WorkflowKey } from '../../../lib/engine/state.ts';
import { handleDelivery } from '../../../lib/engine/worker.ts';
import { CARD, deferred, openWorld, status, timedOut, type World } from '../world.ts';
import { askedChain, says } from './fixtures.ts';

const MINUTE = 60_000;
const SECOND = 1_000;

const lookupIn = async ({ engine }: World, key: WorkflowKey, step = 'a') =>
  (await loadState(engine.ports, key))?.lookups?.get(step);

/** Until nothing is left to do but what a person does. */
async function toTheEnd(world: World): Promise<void> {
  for (let minutes = 0; minutes < 6; minutes += 1) {
    await world.run();
    await world.clock.advance(MINUTE);
    await reconcile(world.engine, () => MINUTE);
  }
  await world.run();
}

describe('what is told of a step that surely did nothing', () => {
  it.each([
    ['a target that takes keys', {}],
    ['a target that takes none', { idempotency: 'none' }],
  ])('has no word of a key that may be forgotten, at %s', async (_, step) => {
    const world = await openWorld(askedChain(step));
    const key = await world.begin();
    world.answers('a', timedOut);
    world.answers('asked-a', status(404), status(404));
    await toTheEnd(world);
    const { error } = await world.meta(key);
    expect(error).toMatchObject({ code: 'DEADLINE_EXCEEDED', effect: 'none', step: 'a' });
    expect(error).not.toHaveProperty('safeUntil');
    expect(error).not.toHaveProperty('noKey');
  });
});

describe('the time that a call has', () => {
  /** The first step is answered nothing within its 30 s; its lookup takes as long as `asks`. */
  async function slowly(asks: number, outcome: HttpOutcome): Promise<World> {
    const world = await openWorld(askedChain({ idempotency: 'none', retries: 1 }));
    await world.begin();
    const made = deferred<HttpOutcome>();
    const asked = deferred<HttpOutcome>();
    world.answers('a', made.promise);
    world.answers('asked-a', status(404), asked.promise);
    const first = world.work('a');
    await world.clock.advance(30 * SECOND);
    made.resolve(timedOut);
    await first;
    await world.run();
    await world.clock.advance(2 * MINUTE);
    const second = world.work('a');
    await world.clock.advance(asks);
    asked.resolve(outcome);
    await second;
    await world.run();
    return world;
  }

  it('is all of its timeout where its lookup comes after a call that took all of its own', async () => {
    const world = await slowly(SECOND, status(404));
    const [, asked] = world.calls;
    expect(asked).toMatchObject({ step: 'asked-a', deadlineMs: 30 * SECOND });
  });

  it('is all of its timeout where the step is called again after a slow lookup', async () => {
    const world = await slowly(25 * SECOND, status(404));
    expect(world.called()).toBe('a asked-a asked-a a b c');
    expect(world.calls[3]).toMatchObject({ step: 'a', deadlineMs: 30 * SECOND });
  });
});

describe('a reply to a lookup that is not whole', () => {
  /** An author who looks no closer: what has no charge in it was not charged. */
  const careless = {
    reply: ({ body }: { body: unknown }) => {
      const { charge } = Object(body);
      return charge === undefined ? notDone() : done(charge);
    },
  };
  const cut: HttpOutcome = { kind: 'reply', status: 200, body: '{"charge":{"ok":"a', untilClose: true };
  const nothing: HttpOutcome = { kind: 'reply', status: 200, body: '', untilClose: true };
  const unreadable: HttpOutcome = { kind: 'reply', status: 200, body: '', unreadable: 'no gzip' };
  const whole = status(200, JSON.stringify({ charge: { ok: 'a' } }));

  it.each([
    ['was cut off', cut],
    ['was cut off before its first byte', nothing],
  ])('says nothing of the call where it %s: the target is asked again', async (_, reply) => {
    const world = await openWorld(askedChain({}, careless));
    const key = await world.begin();
    world.answers('a', timedOut);
    // The first one comes too early to count.
    world.answers('asked-a', status(404), reply, whole);
    await toTheEnd(world);
    expect(world.called()).toBe('a asked-a asked-a asked-a b c');
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
  });

  it.each([
    ['its bytes are no text', unreadable],
    ['it is no JSON, as that of a proxy', status(200, '<html>We are back soon</html>')],
  ])('says nothing of the call where %s: a person has to look', async (_, reply) => {
    const world = await openWorld(askedChain({}, careless));
    const key = await world.begin();
    world.answers('a', timedOut);
    world.answers('asked-a', status(404), reply);
    await toTheEnd(world);
    expect(await lookupIn(world, key)).toMatchObject({ status: 'failed', error: { code: 'REPLY_INVALID' } });
    expect(await world.meta(key)).toMatchObject({ status: 'failed', error: { effect: 'unknown' } });
  });
});

describe('what a lookup of code finds', () => {
  const found = (result: () => unknown) =>
    askedChain(
      {
        request: undefined,
        response: undefined,
        run: () => {
          throw new Error('the line went dead');
        },
        idempotency: { lifetime: 3_600 },
      },
      { reply: () => done(result()) },
    );

  it('is stored as JSON, as that which the code itself returns', async () => {
    const world = await openWorld(found(() => ({ at: new Date(0), not: undefined })));
    const key = await world.begin();
    await world.work('a');
    expect((await world.step(key, 'a'))?.result).toEqual({ at: '1970-01-01T00:00:00.000Z' });
  });

  it('that is no JSON ends the lookup, and says so', async () => {
    const world = await openWorld(found(() => 10n));
    const key = await world.begin();
    await world.work('a');
    expect(await lookupIn(world, key)).toMatchObject({
      status: 'failed',
      attempt: 1,
      error: { code: 'REPLY_INVALID', detail: expect.stringContaining('BigInt') },
    });
  });
});

describe('the error of a lookup', () => {
  it('names the lookup where its reply function is wrong, and not that of the step', async () => {
    const world = await openWorld(askedChain());
    const key = await world.begin();
    world.answers('a', timedOut);
    world.answers('asked-a', status(200, '7'));
    await world.run();
    const { error } = (await lookupIn(world, key)) ?? {};
    expect(error?.code).toBe('REPLY_INVALID');
    expect(error && nextOf(error, 'lookup')).toContain('reply function of the lookup');
  });

  it('shows no sensitive value where the request of its step cannot be built any more', async () => {
    const before = askedChain();
    const world = await openWorld(before);
    const key = await world.begin();
    world.answers('a', timedOut);
    world.answers('asked-a', status(503));
    await world.work('a');
    const after = askedChain({
      request: ({ input }: { input: { card: string } }) => {
        throw new Error(`no such card: ${input.card}`);
      },
    });
    await world.clock.advance(MINUTE);
    const delivery = world.receive('a');
    await handleDelivery({ ...world.engine, chains: registry([after]) }, delivery, () => MINUTE);
    const asked = await lookupIn(world, key);
    expect(asked).toMatchObject({ status: 'failed', error: { code: 'REQUEST_INVALID' } });
    expect(JSON.stringify([asked, world.events])).not.toContain(CARD);
  });
});

describe('a deployment that brings a lookup', () => {
  it('to the step-failed function before the function of the step makes no message go round for ever', async () => {
    const chain = askedChain();
    const world = await openWorld(chain);
    const key = await world.begin();
    const older = { ...chain, steps: chain.steps.map(({ lookup: _, ...step }) => step) };
    const worker = { ...world.engine, chains: registry([older]) };
    world.answers('a', timedOut);
    let times = 0;
    for (; times < 20 && world.queued() !== ''; times += 1) {
      if (world.visible('a', 'deadLetter').length > 0) await world.work('a', 'deadLetter');
      else {
        const delivery = world.receive('a');
        await handleDelivery(worker, delivery, () => MINUTE);
        world.queues.acknowledge(delivery.queue, delivery.receiptHandle);
      }
    }
    expect(times).toBeLessThan(20);
    expect(await world.meta(key)).toMatchObject({ status: 'failed', error: { effect: 'unknown' } });
    expect(world.called()).toBe('a');
  });
});

describe('a table that takes no claim of a lookup', () => {
  it('makes no dead letter: the target is asked once the table is well', async () => {
    const world = await openWorld(askedChain());
    const key = await world.begin();
    world.answers('a', timedOut);
    world.answers('asked-a', says('done', { ok: 'found' }));
    // The step is saved as failed, and its lookup is not claimed.
    world.faults.next('writeStep', {}, {}, { fail: true }, { fail: true });
    await world.work('a');
    for (let receives = 1; receives < 20 && world.visible('a').length > 0; receives += 1) {
      world.faults.next('writeStep', { fail: true }, { fail: true });
      await world.work('a');
      await world.clock.advance(LIMITS.backoffCap * SECOND);
    }
    expect(world.queued()).toBe('');
    await toTheEnd(world);
    expect(await world.meta(key)).toMatchObject({ status: 'completed' });
  });
});

describe('a step whose target writes keys in its own way', () => {
  it.each([
    ['uuid', /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/],
    ['token32', /^[0-9a-f]{32}$/],
  ])('is asked for by the key as it was sent: %s', async (format, written) => {
    const spec = { target: 'api', method: 'POST', path: '/a', idempotency: { header: 'x-once', format } };
    const world = await openWorld(
      askedChain(
        { request: () => spec },
        {
          request: ({ idempotencyKey }: { idempotencyKey: string }) => ({
            ...spec,
            method: 'GET',
            path: '/asked-a',
            headers: { 'x-key': idempotencyKey },
          }),
        },
      ),
    );
    await world.begin();
    world.answers('a', timedOut);
    world.answers('asked-a', says('done', { ok: 'found' }));
    await world.work('a');
    const [made, asked] = world.calls;
    expect(made?.request.headers['x-once']).toMatch(written);
    expect(asked?.request.headers['x-key']).toBe(made?.request.headers['x-once']);
    expect(asked?.request.headers).not.toHaveProperty('x-once');
  });
});

describe('a schema of a step', () => {
  it('that waits for something checks what a lookup finds, too', async () => {
    const response = z.object({ ok: z.string() }).refine(async ({ ok }) => ok === 'found');
    const world = await openWorld(askedChain({ response }));
    const key = await world.begin();
    world.answers('a', timedOut);
    world.answers('asked-a', says('done', { ok: 'lost' }));
    await world.work('a');
    expect(await lookupIn(world, key)).toMatchObject({ status: 'failed', error: { code: 'REPLY_INVALID' } });
  });
});
