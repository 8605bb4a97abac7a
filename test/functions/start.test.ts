import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startHandler } from '../../functions/handlers.ts';
import type { ApiAnswer } from '../../functions/http.ts';
import { LIMITS } from '../../lib/contract/limits.ts';
import { startAnswer, stepMessage } from '../../lib/contract/wire.ts';
import { EngineError, ERROR_CODES } from '../../lib/engine/errors.ts';
import { expectNothingStarted, expectRefusal } from './refusals.ts';
import { bodyOf, ORDER, openStage, PAYMENT, request, START_PATH, type TestStage } from './stage.ts';

let stage: TestStage;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

const start = (...[changes]: Parameters<typeof request>): Promise<ApiAnswer> =>
  startHandler(stage.engine)(request(changes));
const started = async (...of: Parameters<typeof request>): Promise<string> => {
  const answer = await start(...of);
  expect(answer.statusCode).toBe(202);
  return startAnswer.parse(JSON.parse(answer.body)).workflowId;
};
const waiting = () => stage.queues.contents(PAYMENT).map((body) => stepMessage.parse(JSON.parse(body)));

/** A valid order whose JSON has exactly so many bytes. */
const orderOf = (bytes: number): string => {
  const bare = Buffer.byteLength(JSON.stringify({ ...ORDER, address: '' }));
  return JSON.stringify({ ...ORDER, address: 'x'.repeat(bytes - bare) });
};

describe('a start', () => {
  it('is answered 202 with the workflow and its place, before any target is called', async () => {
    const answer = await start({ body: ORDER });
    expect(answer.statusCode).toBe(202);
    const { workflowId, ...rest } = startAnswer.parse(JSON.parse(answer.body));
    expect(rest).toEqual({ status: 'processing' });
    expect(answer.headers).toEqual({
      'content-type': 'application/json',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      location: `/api/workflows/${workflowId}`,
    });
    expect(stage.calls).toEqual([]);
  });

  it('has saved the workflow and queued its first step by then', async () => {
    const workflowId = await started({ body: ORDER });
    const state = await stage.engine.ports.store.load({ tenant: 'default', workflowId });
    expect(state?.meta).toMatchObject({ status: 'processing', chain: 'order-processing', input: ORDER });
    expect(waiting()).toEqual([
      {
        tenant: 'default',
        workflowId,
        chain: 'order-processing',
        version: 1,
        step: 'payment',
        action: 'do',
        epoch: 0,
        trip: 0,
      },
    ]);
    expect(stage.queues.stats().sent).toBe(1);
  });

  it('queues every first step of a chain that begins with several', async () => {
    const body = { email: 'a@b.example', phone: '+4915112345678', device: 'd', text: 't' };
    await started({ rawPath: '/api/send-notifications', body });
    for (const step of ['mail', 'sms', 'push']) {
      expect(stage.queues.contents({ chain: 'notifications', step, kind: 'step' })).toHaveLength(1);
    }
  });

  it('takes a body in base64, whatever characters are in it', async () => {
    const order = { ...ORDER, address: 'Straße 1, 東京' };
    const body = Buffer.from(JSON.stringify(order)).toString('base64');
    const workflowId = await started({ body, isBase64Encoded: true });
    const state = await stage.engine.ports.store.load({ tenant: 'default', workflowId });
    expect(state?.meta.input).toEqual(order);
  });

  it.each([
    ['iso-8859-1', Buffer.from(JSON.stringify({ ...ORDER, address: 'Straße 1' }), 'latin1')],
    ['utf-16le', Buffer.from(JSON.stringify({ ...ORDER, address: 'Straße 1' }), 'utf16le')],
    ['utf-8', Buffer.from(JSON.stringify({ ...ORDER, address: 'Straße 1' }))],
  ])('takes a body in the charset that it declares: %s', async (charset, bytes) => {
    const workflowId = await started({
      body: bytes.toString('base64'),
      isBase64Encoded: true,
      headers: { 'content-type': `application/json; charset=${charset}` },
    });
    const state = await stage.engine.ports.store.load({ tenant: 'default', workflowId });
    expect(state?.meta.input).toEqual({ ...ORDER, address: 'Straße 1' });
  });

  it('takes text that is in no charset any more, whatever it declares', async () => {
    const headers = { 'content-type': 'application/json; charset=shift_jis' };
    const workflowId = await started({ body: { ...ORDER, address: 'Straße 1' }, headers });
    const state = await stage.engine.ports.store.load({ tenant: 'default', workflowId });
    expect(state?.meta.input).toMatchObject({ address: 'Straße 1' });
  });

  it('takes text that looks like many levels', async () => {
    await started({ body: { ...ORDER, address: `${'[{'.repeat(200)}"\\${'[{'.repeat(200)}` } });
  });

  it('takes an event without headers, as one sends by hand', async () => {
    const { headers: _, ...event } = request({ body: ORDER });
    expect((await startHandler(stage.engine)(event)).statusCode).toBe(202);
  });

  it('takes exactly 128 KB, in base64 too', async () => {
    const body = orderOf(LIMITS.inputBytes);
    await started({ body });
    await started({ body: Buffer.from(body).toString('base64'), isBase64Encoded: true });
  });

  it('belongs to the default tenant, whatever a header of the client says', async () => {
    const headers = { 'x-tenant': 'acme', tenant: 'acme', 'x-stepline-tenant': 'acme' };
    const workflowId = await started({ body: ORDER, headers });
    expect(await stage.engine.ports.store.load({ tenant: 'acme', workflowId })).toBeUndefined();
    expect(waiting()).toMatchObject([{ tenant: 'default' }]);
  });

  it('is answered 202 where the queue is down: the reconciler sends what is saved', async () => {
    const queue = {
      ...stage.engine.ports.queue,
      send: () => Promise.reject(new EngineError('QUEUE_UNAVAILABLE', 'no queue')),
    };
    const answer = await startHandler(stage.with({ queue }))(request({ body: ORDER }));
    expect(answer.statusCode).toBe(202);
    const { workflowId } = startAnswer.parse(JSON.parse(answer.body));
    const state = await stage.engine.ports.store.load({ tenant: 'default', workflowId });
    expect(state?.meta.dueAt).toBeGreaterThan(0);
    expect(stage.events).toContainEqual({
      event: 'unexpected_error',
      where: 'send',
      message: 'no queue',
      next: ERROR_CODES.QUEUE_UNAVAILABLE.next,
      workflowId,
    });
  });
});

