import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { show } from '../../lib/chain/definition-error.ts';
import { DefinitionError, target } from '../../lib/chain/index.ts';
import { emptyChain, withStep } from '../../lib/chain/validate.ts';

const payments = target('payments');

describe('a target', () => {
  it('describes a request and makes none', () => {
    expect(payments.get('/charges')).toEqual({ target: 'payments', method: 'GET', path: '/charges' });
    expect(payments.post('/charges', { amount: 1 })).toEqual({
      target: 'payments',
      method: 'POST',
      path: '/charges',
      body: { amount: 1 },
    });
    expect(payments.put('/a', [1])).toMatchObject({ method: 'PUT', body: [1] });
    expect(payments.patch('/a', null)).toMatchObject({ method: 'PATCH', body: null });
    expect(payments.delete('/a')).toEqual({ target: 'payments', method: 'DELETE', path: '/a' });
  });

  it('sends no body where none is given', () => {
    expect(payments.post('/charges')).not.toHaveProperty('body');
  });

  it('takes headers, in lower case so that none is sent twice', () => {
    expect(payments.get('/a', { headers: { Accept: 'text/csv' } }).headers).toEqual({ accept: 'text/csv' });
    expect(payments.post('/a', undefined, { headers: { 'X-Region': 'eu' } }).headers).toEqual({
      'x-region': 'eu',
    });
  });

  it.each(['Idempotency-Key', 'traceparent', 'Stepline-Workflow-Id'])('leaves %s to the engine', (header) => {
    expect(() => payments.get('/a', { headers: { [header]: 'mine' } })).toThrow(
      `payments: the header "${header}" cannot be sent: Stepline itself sets this header; leave it out`,
    );
  });

  it.each<readonly [string, unknown, string]>([
    [
      'x-name',
      '王小明',
      'it has a character that HTTP does not allow; write encodeURIComponent(…) where the target decodes it',
    ],
    ['x-name', 'a\r\nhost: evil', 'it has a character that HTTP does not allow'],
    ['x-name', 'a\u0000', 'it has a character that HTTP does not allow'],
    ['x name', 'avalue', 'it has a character that HTTP does not allow'],
    ['Content-Length', '5', 'the HTTP client itself sets this header; leave it out'],
    ['Host', 'evil.example', 'the HTTP client itself sets this header; leave it out'],
    ['x-name', null, 'it is null, not text'],
    ['x-name', ['a', 'b'], 'it is a list, not text'],
  ])('refuses the header %s: %j, and shows no value', (header, value, why) => {
    const headers: Record<string, never> = JSON.parse(JSON.stringify({ [header]: value }));
    const get = () => payments.get('/a', { headers });
    expect(get).toThrow(TypeError);
    expect(get).toThrow(`payments: the header "${header}" cannot be sent: ${why}`);
    if (typeof value === 'string') expect(get).not.toThrow(` ${value}`);
  });

  it('sends a header value that HTTP allows as it is, and leaves out one that is undefined', () => {
    const headers = { 'x-a': 'Zoë \t!', 'x-b': encodeURIComponent('王'), 'x-c': '' };
    expect(payments.get('/a', { headers }).headers).toEqual(headers);
    const untyped = { 'x-a': undefined, 'x-b': 5 } as unknown as Record<string, string>;
    expect(payments.get('/a', { headers: untyped }).headers).toEqual({ 'x-b': '5' });
  });

  it.each([
    ['charges', 'does not begin with "/"'],
    ['', 'does not begin with "/"'],
    ['https://evil.example/', 'does not begin with "/"'],
    ['/a b', 'which encodes each value'],
    ['/a\r\nhost: evil', 'which encodes each value'],
    ['/a\u0000', 'which encodes each value'],
    ['/a#b', 'which encodes each value'],
    ['/a\\..\\b', 'which encodes each value'],
    ['/charges/../admin', 'leads to another resource'],
    ['/charges/..', 'leads to another resource'],
    ['/charges/%2E%2e?x', 'leads to another resource'],
    ['/./a', 'leads to another resource'],
    ['/files/..%2fadmin', 'has an encoded "/" or "\\"; write path'],
    ['/files/a%2Fb', 'has an encoded "/"'],
    ['/files/..%5Cadmin', 'has an encoded "/"'],
    ['/files/..;/admin', 'has a "." or ".." segment, which leads to another resource'],
    ['/files/%2e.;x=1', 'leads to another resource'],
    ['/files/.;a?b', 'leads to another resource'],
  ])('refuses the path %j when it is called', (path, why) => {
    expect(() => payments.post(path)).toThrow(TypeError);
    expect(() => payments.post(path)).toThrow(why);
    expect(() => payments.get(path)).toThrow('payments.get: the path');
  });

  it.each(['/', '/a..b/...', '/.well-known/x', '/a?b=c&d=%20', '/a?b=%2Fc', '/a;v=1/b', '/%E2%82%AC'])(
    'takes the path %j',
    (path) => {
      expect(payments.get(path).path).toBe(path);
    },
  );

  it.each(['', 'pay_ments', '9lives', 'pay--ments', 'constructor', 'x'.repeat(21)])(
    'cannot be named %j',
    (name) => {
      expect(() => target(name)).toThrow(DefinitionError);
      expect(() => target(name)).toThrow(/the target name .*Write letters, digits and single hyphens/);
    },
  );
});

