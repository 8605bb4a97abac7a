import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { form, target } from '../../../lib/chain/index.ts';
import { type Built, type BuiltRequest, buildRequest } from '../../../lib/engine/request/build.ts';
import { stepOf } from '../call-fixtures.ts';

const KEY = 'wf_0123456789abcdef0123456789abcdef:a:do:0';
const payments = target('payments');
type Request = NonNullable<ReturnType<typeof stepOf>['request']>;

const building = (request: Request, changes: { key?: string; requestKey?: string | undefined } = {}) => ({
  step: stepOf({ request, targets: ['payments', 'square', 'paypal', 'sms'] }),
  context: { input: { card: '4242424242424242' }, results: {} },
  secrets: () => ['4242424242424242'],
  idempotencyKey: changes.key ?? KEY,
  requestKey: 'requestKey' in changes ? changes.requestKey : 'seal',
});

function built(request: Request, changes?: Parameters<typeof building>[1]): BuiltRequest {
  const one: Built = buildRequest(building(request, changes));
  if ('failure' in one) throw new Error(one.failure.message);
  return one;
}

describe('the key that a request function is given', () => {
  it('is written as its target wants it, and is the one that is sent', () => {
    const square = target('square', { idempotency: { format: 'token32' } });
    const one = built(({ idempotencyKey }) =>
      square.post('/v2/payments', { idempotency_key: idempotencyKey }),
    );
    expect(one.key).toMatch(/^[0-9a-f]{32}$/);
    expect(JSON.parse(one.body?.content ?? '')).toEqual({ idempotency_key: one.key });
  });

  it('is the plain one for a target that says nothing of it', () => {
    const one = built(({ idempotencyKey }) => payments.post('/charges', { key: idempotencyKey }));
    expect(one.body?.content).toBe(JSON.stringify({ key: KEY }));
  });

  it('fits the target that a value chooses', () => {
    const paypal = target('paypal', { idempotency: { format: 'uuid' } });
    const choose: Request = ({ input, idempotencyKey }) =>
      (JSON.stringify(input).includes('42') ? paypal : payments).post('/', { key: idempotencyKey });
    const one = built(choose);
    expect(JSON.parse(one.body?.content ?? '').key).toBe(one.key);
    expect(one.key).toHaveLength(36);
  });
});

describe('the hash of a request', () => {
  it('does not change from one release to the next: one that was saved before counts', () => {
    const sent =
      'seal\n["payments","POST","/charges","idempotency-key","plain","application/json"]{"amount":5}';
    expect(built(() => payments.post('/charges', { amount: 5 })).hash).toBe(
      createHash('sha256').update(sent).digest('base64url').slice(0, 12),
    );
  });

  const base = built(() => payments.post('/charges', { amount: 5 })).hash;

  it('is the same for the same request', () => {
    expect(base).toMatch(/^[\w-]{12}$/);
    expect(built(() => payments.post('/charges', { amount: 5 })).hash).toBe(base);
  });

  it.each<readonly [string, Request]>([
    ['another target', () => target('square').post('/charges', { amount: 5 })],
    ['another method', () => payments.put('/charges', { amount: 5 })],
    ['another path', () => payments.post('/charge', { amount: 5 })],
    ['another query', () => payments.post('/charges', { amount: 5 }, { query: { expand: 1 } })],
    ['another body', () => payments.post('/charges', { amount: 6 })],
    ['no body', () => payments.post('/charges')],
    ['a body of another type', () => payments.post('/charges', form({ amount: 5 }))],
  ])('is another for %s', (_, request) => {
    expect(built(request).hash).not.toBe(base);
  });

  it.each<readonly [string, Parameters<typeof target>[1]]>([
    ['in another header', { idempotency: { header: 'x-key' } }],
    ['in another format', { idempotency: { format: 'uuid' } }],
    ['not at all', { idempotency: 'none' }],
  ])('is another where the key is sent %s', (_, options) => {
    const step = { idempotency: 'none' } as const;
    const other = target('payments', options);
    const request = () => other.post('/charges', { amount: 5 });
    const one = buildRequest({ ...building(request), step: stepOf({ request, ...step }) });
    expect('failure' in one ? undefined : one.hash).not.toBe(base);
  });

  it('does not hold how long a target remembers keys, nor a header of a trace', () => {
    const other = target('payments', { idempotency: { lifetime: 604_800 } });
    const headers = { 'x-sent-at': String(Math.random()) };
    expect(built(() => other.post('/charges', { amount: 5 }, { headers })).hash).toBe(base);
  });

  it('tells nothing without its key, and is not made where a workflow has none', () => {
    const request = () => payments.post('/charges', { amount: 5 });
    expect(built(request, { requestKey: 'other' }).hash).not.toBe(base);
    expect(built(request, { requestKey: undefined })).toHaveProperty('hash', undefined);
  });
});

describe('a target that a step counts on for longer than it remembers', () => {
  it('is not called, and the step is told what to write', () => {
    const sms = target('sms', { idempotency: 'none' });
    const one = buildRequest(building(() => sms.post('/messages')));
    expect(one).toMatchObject({
      failure: {
        code: 'REQUEST_INVALID',
        message: 'the target "sms" takes no idempotency key, and the step counts on 86400 s',
        next: "Write idempotency: 'none' in the step, and deploy.",
        acted: 'no',
      },
    });
  });
});
