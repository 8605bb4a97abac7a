import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import type { RunContext } from '../../lib/chain/definition.ts';
import { type RefusalOptions, StepRefusal } from '../../lib/chain/refusal.ts';
import { settle } from '../support/manual-clock.ts';
import { CARD, failureOf, outside, stepOf, WORKFLOW } from './call-fixtures.ts';

const unhandled = vi.fn();
beforeEach(() => {
  unhandled.mockClear();
  process.on('unhandledRejection', unhandled);
});
afterEach(() => {
  process.off('unhandledRejection', unhandled);
});

const never = () => new Promise<never>(() => undefined);

describe('a run step', () => {
  it('stores what it returns, at once or later', async () => {
    const { perform, calls } = outside();
    for (const run of [() => ({ n: 1 }), async () => ({ n: 1 })]) {
      expect(await perform(stepOf({ run }))).toEqual({ ok: true, result: { n: 1 } });
    }
    expect(calls).toEqual([]);
  });

  it('stores null for nothing', async () => {
    const { perform } = outside();
    for (const run of [() => undefined, async () => null, () => () => 'a function']) {
      expect(await perform(stepOf({ run }))).toEqual({ ok: true, result: null });
    }
  });

  it('stores what JSON makes of the value, as the next step will see it after a restart', async () => {
    const { perform } = outside();
    const run = () => ({ at: new Date(0), gone: undefined, list: [undefined, Number.NaN] });
    expect(await perform(stepOf({ run }))).toEqual({
      ok: true,
      result: { at: '1970-01-01T00:00:00.000Z', list: [null, null] },
    });
  });

  it('stores what its schema makes of the value', async () => {
    const { perform } = outside();
    const response = z.object({ n: z.number() });
    expect(await perform(stepOf({ run: () => ({ n: 1, extra: 2 }), response }))).toEqual({
      ok: true,
      result: { n: 1 },
    });
  });

  it('sees the input, the results before it, the idempotency key and a signal', async () => {
    const seen: RunContext[] = [];
    const { perform } = outside();
    await perform(
      stepOf({
        run: (context: RunContext) => {
          seen.push(context);
        },
      }),
    );
    const [context] = seen;
    expect(context).toMatchObject({
      input: { card: CARD, amount: 5 },
      results: { before: { id: 'b' } },
      idempotencyKey: `${WORKFLOW}:a:do:0`,
    });
    expect(context?.signal.aborted).toBe(false);
  });

  it('leaves no timer behind', async () => {
    const { clock, perform } = outside();
    await perform(stepOf({ run: () => 1 }));
    expect(clock.waiting).toBe(0);
  });
});

describe('a run step that throws', () => {
  it.each([
    [
      'at once',
      () => {
        throw new Error(`no luck with ${CARD}`);
      },
    ],
    ['later', () => Promise.reject(new Error(`no luck with ${CARD}`))],
    ['something that is no error', () => Promise.reject(`no luck with ${CARD}`)],
  ])('%s is tried again, outcome unknown', async (_, run) => {
    const { perform } = outside();
    expect(failureOf(await perform(stepOf({ run })))).toEqual({
      code: 'RUN_FAILED',
      message: 'no luck with ***',
      retriable: true,
      acted: 'unknown',
    });
  });

  it('with a cause, or without a message, says what there is to say', async () => {
    const { perform } = outside();
    const thrown = [
      [
        new TypeError('fetch failed', { cause: new Error(`no route for ${CARD}`) }),
        'fetch failed: no route for ***',
      ],
      [new RangeError(''), 'RangeError without a message'],
      [{ code: 'E_DOWN', card: CARD }, "{ code: 'E_DOWN', card: '***' }"],
    ] as const;
    for (const [error, message] of thrown) {
      const run = () => Promise.reject(error);
      expect(failureOf(await perform(stepOf({ run })))).toMatchObject({ code: 'RUN_FAILED', message });
    }
  });

  it('a refusal may name the target that refused, and its status', async () => {
    const { perform } = outside();
    const refused = async (options: RefusalOptions) =>
      failureOf(
        await perform(stepOf({ run: () => Promise.reject(new StepRefusal('card declined', options)) })),
      );
    expect(await refused({ target: 'payments', status: 402 })).toEqual({
      code: 'REFUSED',
      message: 'card declined',
      retriable: false,
      acted: 'no',
      target: 'payments',
      httpStatus: 402,
    });
    expect(await refused({ status: 402 })).not.toHaveProperty('target');
    expect(await refused({ target: 'payments' })).not.toHaveProperty('httpStatus');
  });

  it.each([
    [{ target: 'https://payments.internal' }, 'card declined; its target is no name of a target'],
    [{ target: '' }, 'card declined; its target is no name of a target'],
    [{ status: 0 }, 'card declined; its status is no HTTP status'],
    [{ status: 40.2 }, 'card declined; its status is no HTTP status'],
    [{ status: 600 }, 'card declined; its status is no HTTP status'],
  ])('a refusal with %j stays one, without what can be none', async (options, message) => {
    const { perform } = outside();
    const run = () => Promise.reject(new StepRefusal('card declined', options));
    expect(failureOf(await perform(stepOf({ run })))).toEqual({
      ...{ code: 'REFUSED', message, retriable: false, acted: 'no' },
    });
  });

  it('a refusal fails for good, and nothing was done', async () => {
    const { perform } = outside();
    const run = async () => {
      throw new StepRefusal(`${CARD} is closed`);
    };
    expect(failureOf(await perform(stepOf({ run })))).toEqual({
      code: 'REFUSED',
      message: '*** is closed',
      retriable: false,
      acted: 'no',
    });
  });
});

