import { describe, expect, it } from 'vitest';
import { DefinitionError, target } from '../../lib/chain/index.ts';

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
      `payments: the header "${header}" is set by Stepline itself; leave it out`,
    );
  });

  it.each([
    ['charges', 'does not begin with "/"'],
    ['', 'does not begin with "/"'],
    ['https://evil.example/', 'does not begin with "/"'],
    ['/a b', 'encodeURIComponent'],
    ['/a\r\nhost: evil', 'encodeURIComponent'],
    ['/a\u0000', 'encodeURIComponent'],
    ['/a#b', 'encodeURIComponent'],
    ['/a\\..\\b', 'encodeURIComponent'],
    ['/charges/../admin', 'leads to another resource'],
    ['/charges/..', 'leads to another resource'],
    ['/charges/%2E%2e?x', 'leads to another resource'],
    ['/./a', 'leads to another resource'],
  ])('refuses the path %j when it is called', (path, why) => {
    expect(() => payments.post(path)).toThrow(TypeError);
    expect(() => payments.post(path)).toThrow(why);
    expect(() => payments.get(path)).toThrow('payments.get: the path');
  });

  it.each(['/', '/a..b/...', '/.well-known/x', '/a?b=c&d=%20', '/%E2%82%AC'])('takes the path %j', (path) => {
    expect(payments.get(path).path).toBe(path);
  });

  it.each(['', 'pay_ments', '9lives', 'pay--ments', 'constructor', 'x'.repeat(21)])(
    'cannot be named %j',
    (name) => {
      expect(() => target(name)).toThrow(DefinitionError);
      expect(() => target(name)).toThrow(/the target name .*Write letters, digits and single hyphens/);
    },
  );
});
