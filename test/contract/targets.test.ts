import { validateHeaderName, validateHeaderValue } from 'node:http';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HEADER_VALUE } from '../../lib/contract/headers.ts';
import { secretReference } from '../../lib/contract/secrets.ts';
import { sourcesOf, targetSettings } from '../../lib/contract/targets.ts';

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

describe('what a target may say of its secrets', () => {
  const ok = { store: 'ssm', name: 'a' };
  const base = { baseUrl: 'https://api.example' };

  it('keeps its places in the base URL', () => {
    const baseUrl = 'https://{Tenant_1}.Example/Bot{token}/v1/';
    const secrets = [
      { ...ok, path: 'Tenant_1' },
      { ...ok, path: 'token' },
    ];
    expect(targetSettings.parse({ api: { baseUrl, secrets } }).api?.baseUrl).toBe(
      'https://{Tenant_1}.example/Bot{token}/v1',
    );
  });

  it.each<[string, object, string]>([
    [
      'a place of no secret',
      { baseUrl: 'https://api.example/{key}' },
      "payments.baseUrl: {key} is the place of no secret; write secrets: [{ store, name, path: 'key' }]",
    ],
    [
      'a place that ends with a hyphen',
      { baseUrl: 'https://api.example/{key-}' },
      'payments.baseUrl: {key-} is no place of a secret',
    ],
    [
      'a password in the address of tokens',
      {
        auth: {
          type: 'oauth2',
          tokenUrl: 'https://me:pw@auth.example/token',
          clientId: 'id',
          clientSecret: ok,
        },
      },
      'payments.auth.tokenUrl: a user name or password belongs in clientId and clientSecret, not in the URL',
    ],
    [
      'an odd place',
      { baseUrl: 'https://api.example/{a b}' },
      'payments.baseUrl: {a b} is no place of a secret',
    ],
    [
      'a secret without a place',
      { secrets: [ok] },
      "payments.secrets.0.header: write one place: header: 'authorization', query: 'api_key', or path: 'token'",
    ],
    [
      'a secret with two places',
      { secrets: [{ ...ok, header: 'a', query: 'b' }] },
      'payments.secrets.0.query: write one place',
    ],
    [
      'two secrets of one parameter',
      {
        secrets: [
          { ...ok, query: 'a' },
          { ...ok, query: 'a' },
        ],
      },
      'payments.secrets.1.query: another secret has this query already',
    ],
    ['no secrets at all', { secrets: [] }, 'payments.secrets: Too small'],
    [
      'basic auth beside its header',
      { headers: { Authorization: 'x' }, auth: { type: 'basic', user: ok } },
      'payments.auth: the headers of the target have this one already',
    ],
    [
      'a secret in the header of auth',
      { secret: { ...ok, header: 'authorization' }, auth: { type: 'basic', user: ok } },
      'payments.secret.header: auth of type "basic" writes this header already',
    ],
    [
      'basic auth without a secret',
      { auth: { type: 'basic', user: 'me' } },
      'payments.auth.password: neither user nor password is a secret',
    ],
    [
      'a user with a colon',
      { auth: { type: 'basic', user: 'a:b', password: ok } },
      'payments.auth.user: a user name has no colon',
    ],
    ['auth of an unknown type', { auth: { type: 'digest' } }, 'payments.auth.type: Invalid'],
    [
      'a signature of nothing',
      { auth: { type: 'hmac', secret: ok, header: 'x-s', signs: 'all' } },
      'payments.auth.signs: expected a text with one of {method}, {path}, {timestamp}, {body}',
    ],
    [
      'a signature of what is not known',
      { auth: { type: 'hmac', secret: ok, header: 'x-s', signs: '{body}{when}' } },
      'payments.auth.signs: {when} is none of {method}',
    ],
    [
      'an action that is none',
      {
        auth: {
          type: 'sigv4',
          service: 'lambda',
          allow: { actions: ['*'], resources: ['arn:aws:lambda:x'] },
        },
      },
      'payments.auth.allow.actions.0: expected an action',
    ],
    ['a certificate without its key', { tls: { cert: ok } }, 'payments.tls.key: cert and key go together'],
    ['certificates that are none', { tls: {} }, 'payments.tls: write ca, or cert and key'],
    [
      'an authority that is no PEM text',
      { tls: { ca: 'nonsense' } },
      'payments.tls.ca: expected PEM text, or a secret',
    ],
    [
      'certificates without TLS',
      { baseUrl: 'http://api.example', tls: { ca: ok } },
      'payments.tls: the base URL begins with http:',
    ],
  ])('is refused with %s', (_, changes, message) => {
    expect(refusalOf({ ...base, ...changes })).toContain(message);
  });

  it('is no secret where a parameter has the name of a store', () => {
    const auth = {
      ...{ type: 'oauth2', tokenUrl: 'https://auth.example/token', clientId: 'id', clientSecret: ok },
      parameters: { store: 'shop-1', name: 'x' },
    };
    const { api } = targetSettings.parse({ api: { ...base, auth } });
    expect(sourcesOf(api ?? {}).map(({ at }) => at)).toEqual(['auth.clientSecret']);
  });

  it.each([
    { auth: { type: 'basic', user: ok } },
    { auth: { type: 'oauth2', tokenUrl: 'https://auth.example/token', clientId: 'id', clientSecret: ok } },
    { auth: { type: 'hmac', secret: ok, header: 'x-s', timestamp: {} } },
    { auth: { type: 'sigv4', service: 'lambda' } },
    { tls: { ca: '-----BEGIN CERTIFICATE-----', cert: ok, key: ok } },
  ])('may be %j, which stays as it is when it is parsed again', (changes) => {
    const once = targetSettings.parse({ api: { ...base, ...changes } });
    expect(targetSettings.parse(JSON.parse(JSON.stringify(once)))).toEqual(once);
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
    ['no header', { header: undefined }, 'payments.secret.header: write one place: header'],
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
