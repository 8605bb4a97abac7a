import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { chain, done, notDone, target, unknown } from '../../lib/chain/index.ts';
import { answer, broken, everyFault, type FakeCall, fakeTarget, testChain } from '../../lib/testing/index.ts';
import { messageOf, shop } from './fixtures.ts';

const RENTED = z.object({ id: z.string() });
const base = { version: 1, start: '/api/rent', input: z.strictObject({}) };
const UNSURE = z.object({ unsure: z.literal(true) });

/** A car that is rented, and what the shop says of it that is asked by the key. */
const renting = (onFailure: 'undo' | 'stop' = 'stop', from = shop) =>
  chain('renting', { ...base, onFailure })
    .step('car', {
      request: ({ idempotencyKey }) => from.post('/cars', { reference: idempotencyKey }),
      response: RENTED,
      retries: 1,
      lateBy: 30,
      lookup: {
        request: ({ idempotencyKey }) => from.get('/cars', { query: { of: idempotencyKey } }),
        reply: ({ status, body }) =>
          status === 404 ? notDone() : UNSURE.safeParse(body).success ? unknown() : done(body),
        retries: 1,
      },
      undo: { request: ({ undone }) => from.post('/returns', { key: undone.idempotencyKey }) },
    })
    .step('note', { request: ({ results }) => from.post('/notes', { car: results.car.id }), retries: 1 })
    .output(({ results }) => ({ id: results.car?.id ?? null }));

const truth = ({ query, answered }: FakeCall) => answered(query.of) ?? answer(404);
const cars = { 'POST /cars': { id: 'c-1' }, 'POST /returns': answer(204), 'POST /notes': answer(204) };
const shopWith = (fakes: object) => ({ shop: { ...cars, ...fakes } });

describe('a workflow of a test whose step is in doubt', () => {
  it('completes with what its lookup finds, by a call that says that it is one', async () => {
    const targets = shopWith({ 'POST /cars': () => broken(), 'GET /cars': { id: 'c-7' } });
    const run = await testChain(renting(), { targets });
    expect(await run.until('completed')).toMatchObject({ id: 'c-7' });
    const lookup = run.calls[2];
    expect(lookup).toMatchObject({ step: 'car', action: 'lookup', method: 'GET', path: '/cars', attempt: 1 });
    expect(lookup?.query.of).toBe(run.calls[0]?.idempotencyKey);
    expect(lookup?.idempotencyKey).toBeUndefined();
  });

  it('is asked for until it is late enough, in virtual time', async () => {
    const targets = shopWith({ 'POST /cars': answer(503), 'GET /cars': answer(404) });
    const run = await testChain(renting(), { targets });
    expect(await run.until('failed')).toMatchObject({ error: { step: 'car', effect: 'none' } });
    const [, second, early, late] = run.calls.map(({ at }) => Date.parse(at));
    expect(early).toBeLessThan((second ?? 0) + 60_000);
    // The timeout of the call, and lateBy.
    expect(late).toBeGreaterThanOrEqual((second ?? 0) + 60_000);
  });

  it('is told of by what the target answered under the key', async () => {
    const seen: unknown[] = [];
    const asked = (call: FakeCall) => {
      seen.push(call.answered(call.query.of), call.answered('another'), call.answered(undefined));
      return answer(403);
    };
    const wrong = ({ attempt }: FakeCall) => (attempt === 1 ? answer(503) : answer(200, { wrong: true }));
    const run = await testChain(renting(), {
      targets: shopWith({ 'POST /cars': wrong, 'GET /cars': asked }),
    });
    expect(await run.until('failed')).toMatchObject({ error: { effect: 'unknown' } });
    expect(seen).toEqual([answer(200, { wrong: true }), undefined, undefined]);
    expect(await messageOf(run.until('completed'))).toContain('GET /cars (lookup of car, 1.)');
  });

  it('misses a fake for its lookup, and is told which', async () => {
    const run = await testChain(renting(), { targets: shopWith({ 'POST /cars': () => broken() }) });
    expect(await messageOf(run.until('completed'))).toContain(
      `no fake answers GET /cars of target "shop" (the lookup of step "car"). It has 'POST /cars', 'POST /returns', 'POST /notes'. Write targets: { shop: { 'GET /cars': () => answer(200, { … }) } }`,
    );
  });

  it('may ask another target than it calls, and undo at a third', async () => {
    const [books, office] = [target('books'), target('office')];
    const spread = chain('spread', { ...base, onFailure: 'undo' })
      .step('car', {
        request: () => shop.post('/cars'),
        retries: 0,
        lateBy: 0,
        lookup: {
          request: ({ idempotencyKey }) => books.post('/search', { of: idempotencyKey }),
          reply: ({ body }) => (body === 'yes' ? done() : notDone()),
        },
        undo: { request: () => office.post('/returns') },
      })
      .step('note', { request: () => shop.post('/notes'), retries: 0 }).definition;
    const targets = {
      shop: { 'POST /cars': () => broken(), 'POST /notes': answer(422) },
      books: { 'POST /search': 'yes' },
      office: { 'POST /returns': answer(204) },
    };
    const run = await testChain(spread, { targets });
    await run.until('compensated');
    expect(run.calls.map(({ path }) => path)).toEqual(['/cars', '/search', '/notes', '/returns']);
  });
});