describe('a start is refused, and nothing is started,', () => {
  const { card: _, ...cardless } = ORDER;

  it.each([
    ['half an object', '{"card":'],
    ['single quotes', "{'card':'1'}"],
    ['something after it', `${JSON.stringify(ORDER)}x`],
    ['no JSON at all', 'card=1&amount=2'],
    ['a zero byte in it', '"\u0000"'],
  ])('for JSON with %s', async (_name, body) => {
    expectRefusal(await start({ body }), { status: 400, code: 'INVALID_JSON' });
    await expectNothingStarted(stage);
  });

  it.each([
    [undefined, 'the body cannot be read: it is not UTF-8, and declares no other charset'],
    [
      'application/json; charset=utf-8',
      'the body cannot be read: it is not in the charset that it declares, "utf-8"',
    ],
    [
      'application/json; charset=x',
      'the body cannot be read: it declares the charset "x", which is not known',
    ],
  ])('for bytes that are no text (%s)', async (type, detail) => {
    const bytes = Buffer.from(JSON.stringify({ ...ORDER, address: 'Straße 1' }), 'latin1');
    const headers = type === undefined ? {} : { 'content-type': type };
    const answer = await start({ body: bytes.toString('base64'), isBase64Encoded: true, headers });
    expect(expectRefusal(answer, { status: 400, code: 'INVALID_JSON' })).toBe(detail);
    await expectNothingStarted(stage);
  });

  it('for malformed JSON in base64', async () => {
    const answer = await start({ body: Buffer.from('{"card":').toString('base64'), isBase64Encoded: true });
    expectRefusal(answer, { status: 400, code: 'INVALID_JSON' });
    await expectNothingStarted(stage);
  });

  it.each<[string, unknown, readonly string[]]>([
    ['an array', [ORDER], ['(body)']],
    ['null', 'null', ['(body)']],
    ['a text', '"order"', ['(body)']],
    ['a number', '5', ['(body)']],
    ['an empty body', '', ['(body)']],
    ['a blank body', ' \n', ['(body)']],
    ['no body', undefined, ['(body)']],
    ['an empty object', {}, ['card', 'amount', 'address', 'email']],
    ['a missing field', cardless, ['card']],
    ['a field of the wrong type', { ...ORDER, amount: '12.5' }, ['amount']],
    ['a field that is null', { ...ORDER, address: null }, ['address']],
    ['a value out of bounds', { ...ORDER, amount: -1 }, ['amount']],
    ['an empty text', { ...ORDER, card: '' }, ['card']],
    ['a text of the wrong form', { ...ORDER, email: 'not an address' }, ['email']],
    ['an unknown field', { ...ORDER, cart: 1 }, ['cart']],
    ['several unknown fields', { ...ORDER, cart: 1, orderId: 2 }, ['cart', 'orderId']],
    ['several wrong fields', { card: 1, amount: 2, address: '', email: 'a@b.example' }, ['card', 'address']],
    ['a field of the object’s own', `{"__proto__":1,${JSON.stringify(ORDER).slice(1)}`, ['__proto__']],
  ])('for %s, and the field is named', async (_name, body, fields) => {
    const answer = await start({ body });
    expectRefusal(answer, { status: 400, code: 'INVALID_REQUEST', fields });
    await expectNothingStarted(stage);
  });

  const order = (amount: string): string =>
    `{"amount":${amount},${JSON.stringify({ ...ORDER, amount: undefined }).slice(1)}`;

  it.each([
    ['a field named twice', order('5,"amount":6'), ['amount'], /^Is named twice/],
    ['a field named twice with one value', order('5,"amount":5'), ['amount'], /^Is named twice/],
    [
      'a number that would lose digits',
      order('12345678901234567890'),
      ['amount'],
      /^Is a number that would lose/,
    ],
    ['one with a fraction of nothing', order('12345678901234567890.0'), ['amount'], /send it as text/],
    ['one that would be Infinity', order('1e400'), ['amount'], /send it as text/],
    [
      'one in a field that nobody knows',
      order('1,"cart":[12345678901234567890]'),
      ['cart.0'],
      /send it as text/,
    ],
    ['several', order('1e400,"amount":1e400'), ['amount', 'amount', 'amount'], /send it as text|named twice/],
  ])('for %s, and the field is named without its value', async (_name, body, fields, message) => {
    const answer = await start({ body });
    expectRefusal(answer, { status: 400, code: 'INVALID_REQUEST', fields });
    for (const one of JSON.parse(answer.body).errors) expect(one.message).toMatch(message);
    expect(answer.body).not.toMatch(/1234567890|1e400/);
    await expectNothingStarted(stage);
  });

  it.each(['1E20', '9007199254740992'])('not for %s, which no digit is lost of', async (amount) => {
    expect((await start({ body: order(amount) })).statusCode).toBe(202);
  });

  it('without its values being told back', async () => {
    const { body } = await start({ body: { ...ORDER, amount: '4111 1111', email: '4111 1111' } });
    expect(body).not.toContain('4111');
  });

  it.each(['x"4111111111111111"', '{"card":x"4111111111111111","amount":12.5,"email":"a@b.example"}'])(
    'for JSON that is wrong beside a card, %s, without the card being told back',
    async (body) => {
      const answer = await start({ body });
      const detail = expectRefusal(answer, { status: 400, code: 'INVALID_JSON' });
      expect(detail).toBe("the body is not JSON: Unexpected token 'x'");
    },
  );

  it.each([
    ['lists', `${'['.repeat(100)}${']'.repeat(100)}`],
    ['objects', `${'{"[":'.repeat(100)}1${'}'.repeat(100)}`],
    ['as many lists as there is room for', `${'['.repeat(60_000)}${']'.repeat(60_000)}`],
  ])('for more than 100 levels, of %s', async (_name, deep) => {
    const answer = await start({ body: `{"card":${deep}}` });
    const detail = expectRefusal(answer, { status: 400, code: 'INVALID_REQUEST', fields: ['(body)'] });
    expect(detail).toBe('(body): Must have at most 100 levels of lists and objects');
    await expectNothingStarted(stage);
  });

  it.each([
    ['100 levels in all', `${'['.repeat(99)}${']'.repeat(99)}`],
    ['many lists beside each other', `[${'[],{},'.repeat(200)}0]`],
  ])('for a field of %s by the chain, which takes none', async (_name, json) => {
    const answer = await start({ body: { ...ORDER, card: JSON.parse(json) } });
    expectRefusal(answer, { status: 400, code: 'INVALID_REQUEST', fields: ['card'] });
  });

  it.each([
    ['a byte more than 128 KB', orderOf(LIMITS.inputBytes + 1), false],
    ['more than 128 KB of characters of several bytes', `"${'ä'.repeat(LIMITS.inputBytes / 2)}"`, false],
    ['more than 128 KB that is no JSON', 'x'.repeat(LIMITS.inputBytes + 1), false],
    ['more than 128 KB in base64', Buffer.from(orderOf(LIMITS.inputBytes + 1)).toString('base64'), true],
  ])('for %s', async (_name, body, isBase64Encoded) => {
    const detail = expectRefusal(await start({ body, isBase64Encoded }), { status: 413, code: 'TOO_LARGE' });
    expect(detail).toContain(String(LIMITS.inputBytes));
    await expectNothingStarted(stage);
  });

  it('at a path where no chain starts', async () => {
    const answer = await start({ rawPath: '/api/process-orders', body: ORDER });
    expect(expectRefusal(answer, { status: 404, code: 'UNKNOWN_ROUTE' })).toContain('/api/process-orders');
    await expectNothingStarted(stage);
  });

  it.each([
    ['empty', ''],
    ['longer than 255 characters', 'k'.repeat(256)],
  ])('for an Idempotency-Key that is %s', async (_name, key) => {
    const answer = await start({ body: ORDER, headers: { 'idempotency-key': key } });
    expectRefusal(answer, { status: 400, code: 'INVALID_REQUEST', fields: ['Idempotency-Key'] });
    await expectNothingStarted(stage);
  });
});

