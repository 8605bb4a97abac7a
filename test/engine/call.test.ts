import { describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { form, multipart, target, text } from '../../lib/chain/index.ts';
import type { Idempotency } from '../../lib/chain/request/key.ts';
import { ADVICE } from '../../lib/contract/advice.ts';
import { EngineError } from '../../lib/engine/errors.ts';
import { CARD, failureOf, outside, postCharge, stepOf, WORKFLOW } from './call-fixtures.ts';

const response = z.object({ orderId: z.string() });
const charge = stepOf({ request: postCharge, response });

describe('a request to a target', () => {
  it('goes to the target’s base URL with the body as JSON, under the deadline', async () => {
    const { calls, resolved, perform } = outside();
    await perform(charge, { deadlineMs: 12_345 });
    expect(resolved).toEqual(['payments']);
    expect(calls).toEqual([
      {
        request: {
          method: 'POST',
          url: 'https://payments.test/v1/charges',
          headers: expect.any(Object),
          body: '{"amount":5}',
        },
        deadlineMs: 12_345,
      },
    ]);
  });

  it('carries the idempotency key, the workflow id, a trace, and what the step and the target set', async () => {
    const made = outside();
    made.resolve = async () => ({
      baseUrl: 'https://payments.test',
      headers: { authorization: 'Bearer s3cret' },
    });
    const request = () => ({ ...postCharge(), headers: { 'x-mode': 'test' } });
    await made.perform(stepOf({ request }));
    expect(made.calls[0]?.request.headers).toEqual({
      accept: 'application/json',
      'content-type': 'application/json',
      'x-mode': 'test',
      'idempotency-key': `${WORKFLOW}:a:do:0`,
      'stepline-workflow-id': WORKFLOW,
      'stepline-call-id': `${WORKFLOW}:a:do:0`,
      traceparent: '00-0123456789abcdef0123456789abcdef-fedcba9876543210-01',
      authorization: 'Bearer s3cret',
    });
  });

  it('has a traceparent as W3C writes it', async () => {
    const { calls, perform } = outside();
    await perform(charge);
    expect(calls[0]?.request.headers.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  });

  it('has a connection of its own where it must, and says nothing of it elsewhere', async () => {
    const { calls, perform } = outside();
    await perform(charge, { fresh: true });
    await perform(charge);
    expect(calls.map(({ request }) => request.fresh)).toEqual([true, undefined]);
  });

  it('without a body has neither body nor content type', async () => {
    const { calls, perform } = outside();
    await perform(stepOf({ request: () => ({ target: 'payments', method: 'GET', path: '/charges/1' }) }));
    expect(calls[0]?.request).not.toHaveProperty('body');
    expect(calls[0]?.request.headers).not.toHaveProperty('content-type');
  });

  it('may have a body of null, which is a body', async () => {
    const { calls, perform } = outside();
    await perform(stepOf({ request: () => ({ ...postCharge(), body: null }) }));
    expect(calls[0]?.request).toMatchObject({ body: 'null' });
    expect(calls[0]?.request.headers).toHaveProperty('content-type', 'application/json');
  });

  it.each([
    [
      form({ amount: 5, tags: ['a', 'b'] }),
      'application/x-www-form-urlencoded',
      'amount=5&tags%5B0%5D=a&tags%5B1%5D=b',
    ],
    [text('<a>é</a>', 'application/xml'), 'application/xml', '<a>é</a>'],
  ])('has the body and the content type that were made for it (%#)', async (body, type, bytes) => {
    const { calls, perform } = outside();
    await perform(stepOf({ request: () => target('payments').post('/charges', body) }));
    expect(calls[0]?.request).toMatchObject({ body: bytes, headers: { 'content-type': type } });
  });

  it('has the same multipart bytes at every attempt under the same key', async () => {
    const { calls, perform } = outside();
    const step = stepOf({
      request: () => target('payments').post('/', multipart([{ name: 'a', value: 1 }])),
    });
    await perform(step);
    await perform(step);
    await perform(step, { idempotencyKey: `${WORKFLOW}:a:do:1` });
    const [first, second, other] = calls.map(({ request }) => [
      request.headers['content-type'],
      request.body,
    ]);
    expect(first?.[0]).toMatch(/^multipart\/form-data; boundary=/);
    expect(second).toEqual(first);
    expect(other?.[0]).not.toBe(first?.[0]);
  });

  it('is built from the input and the results before it', async () => {
    const seen: unknown[] = [];
    const { perform } = outside();
    const request = (context: unknown) => {
      seen.push(context);
      return postCharge();
    };
    const step = stepOf({ request });
    // The definition tries it once, to see which target it names.
    seen.length = 0;
    await perform(step);
    const idempotencyKey = `${WORKFLOW}:a:do:0`;
    const results = { before: { id: 'b' } };
    expect(seen).toEqual([{ input: { card: CARD, amount: 5 }, results, idempotencyKey }]);
  });
});

describe('the idempotency key of a call', () => {
  const headersOf = async (idempotency: Idempotency) => {
    const { perform, calls } = outside();
    const api = target('payments', { idempotency });
    await perform(stepOf({ request: () => api.post('/charges') }));
    return calls[0]?.request.headers;
  };

  it('goes in the header that the target reads, written as the target wants it', async () => {
    const headers = await headersOf({ header: 'PayPal-Request-Id', format: 'uuid' });
    expect(headers?.['paypal-request-id']).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4/);
    expect(headers).not.toHaveProperty('idempotency-key');
  });

  it('is not sent to a target that takes none', async () => {
    const { 'stepline-call-id': id, ...others } = (await headersOf('none')) ?? {};
    expect(id).toBe(`${WORKFLOW}:a:do:0`);
    expect(JSON.stringify(others)).not.toContain(`${WORKFLOW}:a`);
  });

  it('is not replaced by a header of the settings: nothing is sent', async () => {
    const out = outside();
    out.resolve = async () => ({ baseUrl: 'https://a.test', headers: { 'x-key': 'always the same' } });
    const paypal = target('payments', { idempotency: { header: 'x-key' } });
    const failure = failureOf(await out.perform(stepOf({ request: () => paypal.post('/orders') })));
    expect(out.calls).toEqual([]);
    expect(failure).toEqual({
      code: 'REQUEST_INVALID',
      message:
        'the header "x-key" is that of the idempotency key, and the settings of the target "payments" have it, too',
      next: 'Take x-key out of the settings of the target, and deploy.',
      retriable: false,
      acted: 'no',
      target: 'payments',
    });
  });
});

describe('a request that cannot be built', () => {
  it.each([
    [
      'because the function throws',
      () => {
        throw new Error(`cannot charge ${CARD}`);
      },
      'cannot charge ***',
    ],
    [
      'because the function returns nothing',
      () => undefined,
      'the request function returned nothing: it must return a request, such as payments.post(…)',
    ],
    [
      'because the function returns null',
      () => null,
      'the request function returned nothing: it must return a request, such as payments.post(…)',
    ],
    [
      'because the function returns a list',
      () => [postCharge()],
      'the request function returned a list: it must return one request; write a step for each of them',
    ],
    [
      'because the function returns a promise',
      async () => postCharge(),
      'the request function returned a promise: it must return a request at once; write it without async, and wait in a run step before it',
    ],
    [
      'because the function returns a promise that is rejected',
      async () => {
        throw new Error('too late');
      },
      /^the request function returned a promise/,
    ],
    [
      'because the function returns a path',
      () => `/charges/${CARD}`,
      'the request function returned a text: it must return a request, such as payments.post(…)',
    ],
    [
      'because the function returns a body',
      () => ({ amount: 5 }),
      'the request function returned an object that is no request: it must return a request, such as payments.post(…)',
    ],
    [
      'because the function returns a target’s method',
      () => target('payments').post,
      /^the request function returned a function: it must/,
    ],
    ['because its body is not JSON', () => ({ ...postCharge(), body: { amount: 5n } }), /BigInt/],
    [
      'because its body is a bare text',
      () => ({ ...postCharge(), body: CARD }),
      /^the body is a bare text; write json\(…\)/,
    ],
  ])('%s fails for good, and nothing was sent', async (_, request, message) => {
    const { calls, perform } = outside();
    expect(failureOf(await perform(stepOf({ request })))).toEqual({
      code: 'REQUEST_INVALID',
      message: message instanceof RegExp ? expect.stringMatching(message) : message,
      retriable: false,
      acted: 'no',
    });
    expect(calls).toEqual([]);
  });
});

describe('a content type in the settings of a target', () => {
  const settings = (type: string) => ({
    baseUrl: 'https://payments.test',
    headers: { 'content-type': type },
  });

  it('is sent where the body agrees with it', async () => {
    const made = outside();
    made.resolve = () => settings('application/vnd.api+json');
    await made.perform(charge);
    expect(made.calls[0]?.request.headers).toHaveProperty('content-type', 'application/vnd.api+json');
  });

  it('that contradicts the body fails the step for good, and nothing was sent', async () => {
    const made = outside();
    made.resolve = () => settings('application/json');
    const step = stepOf({ request: () => target('payments').post('/charges', form({ amount: 5 })) });
    expect(failureOf(await made.perform(step))).toEqual({
      code: 'REQUEST_INVALID',
      message:
        'the content-type that is set for the target "payments" contradicts the body, which is a form; leave the header out',
      next: 'Take content-type out of the headers of the request, or of the settings of the target, and deploy.',
      retriable: false,
      acted: 'no',
      target: 'payments',
    });
    expect(made.calls).toEqual([]);
  });
});

describe('a target', () => {
  it('that the step does not name is not called: deployed, the step would not have it', async () => {
    const { calls, perform } = outside();
    const step = { ...stepOf({ request: postCharge }), targets: ['shipping'] };
    expect(failureOf(await perform(step))).toEqual({
      code: 'TARGET_MISSING',
      message: 'the request goes to the target "payments", but the step’s definition names only "shipping"',
      next: "Write targets: ['shipping', 'payments'] in the step, and deploy.",
      retriable: false,
      acted: 'no',
      target: 'payments',
    });
    expect(calls).toEqual([]);
  });

  it('may be found at once: then nothing is waited for', async () => {
    const made = outside();
    made.resolve = () => ({ baseUrl: 'https://payments.test', headers: { authorization: 'Bearer s3cret' } });
    const timers = vi.spyOn(made.clock, 'after');
    expect(await made.perform(charge)).toEqual({ ok: true, result: { orderId: 'o-1' } });
    expect(made.calls[0]?.request).toMatchObject({
      url: 'https://payments.test/charges',
      headers: { authorization: 'Bearer s3cret' },
    });
    expect(timers).not.toHaveBeenCalled();
  });

  it('may be missed at once', async () => {
    const made = outside();
    made.resolve = () => {
      throw new EngineError('TARGET_MISSING', 'no target "payments" in the settings');
    };
    expect(failureOf(await made.perform(charge))).toMatchObject({ code: 'TARGET_MISSING', acted: 'no' });
    expect(made.calls).toEqual([]);
  });

  it('that is missing fails the step for good with what to do, never cut, and nothing was sent', async () => {
    const made = outside();
    const next = `Add "payments" to the settings. ${'Each word of this counts. '.repeat(20)}`;
    made.resolve = async () => {
      throw new EngineError('TARGET_MISSING', 'no target "payments" in the settings', { next });
    };
    expect(failureOf(await made.perform(charge))).toEqual({
      code: 'TARGET_MISSING',
      message: 'no target "payments" in the settings',
      next,
      retriable: false,
      acted: 'no',
      target: 'payments',
    });
    expect(made.calls).toEqual([]);
  });

  it('whose settings cannot be read now is tried again, and nothing was sent', async () => {
    const made = outside();
    made.resolve = async () => {
      throw new EngineError('STORE_UNAVAILABLE', 'later');
    };
    expect(failureOf(await made.perform(charge))).toMatchObject({
      retriable: true,
      acted: 'no',
      target: 'payments',
    });
    expect(made.calls).toEqual([]);
  });

  it('whose secret cannot be read now is tried again, and nothing was sent', async () => {
    const made = outside();
    made.resolve = async () => {
      throw new EngineError('SECRET_UNAVAILABLE', 'the secret of "payments" could not be read');
    };
    expect(failureOf(await made.perform(charge))).toEqual({
      code: 'SECRET_UNAVAILABLE',
      message: 'the secret of "payments" could not be read',
      next: ADVICE.SECRET_UNAVAILABLE,
      retriable: true,
      acted: 'no',
      target: 'payments',
    });
    expect(made.calls).toEqual([]);
  });

  it('whose settings do not come ends at the deadline, is tried again, and nothing was sent', async () => {
    const made = outside();
    made.resolve = () => new Promise(() => undefined);
    let result: unknown;
    const performing = made.perform(charge, { deadlineMs: 4_000 }).then((ended) => {
      result = ended;
      return ended;
    });
    await made.clock.advance(3_999);
    expect(result).toBeUndefined();
    await made.clock.advance(1);
    expect(failureOf(await performing)).toEqual({
      code: 'DEADLINE_EXCEEDED',
      message: 'the settings of target "payments" were not read within 4000 ms; nothing was sent',
      retriable: true,
      acted: 'no',
      target: 'payments',
    });
    expect(made.calls).toEqual([]);
  });

  it('whose settings take time takes it from the deadline of the call', async () => {
    const made = outside();
    made.resolve = () =>
      new Promise((resolve) => {
        made.clock.after(1_500, () => resolve({ baseUrl: 'https://payments.test', headers: {} }));
      });
    const performing = made.perform(charge, { deadlineMs: 4_000 });
    await made.clock.advance(1_500);
    expect(await performing).toMatchObject({ ok: true });
    expect(made.calls[0]?.deadlineMs).toBe(2_500);
    expect(made.clock.waiting).toBe(0);
  });
});
