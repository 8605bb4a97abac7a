import { describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { form, multipart, path, target, text } from '../../lib/chain/index.ts';
import { statusText } from '../../lib/contract/told.ts';
import type { HttpOutcome } from '../../lib/engine/ports.ts';
import { settle } from '../support/manual-clock.ts';
import { CARD, failureOf, outside, postCharge, reply, stepOf } from './call-fixtures.ts';

const response = z.object({ orderId: z.string() });
const api = target('payments');
const charge = stepOf({ request: postCharge, response });

describe('a good reply', () => {
  it('is stored as the schema parses it: undeclared fields go', async () => {
    const made = outside();
    made.answer = reply({ orderId: 'o-1', extra: 'dropped' });
    expect(await made.perform(charge)).toEqual({ ok: true, result: { orderId: 'o-1' } });
  });

  it('is stored as null where the step declares no schema, whatever it says', async () => {
    for (const body of ['', 'not JSON', '{"a":1}']) {
      const made = outside();
      made.answer = reply(body, 204);
      expect(await made.perform(stepOf({ request: postCharge }))).toEqual({ ok: true, result: null });
    }
  });

  it.each<[string, z.ZodType, unknown]>([
    ['an optional one', response.optional(), null],
    ['a nullable one', response.nullable(), null],
    ['one of null', z.null(), null],
    ['one of anything', z.unknown(), null],
    ['one with a default', response.default({ orderId: 'none' }), { orderId: 'none' }],
    ['an optional one with a check that waits', response.optional().refine(async () => true), null],
  ])('may be empty where the schema is %s', async (_, schema, result) => {
    for (const [status, body] of [
      [204, ''],
      [201, ''],
      [200, ' \r\n'],
    ] as const) {
      const made = outside();
      made.answer = reply(body, status);
      expect(await made.perform(stepOf({ request: postCharge, response: schema }))).toEqual({
        ok: true,
        result,
      });
    }
  });

  it('may be checked by an asynchronous refinement', async () => {
    const schema = (allowed: string) => response.refine(async ({ orderId }) => orderId === allowed);
    const { perform } = outside();
    expect(await perform(stepOf({ request: postCharge, response: schema('o-1') }))).toMatchObject({
      ok: true,
    });
    expect(await perform(stepOf({ request: postCharge, response: schema('o-2') }))).toMatchObject({
      failure: { code: 'REPLY_INVALID', acted: 'unknown' },
    });
  });
});

describe('a reply that is read as text', () => {
  const perform = async (answer: HttpOutcome, schema: z.ZodType) => {
    const made = outside();
    made.answer = answer;
    const result = await made.perform(stepOf({ request: postCharge, response: schema, read: 'text' }));
    return { ...result, accept: made.calls[0]?.request.headers.accept };
  };

  it.each<[string, z.ZodType, unknown]>([
    ['OK 17', z.string(), 'OK 17'],
    ['{"a":1}', z.string(), '{"a":1}'],
    [' \n', z.string(), ' \n'],
    ['12', z.coerce.number(), 12],
    ['', z.string(), ''],
    ['', z.string().optional(), null],
    ['', z.string().nullable(), null],
  ])('is its text to the schema: %j', async (body, schema, result) => {
    expect(await perform(reply(body), schema)).toEqual({ ok: true, result, accept: '*/*' });
  });

  it('fails for good where its text breaks the schema, is not sent, or cannot be read', async () => {
    const invalid = (message: RegExp) => ({
      failure: { code: 'REPLY_INVALID', message: expect.stringMatching(message) },
    });
    expect(await perform(reply('no'), z.literal('OK'))).toMatchObject(
      invalid(/^the reply breaks the schema at its top/),
    );
    expect(await perform(reply(''), z.literal('OK'))).toMatchObject(invalid(/^the reply is empty, and/));
    const unreadable = reply('M\uFFFDller', 200, { unreadable: 'it is not UTF-8' });
    expect(await perform(unreadable, z.string())).toMatchObject(
      invalid(/^the reply cannot be read: it is not UTF-8; 200 OK; the reply was: M\uFFFDller$/),
    );
  });
});

describe('a reply whose bytes are no text', () => {
  const answer = (status: number, more = {}) =>
    reply('{"a":"M\uFFFD"}', status, { unreadable: 'it is not UTF-8', ...more });
  const failureTo = async (outcome: HttpOutcome) => {
    const made = outside();
    made.answer = outcome;
    return failureOf(await made.perform(charge));
  };

  it('is not used, and says so', async () => {
    expect(await failureTo(answer(200))).toEqual({
      code: 'REPLY_INVALID',
      message: 'the reply cannot be read: it is not UTF-8; 200 OK; the reply was: a: M\uFFFD',
      retriable: false,
      acted: 'unknown',
      target: 'payments',
      httpStatus: 200,
    });
  });

  it('may have been cut where it ends with its connection', async () => {
    expect(await failureTo(answer(200, { untilClose: true }))).toMatchObject({
      code: 'CONNECTION_BROKEN',
      retriable: true,
    });
  });

  it.each([
    [503, 'TARGET_UNAVAILABLE'],
    [422, 'REFUSED'],
  ])('has the outcome of its status where that is %d', async (status, code) => {
    expect(await failureTo(answer(status))).toMatchObject({
      code,
      message: `the reply cannot be read: it is not UTF-8; ${statusText(status)}; the reply was: a: M\uFFFD`,
    });
  });

  it('matters to nobody where the step declares no schema', async () => {
    const made = outside();
    made.answer = answer(200);
    expect(await made.perform(stepOf({ request: postCharge }))).toEqual({ ok: true, result: null });
  });
});

describe('a refinement of the schema', () => {
  const counted = (check: (orderId: string) => boolean | Promise<boolean>) => {
    const seen: string[] = [];
    const schema = response.refine(({ orderId }) => {
      seen.push(orderId);
      return check(orderId);
    }, 'there is no such order');
    return { seen, step: stepOf({ request: postCharge, response: schema }) };
  };

  it.each<[string, (orderId: string) => boolean | Promise<boolean>]>([
    ['at once', (orderId) => orderId === 'o-1'],
    ['later', async (orderId) => orderId === 'o-1'],
    ['at once or later', (orderId) => (orderId === 'o-1' ? true : Promise.resolve(false))],
  ])('that answers %s is run once for a reply', async (_, check) => {
    const { seen, step } = counted(check);
    const made = outside();
    expect(await made.perform(step)).toEqual({ ok: true, result: { orderId: 'o-1' } });
    made.answer = reply({ orderId: 'o-2' });
    expect(failureOf(await made.perform(step)).message).toBe(
      'the reply breaks the schema at its top: there is no such order; 200 OK; the reply was: orderId: o-2',
    );
    expect(seen).toEqual(['o-1', 'o-2']);
    expect(made.clock.waiting).toBe(0);
  });

  it('that fails later leaves nothing behind that would end the process', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    const { step, seen } = counted(() => Promise.reject(new Error('the register is gone')));
    expect(failureOf(await outside().perform(step)).message).toMatch(/the register is gone/);
    await settle();
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
    expect(seen).toHaveLength(1);
  });

  it('and every other check speaks in the words of the chain', async () => {
    const made = outside();
    made.answer = reply({ orders: [{ id: 'o-1' }, { id: 2 }] });
    const schema = z.object({ orders: z.array(z.object({ id: z.string('an order has a text for an id') })) });
    expect(failureOf(await made.perform(stepOf({ request: postCharge, response: schema }))).message).toMatch(
      /^the reply breaks the schema at "orders\.1\.id": an order has a text for an id; /,
    );
  });
});