describe('by the name of its chain', () => {
  const named = (query: Record<string, string>, changes: Parameters<typeof request>[0] = {}) =>
    start({
      ...{ rawPath: '/api/workflows', routeKey: 'POST /api/workflows', body: ORDER },
      ...{ queryStringParameters: query, ...changes },
    });

  it('a start is the same as at its path', async () => {
    const headers = { 'idempotency-key': 'k-1' };
    const id = await started({ body: ORDER, headers });
    const answer = await named({ chain: 'order-processing' }, { headers });
    expect(answer.statusCode).toBe(202);
    expect(bodyOf(answer)).toMatchObject({ workflowId: id });
    expect(answer.headers.location).toBe(`/api/workflows/${id}`);
  });

  it.each<[string, Record<string, string>, string, string]>([
    ['without a name', {}, 'chain', 'chain: Is missing; the chains are '],
    ['with another name', { chain: 'orders' }, 'chain', 'chain: Unknown chain; the chains are '],
    ['with another parameter', { chain: 'order-processing', wait: '1' }, 'wait', 'the parameters are chain'],
  ])('%s is refused, and the answer says what there is', async (_name, query, field, says) => {
    const detail = expectRefusal(await named(query), {
      status: 400,
      code: 'INVALID_REQUEST',
      fields: [field],
    });
    expect(detail).toContain(says);
    await expectNothingStarted(stage);
  });
});

