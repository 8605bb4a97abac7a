import { describe, expect, it } from 'vitest';
import { refused } from '../../lib/chain/index.ts';
import { EngineError } from '../../lib/engine/errors.ts';
import type { HttpOutcome, ResolvedTarget } from '../../lib/engine/ports.ts';
import { failureOf, outside, postCharge, reply, stepOf } from './call-fixtures.ts';

const BASE = 'https://payments.test/v1';
const OLD: ResolvedTarget = {
  baseUrl: BASE,
  headers: { authorization: 'Bearer old-secret' },
  secrets: ['old-secret'],
};
const NEW: ResolvedTarget = {
  baseUrl: BASE,
  headers: { authorization: 'Bearer new-secret' },
  secrets: ['new-secret'],
};

type Renewed = NonNullable<ResolvedTarget['renewed']>;

/** A target whose secret was kept, and what comes of looking at it again. */
function kept(answers: readonly HttpOutcome[], renewed: Renewed) {
  const made = outside();
  const asked: number[] = [];
  made.resolve = async () => ({
    ...OLD,
    renewed: (status) => {
      asked.push(status);
      return renewed(status);
    },
  });
  const left = [...answers];
  const perform = (options: object = {}) => {
    made.answer = left.shift() ?? reply({});
    const { calls } = made;
    const push = calls.push.bind(calls);
    calls.push = (...some) => {
      const length = push(...some);
      if (length > 1) made.answer = left.shift() ?? reply({});
      return length;
    };
    return made.perform(stepOf({ request: postCharge, ...options }));
  };
  const sent = () => made.calls.map(({ request }) => request.headers.authorization);
  return { ...made, perform, asked, sent };
}

describe('a target that answers 401 or 403', () => {
  it.each([401, 403])('is called once more where its secret is another by now (%d)', async (status) => {
    const { perform, sent, asked, calls } = kept([reply('', status), reply({ id: 1 })], async () => NEW);
    expect(await perform()).toEqual({ ok: true, result: null });
    expect(sent()).toEqual(['Bearer old-secret', 'Bearer new-secret']);
    expect(asked).toEqual([status]);
    expect(new Set(calls.map(({ request }) => request.headers['idempotency-key'])).size).toBe(1);
  });

  it('is called no more than that, and neither secret is shown', async () => {
    const echo = reply({ old: 'old-secret', new: 'new-secret' }, 401);
    const { perform, sent } = kept([echo, echo], async () => NEW);
    expect(failureOf(await perform())).toMatchObject({
      code: 'REFUSED',
      acted: 'no',
      message: '401 Unauthorized; the reply was: old: ***; new: ***',
    });
    expect(sent()).toHaveLength(2);
  });

  it('has refused where its secret is the same', async () => {
    const { perform, sent } = kept([reply('', 401)], async () => undefined);
    expect(failureOf(await perform())).toMatchObject({ code: 'REFUSED', retriable: false, acted: 'no' });
    expect(sent()).toHaveLength(1);
  });

  it('has the effect of the last call, whatever that is', async () => {
    const lost: HttpOutcome = {
      kind: 'failure',
      code: 'DEADLINE_EXCEEDED',
      sent: 'unknown',
      message: 'late',
    };
    const { perform } = kept([reply('', 401), lost], async () => NEW);
    expect(failureOf(await perform())).toMatchObject({ code: 'DEADLINE_EXCEEDED', acted: 'unknown' });
  });

  it('may have acted where the first call was sent twice', async () => {
    const twice = reply('', 401, { repeated: true });
    const second = kept([twice, reply('', 403)], async () => NEW);
    expect(failureOf(await second.perform())).toMatchObject({ code: 'REFUSED', acted: 'unknown' });
    const gone: HttpOutcome = { kind: 'failure', code: 'CONNECTION_FAILED', sent: 'no', message: 'gone' };
    const third = kept([twice, gone], async () => NEW);
    expect(failureOf(await third.perform())).toMatchObject({ code: 'CONNECTION_BROKEN', acted: 'unknown' });
  });

  it('is tried again where nobody can say what its secret is now', async () => {
    const down = kept([reply('', 401)], async () => {
      throw new EngineError('SECRET_UNAVAILABLE', 'the store is down');
    });
    expect(failureOf(await down.perform())).toMatchObject({
      code: 'SECRET_UNAVAILABLE',
      message: 'the target answered 401, and its secrets could not be read again: the store is down',
      retriable: true,
      acted: 'no',
      httpStatus: 401,
    });
    const gone = kept([reply('', 401)], async () => {
      throw new EngineError('TARGET_MISSING', 'the secret was deleted', { next: 'Make it.' });
    });
    expect(failureOf(await gone.perform())).toMatchObject({
      code: 'TARGET_MISSING',
      retriable: false,
      next: 'Make it.',
    });
  });

  it('is tried again where its secret is not read within the deadline', async () => {
    const { perform, clock } = kept([reply('', 401)], () => new Promise(() => undefined));
    const performing = perform();
    await clock.advance(30_000);
    expect(failureOf(await performing)).toMatchObject({
      code: 'SECRET_UNAVAILABLE',
      message: 'the target answered 401, and its secrets could not be read again: the deadline passed',
      retriable: true,
    });
  });

  it('is tried again where its secret was read a moment ago', async () => {
    const { perform, sent } = kept([reply('', 401)], async () => 'tooSoon');
    expect(failureOf(await perform())).toMatchObject({
      code: 'SECRET_UNAVAILABLE',
      message:
        'the target answered 401, and its secrets could not be read again: they were read a moment ago',
      retriable: true,
      acted: 'no',
    });
    expect(sent()).toHaveLength(1);
  });

  it('may have acted where the first call was sent twice, also if there is no second', async () => {
    const made = kept([reply('', 401, { repeated: true })], async () => ({
      ...NEW,
      prepare: () => Promise.reject(new EngineError('TARGET_MISSING', 'no place')),
    }));
    expect(failureOf(await made.perform())).toMatchObject({ code: 'TARGET_MISSING', acted: 'unknown' });
  });

  it.each([
    [
      'a refusal of which the step says that it may have acted',
      reply('', 403),
      { reply: () => refused({ because: 'half done', acted: 'unknown' }) },
    ],
    ['a rate limit that is spent', reply('', 403, { headers: { 'retry-after': '30' } }), {}],
    ['a status that the step takes for done', reply('', 403), { statuses: { 403: 'done' } }],
    ['a reply that the step makes a value of', reply('', 401), { reply: () => 'fine' }],
    ['any other refusal', reply('', 422), {}],
  ])('is not asked again for %s', async (_, answer, options) => {
    const { perform, asked } = kept([answer], async () => NEW);
    await perform(options);
    expect(asked).toEqual([]);
  });
});

