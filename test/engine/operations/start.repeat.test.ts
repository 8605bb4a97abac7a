import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import type { ChainDefinition } from '../../../lib/chain/definition.ts';
import { registry } from '../../../lib/chain/registry.ts';
import { fingerprint } from '../../../lib/engine/fingerprint.ts';
import { type StartRequest, start } from '../../../lib/engine/operations/start.ts';
import { GRAPHS } from '../fixtures.ts';
import { INPUT, openWorld, requestChain, TENANT } from '../world.ts';

const again = { idempotencyKey: 'order 17' };

const ONE = { a: [] } as const;
const chainOf = (input: z.ZodObject, more: object = {}) =>
  requestChain(ONE, {}, { input, sensitive: [], ...more });

describe('a repeat of a start is judged by what was sent', () => {
  it('and not by a default that the schema makes anew', async () => {
    const input = z.object({ amount: z.number(), id: z.string().default(randomUUID) });
    const world = await openWorld(chainOf(input));
    const key = await world.begin({ ...again, payload: { amount: 5 } });
    expect(await world.begin({ ...again, payload: { amount: 5 } })).toEqual(key);
    await world.run();
    expect(await world.begin({ ...again, payload: { amount: 5 } })).toEqual(key);
    const other = world.begin({ ...again, payload: { amount: 5, id: 'mine' } });
    await expect(other).rejects.toMatchObject({ code: 'KEY_REUSED' });
  });

  it('whatever the order of its fields, and without the fields that the schema drops', async () => {
    const world = await openWorld(chainOf(z.object({ a: z.object({ b: z.int(), c: z.int() }), d: z.int() })));
    const key = await world.begin({ ...again, payload: { a: { b: 1, c: 2 }, d: 3 } });
    expect(await world.begin({ ...again, payload: { d: 3, junk: 4, a: { c: 2, b: 1 } } })).toEqual(key);
  });

  it('with the fields that the schema keeps without naming them', async () => {
    const world = await openWorld(chainOf(z.looseObject({ d: z.int() })));
    await world.begin({ ...again, payload: { d: 3, e: 4 } });
    const other = world.begin({ ...again, payload: { d: 3, e: 5 } });
    await expect(other).rejects.toMatchObject({ code: 'KEY_REUSED' });
  });

  it('though a mended schema no longer takes it', async () => {
    const world = await openWorld(requestChain(GRAPHS.line));
    const key = await world.begin(again);
    const stricter = requestChain(
      GRAPHS.line,
      {},
      { input: z.strictObject({ card: z.string(), amount: z.number().min(100) }) },
    );
    const engine = { ...world.engine, chains: registry([stricter]) };
    const repeat = (payload: object) => start(engine, stricter, { tenant: TENANT, payload, ...again });
    expect(await repeat(INPUT)).toEqual({ workflowId: key.workflowId, status: 'processing' });
    await expect(repeat({ ...INPUT, amount: 6 })).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
  });

  it('or by what was parsed, as an earlier release kept it', async () => {
    const input = z.object({ amount: z.number(), currency: z.string().default('EUR') });
    const world = await openWorld(chainOf(input));
    const key = await world.begin({ ...again, payload: { amount: 5 } });
    const meta = await world.meta(key);
    const old = { ...meta, fingerprint: fingerprint(meta.input, []) };
    await world.engine.ports.store.writeMeta(old, { status: 'processing', epoch: 0 });
    expect(await world.begin({ ...again, payload: { amount: 5 } })).toEqual(key);
    const other = world.begin({ ...again, payload: { amount: 6 } });
    await expect(other).rejects.toMatchObject({ code: 'KEY_REUSED' });
  });
});

describe('a chain that says its start key', () => {
  const input = z.object({
    event: z.string().optional(),
    amount: z.number().optional(),
    card: z.string().default('4242'),
  });
  const keyed = (startKey: NonNullable<ChainDefinition['startKey']>) =>
    openWorld(chainOf(input, { sensitive: ['card'], startKey }));
  const byHeader = () => keyed(({ headers }) => headers['x-event-id']);
  const sent = (event: string | undefined, more: Partial<StartRequest> = {}) => ({
    payload: { amount: 1 },
    headers: { 'x-event-id': event },
    ...more,
  });

  it('begins one workflow for an event that is delivered twice, and another for another event', async () => {
    const world = await byHeader();
    const key = await world.begin(sent('evt_1'));
    expect(await world.begin(sent('evt_1'))).toEqual(key);
    expect(await world.begin(sent('evt_2'))).not.toEqual(key);
    await world.run();
    expect(world.calls).toHaveLength(2);
  });

  it('finds it in the input as well', async () => {
    const world = await keyed((context) => z.object({ event: z.string() }).parse(context.input).event);
    const key = await world.begin({ payload: { event: 'evt_1', amount: 1 } });
    expect(await world.begin({ payload: { amount: 1, event: 'evt_1' } })).toEqual(key);
  });

  it('refuses the same event with another body', async () => {
    const world = await byHeader();
    await world.begin(sent('evt_1'));
    const other = world.begin(sent('evt_1', { payload: { amount: 2 } }));
    await expect(other).rejects.toMatchObject({ code: 'KEY_REUSED', problem: { status: 422 } });
  });

  it.each([
    ['missing', undefined],
    ['empty', ''],
    ['too long', 'x'.repeat(256)],
  ])('refuses a request in which it is %s', async (_, event) => {
    const world = await byHeader();
    await expect(world.begin(sent(event))).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
      message: expect.stringContaining('takes its key from the request'),
    });
    await expect(world.begin(sent(event, again))).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    expect(world.queued()).toBe('');
  });

  it('takes an Idempotency-Key that is the same, and refuses one that differs', async () => {
    const world = await byHeader();
    const key = await world.begin(sent('evt_1'));
    expect(await world.begin(sent('evt_1', { idempotencyKey: 'evt_1' }))).toEqual(key);
    await expect(world.begin(sent('evt_1', again))).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
      errors: [{ field: 'Idempotency-Key' }],
    });
  });

  it('sees nothing sensitive', async () => {
    const seen: unknown[] = [];
    const world = await keyed((context) => {
      seen.push(context.input);
      return 'evt_1';
    });
    await world.begin({ payload: { card: '4000', amount: 1 } });
    expect(seen).toEqual([{ amount: 1 }]);
  });
});