describe('on a custom domain', () => {
  const http = { method: 'POST' };

  it.each([
    ['the base path is kept in the path', '/shop/api/process-order', '/shop'],
    ['it is kept in the path and looks like ours', '/api/api/process-order', '/api'],
    ['it is taken off the path', '/api/process-order', ''],
  ])('the route that the API found is what counts: %s', async (_, rawPath, base) => {
    const routeKey = `POST ${START_PATH}`;
    const answer = await start({ routeKey, rawPath, requestContext: { http }, body: ORDER });
    expect(answer.statusCode).toBe(202);
    const { workflowId } = startAnswer.parse(JSON.parse(answer.body));
    expect(answer.headers.location).toBe(`${base}/api/workflows/${workflowId}`);
  });

  it.each([
    ['a path where no chain starts', 'POST', 'api/process-orders', { status: 404, code: 'UNKNOWN_ROUTE' }],
    ['another method', 'PUT', 'api/process-order', { status: 405, code: 'METHOD_NOT_ALLOWED' }],
  ])('%s is refused by its path within the API', async (_, method, proxy, refusal) => {
    const answer = await start({
      routeKey: `${method} /{proxy+}`,
      rawPath: `/shop/${proxy}`,
      pathParameters: { proxy },
      requestContext: { http: { method } },
      body: ORDER,
    });
    expect(expectRefusal(answer, refusal)).toContain(`/${proxy}`);
    expect(answer.body).not.toContain('/shop');
    await expectNothingStarted(stage);
  });

  it('the base path alone is refused as the root of the API', async () => {
    const answer = await start({
      routeKey: 'GET /',
      rawPath: '/shop',
      requestContext: { http: { method: 'GET' } },
    });
    expect(expectRefusal(answer, { status: 404, code: 'UNKNOWN_ROUTE' })).toContain(
      'no route has the path /;',
    );
  });
});