describe('a request that its target prepares', () => {
  it('goes out as it was prepared, and what was signed is not shown', async () => {
    const made = outside();
    made.resolve = () => ({
      ...OLD,
      prepare: (request) => ({
        ...request,
        url: `${request.url}?key=1`,
        headers: { ...request.headers, signed: 't=179,v1=5257a8f0c3d1e2b4a697' },
      }),
    });
    made.answer = reply({ seen: '5257a8f0c3d1e2b4a697' }, 422);
    const { message } = failureOf(await made.perform(stepOf({ request: postCharge })));
    expect(made.calls[0]?.request).toMatchObject({
      url: `${BASE}/charges?key=1`,
      headers: { signed: 't=179,v1=5257a8f0c3d1e2b4a697' },
    });
    expect(message).toMatch(/^422 Unprocessable \w+; the reply was: seen: \*{3}$/);
  });

  it('is not sent where that fails, or takes too long', async () => {
    const made = outside();
    made.resolve = () => ({
      ...OLD,
      prepare: () => Promise.reject(new EngineError('TARGET_MISSING', 'no place', { next: 'Make room.' })),
    });
    expect(failureOf(await made.perform(stepOf({ request: postCharge })))).toMatchObject({
      code: 'TARGET_MISSING',
      next: 'Make room.',
      acted: 'no',
      target: 'payments',
    });
    made.resolve = () => ({ ...OLD, prepare: () => new Promise(() => undefined) });
    const late = made.perform(stepOf({ request: postCharge }));
    await made.clock.advance(30_000);
    expect(failureOf(await late)).toMatchObject({ code: 'DEADLINE_EXCEEDED', acted: 'no' });
    expect(made.calls).toEqual([]);
  });
});