describe('every fault of a chain with a lookup', () => {
  const everyFaultOf = (fakes: object, definition = renting()) =>
    everyFault(definition, { targets: shopWith(fakes) });

  it('strikes the lookups too that a fault brings about', async () => {
    const { plans, moments, completed, cancelled } = await everyFaultOf({ 'GET /cars': truth });
    expect(plans).toBeGreaterThan(moments);
    expect(completed + cancelled).toBe(plans);
  });

  /** One step, whose lookup is a POST. */
  const searching = (response: { readonly response?: z.ZodType }) =>
    chain('searching', base).step('car', {
      request: () => shop.post('/cars'),
      ...response,
      retries: 0,
      lookup: {
        request: ({ idempotencyKey }) => shop.post('/search', { of: idempotencyKey }),
        reply: ({ status, body }) => (status === 404 ? notDone() : done(body)),
      },
    }).definition;

  it('takes it for no effect, whatever its method is', async () => {
    const search = ({ fields, answered }: FakeCall) => answered(fields.of) ?? answer(404);
    const targets = { shop: fakeTarget({ header: 'idempotency-key' }, { ...cars, 'POST /search': search }) };
    const { completed, cancelled, plans } = await everyFault(searching({ response: RENTED }), { targets });
    expect(completed + cancelled).toBe(plans);
    // Without a schema whatever is answered counts as done.
    expect(await messageOf(everyFault(searching({}), { targets }))).toMatch(
      /asked by a lookup, answers nonsense \(moment \d+\): the workflow completed, and the effect of step "car" never happened/,
    );
  });

  it('goes on with what a person says where the target cannot tell', async () => {
    const { resumed } = await everyFaultOf({ 'GET /cars': { unsure: true } });
    expect(resumed).toBeGreaterThan(3);
    const { compensated } = await everyFaultOf({ 'GET /cars': { unsure: true } }, renting('undo'));
    expect(compensated).toBeGreaterThan(0);
  });

  it('leaves nothing standing where what failed is taken back', async () => {
    const { compensated } = await everyFaultOf({ 'GET /cars': truth }, renting('undo'));
    expect(compensated).toBeGreaterThan(0);
  });

  it('goes on at a target that takes no keys', async () => {
    const keyless = target('shop', { idempotency: 'none' });
    await everyFaultOf({ 'GET /cars': truth }, renting('stop', keyless));
  });

  it('finds a lookup that says of what was done that it was not', async () => {
    expect(await messageOf(everyFaultOf({ 'GET /cars': answer(404) }))).toMatch(
      /^renting, where the target "shop" acts and .* \(moment \d+\): the effect of step "car" happened twice/,
    );
  });

  it('finds a lookup that says of what was not done that it was', async () => {
    expect(await messageOf(everyFaultOf({ 'GET /cars': { id: 'c-1' } }))).toMatch(
      /^renting, where .*: the workflow completed, and the effect of step "car" never happened/,
    );
  });
});
