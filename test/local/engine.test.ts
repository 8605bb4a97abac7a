import { afterEach, describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import type { ChainDefinition } from '../../lib/chain/definition.ts';
import { chain, target } from '../../lib/chain/index.ts';
import { LIMITS } from '../../lib/contract/limits.ts';
import { resume } from '../../lib/engine/operations/change.ts';
import { get } from '../../lib/engine/operations/read.ts';
import { start } from '../../lib/engine/operations/start.ts';
import type { HttpOutcome } from '../../lib/engine/ports.ts';
import { type LocalEngine, startLocalEngine } from '../../lib/local/engine.ts';
import { comeToRest, DIAMOND, reply, testPorts } from './engine-support.ts';

const TENANT = 'default';
const MINUTE = LIMITS.reconcileInterval * 1_000;
const stepQueue = (step: string) => ({ chain: 'diamond', step, kind: 'step' }) as const;
const deadLetters = (step: string) => ({ chain: 'diamond', step, kind: 'deadLetter' }) as const;

const started: LocalEngine[] = [];
afterEach(async () => {
  for (const engine of started.splice(0)) await engine.stop();
});

/** An engine over a store in memory; `again` starts another one on the same store, as after a kill. */
async function world(chains: readonly ChainDefinition[] = [DIAMOND]) {
  const ports = await testPorts();
  const begin = async (): Promise<LocalEngine> => {
    const engine = await startLocalEngine({ chains, ...ports, leftover: ports.store });
    started.push(engine);
    return engine;
  };
  const engine = await begin();
  const order = async (of: LocalEngine = engine): Promise<string> => {
    const [first = DIAMOND] = of.service.chains.current;
    const payload = { card: '4242424242424242' };
    return (await start(of.service, first, { tenant: TENANT, payload })).workflowId;
  };
  const show = (workflowId: string, of: LocalEngine = engine) =>
    get(of.service, { tenant: TENANT, workflowId }, true);
  const rest = () => comeToRest(ports.clock);
  return { ...ports, engine, begin, order, show, rest };
}

/** An answer that comes when the test says so. */
function later(): { readonly answer: Promise<HttpOutcome>; give(outcome: HttpOutcome): void } {
  let give = (_: HttpOutcome): void => undefined;
  const answer = new Promise<HttpOutcome>((resolve) => {
    give = resolve;
  });
  return { answer, give: (outcome) => give(outcome) };
}

describe('the engine of one process', () => {
  it('runs an order from its start to its end, each step after those before it', async () => {
    const { order, show, rest, http, engine, events, clock } = await world();
    const id = await order();
    await rest();
    expect(await show(id)).toMatchObject({
      status: 'completed',
      steps: { a: 'completed', b: 'completed', c: 'completed', d: 'completed' },
      id: 'id of /d',
    });
    expect(http.called).toEqual(['/a', '/b', '/c', '/d']);
    expect(http.requests[0]).toMatchObject({
      body: '{"card":"4242424242424242"}',
      headers: { 'idempotency-key': `${id}:a:do:0` },
    });
    expect(events.map(({ event }) => event)).toContain('workflow_completed');
    // The second message for d, from the branch that ended last, stays hidden as long as d might have run.
    await clock.advance(MINUTE);
    for (const { name } of DIAMOND.steps) {
      expect(engine.queues.depth(stepQueue(name))).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
    }
  });

  it('runs many orders at a time, each once', async () => {
    const { order, show, rest, http } = await world();
    const ids = await Promise.all(Array.from({ length: 50 }, () => order()));
    for (let times = 0; times < 5; times += 1) await rest();
    const shown = await Promise.all(ids.map((id) => show(id)));
    expect(shown.map(({ status }) => status)).toEqual(ids.map(() => 'completed'));
    expect(http.called).toHaveLength(200);
    expect(new Set(http.requests.map(({ headers }) => headers['idempotency-key'])).size).toBe(200);
  });

  it('tries a step again when its time has come, and not before', async () => {
    const { order, show, rest, http, clock } = await world();
    http.answer('/a', { kind: 'reply', status: 503, body: 'busy', headers: { 'retry-after': '30' } });
    const id = await order();
    await rest();
    await clock.advance(29_999);
    expect(http.called).toEqual(['/a']);
    expect(await show(id)).toMatchObject({ retrying: { a: { attempt: 1, attempts: 3 } } });
    await clock.advance(1);
    await rest();
    expect(http.called).toEqual(['/a', '/a', '/b', '/c', '/d']);
  });

  it('brings the dead letter of a step that fails to the step-failed handler, which tells on-call once', async () => {
    const { order, show, rest, http, engine, notifications } = await world();
    http.answer('/b', reply(400, 'no such thing'));
    const id = await order();
    await rest();
    expect(await show(id)).toMatchObject({
      status: 'failed',
      error: { step: 'b', code: 'REFUSED', httpStatus: 400 },
      steps: { a: 'completed', b: 'failed', c: 'completed', d: 'pending' },
    });
    expect(notifications).toMatchObject([{ id: `${id}:0:failed`, step: 'b', count: 1 }]);
    expect(engine.queues.depth(deadLetters('b'))).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
  });

  it('brings what a queue gave up to the step-failed handler at the next run of the reconciler', async () => {
    const { order, show, rest, engine } = await world();
    const id = await order();
    await rest();
    const message = { tenant: TENANT, workflowId: id, chain: 'diamond', version: 1, step: 'a' };
    engine.queues.inject(deadLetters('a'), JSON.stringify({ ...message, action: 'do', epoch: 0, trip: 0 }));
    engine.queues.inject(deadLetters('b'), 'no message');
    await rest();
    expect(engine.queues.depth(deadLetters('a')).visible).toBe(1);
    await engine.reconcile();
    await rest();
    for (const step of ['a', 'b']) {
      expect(engine.queues.depth(deadLetters(step))).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
    }
    expect(engine.queues.depth({ kind: 'stepFailed' })).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
    expect(engine.queues.contents({ kind: 'parking' })).toEqual(['no message']);
    expect(await show(id)).toMatchObject({ status: 'completed' });
  });

  it('goes on from the failed step after a resume', async () => {
    const { order, show, rest, http, engine } = await world();
    http.answer('/b', reply(400, 'not yet'));
    const id = await order();
    await rest();
    await resume(engine.service, { tenant: TENANT, workflowId: id });
    await rest();
    expect(await show(id)).toMatchObject({ status: 'completed' });
    expect(http.called).toEqual(['/a', '/b', '/c', '/b', '/d']);
  });

  it('parks a message that cannot be read, and goes on', async () => {
    const { order, show, rest, engine, events } = await world();
    const message = JSON.parse('{"tenant":"default"}');
    await engine.queues.send([{ to: stepQueue('a'), message }]);
    const id = await order();
    await rest();
    expect(engine.queues.contents({ kind: 'parking' })).toEqual(['{"tenant":"default"}']);
    expect(events).toContainEqual(expect.objectContaining({ event: 'message_parked', queue: 'diamond_a' }));
    expect(await show(id)).toMatchObject({ status: 'completed' });
  });

  it('takes at most as many messages of a step at a time as the step says', async () => {
    const narrow = chain('diamond', { version: 1, start: '/api/diamond', input: z.object({}) }).step('a', {
      request: () => target('api').post('/a'),
      concurrency: 2,
    }).definition;
    const { order, rest, http } = await world([narrow]);
    const gates = [later(), later(), later()];
    http.answer('/a', ...gates.map(({ answer }) => answer));
    for (let times = 0; times < 3; times += 1) await order();
    await rest();
    expect(http.called).toHaveLength(2);
    gates[0]?.give(reply(200));
    await rest();
    expect(http.called).toHaveLength(3);
    for (const { give } of gates) give(reply(200));
    await rest();
  });
});

describe('two versions of a chain', () => {
  const version = (number: number, path: `/${string}`) =>
    chain('diamond', { version: number, start: '/api/diamond', input: z.object({ card: z.string() }) })
      .step('a', { request: () => target('api').post(path), timeout: number })
      .step(number === 1 ? 'old' : 'new', { request: () => target('api').post(`${path}2`) }).definition;

  it('share the queues of steps with the same name, and each runs as it was defined', async () => {
    const { store, rest, http, clock, ...others } = await world([version(1, '/v1')]);
    const gate = later();
    http.answer('/v1', gate.answer);
    const old = await others.order();
    await rest();
    // The process is replaced by one that knows the newer version too.
    const next = await startLocalEngine({
      ...others,
      chains: [version(2, '/v2'), version(1, '/v1')],
      store,
      http,
      clock,
      leftover: store,
    });
    started.push(next);
    const young = await others.order(next);
    await rest();
    expect(await others.show(young, next)).toMatchObject({
      status: 'completed',
      steps: { a: 'completed', new: 'completed' },
    });
    expect(await others.show(old, next)).toMatchObject({
      status: 'completed',
      steps: { a: 'completed', old: 'completed' },
    });
    expect(http.called.sort()).toEqual(['/v1', '/v1', '/v12', '/v2', '/v22']);
    gate.give(reply(200));
    await rest();
  });

  it('take the settings of the newest one', async () => {
    const { engine, rest, http, clock, order } = await world([version(30, '/v30'), version(5, '/v5')]);
    const gate = later();
    http.answer('/v30', gate.answer);
    await order();
    await rest();
    // 30 s for the call and 15 s for the rest; the message itself stays hidden for six times that.
    await clock.advance(6 * 45_000 - 1_000);
    expect(engine.queues.depth(stepQueue('a'))).toMatchObject({ visible: 0, inFlight: 1 });
    gate.give(reply(200));
    await rest();
  });
});

describe('stopping', () => {
  it('waits for running calls, saves what they did, and takes no more messages', async () => {
    const { engine, order, rest, http, store } = await world();
    const gate = later();
    http.answer('/a', gate.answer);
    const workflowId = await order();
    await rest();
    let stopped = false;
    const stopping = engine.stop().then(() => {
      stopped = true;
    });
    await rest();
    expect(stopped).toBe(false);
    gate.give(reply(200));
    await stopping;
    const state = await store.load({ tenant: TENANT, workflowId });
    expect([...(state?.steps.values() ?? [])]).toMatchObject([{ step: 'a', status: 'completed' }]);
    expect(http.called).toEqual(['/a']);
  });

  it('leaves the rest to the next start', async () => {
    const { engine, begin, order, rest, http, show } = await world();
    const gate = later();
    http.answer('/a', gate.answer);
    const id = await order();
    await rest();
    gate.give(reply(200));
    await engine.stop();
    const next = await begin();
    expect(next.recovered).toEqual({ goOn: 1, wait: [] });
    await rest();
    expect(await show(id, next)).toMatchObject({ status: 'completed' });
    expect(http.called).toEqual(['/a', '/b', '/c', '/d']);
  });

  it('waits for the step-failed handler too', async () => {
    const { engine, order, rest, http, notifier, store } = await world();
    let tell = (): void => undefined;
    vi.spyOn(notifier, 'notify').mockImplementation(
      () =>
        new Promise<void>((resolve) => {
          tell = resolve;
        }),
    );
    http.answer('/a', reply(400, 'no'));
    const workflowId = await order();
    await rest();
    let stopped = false;
    const stopping = engine.stop().then(() => {
      stopped = true;
    });
    await rest();
    expect(stopped).toBe(false);
    tell();
    await stopping;
    expect((await store.load({ tenant: TENANT, workflowId }))?.meta).not.toHaveProperty('notify');
  });

  it('ends the timers, those of hidden messages too: nothing happens any more', async () => {
    const { engine, clock, order, rest, http } = await world();
    http.answer('/a', { kind: 'reply', status: 503, body: 'busy', headers: { 'retry-after': '30' } });
    await order();
    await rest();
    await engine.stop();
    expect(clock.waiting).toBe(0);
    await clock.advance(5 * MINUTE);
    expect(http.called).toEqual(['/a']);
  });

  it('waits for a run of the reconciler', async () => {
    const { engine, clock, store, rest } = await world();
    let go = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    vi.spyOn(store, 'listDue').mockImplementation(async () => {
      await gate;
      return [];
    });
    await clock.advance(MINUTE);
    let stopped = false;
    const stopping = engine.stop().then(() => {
      stopped = true;
    });
    await rest();
    expect(stopped).toBe(false);
    go();
    await stopping;
    expect(clock.waiting).toBe(0);
  });
});

describe('killed and started again, the engine', () => {
  it('finishes what was running, and counts no attempt for it', async () => {
    const { begin, order, rest, http, show } = await world();
    const hanging = later();
    // As often as the step may be tried at all, and more.
    http.answer('/a', ...Array.from({ length: 4 }, () => hanging.answer));
    const id = await order();
    await rest();
    let next = await begin();
    for (let kills = 1; kills < 4; kills += 1) {
      await rest();
      next = await begin();
    }
    await rest();
    const { timeline, ...shown } = await show(id, next);
    expect(shown).toMatchObject({ status: 'completed' });
    const outcomes = timeline
      ?.filter(({ step }) => step === 'a')
      .map(({ attempt, outcome }) => [attempt, outcome]);
    expect(outcomes).toEqual([...Array.from({ length: 4 }, () => [1, 'interrupted']), [1, 'completed']]);
    expect(new Set(http.requests.slice(0, 5).map(({ headers }) => headers['idempotency-key'])).size).toBe(1);
    hanging.give(reply(200));
    await rest();
  });

  it('has a step that waits for its next attempt wait on', async () => {
    const { engine, begin, order, rest, http, show, clock } = await world();
    http.answer('/a', { kind: 'reply', status: 503, body: 'busy', headers: { 'retry-after': '30' } });
    const id = await order();
    await rest();
    await engine.stop();
    const next = await begin();
    await rest();
    await clock.advance(29_000);
    expect(http.called).toEqual(['/a']);
    await clock.advance(1_000);
    await rest();
    expect(await show(id, next)).toMatchObject({ status: 'completed' });
  });

  it('tells on-call of a failure that was saved and not told', async () => {
    const { engine, begin, order, rest, clock, http, notifier, notifications } = await world();
    const notify = vi.spyOn(notifier, 'notify').mockRejectedValue(new Error('the terminal is gone'));
    http.answer('/a', reply(400, 'no'));
    const id = await order();
    await rest();
    await engine.stop();
    expect(notifications).toEqual([]);
    notify.mockRestore();
    await begin();
    await clock.advance(2 * MINUTE);
    expect(notifications).toMatchObject([{ id: `${id}:0:failed` }]);
  });

  it('has nothing to put back where all is finished', async () => {
    const { engine, begin, order, rest } = await world();
    await order();
    await rest();
    await engine.stop();
    expect((await begin()).recovered.goOn).toBe(0);
  });
});

describe('the reconciler', () => {
  it('runs every minute', async () => {
    const { clock, events } = await world();
    const rounds = () => events.filter(({ event }) => event === 'most_overdue').length;
    await clock.advance(MINUTE - 1);
    expect(rounds()).toBe(0);
    await clock.advance(1);
    expect(rounds()).toBe(1);
    await clock.advance(2 * MINUTE);
    expect(rounds()).toBe(3);
  });

  it('runs again after a run that failed, which is told', async () => {
    const { clock, events, store } = await world();
    const broken = vi.spyOn(store, 'listDue').mockRejectedValue(new Error('the table is gone'));
    await clock.advance(MINUTE);
    expect(events).toEqual([
      { event: 'unexpected_error', where: 'reconciler', message: 'the table is gone' },
    ]);
    broken.mockRestore();
    await clock.advance(MINUTE);
    expect(events.slice(1).map(({ event }) => event)).toEqual(['most_overdue', 'oldest_unclaimed']);
  });

  it('sends a message again that was lost, once the first step should have been done', async () => {
    const { engine, order, show, rest, http, clock, events } = await world();
    const { queues } = engine;
    const lose = queues.onVisible(stepQueue('b'), () => {
      for (const { receiptHandle } of queues.receive(stepQueue('b'), 10)) {
        queues.acknowledge(stepQueue('b'), receiptHandle);
      }
    });
    const id = await order();
    await rest();
    lose();
    expect(http.called).toEqual(['/a', '/c']);
    await clock.advance(MINUTE - 1);
    expect(http.called).toEqual(['/a', '/c']);
    await clock.advance(1);
    await rest();
    expect(await show(id)).toMatchObject({ status: 'completed' });
    expect(http.called).toEqual(['/a', '/c', '/b', '/d']);
    expect(events).toContainEqual(
      expect.objectContaining({ event: 'repaired', step: 'b', repair: 'the step was never claimed' }),
    );
  });

  it('runs when it is asked to, besides', async () => {
    const { engine, events } = await world();
    await engine.reconcile();
    expect(events).toEqual([
      { event: 'most_overdue', ratio: 0 },
      { event: 'oldest_unclaimed', ageMs: 0 },
    ]);
  });
});
