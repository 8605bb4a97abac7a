import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { later, refused } from '../../lib/chain/index.ts';
import type { HttpOutcome } from '../../lib/engine/ports.ts';
import { CARD, failureOf, outside, postCharge, reply, stepOf } from './call-fixtures.ts';

type ReplyFunction = NonNullable<ReturnType<typeof stepOf>['reply']>;

const perform = (answer: HttpOutcome, options: Readonly<Record<string, unknown>>) => {
  const made = outside();
  made.answer = answer;
  return made.perform(stepOf({ request: postCharge, ...options }));
};

const through = (answer: HttpOutcome, of: ReplyFunction, response?: z.ZodType) =>
  perform(answer, { reply: of, ...(response === undefined ? {} : { response }) });

describe('a status that means something else at a target', () => {
  it('is done: 404 of a DELETE, to a step that stores nothing or takes an empty reply', async () => {
    const statuses = { 404: 'done' };
    const gone = reply({ error: 'no such thing' }, 404);
    expect(await perform(gone, { statuses })).toEqual({ ok: true, result: null });
    const optional = z.object({ id: z.string() }).optional();
    expect(await perform(gone, { statuses, response: optional })).toEqual({ ok: true, result: null });
    const nullable = z.object({ id: z.string() }).nullable();
    expect(await perform(gone, { statuses, response: nullable })).toEqual({ ok: true, result: null });
    const strict = await perform(gone, { statuses, response: z.object({ id: z.string() }) });
    expect(failureOf(strict)).toMatchObject({ code: 'REPLY_INVALID' });
  });

  it.each([
    [404, 'later', { code: 'TARGET_UNAVAILABLE', retriable: true, acted: 'no' }],
    [409, 'later', { code: 'TARGET_UNAVAILABLE', retriable: true, acted: 'unknown' }],
    [200, 'later', { code: 'TARGET_UNAVAILABLE', retriable: true, acted: 'unknown' }],
    [503, 'refused', { code: 'REFUSED', retriable: false, acted: 'unknown' }],
    [429, 'refused', { code: 'REFUSED', retriable: false, acted: 'no' }],
    [302, 'refused', { code: 'REFUSED', retriable: false, acted: 'unknown' }],
  ])('%d is %s', async (status, said, expected) => {
    const failure = failureOf(await perform(reply('because', status), { statuses: { [status]: said } }));
    expect(failure).toMatchObject({ ...expected, httpStatus: status, target: 'payments' });
  });

  it('changes no other status', async () => {
    expect(failureOf(await perform(reply('', 400), { statuses: { 404: 'done' } })).code).toBe('REFUSED');
  });
});