describe('an Idempotency-Key', () => {
  const keyed = (body: unknown, key = 'order 77', rawPath = START_PATH) =>
    start({ body, rawPath, headers: { 'idempotency-key': key } });
  const count = async () =>
    (await stage.engine.ports.store.list({ tenant: 'default', limit: 10 })).workflows.length;

  it('of 255 characters is taken', async () => {
    expect((await keyed(ORDER, 'k'.repeat(255))).statusCode).toBe(202);
  });

  it('gives the same workflow to the same request, in whatever order its fields are', async () => {
    const first = await keyed(ORDER);
    const { email, ...rest } = ORDER;
    const second = await keyed({ email, ...rest });
    expect(second).toEqual(first);
    expect(await count()).toBe(1);
  });

  it('shows the status that the workflow has by now', async () => {
    const { workflowId } = bodyOf(await keyed(ORDER));
    const state = await stage.engine.ports.store.load({
      tenant: 'default',
      workflowId: String(workflowId),
    });
    if (state === undefined) throw new Error('it was just started');
    await stage.engine.ports.store.writeMeta(
      { ...state.meta, status: 'completed' },
      { status: 'processing', epoch: 0 },
    );
    expect(bodyOf(await keyed(ORDER))).toEqual({ workflowId, status: 'completed' });
  });

  it.each<[string, unknown]>([
    ['another amount', { ...ORDER, amount: 13 }],
    ['another card, which is sensitive', { ...ORDER, card: '4000' }],
  ])('with %s is refused and names the header, and nothing more is started', async (_, body) => {
    const { workflowId } = bodyOf(await keyed(ORDER));
    const detail = expectRefusal(await keyed(body), {
      status: 422,
      code: 'KEY_REUSED',
      fields: ['Idempotency-Key'],
    });
    expect(detail).toContain(String(workflowId));
    expect(await count()).toBe(1);
    expect(stage.queues.stats().sent).toBe(1);
  });

  it('says nothing of another chain, and without one every request is a new workflow', async () => {
    const person = { name: 'Ada', email: 'ada@example.com' };
    const one = bodyOf(await keyed(person, 'k', '/api/onboard-user'));
    const other = bodyOf(await keyed(person, 'k', '/api/enrich-customer'));
    expect(other.workflowId).not.toBe(one.workflowId);
    await started({ body: ORDER });
    await started({ body: ORDER });
    expect(await count()).toBe(4);
  });
});
