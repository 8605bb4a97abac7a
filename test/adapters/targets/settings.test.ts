import { describe, expect, it } from 'vitest';
import { checkEnvironment } from '../../../lib/adapters/targets/environment.ts';
import { parseTargets } from '../../../lib/adapters/targets/settings.ts';
import { CALL_HEADERS } from '../../../lib/contract/names.ts';
import { EngineError } from '../../../lib/engine/errors.ts';
import { settingsTargets } from '../../support/settings-targets.ts';

const errorOf = (work: () => unknown): EngineError => {
  try {
    work();
  } catch (error) {
    if (error instanceof EngineError) return error;
  }
  throw new Error('no EngineError was thrown');
};

const refused = (json: unknown, env: Record<string, string | undefined> = {}): string => {
  const error = errorOf(() => parseTargets(json, env));
  expect(error.code).toBe('CONFIGURATION');
  return error.message;
};

describe('the settings of targets', () => {
  it('give each target its base URL without a trailing slash, and its headers', () => {
    const json = {
      payments: {
        baseUrl: 'https://Pay.example:443/v1//',
        headers: { 'x-plain': 'yes', authorization: 'env:KEY' },
      },
      mail: { baseUrl: 'http://127.0.0.1:8025' },
    };
    expect(parseTargets(json, { KEY: 'Bearer s3cret' })).toEqual({
      payments: {
        baseUrl: 'https://pay.example/v1',
        headers: { 'x-plain': 'yes', authorization: 'Bearer s3cret' },
      },
      mail: { baseUrl: 'http://127.0.0.1:8025', headers: {} },
    });
  });

  it('say which target, header and variable a missing secret belongs to', () => {
    const json = { payments: { baseUrl: 'https://pay.example', headers: { authorization: 'env:PAY_KEY' } } };
    const sentence =
      'the target "payments" takes its header "authorization" from the environment variable "PAY_KEY", which is';
    expect(refused(json)).toBe(`${sentence} not set`);
    expect(refused(json, { PAY_KEY: '' })).toBe(`${sentence} empty`);
  });

  it('never show a secret that cannot be a header', () => {
    const json = { payments: { baseUrl: 'https://pay.example', headers: { authorization: 'env:PAY_KEY' } } };
    expect(refused(json, { PAY_KEY: 's3cret\n' })).toBe(
      'the target "payments" takes its header "authorization" from the environment variable "PAY_KEY", which has a character that HTTP does not allow',
    );
    for (const headers of [{ 'a b': 's3cret' }, { a: 's3cret\n' }]) {
      const message = refused({ p: { baseUrl: 'https://p.example', headers } });
      expect(message).toMatch(
        /^the target setting "p.headers.(a b|a)" is wrong: it has a character that HTTP does not allow$/,
      );
    }
  });

  it('keep header names in lower case', () => {
    const headers = { Authorization: 'env:KEY', 'X-Plain': 'Yes' };
    expect(
      parseTargets({ payments: { baseUrl: 'https://pay.example', headers } }, { KEY: 'S3cret' }),
    ).toEqual({
      payments: { baseUrl: 'https://pay.example', headers: { authorization: 'S3cret', 'x-plain': 'Yes' } },
    });
  });

  it.each(Object.values(CALL_HEADERS))('leave the header %s to Stepline, however it is written', (name) => {
    for (const written of [name, name.toUpperCase()]) {
      const json = {
        payments: { baseUrl: 'https://pay.example', headers: { accept: '*/*', [written]: 'mine' } },
      };
      expect(refused(json)).toBe(
        `the target setting "payments.headers.${written}" is wrong: Stepline itself sets this header; leave it out`,
      );
    }
  });

  it.each(['Connection', 'Content-Length', 'Expect', 'Host', 'Trailer', 'Transfer-Encoding', 'Upgrade'])(
    'leave the header %s to the HTTP client, however it is written',
    (name) => {
      for (const written of [name, name.toLowerCase()]) {
        const json = { payments: { baseUrl: 'https://pay.example', headers: { [written]: 'env:LATER' } } };
        expect(refused(json)).toBe(
          `the target setting "payments.headers.${written}" is wrong: the HTTP client itself sets this header; leave it out`,
        );
      }
    },
  );

  it('have each header of a target once, whatever the case of its letters', () => {
    const headers = { 'x-key': 's3cret one', 'X-Key': 's3cret two' };
    expect(refused({ payments: { baseUrl: 'https://pay.example', headers } })).toBe(
      'the target setting "payments.headers.X-Key" is wrong: this header is given twice; upper and lower case do not matter',
    );
  });

  it('give two targets a header of the same name', () => {
    const json = {
      mail: { baseUrl: 'http://m', headers: { 'X-Key': '1' } },
      sms: { baseUrl: 'http://s', headers: { 'x-key': '2' } },
    };
    expect(parseTargets(json, {})).toMatchObject({
      mail: { headers: { 'x-key': '1' } },
      sms: { headers: { 'x-key': '2' } },
    });
  });

  it('leave a secret a reference', () => {
    const secret = {
      store: 'ssm',
      name: '/stepline/dev/payments',
      header: 'Authorization',
      prefix: 'Bearer ',
    };
    expect(parseTargets({ payments: { baseUrl: 'https://pay.example', secret } }, {})).toEqual({
      payments: {
        baseUrl: 'https://pay.example',
        headers: {},
        secret: { ...secret, header: 'authorization' },
      },
    });
  });

  it.each([
    ['payments', /absolute URL/],
    ['', /absolute URL/],
    ['ftp://pay.example', /http: or https:/],
    ['https://me:s3cret@pay.example', /user name or password/],
    ['https://pay.example?', /query/],
    ['https://pay.example/v1?key=s3cret', /query/],
    ['https://pay.example#top', /fragment/],
  ])('refuse the base URL %j and name the field', (baseUrl, why) => {
    const message = refused({ payments: { baseUrl } });
    expect(message).toMatch(/^the target setting "payments.baseUrl" is wrong: /);
    expect(message).toMatch(why);
    expect(message).not.toContain('s3cret');
  });

  it.each<[string, unknown, RegExp]>([
    ['no object', [], /^the settings of the targets are wrong: expected record/],
    ['nothing', undefined, /^the settings of the targets are wrong: /],
    ['no base URL', { mail: {} }, /"mail\.baseUrl" is wrong: expected string/],
    ['a misspelt field', { mail: { baseUrl: 'http://m', header: {} } }, /"mail" is wrong: .*"header"/],
    [
      'a header that is no text',
      { mail: { baseUrl: 'http://m', headers: { a: 1 } } },
      /"mail\.headers\.a" is wrong/,
    ],
  ])('refuse %s in one sentence', (_, json, message) => {
    expect(refused(json)).toMatch(message);
    expect(refused(json)).not.toContain('\n');
  });
});

