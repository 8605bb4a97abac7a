import { validateHeaderName, validateHeaderValue } from 'node:http';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HEADER_VALUE } from '../../lib/contract/headers.ts';
import { secretReference, targetSettings } from '../../lib/contract/targets.ts';

const SECRET = { store: 'secrets-manager', name: 'stepline/dev/payments', header: 'Authorization' };

/** Field and message of the first thing that is wrong with a target. */
const refusalOf = (target: unknown): string => {
  const [issue] = targetSettings.safeParse({ payments: target }).error?.issues ?? [];
  return issue === undefined ? 'nothing' : `${issue.path.join('.')}: ${issue.message}`;
};
const withSecret = (changes: object, headers = {}): string =>
  refusalOf({ baseUrl: 'https://pay.example', headers, secret: { ...SECRET, ...changes } });

const passes = (check: () => void): boolean => {
  try {
    check();
    return true;
  } catch {
    return false;
  }
};

describe('the settings of a stage’s targets', () => {
  it('come out with a plain base URL, header names in lower case, and a prefix', () => {
    expect(
      targetSettings.parse({
        payments: { baseUrl: 'https://Pay.example:443/v1//', headers: { 'X-Mode': 'Live' }, secret: SECRET },
        mail: { baseUrl: 'http://127.0.0.1:8025' },
      }),
    ).toEqual({
      payments: {
        baseUrl: 'https://pay.example/v1',
        headers: { 'x-mode': 'Live' },
        secret: { ...SECRET, header: 'authorization', prefix: '' },
      },
      mail: { baseUrl: 'http://127.0.0.1:8025', headers: {} },
    });
  });

  it('stay as they are when they are parsed again, as a function does with what the stack wrote', () => {
    const once = targetSettings.parse({
      payments: {
        baseUrl: 'https://pay.example/v1/',
        headers: { 'X-Mode': 'live' },
        secret: { ...SECRET, prefix: 'Bearer ', field: 'apiKey' },
      },
    });
    expect(targetSettings.parse(JSON.parse(JSON.stringify(once)))).toEqual(once);
  });

  it('have headers with the names and values that Node sends, and no others', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 5 }), (text) => {
        expect(HEADER_VALUE.test(text)).toBe(passes(() => validateHeaderValue('x', text)));
        expect(secretReference.safeParse({ ...SECRET, header: text }).success).toBe(
          passes(() => validateHeaderName(text)),
        );
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('a secret', () => {
  it.each(['stepline/dev/payments', '/stepline/dev/payments', 'a', 'A.b_c+d=e@f-1', 'x'.repeat(512)])(
    'of Secrets Manager may be named %s',
    (name) => {
      expect(withSecret({ name })).toBe('nothing');
    },
  );

  it.each(['payments', '/stepline/dev/payments'])('of Systems Manager may be named %s', (name) => {
    expect(withSecret({ store: 'ssm', name })).toBe('nothing');
  });

  it.each<[string, object, string]>([
    ['another store', { store: 'vault' }, 'payments.secret.store: Invalid option'],
    ['no name', { name: '' }, 'payments.secret.name: expected the name of a secret'],
    ['a name that is too long', { name: 'x'.repeat(513) }, 'payments.secret.name: expected the name'],
    [
      'an ARN',
      { name: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:a' },
      'payments.secret.name: expected the name of a secret, not its ARN: 1 to 512 letters, digits and /_+=.@-',
    ],
    [
      'a path of Systems Manager that does not begin as one',
      { store: 'ssm', name: 'stepline/dev/payments' },
      'payments.secret.name: a parameter name that contains / must begin with /',
    ],
    ['no header', { header: undefined }, 'payments.secret.header: '],
    ['a header that is none', { header: 'a b' }, 'payments.secret.header: it has a character'],
    ['a header of Stepline’s own', { header: 'Idempotency-Key' }, 'payments.secret.header: Stepline itself'],
    ['a header of the client’s own', { header: 'Host' }, 'payments.secret.header: the HTTP client itself'],
    ['a prefix that is no header', { prefix: 'Bearer\n' }, 'payments.secret.prefix: it has a character'],
    ['an empty field', { field: '' }, 'payments.secret.field: '],
    ['a misspelt field', { key: 'apiKey' }, 'payments.secret: Unrecognized key: "key"'],
  ])('is refused with %s', (_what, changes, message) => {
    expect(withSecret(changes)).toContain(message);
  });

  it('is refused in a header that the target has already, whatever the case of its letters', () => {
    const message =
      'payments.secret.header: the headers of the target have this one already; leave it out there';
    expect(withSecret({}, { authorization: 'x' })).toBe(message);
    expect(withSecret({ header: 'x-key' }, { 'X-Key': 'x' })).toBe(message);
    expect(withSecret({ header: 'x-key' }, { 'X-Mode': 'x' })).toBe('nothing');
  });
});