describe('a reply with a status that says no', () => {
  const rows: readonly [number, object][] = [
    ...[400, 401, 402, 403, 404, 410, 422, 451].map((status): [number, object] => [
      status,
      { code: 'REFUSED', retriable: false, acted: 'no' },
    ]),
    ...[408, 409, 500, 502, 503, 504].map((status): [number, object] => [
      status,
      { code: 'TARGET_UNAVAILABLE', retriable: true, acted: 'unknown' },
    ]),
    ...[425, 429].map((status): [number, object] => [
      status,
      { code: 'TARGET_UNAVAILABLE', retriable: true, acted: 'no' },
    ]),
    ...[301, 302, 303, 304, 307, 308].map((status): [number, object] => [
      status,
      { code: 'REDIRECTED', retriable: false, acted: 'unknown' },
    ]),
  ];
  it.each(rows)('%d is %j', async (status, expected) => {
    const made = outside();
    made.answer = reply('because', status);
    expect(failureOf(await made.perform(charge))).toEqual({
      ...expected,
      message: `${statusText(status)}; the reply was: because`,
      target: 'payments',
      httpStatus: status,
    });
    expect(made.calls).toHaveLength(1);
  });

  it('to the second sending of a request says nothing of the first, which may have been read', async () => {
    const made = outside();
    made.answer = reply('because', 422, { repeated: true });
    expect(failureOf(await made.perform(charge))).toMatchObject({ code: 'REFUSED', acted: 'unknown' });
  });

  it('hands on the headers that say when to come back, and only if they were there', async () => {
    const made = outside();
    made.answer = reply('', 503, { headers: { 'retry-after': '120' } });
    expect(failureOf(await made.perform(charge)).headers).toEqual({ 'retry-after': '120' });
    made.answer = reply('', 503);
    expect(failureOf(await made.perform(charge))).not.toHaveProperty('headers');
  });

  it.each([
    { 'retry-after': '60' },
    { 'retry-after': 'soon' },
    { ratelimit: '"hour";r=0;t=60' },
    { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '1795000000' },
  ])('is later at a 403 of a rate limit, and nothing was done: %j', async (headers) => {
    const made = outside();
    made.answer = reply('slow down', 403, { headers });
    expect(failureOf(await made.perform(charge))).toEqual({
      code: 'TARGET_UNAVAILABLE',
      retriable: true,
      acted: 'no',
      message: '403 Forbidden; the reply was: slow down',
      target: 'payments',
      httpStatus: 403,
      headers,
    });
  });

  it('is shown by at most 200 characters', async () => {
    const made = outside();
    made.answer = reply('x'.repeat(5_000), 400);
    expect(failureOf(await made.perform(charge)).message).toBe(
      `400 Bad Request; the reply was: ${'x'.repeat(200)}`,
    );
  });
});