describe('how late the targets of a step may act on a call', () => {
  const bank = target('bank', { lateBy: 600 });
  const quick = target('quick', { lateBy: 0 });
  const plain = target('plain');
  const lateByOf = (step: Readonly<Record<string, unknown>>): number | undefined =>
    withStep(emptyChain('orders', { version: 1, start: '/api/order', input: z.object({}) }), 'pay', step)
      .steps[0]?.lateBy;
  const request = () => bank.post('/transfers');
  const vague = ({ input }: { input: { fast: boolean } }) => (input.fast ? quick : bank).post('/transfers');

  it('is what the target says that the request calls, and a minute where it says nothing', () => {
    expect(lateByOf({ request })).toBe(600);
    expect(lateByOf({ request: () => quick.get('/') })).toBe(0);
    expect(lateByOf({ request: () => plain.get('/') })).toBe(60);
  });

  it('is the most of those that the step names; a name alone, and code that names none, say a minute', () => {
    expect(lateByOf({ request: vague, targets: [quick, bank] })).toBe(600);
    expect(lateByOf({ request: vague, targets: [quick] })).toBe(0);
    expect(lateByOf({ request: vague, targets: [quick, 'bank'] })).toBe(60);
    expect(lateByOf({ run: () => null, targets: [quick, bank] })).toBe(600);
    expect(lateByOf({ run: () => null })).toBe(60);
    expect(lateByOf({ request: vague })).toBe(60);
  });

  it('is what the step says, if it does', () => {
    expect(lateByOf({ request, lateBy: 5 })).toBe(5);
    expect(lateByOf({ request: vague, targets: [quick, 'bank'], lateBy: 3_600 })).toBe(3_600);
  });

  it.each([-1, 0.5, 3_601, '60', Number.NaN])('is not %j', (lateBy) => {
    const remedy = 'Write a whole number of seconds from 0 to 3600.';
    expect(() => lateByOf({ request, lateBy })).toThrow(`step "pay": lateBy is ${show(lateBy)}. ${remedy}`);
    const written = { lateBy } as unknown as { lateBy: number };
    expect(() => target('bank', written)).toThrow(
      `lateBy of the target "bank" is ${show(lateBy)}. ${remedy}`,
    );
    expect(() => lateByOf({ request: () => ({ target: 'bank', method: 'GET', path: '/', lateBy }) })).toThrow(
      remedy,
    );
  });

  it('is part of what the target describes only where it says so', () => {
    expect(bank.post('/transfers')).toEqual({
      target: 'bank',
      method: 'POST',
      path: '/transfers',
      lateBy: 600,
    });
    expect(plain.post('/transfers')).not.toHaveProperty('lateBy');
  });
});

describe('how long the targets of a step remember a key', () => {
  const short = target('short', { idempotency: { lifetime: 1_800 } });
  const long = target('long', { idempotency: { lifetime: 604_800 } });
  const plain = target('plain');
  const lifetimeOf = (step: Readonly<Record<string, unknown>>): number | undefined =>
    withStep(emptyChain('orders', { version: 1, start: '/api/order', input: z.object({}) }), 'pay', step)
      .steps[0]?.keyLifetime;
  const request = () => short.post('/charges');

  it('is what the target says that the request calls', () => {
    expect(lifetimeOf({ request })).toBe(1_800);
    expect(lifetimeOf({ request: () => long.get('/') })).toBe(604_800);
    expect(lifetimeOf({ request: () => plain.get('/') })).toBe(86_400);
  });

  it('is the least of those that the step names; a name alone says a day', () => {
    expect(lifetimeOf({ request, targets: [long, short] })).toBe(1_800);
    expect(lifetimeOf({ request, targets: [long] })).toBe(604_800);
    expect(lifetimeOf({ request, targets: [long, plain] })).toBe(86_400);
    expect(lifetimeOf({ request, targets: [long, 'short'] })).toBe(86_400);
    expect(lifetimeOf({ request, targets: ['long', 'short'] })).toBe(86_400);
  });

  it('is what the step says, if it does', () => {
    expect(lifetimeOf({ request, targets: [long, short], idempotency: { lifetime: 60 } })).toBe(60);
  });

  it('keeps the targets by their names', () => {
    const chain = emptyChain('orders', { version: 1, start: '/api/order', input: z.object({}) });
    const [step] = withStep(chain, 'pay', { request, targets: [long, 'short'] }).steps;
    expect(step?.targets).toEqual(['long', 'short']);
    expect(() => withStep(chain, 'pay', { request, targets: [long, 'long'] })).toThrow('names "long" twice');
    expect(() => withStep(chain, 'pay', { request, targets: [{ name: 'long' }] })).toThrow(
      'targets holds an object, not a name',
    );
  });
});
