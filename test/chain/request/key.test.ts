import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { DefinitionError, target } from '../../../lib/chain/index.ts';
import { keyUseOf, writtenKey } from '../../../lib/chain/request/key.ts';
import { emptyChain, withStep } from '../../../lib/chain/validate.ts';

const KEY = 'wf_0123456789abcdef0123456789abcdef:payment:do:0';

describe('an idempotency key', () => {
  it('is written as it is, as a UUID that the strictest servers take, or as 32 hexadecimal digits', () => {
    expect(writtenKey(KEY, 'plain')).toBe(KEY);
    expect(writtenKey(KEY, 'uuid')).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    expect(writtenKey(KEY, 'token32')).toMatch(/^[0-9a-f]{32}$/);
  });

  it.each(['uuid', 'token32'] as const)(
    'is the same %s for the same key, and another for another',
    (format) => {
      const keys = Array.from({ length: 1_000 }, (_, round) => KEY.slice(0, -1) + round);
      const written = keys.map((key) => writtenKey(key, format));
      expect(keys.map((key) => writtenKey(key, format))).toEqual(written);
      expect(new Set(written).size).toBe(keys.length);
    },
  );
});

describe('how a target takes keys', () => {
  const usedBy = (idempotency?: Parameters<typeof target>[1]) =>
    keyUseOf(target('pay', idempotency).idempotency);

  it('is in the header idempotency-key, plain, for a day, unless it says otherwise', () => {
    expect(usedBy()).toEqual({ header: 'idempotency-key', format: 'plain', lifetime: 86_400 });
    expect(usedBy({ idempotency: { lifetime: 60 } })).toMatchObject({
      header: 'idempotency-key',
      lifetime: 60,
    });
    expect(usedBy({ idempotency: { header: 'PayPal-Request-Id', format: 'uuid' } })).toEqual({
      header: 'paypal-request-id',
      format: 'uuid',
      lifetime: 86_400,
    });
  });

  it('may be not at all: then it has forgotten them at once', () => {
    expect(usedBy({ idempotency: 'none' })).toEqual({ header: undefined, format: 'plain', lifetime: 0 });
  });

  it('goes with each of its requests', () => {
    expect(target('pay', { idempotency: 'none' }).post('/charges')).toMatchObject({ idempotency: 'none' });
    expect(target('pay').post('/charges')).not.toHaveProperty('idempotency');
  });

  it.each<readonly [unknown, string]>([
    ['never', `idempotency is "never". Write idempotency: 'none', or { header, format, lifetime }.`],
    [{ header: 'x y' }, 'idempotency.header is "x y": it has a character that HTTP does not allow'],
    [{ header: '' }, 'idempotency.header is ""'],
    [{ header: 5 }, 'idempotency.header is 5'],
    [{ header: 'Authorization' }, 'a request has it for another reason'],
    [{ header: 'traceparent' }, 'Stepline itself sets this header'],
    [{ header: 'content-length' }, 'the HTTP client itself sets this header'],
    [{ format: 'ulid' }, `idempotency.format is "ulid". Write format: 'plain', 'uuid' or 'token32'.`],
    [{ lifetime: 0 }, 'idempotency.lifetime is 0. Write a whole number of seconds'],
    [{ name: 'x' }, 'idempotency has no option "name"'],
  ])('cannot be %j', (idempotency, why) => {
    const options = { idempotency } as Parameters<typeof target>[1];
    expect(() => target('pay', options)).toThrow(DefinitionError);
    expect(() => target('pay', options)).toThrow(why);
  });

  it('leaves the header of its key to the engine', () => {
    const paypal = target('paypal', { idempotency: { header: 'paypal-request-id' } });
    expect(() => paypal.post('/orders', {}, { headers: { 'PayPal-Request-Id': 'mine' } })).toThrow(
      'paypal: the header "paypal-request-id" is that of the idempotency key; leave it out',
    );
    const plain = target('plain');
    expect(() => plain.get('/', { headers: { 'PayPal-Request-Id': 'mine' } })).not.toThrow();
  });
});

describe('a step', () => {
  const sms = target('sms', { idempotency: 'none' });
  const empty = emptyChain('orders', { version: 1, start: '/api/order', input: z.object({}) });
  const lifetimeOf = (step: Readonly<Record<string, unknown>>): number | undefined =>
    withStep(empty, 'send', step).steps[0]?.keyLifetime;

  it('never repeats by itself what a target without keys may have done', () => {
    expect(lifetimeOf({ request: () => sms.post('/messages') })).toBe(0);
    expect(lifetimeOf({ request: () => sms.post('/messages'), targets: [sms, target('mail')] })).toBe(0);
  });

  it("says so by idempotency: 'none' where its code calls one, or names it by its name", () => {
    expect(lifetimeOf({ run: () => null, idempotency: 'none' })).toBe(0);
    expect(lifetimeOf({ request: () => sms.post('/'), targets: ['sms'], idempotency: 'none' })).toBe(0);
    expect(() => lifetimeOf({ run: () => null, idempotency: 'no' })).toThrow(
      `idempotency is "no". Write idempotency: 'none', or { lifetime: 86400 }.`,
    );
  });
});