describe('a reply that cannot be used', () => {
  const unusable = async (answer: HttpOutcome, schema: z.ZodType = response) => {
    const made = outside();
    made.answer = answer;
    return failureOf(await made.perform(stepOf({ request: postCharge, response: schema })));
  };
  const invalid = {
    code: 'REPLY_INVALID',
    retriable: false,
    acted: 'unknown',
    target: 'payments',
    httpStatus: 200,
  };

  it.each([
    [
      'is empty',
      '',
      /^the reply is empty, and the schema accepts that only with \.optional\(\) or \.nullable\(\); 200 OK; the reply was empty$/,
    ],
    ['is blank', ' \n', /^the reply is empty/],
    ['is not JSON', '<html>', /^the reply is not JSON; 200 OK; the reply was: <html>$/],
    ['breaks the schema in a field', '{"orderId":7}', /^the reply breaks the schema at "orderId": /],
    ['breaks the schema as a whole', '[]', /^the reply breaks the schema at its top: /],
    ['lacks a field', '{}', /^the reply breaks the schema at "orderId": .*; the reply was: \{\}$/],
  ])('because it %s fails for good, outcome unknown', async (_, body, message) => {
    expect(await unusable(reply(body))).toEqual({ ...invalid, message: expect.stringMatching(message) });
  });

  it.each([
    [
      'is not JSON',
      '{"orderId":"o',
      /^the reply is not JSON; it ends with its connection, so it may have been cut; 200 OK; the reply was: \{"orderId":"o$/,
    ],
    ['is empty', '', /^the reply is empty/],
  ])(
    'because it %s and ends with its connection is tried again, outcome unknown',
    async (_, body, message) => {
      expect(await unusable(reply(body, 200, { untilClose: true }))).toEqual({
        ...invalid,
        code: 'CONNECTION_BROKEN',
        retriable: true,
        message: expect.stringMatching(message),
      });
      // A refusal stays one, and JSON is whole.
      expect(await unusable(reply(body, 400, { untilClose: true }))).toMatchObject({ code: 'REFUSED' });
      expect(await unusable(reply('{}', 200, { untilClose: true }))).toMatchObject({ code: 'REPLY_INVALID' });
    },
  );

  it('because it is empty, which a refinement of the schema forbids, fails for good', async () => {
    const needed = response.optional().refine((order) => order !== undefined);
    expect(await unusable(reply('', 204), needed)).toEqual({
      ...invalid,
      httpStatus: 204,
      message: expect.stringMatching(/^the reply is empty, and/),
    });
  });

  it('because a refinement throws fails for good, outcome unknown', async () => {
    const refinements = [
      () => {
        throw new Error(`bug with ${CARD}`);
      },
      async () => {
        throw new Error(`bug with ${CARD}`);
      },
    ];
    for (const refinement of refinements) {
      expect(await unusable(reply({ orderId: 'o' }), response.refine(refinement))).toEqual({
        ...invalid,
        message: 'the schema could not check the reply: bug with ***; 200 OK; the reply was: orderId: o',
      });
    }
  });

  it('because it is too large to be read fails for good, outcome unknown', async () => {
    const outcome: HttpOutcome = {
      kind: 'failure',
      code: 'REPLY_TOO_LARGE',
      sent: 'unknown',
      message: 'the reply is larger than 1048576 bytes',
      status: 200,
      excerpt: `${CARD} and so on`,
    };
    expect(await unusable(outcome)).toEqual({
      code: 'REPLY_TOO_LARGE',
      message: 'the reply is larger than 1048576 bytes; 200 OK; the reply was: *** and so on',
      retriable: false,
      acted: 'unknown',
      target: 'payments',
      httpStatus: 200,
    });
  });

  it('because its result is too large to be stored fails for good, outcome unknown', async () => {
    const limit = 256 * 1_024;
    // {"orderId":""} has 14 bytes of its own.
    const exactly = 'x'.repeat(limit - 14);
    const made = outside();
    made.answer = reply({ orderId: exactly });
    expect(await made.perform(charge)).toMatchObject({ ok: true });
    expect(await unusable(reply({ orderId: `${exactly}x` }))).toEqual({
      code: 'RESULT_TOO_LARGE',
      message: expect.stringContaining(`the result has ${limit + 1} bytes of JSON; the most is ${limit}`),
      retriable: false,
      acted: 'unknown',
      target: 'payments',
    });
  });

  it('because its result is nested too deeply to be stored fails for good, outcome unknown', async () => {
    const nested = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`;
    const made = outside();
    made.answer = reply(nested(1_000));
    expect(await made.perform(stepOf({ request: postCharge, response: z.unknown() }))).toMatchObject({
      ok: true,
    });
    for (const levels of [1_001, 500_000]) {
      expect(await unusable(reply(nested(levels)), z.unknown())).toEqual({
        code: 'RESULT_TOO_LARGE',
        message: 'the result is nested more than 1000 levels deep',
        retriable: false,
        acted: 'unknown',
        target: 'payments',
      });
    }
  });

  it('is counted in bytes of what is stored, not in characters or in what was sent', async () => {
    expect(await unusable(reply({ orderId: 'ü'.repeat(140_000) }))).toMatchObject({
      code: 'RESULT_TOO_LARGE',
    });
    const made = outside();
    made.answer = reply({ orderId: 'o', padding: 'x'.repeat(300_000) });
    expect(await made.perform(charge)).toEqual({ ok: true, result: { orderId: 'o' } });
  });
});

describe('a reply whose check does not end', () => {
  it('ends at the deadline of the call, is tried again, outcome unknown', async () => {
    const made = outside();
    const schema = response.refine(() => new Promise<boolean>(() => undefined));
    const performing = made.perform(stepOf({ request: postCharge, response: schema }), { deadlineMs: 4_000 });
    await made.clock.advance(4_000);
    expect(failureOf(await performing)).toEqual({
      code: 'DEADLINE_EXCEEDED',
      message: 'the reply was not checked within 4000 ms',
      retriable: true,
      acted: 'unknown',
      target: 'payments',
      httpStatus: 200,
    });
  });
});

describe('a call that got no reply', () => {
  const codes = ['CONNECTION_FAILED', 'CONNECTION_BROKEN', 'DEADLINE_EXCEEDED'] as const;
  it.each(codes.flatMap((code) => [[code, 'no', 'no'] as const, [code, 'unknown', 'unknown'] as const]))(
    'by %s, sent "%s", is tried again; acted "%s"',
    async (code, sent, acted) => {
      const made = outside();
      made.answer = { kind: 'failure', code, sent, message: `no luck with ${CARD}` };
      expect(failureOf(await made.perform(charge))).toEqual({
        code,
        message: 'no luck with ***',
        retriable: true,
        acted,
        target: 'payments',
      });
    },
  );

  it('because HTTP does not allow the request fails for good at once, and nobody acted', async () => {
    const made = outside();
    made.answer = {
      kind: 'failure',
      code: 'REQUEST_INVALID',
      sent: 'no',
      message: 'the request cannot be written',
    };
    expect(failureOf(await made.perform(charge))).toEqual({
      code: 'REQUEST_INVALID',
      message: 'the request cannot be written',
      retriable: false,
      acted: 'no',
      target: 'payments',
    });
  });

  it('tells the status if it came that far', async () => {
    const made = outside();
    made.answer = { kind: 'failure', code: 'CONNECTION_BROKEN', sent: 'unknown', message: '', status: 200 };
    expect(failureOf(await made.perform(charge)).httpStatus).toBe(200);
  });
});

describe('what an error shows of a call', () => {
  it.each<readonly [string, HttpOutcome]>([
    ['a refusal', reply(`card ${CARD}, key s3cret, Bearer s3cret`, 402)],
    ['a broken schema', reply({ orderId: 7, card: CARD, key: 's3cret' })],
    ['a reply that is not JSON', reply(`<b>${CARD} s3cret</b>`)],
    [
      'a redirect that repeats a token',
      reply('', 302, { headers: { location: `https://sso.test/?key=s3cret&card=${CARD}` } }),
    ],
    ['a request id', reply('', 500, { headers: { 'x-request-id': `${CARD}-s3cret` } })],
    ['a failure', { kind: 'failure', code: 'CONNECTION_BROKEN', sent: 'unknown', message: `${CARD} s3cret` }],
    [
      'a reply that is too large',
      {
        kind: 'failure',
        code: 'REPLY_TOO_LARGE',
        sent: 'unknown',
        message: `${CARD} s3cret`,
        excerpt: `${CARD} s3cret`,
      },
    ],
  ])('has neither sensitive input nor the target’s secret in it: %s', async (_, answer) => {
    const made = outside();
    made.answer = answer;
    made.resolve = async () => ({
      baseUrl: 'https://payments.test',
      headers: { authorization: 'Bearer s3cret' },
    });
    const { message } = failureOf(await made.perform(charge));
    expect(message).toContain('***');
    expect(message).not.toContain(CARD);
    expect(message).not.toContain('s3cret');
  });

  it.each([
    ['a form', (card: string) => api.post('/', form({ source: { card } }))],
    ['a text', (card: string) => api.post('/', text(`<card>${card}</card>`, 'application/xml'))],
    ['a multipart body', (card: string) => api.post('/', multipart([{ name: 'card', value: card }]))],
    ['a path', (card: string) => api.post(path`/cards/${card}`)],
    ['a query', (card: string) => api.get('/', { query: { card } })],
    ['a list in a form', (card: string) => api.post('/', form({ cards: [card] }, { arrays: 'brackets' }))],
  ])('has no sensitive input in it where the target repeats %s', async (_, request) => {
    const card = "Zoë (it's ~42!) & Söhne/*1";
    const made = outside();
    const ask = stepOf({ request: ({ input }: { input: { card: string } }) => request(input.card) });
    const context = { input: { card }, results: {} };
    await made.perform(ask, { context });
    const sent = made.calls[0]?.request;
    made.answer = reply(`no: ${sent?.body ?? sent?.url}`, 400);
    const { message } = failureOf(await made.perform(ask, { context }));
    expect(message).toContain('***');
    expect(message).not.toMatch(/Zo|hne|42/);
  });
});