it('a secret that would have to be fetched is refused, and the message says what to write', () => {
  const secret = { store: 'ssm', name: 'pay', header: 'X-Key' };
  const settings = parseTargets({ payments: { baseUrl: 'https://pay.example', secret } }, {});
  expect(errorOf(() => checkEnvironment(settings, {}))).toMatchObject({
    code: 'CONFIGURATION',
    message:
      'the target "payments" has "secret" in the store "ssm", and such secrets are read on AWS only: here write "store": "env" and the name of an environment variable',
  });
});

describe('a target', () => {
  const targets = settingsTargets({
    mail: { baseUrl: 'http://m', headers: {} },
    sms: { baseUrl: 'http://s', headers: {} },
  });

  it('resolves to its settings, at once', () => {
    expect(targets.resolve('mail')).toEqual({ baseUrl: 'http://m', headers: {} });
  });

  it.each(['payments', 'toString', '__proto__'])(
    'that does not exist (%s) is named with those that do, at once',
    (name) => {
      const { code, message } = errorOf(() => targets.resolve(name));
      expect([code, message]).toEqual([
        'TARGET_MISSING',
        `there is no target "${name}" in the settings; there are "mail", "sms"`,
      ]);
    },
  );

  it('that does not exist is missed as such where there are none at all', () => {
    const { message } = errorOf(() => settingsTargets({}).resolve('mail'));
    expect(message).toBe('there is no target "mail" in the settings; there are none at all');
  });
});
