import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { shapeHash } from '../../../lib/chain/shape.ts';
import { WORKFLOW_ID } from '../../../lib/contract/wire.ts';
import { cancel } from '../../../lib/engine/operations/change.ts';
import { start } from '../../../lib/engine/operations/start.ts';
import { ProblemError } from '../../../lib/engine/problems.ts';
import { DAY } from '../../ports/store/fixtures.ts';
import { GRAPHS } from '../fixtures.ts';
import { CARD, eventsOf, INPUT, openWorld, requestChain, status, TENANT } from '../world.ts';

const LINE = requestChain(GRAPHS.line);

describe('a start', () => {
  it('saves the workflow, queues its first steps, and answers at once', async () => {
    const world = await openWorld(requestChain(GRAPHS.join, {}, { keepDays: 7 }));
    const answer = await start(world.engine, world.chain, { tenant: TENANT, payload: INPUT });
    expect(answer).toEqual({ workflowId: expect.stringMatching(WORKFLOW_ID), status: 'processing' });
    const now = world.clock.now();
    const meta = await world.meta({ tenant: TENANT, workflowId: answer.workflowId });
    expect(meta).toEqual({
      tenant: TENANT,
      workflowId: answer.workflowId,
      chain: 'order-processing',
      version: 1,
      shape: shapeHash(world.chain),
      status: 'processing',
      epoch: 0,
      input: INPUT,
      requestKey: expect.any(String),
      nonce: expect.any(String),
      createdAt: now,
      updatedAt: now,
      // The first steps take 30 s each, with a margin of 15 s.
      dueAt: now + 45_000,
      expiresAt: now + 7 * DAY,
    });
    expect(world.visible('a')).toMatchObject([{ workflowId: answer.workflowId, epoch: 0, trip: 0 }]);
    expect(world.visible('b')).toHaveLength(1);
    expect(world.visible('c')).toEqual([]);
    expect(world.calls).toEqual([]);
    expect(eventsOf(world, 'workflow_started')).toHaveLength(1);
  });

  it('saves that it is taken back if it fails, where its chain says so', async () => {
    const undo = { request: () => ({ target: 'shop', method: 'POST', path: '/undo' }) };
    const world = await openWorld(requestChain({ a: [] }, { undo }, { onFailure: 'undo' }));
    expect((await world.meta(await world.begin())).onFailure).toBe('undo');
  });

  it('gives each workflow an id and a nonce of its own', async () => {
    const world = await openWorld(LINE);
    const [one, other] = [await world.begin(), await world.begin()];
    expect(one.workflowId).not.toBe(other.workflowId);
    expect((await world.meta(one)).nonce).not.toBe((await world.meta(other)).nonce);
  });

  it('saves the input as the schema parses it', async () => {
    const input = z.object({ amount: z.number().default(1) });
    const world = await openWorld(requestChain({ a: [] }, {}, { input, sensitive: [] }));
    const key = await world.begin({ payload: { undeclared: true } });
    expect((await world.meta(key)).input).toEqual({ amount: 1 });
  });

  it('whose create reply was lost is still its own: one workflow, its steps queued once', async () => {
    const world = await openWorld(LINE);
    world.faults.next('create', { lose: true });
    const key = await world.begin();
    expect(await world.meta(key)).toMatchObject({ status: 'processing' });
    expect(world.visible('a')).toHaveLength(1);
    expect(eventsOf(world, 'workflow_started')).toHaveLength(1);
  });

  it('with an Idempotency-Key whose create reply was lost is still its own', async () => {
    const world = await openWorld(LINE);
    world.faults.next('create', { lose: true });
    await world.begin({ idempotencyKey: 'k' });
    expect(world.visible('a')).toHaveLength(1);
    expect(eventsOf(world, 'workflow_started')).toHaveLength(1);
  });

  // Found by the simulator (seed 1036882), and over the real adapters (seeds 889 and 1062).
  it('without a key that was cancelled before its create was repeated says so, and queues nothing', async () => {
    const world = await openWorld(LINE);
    const cancelled = async (): Promise<void> => {
      const { workflows } = await world.engine.ports.store.list({ tenant: TENANT, limit: 1 });
      for (const { workflowId } of workflows) await cancel(world.engine, { tenant: TENANT, workflowId });
    };
    world.faults.next('create', { lose: true, after: cancelled });
    const answer = await start(world.engine, world.chain, { tenant: TENANT, payload: INPUT });
    expect(answer).toEqual({ workflowId: expect.stringMatching(WORKFLOW_ID), status: 'cancelled' });
    expect(world.visible('a')).toEqual([]);
    expect(eventsOf(world, 'workflow_started')).toHaveLength(1);
  });

  it('that could not be saved promises nothing and queues nothing', async () => {
    const world = await openWorld(LINE);
    world.faults.next('create', { fail: true }, { fail: true });
    await expect(world.begin()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(world.visible('a')).toEqual([]);
    expect(world.events).toEqual([]);
  });

  it('whose send failed still answers: the reconciler sends', async () => {
    const world = await openWorld(LINE);
    world.faults.next('send', { fail: true });
    const key = await world.begin();
    expect(await world.meta(key)).toMatchObject({ status: 'processing', dueAt: expect.any(Number) });
    expect(world.visible('a')).toEqual([]);
    expect(eventsOf(world, 'unexpected_error')).toMatchObject([
      { where: 'send', workflowId: key.workflowId },
    ]);
  });
});

describe('a start that is refused', () => {
  const refusal = async (payload: unknown) => {
    const world = await openWorld(LINE);
    const problem = await world.begin({ payload }).catch((error: unknown) => error);
    expect(world.faults.log).toEqual([]);
    return problem;
  };

  const fieldsOf = (problem: unknown) =>
    problem instanceof ProblemError ? problem.errors.map(({ field }) => field) : problem;

  it('names each field', async () => {
    expect(await refusal({ amount: 'much', car: 'typo' })).toMatchObject({
      code: 'INVALID_REQUEST',
      errors: [
        { field: 'card', message: expect.any(String) },
        { field: 'amount', message: expect.any(String) },
        { field: 'car', message: 'Unknown field' },
      ],
    });
  });

  it.each([undefined, null, 7, 'text', []])('names the body where it is %j', async (payload) => {
    expect(await refusal(payload)).toMatchObject({
      code: 'INVALID_REQUEST',
      errors: [{ field: '(body)', message: expect.any(String) }],
    });
  });

  it('names a field inside a field by its path', async () => {
    const input = z.strictObject({ list: z.array(z.strictObject({ n: z.number() })) });
    const world = await openWorld(requestChain({ a: [] }, {}, { input, sensitive: [] }));
    await expect(world.begin({ payload: { list: [{ n: 1 }, { n: '2', m: 3 }] } })).rejects.toMatchObject({
      errors: [{ field: 'list.1.n' }, { field: 'list.1.m' }],
    });
  });

  it('names the first hundred of many fields, and says that there are more', async () => {
    const many = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, at) => [`field${at}`, at]));
    const named = async (count: number) => fieldsOf(await refusal({ ...INPUT, ...many(count) }));
    expect(await named(100)).toEqual(Object.keys(many(100)));
    expect(await named(101)).toEqual([...Object.keys(many(100)), '(body)']);
    expect(await named(5_000)).toEqual([...Object.keys(many(100)), '(body)']);
  });

  it('names a field by the beginning of a name that is far too long, and never by half a character', async () => {
    expect(fieldsOf(await refusal({ ...INPUT, ['k'.repeat(10_000)]: 1 }))).toEqual(['k'.repeat(200)]);
    expect(fieldsOf(await refusal({ ...INPUT, [`k${'\u{1f69a}'.repeat(200)}`]: 1 }))).toEqual([
      `k${'\u{1f69a}'.repeat(99)}\ufffd`,
    ]);
  });

  it('is a problem document with status and code', async () => {
    const problem = await refusal({});
    expect(problem).toHaveProperty('problem', {
      type: 'urn:stepline:problem:invalid-request',
      title: 'The request is not valid',
      status: 400,
      detail: 'the body does not fit the input of order-processing; see errors',
      code: 'INVALID_REQUEST',
      errors: [expect.objectContaining({ field: 'card' }), expect.objectContaining({ field: 'amount' })],
    });
  });

  it('never shows what was sent in a sensitive field', async () => {
    const problem = await refusal({ card: { number: CARD }, amount: 5 });
    expect(JSON.stringify(problem)).not.toContain(CARD);
  });

  it('because its input is above 128 KB of JSON; up to that it is taken', async () => {
    const limit = 128 * 1_024;
    // {"card":"","amount":5} has 22 bytes of its own.
    const fits = 'x'.repeat(limit - 22);
    expect(await refusal({ card: `${fits}x`, amount: 5 })).toMatchObject({
      code: 'TOO_LARGE',
      problem: { status: 413 },
    });
    expect(await refusal({ card: 'ü'.repeat(limit / 2), amount: 5 })).toMatchObject({ code: 'TOO_LARGE' });
    const world = await openWorld(LINE);
    await expect(world.begin({ payload: { card: fits, amount: 5 } })).resolves.toBeDefined();
  });
});