describe('a function for replies', () => {
  it('sees status, headers and body of every complete reply, whatever its status', async () => {
    const seen: unknown[] = [];
    const see: ReplyFunction = (one, next) => {
      seen.push(one);
      return next();
    };
    await through(reply({ a: 1 }, 422, { headers: { 'retry-after': '5' } }), see);
    await through(reply('<html>', 500), see);
    await through(reply('', 204), see);
    expect(seen).toEqual([
      { status: 422, headers: { 'retry-after': '5' }, body: { a: 1 } },
      { status: 500, headers: {}, body: '<html>' },
      { status: 204, headers: {}, body: undefined },
    ]);
  });

  it('makes a value of headers, which the schema checks', async () => {
    const created = reply('', 201, { headers: { location: '/things/7', etag: '"3"' } });
    const of: ReplyFunction = ({ headers }) => ({ at: headers.location, etag: headers.etag });
    const response = z.object({ at: z.string(), etag: z.string() });
    expect(await through(created, of, response)).toEqual({
      ok: true,
      result: { at: '/things/7', etag: '"3"' },
    });
    expect(failureOf(await through(reply('', 201), of, response)).code).toBe('REPLY_INVALID');
  });

  it('adds to the value that the reply has by itself', async () => {
    const of: ReplyFunction = ({ headers }, next) => ({ body: next(), id: headers['x-message-id'] });
    const answer = reply({ ok: true }, 200, { headers: { 'x-message-id': 'm-1' } });
    expect(await through(answer, of, z.object({ body: z.unknown(), id: z.string() }))).toEqual({
      ok: true,
      result: { body: { ok: true }, id: 'm-1' },
    });
  });

  it.each([422, 503, 302])('leaves a %d what it is by next(), wherever that stands', async (status) => {
    const plain = failureOf(await perform(reply('no', status), {}));
    const of: ReplyFunction = (_, next) => ({ a: [next()] });
    expect(failureOf(await through(reply('no', status), of))).toEqual(plain);
  });

  it('takes for later what says 200 and holds an error', async () => {
    const of: ReplyFunction = ({ body }, next) =>
      JSON.stringify(body).includes('ratelimited') ? later({ after: 29.5, because: 'ratelimited' }) : next();
    const failure = failureOf(await through(reply({ ok: false, error: 'ratelimited' }), of));
    expect(failure).toEqual({
      code: 'TARGET_UNAVAILABLE',
      retriable: true,
      acted: 'unknown',
      message: 'ratelimited; 200 OK; the reply was: ok: false; error: ratelimited',
      target: 'payments',
      httpStatus: 200,
      headers: { 'retry-after': '30' },
    });
  });

  it.each([
    [200, undefined, 'unknown'],
    [404, undefined, 'no'],
    [409, undefined, 'unknown'],
    [500, undefined, 'unknown'],
    [500, 'no', 'no'],
    [404, 'unknown', 'unknown'],
  ] as const)('that refuses a %d, acted %s: %s', async (status, acted, expected) => {
    const verdict = refused({ because: 'closed', ...(acted === undefined ? {} : { acted }) });
    const failure = failureOf(await through(reply('x', status), () => verdict));
    expect(failure).toMatchObject({ code: 'REFUSED', retriable: false, acted: expected });
  });

  it('never says of the first sending of a request what the second was answered', async () => {
    const verdict = refused({ because: 'closed', acted: 'no' });
    const failure = failureOf(await through(reply('x', 404, { repeated: true }), () => verdict));
    expect(failure.acted).toBe('unknown');
  });

  it.each<readonly [string, ReplyFunction, string]>([
    [
      'throws',
      () => {
        throw new Error(`no ${CARD}`);
      },
      'the reply function threw: no ***',
    ],
    ['is async', async () => Promise.reject(new Error('late')), 'returned a promise: write it without async'],
    [
      'gives no reason',
      () => refused({ because: '' }),
      'refused: because is a text; write what the reply says',
    ],
    [
      'waits for nothing',
      () => later({ because: 'x', after: Number.NaN }),
      'later: after is NaN; write seconds',
    ],
  ])('that %s fails the step, whose target may have acted', async (_, of, why) => {
    const failure = failureOf(await through(reply({ ok: true }), of));
    expect(failure).toMatchObject({ code: 'REPLY_INVALID', retriable: false, acted: 'unknown' });
    expect(failure.message).toContain(why);
    expect(failure.next).toBe('Correct the reply function of the step, and deploy.');
  });

  it('cannot make a value of a 2xx that is no JSON by next(), and can without', async () => {
    const response = z.object({ text: z.string() });
    const broken = await through(reply('<ok/>'), (_, next) => next(), response);
    expect(failureOf(broken).message).toContain('the reply is not JSON');
    const own = await through(reply('<ok/>'), ({ body }) => ({ text: body }), response);
    expect(own).toEqual({ ok: true, result: { text: '<ok/>' } });
  });

  it('never shows a secret in what it says', async () => {
    const failure = failureOf(await through(reply('x', 400), () => refused({ because: `card ${CARD}` })));
    expect(failure.message).not.toContain(CARD);
  });

  it('goes before statuses, which next() knows', async () => {
    const options = { statuses: { 404: 'done' }, reply: ((_, next) => next()) satisfies ReplyFunction };
    expect(await perform(reply('', 404), options)).toEqual({ ok: true, result: null });
  });
});

describe('a definition that speaks of replies', () => {
  it.each<readonly [Readonly<Record<string, unknown>>, string]>([
    [{ reply: 5 }, 'reply is 5, not a function'],
    [{ statuses: [404] }, 'statuses is a list'],
    [{ statuses: { 99: 'done' } }, 'statuses names "99", which is no status of a reply'],
    [{ statuses: { 404: 'ok' } }, 'statuses says that 404 is "ok"'],
  ])('%j is refused', (options, why) => {
    expect(() => stepOf({ request: postCharge, ...options })).toThrow(why);
  });

  it('is refused for a step that runs code', () => {
    expect(() => stepOf({ run: () => null, reply: () => null })).toThrow('it has both run and reply');
    expect(() => stepOf({ run: () => null, statuses: {} })).toThrow('it has both run and statuses');
  });
});