describe('a run step whose value cannot be stored', () => {
  const circle: Record<string, unknown> = {};
  circle.self = circle;
  const invalid = { code: 'REPLY_INVALID', retriable: false, acted: 'unknown' };

  it.each([
    ['a bigint', 5n, /^the result of run is not JSON: /],
    ['a circle', circle, /^the result of run is not JSON: /],
  ])('because it is %s fails for good, outcome unknown', async (_, value, message) => {
    const { perform } = outside();
    expect(failureOf(await perform(stepOf({ run: () => value })))).toEqual({
      ...invalid,
      message: expect.stringMatching(message),
    });
  });

  it('because it breaks the schema fails for good, with its secrets masked', async () => {
    const { perform } = outside();
    const response = z.strictObject({ n: z.number() });
    const failure = failureOf(await perform(stepOf({ run: () => ({ n: 1, [CARD]: 1 }), response })));
    expect(failure).toMatchObject(invalid);
    expect(failure.message).toMatch(/^the result of run breaks the schema at its top: .*\*\*\*/);
  });

  it('because a refinement throws fails for good', async () => {
    const { perform } = outside();
    const response = z.any().refine(() => {
      throw new Error(`bug with ${CARD}`);
    });
    expect(failureOf(await perform(stepOf({ run: () => 1, response })))).toEqual({
      ...invalid,
      message: 'the schema could not check the result of run: bug with ***',
    });
  });

  it('because it is too large fails for good', async () => {
    const { perform } = outside();
    // Two quotation marks are part of the JSON.
    const fits = 'x'.repeat(256 * 1_024 - 2);
    expect(await perform(stepOf({ run: () => fits }))).toMatchObject({ ok: true });
    expect(failureOf(await perform(stepOf({ run: () => `${fits}x` })))).toMatchObject({
      code: 'RESULT_TOO_LARGE',
      retriable: false,
      acted: 'unknown',
    });
  });
});

describe('a run step at its deadline', () => {
  const late = {
    code: 'DEADLINE_EXCEEDED',
    message: 'run did not end within 5000 ms',
    retriable: true,
    acted: 'unknown',
  };

  it('is abandoned if it ignores its signal, outcome unknown', async () => {
    const { clock, perform } = outside();
    const performing = perform(stepOf({ run: never }), { deadlineMs: 5_000 });
    await clock.advance(5_000);
    expect(failureOf(await performing)).toEqual(late);
  });

  it('is abandoned if the check of its value does not end', async () => {
    const { clock, perform } = outside();
    const response = z.any().refine(never);
    const performing = perform(stepOf({ run: () => 1, response }), { deadlineMs: 5_000 });
    await clock.advance(5_000);
    expect(failureOf(await performing)).toEqual(late);
  });

  it('finds its signal aborted then, and not before', async () => {
    const { clock, perform } = outside();
    let signal: AbortSignal | undefined;
    const run = (context: RunContext) => {
      signal = context.signal;
      return never();
    };
    const performing = perform(stepOf({ run }), { deadlineMs: 5_000 });
    await clock.advance(4_999);
    expect(signal?.aborted).toBe(false);
    await clock.advance(1);
    expect(signal?.aborted).toBe(true);
    expect(signal?.reason).toBeInstanceOf(Error);
    await performing;
  });

  it('does not disturb anybody by how it ends later', async () => {
    const { clock, perform } = outside();
    const run = ({ signal }: RunContext) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => clock.after(1_000, () => reject(new Error('too late'))));
      });
    const performing = perform(stepOf({ run }), { deadlineMs: 5_000 });
    await clock.advance(5_000);
    expect(failureOf(await performing)).toEqual(late);
    await clock.advance(1_000);
    await settle();
    expect(unhandled).not.toHaveBeenCalled();
  });

  it('does not disturb anybody by throwing in its abort listener', async () => {
    const { clock, perform } = outside();
    const run = ({ signal }: RunContext) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    const performing = perform(stepOf({ run }), { deadlineMs: 5_000 });
    await clock.advance(5_000);
    expect(failureOf(await performing)).toEqual(late);
    expect(unhandled).not.toHaveBeenCalled();
  });
});