describe('a start that is repeated under its Idempotency-Key', () => {
  const again = { idempotencyKey: 'order 17' };

  it('is the same workflow, with its fields in any order, and is not begun twice', async () => {
    const world = await openWorld(LINE);
    const first = await world.begin(again);
    await world.run();
    const second = await world.begin({ ...again, payload: { amount: 5, card: CARD } });
    await world.run();
    expect(second).toEqual(first);
    expect(world.called()).toBe('a b c');
    expect(eventsOf(world, 'workflow_started')).toHaveLength(1);
  });

  it('answers with the current status', async () => {
    const world = await openWorld(LINE);
    const ask = () => start(world.engine, LINE, { tenant: TENANT, payload: INPUT, ...again });
    expect((await ask()).status).toBe('processing');
    world.answers('a', status(402));
    await world.run();
    expect((await ask()).status).toBe('failed');
  });

  it('queues the first steps again while nothing has begun, and makes no second call', async () => {
    const world = await openWorld(LINE);
    world.faults.next('send', { fail: true });
    await world.begin(again);
    expect(world.visible('a')).toEqual([]);
    await world.begin(again);
    expect(world.visible('a')).toHaveLength(1);
    await world.begin(again);
    await world.run();
    expect(world.called()).toBe('a b c');
  });

  it('queues nothing once a step has begun, or the workflow is no longer processing', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin(again);
    await world.work('a');
    await world.begin(again);
    expect(world.visible('a')).toEqual([]);
    await cancel(world.engine, key);
    await world.begin(again);
    expect(world.visible('a')).toEqual([]);
  });

  it('queues nothing for a workflow that is cancelled meanwhile, and says so', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin(again);
    world.loseMessages();
    world.faults.next('load', { before: () => cancel(world.engine, key) });
    expect(await start(world.engine, LINE, { tenant: TENANT, payload: INPUT, ...again })).toEqual({
      workflowId: key.workflowId,
      status: 'cancelled',
    });
    expect(world.queued()).toBe('');
  });

  it('with another payload is refused, whichever field differs', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin(again);
    const before = await world.meta(key);
    for (const payload of [
      { ...INPUT, amount: 6 },
      { ...INPUT, card: '4000' },
    ]) {
      await expect(world.begin({ ...again, payload })).rejects.toMatchObject({
        code: 'KEY_REUSED',
        problem: { status: 422, errors: [{ field: 'Idempotency-Key' }] },
      });
    }
    expect(await world.meta(key)).toEqual(before);
  });

  it('is recognised after the workflow completed, by what is not sensitive', async () => {
    const world = await openWorld(LINE);
    const key = await world.begin(again);
    await world.run();
    expect(await world.begin(again)).toEqual(key);
    await expect(world.begin({ ...again, payload: { ...INPUT, amount: 6 } })).rejects.toMatchObject({
      code: 'KEY_REUSED',
    });
  });

  it('at the same time is one workflow', async () => {
    const world = await openWorld(LINE);
    const keys = await Promise.all(Array.from({ length: 10 }, () => world.begin(again)));
    expect(new Set(keys.map(({ workflowId }) => workflowId)).size).toBe(1);
    expect(eventsOf(world, 'workflow_started')).toHaveLength(1);
    await world.run();
    expect(world.called()).toBe('a b c');
  });

  it('at the same time with two payloads is one workflow and one refusal', async () => {
    const world = await openWorld(LINE);
    const ended = await Promise.allSettled([
      world.begin(again),
      world.begin({ ...again, payload: { ...INPUT, amount: 6 } }),
    ]);
    expect(ended.map((one) => one.status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  it('is another workflow for another tenant, another chain or another key', async () => {
    const other = requestChain(GRAPHS.line, {}, { start: '/api/other' });
    const world = await openWorld(LINE, { ...other, name: 'other' });
    const ids = [
      await world.begin(again),
      await world.begin({ ...again, tenant: 'umbrella' }),
      await world.begin({ idempotencyKey: 'order 18' }),
      await start(world.engine, { ...other, name: 'other' }, { tenant: TENANT, payload: INPUT, ...again }),
    ].map(({ workflowId }) => workflowId);
    expect(new Set(ids).size).toBe(4);
    for (const id of ids) expect(id).toMatch(WORKFLOW_ID);
  });

  it.each(['', ':', '#', '/', ' ', '\n', '","'])(
    'is not mixed up by %j between tenant, chain and key',
    async (by) => {
      const world = await openWorld(LINE);
      const between = `${by}${LINE.name}${by}`;
      const one = await world.begin({ tenant: 'a', idempotencyKey: `b${between}c` });
      const other = await world.begin({ tenant: `a${between}b`, idempotencyKey: 'c' });
      expect(one.workflowId).not.toBe(other.workflowId);
    },
  );

  it('is still the same after a new version of the chain calls other fields sensitive', async () => {
    const next = requestChain(GRAPHS.line, {}, { version: 2, sensitive: ['card', 'amount'] });
    const world = await openWorld(LINE, next);
    const key = await world.begin(again);
    const answer = await start(world.engine, next, { tenant: TENANT, payload: INPUT, ...again });
    expect(answer).toEqual({ workflowId: key.workflowId, status: 'processing' });
  });

  describe('to a newer version of the chain', () => {
    const fields = { card: z.string(), amount: z.number() };
    const upgraded = async (input: z.ZodObject) => {
      const next = requestChain(GRAPHS.line, {}, { version: 2, input });
      const world = await openWorld(LINE, next);
      const key = await world.begin(again);
      const restart = (more: object = {}) =>
        start(world.engine, next, { tenant: TENANT, payload: INPUT, ...again, ...more });
      return { key, restart };
    };

    it.each([
      ['fills in a new field', z.strictObject({ ...fields, note: z.string().default('none') })],
      ['asks for a new field', z.strictObject({ ...fields, note: z.string() })],
    ])('that %s is the same: it was taken when the old one was new', async (_, input) => {
      const { key, restart } = await upgraded(input);
      expect(await restart()).toEqual({ workflowId: key.workflowId, status: 'processing' });
    });

    it('with another payload is refused as ever, and what no version takes as invalid', async () => {
      const { restart } = await upgraded(z.strictObject({ ...fields, note: z.string() }));
      await expect(restart({ payload: { ...INPUT, amount: 6 } })).rejects.toMatchObject({
        code: 'KEY_REUSED',
      });
      await expect(restart({ payload: { amount: 6 } })).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
      await expect(restart({ idempotencyKey: 'new' })).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
      await expect(restart({ idempotencyKey: undefined })).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    });
  });
});
