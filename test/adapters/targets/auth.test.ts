import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { TLS_CERTIFICATE } from '../../support/tls-fixture.ts';
import { inStore, newer, refusal, reply, sentBy, testDesk } from './desk.ts';

const BASE = 'https://api.example/v1';

describe('basic', () => {
  it('sends user and password, which nobody may show in any form', async () => {
    const targets = testDesk({ pass: 's3crét' }).targets({
      sms: { baseUrl: BASE, auth: { type: 'basic', user: 'AC1', password: inStore('pass') } },
    });
    const encoded = Buffer.from('AC1:s3crét').toString('base64');
    const { target, sent } = await sentBy(targets, 'sms', {});
    expect(sent.headers).toEqual({ authorization: `Basic ${encoded}` });
    expect(target.secrets).toEqual(['s3crét', encoded]);
  });

  it('may have its secret as the user, and no password', async () => {
    const targets = testDesk({ key: 'sk_1' }).targets({
      pay: { baseUrl: BASE, auth: { type: 'basic', user: inStore('key') } },
    });
    expect((await sentBy(targets, 'pay', {})).sent.headers.authorization).toBe(
      `Basic ${Buffer.from('sk_1:').toString('base64')}`,
    );
  });
});

describe('hmac', () => {
  const signed = (auth: object) =>
    testDesk({ key: 'open' }).targets({
      hook: { baseUrl: BASE, auth: { type: 'hmac', secret: inStore('key'), header: 'X-Signature', ...auth } },
    });

  it('signs the body, in hexadecimal digits', async () => {
    const { sent } = await sentBy(signed({}), 'hook', { method: 'POST', body: '{"a":1}' });
    expect(sent.headers['x-signature']).toBe(createHmac('sha256', 'open').update('{"a":1}').digest('hex'));
  });

  it('signs what it is told, with a time, and says so as the target reads it', async () => {
    const targets = signed({
      algorithm: 'sha512',
      encoding: 'base64',
      signs: '{timestamp}.{method}.{path}.{body}',
      value: 't={timestamp},v1={signature}',
      timestamp: { header: 'X-Time', unit: 'ms' },
    });
    const { sent } = await sentBy(targets, 'hook', { method: 'PUT', path: '/a?b=c', body: 'x' });
    const signature = createHmac('sha512', 'open').update('1790000000000.PUT./v1/a?b=c.x').digest('base64');
    expect(sent.headers).toEqual({
      'x-time': '1790000000000',
      'x-signature': `t=1790000000000,v1=${signature}`,
    });
  });

  it('takes a key that is written in base64, and signs a request without a body', async () => {
    const { sent } = await sentBy(signed({ keyEncoding: 'base64' }), 'hook', {});
    const key = Buffer.from('open', 'base64');
    expect(sent.headers['x-signature']).toBe(createHmac('sha256', key).update('').digest('hex'));
  });
});

it.each([
  ['hex', 'whsec_abc'],
  ['base64', 'not base64!'],
])('hmac says that a secret is not written in %s', async (keyEncoding, secret) => {
  const auth = { type: 'hmac', secret: inStore('key'), header: 'x-signature', keyEncoding };
  const targets = testDesk({ key: secret }).targets({ hook: { baseUrl: BASE, auth } });
  const error = await refusal(sentBy(targets, 'hook', {}));
  expect(error).toMatchObject({
    code: 'TARGET_MISSING',
    message: `the secret that signs for target "hook" is not written in ${keyEncoding}`,
    next: 'Correct keyEncoding in the auth of the target, or the secret.',
  });
});

describe('sigv4', () => {
  // The vector "post-x-www-form-urlencoded" of AWS's own suite is not for execute-api; the canonical request is checked by the emulator.
  it('signs with the credentials of the function, host and body included', async () => {
    const desk = testDesk();
    Object.assign(desk.env, {
      AWS_REGION: 'eu-central-1',
      AWS_ACCESS_KEY_ID: 'AKIA',
      AWS_SECRET_ACCESS_KEY: 's3cret',
      AWS_SESSION_TOKEN: 'session',
    });
    const targets = desk.targets({ own: { baseUrl: BASE, auth: { type: 'sigv4', service: 'execute-api' } } });
    const send = async (body: string) =>
      (await sentBy(targets, 'own', { method: 'POST', path: '/a?b=c', body })).sent;
    const { headers, url } = await send('{}');
    expect(url).toBe(`${BASE}/a?b=c`);
    expect(headers).not.toHaveProperty('host');
    expect(headers['x-amz-security-token']).toBe('session');
    expect(headers.authorization).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIA\/\d{8}\/eu-central-1\/execute-api\/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token, Signature=[0-9a-f]{64}$/,
    );
    expect((await send('[]')).headers.authorization).not.toBe(headers.authorization);
  });

  it('says how to sign in where there are no credentials', async () => {
    const targets = testDesk().targets({
      own: { baseUrl: BASE, auth: { type: 'sigv4', service: 'lambda', region: 'us-east-1' } },
    });
    const error = await refusal(sentBy(targets, 'own', {}));
    expect(error).toMatchObject({
      code: 'TARGET_MISSING',
      message:
        'the requests to target "own" are signed with AWS credentials, and AWS_ACCESS_KEY_ID is not set',
    });
    expect(error.next).toContain('aws configure export-credentials');
  });
});

describe('oauth2', () => {
  const AUTH = {
    type: 'oauth2',
    tokenUrl: 'https://auth.example/token?t=1',
    clientId: 'id:1',
    clientSecret: inStore('secret'),
    scope: 'read write',
  };
  const desked = (auth: object = {}) => {
    const desk = testDesk({ secret: 'a b' });
    const targets = desk.targets({ crm: { baseUrl: BASE, auth: { ...AUTH, ...auth } } });
    const token = async () => (await sentBy(targets, 'crm', {})).sent.headers.authorization;
    return { desk, targets, token };
  };

  it('asks for a token with client credentials, once for all calls, until shortly before its end', async () => {
    const { desk, token } = desked();
    desk.answers.push(
      reply({ access_token: 't-1', expires_in: 3_600 }),
      reply({ access_token: 't-2', expires_in: 3_600 }),
    );
    expect(await Promise.all([token(), token(), token()])).toEqual(Array(3).fill('Bearer t-1'));
    expect(desk.asked).toEqual([
      {
        method: 'POST',
        url: AUTH.tokenUrl,
        headers: {
          accept: 'application/json',
          'content-type': 'application/x-www-form-urlencoded',
          authorization: `Basic ${Buffer.from('id%3A1:a+b').toString('base64')}`,
        },
        body: 'grant_type=client_credentials&scope=read+write',
      },
    ]);
    desk.now += 3_539_000;
    expect(await token()).toBe('Bearer t-1');
    desk.now += 1_000;
    expect(await token()).toBe('Bearer t-2');
  });

  it('sends the credentials in the form where the server wants them there, and parameters of its own', async () => {
    const { desk, token } = desked({ credentials: 'form', parameters: { audience: 'crm' } });
    desk.answers.push(reply({ access_token: 't' }, 201));
    await token();
    expect(desk.asked[0]?.headers).not.toHaveProperty('authorization');
    expect(desk.asked[0]?.body).toBe(
      'audience=crm&grant_type=client_credentials&scope=read+write&client_id=id%3A1&client_secret=a+b',
    );
  });

  it.each([[{}], [{ expires_in: null }], [{ expires_in: 'soon' }], [{ expires_in: 0 }]])(
    'keeps a token for five minutes whose life is not told: %j',
    async (more) => {
      const { desk, token } = desked();
      desk.answers.push(reply({ access_token: 't-1', ...more }), reply({ access_token: 't-2' }));
      await token();
      desk.now += 239_000;
      expect(await token()).toBe('Bearer t-1');
      desk.now += 1_000;
      expect(await token()).toBe('Bearer t-2');
    },
  );

  it('reads how long a token lives as text, too, and renews a short one at half of its life', async () => {
    const { desk, token } = desked();
    desk.answers.push(reply({ access_token: 't-1', expires_in: '20' }), reply({ access_token: 't-2' }));
    await token();
    desk.now += 9_999;
    expect(await token()).toBe('Bearer t-1');
    desk.now += 1;
    expect(await token()).toBe('Bearer t-2');
  });

  it('takes another token after a 401, at most once in ten seconds, and none after a 403', async () => {
    const { desk, targets } = desked();
    desk.answers.push(reply({ access_token: 't-1' }), reply({ access_token: 't-2' }));
    const first = await targets.resolve('crm');
    // It is that of this very call: nothing can be newer.
    expect(await first.renewed?.(401)).toBeUndefined();
    desk.now += 9_999;
    const second = await targets.resolve('crm');
    expect(await second.renewed?.(401)).toBe('tooSoon');
    desk.now += 1;
    expect(await second.renewed?.(403)).toBeUndefined();
    expect((await newer(second, 401)).headers).toEqual({ authorization: 'Bearer t-2' });
    expect(desk.asked).toHaveLength(2);
  });

  it('asks with the certificates of the target where the host is the same, and nowhere else', async () => {
    const tls = { ca: TLS_CERTIFICATE };
    for (const [tokenUrl, sent] of [
      ['https://api.example/token', tls],
      ['https://auth.example/token', undefined],
    ] as const) {
      const desk = testDesk({ secret: 's' });
      desk.answers.push(reply({ access_token: 't' }));
      await desk.targets({ crm: { baseUrl: BASE, tls, auth: { ...AUTH, tokenUrl } } }).resolve('crm');
      expect(desk.asked[0]?.tls).toEqual(sent);
    }
  });

  it.each([
    ['refuses the client', reply({ error: 'invalid_client' }, 401), 'it answered 401 invalid_client'],
    ['refuses it with a 200', reply({ error: 'invalid_scope' }), 'it answered 200 invalid_scope'],
    ['gives no token', reply({ token: 't' }), 'it answered 200, without an access_token'],
    [
      'gives one that no header can hold',
      reply({ access_token: 'a\nb' }),
      'it answered 200, without an access_token',
    ],
    [
      'answers too much',
      { kind: 'failure', code: 'REPLY_TOO_LARGE', sent: 'unknown', message: 'large' } as const,
      'REPLY_TOO_LARGE',
    ],
    ['answers a page that quotes the secret', reply('<p>a b</p>', 400), 'it answered 400'],
  ])('says what somebody has to mend where the server %s', async (_, answer, why) => {
    const { desk, token } = desked();
    desk.answers.push(answer);
    const error = await refusal(token());
    expect(error).toMatchObject({
      code: 'TARGET_MISSING',
      message: `the token for target "crm" was not given by auth.example: ${why}`,
    });
    expect(error.next).toContain('Check tokenUrl, clientId, clientSecret');
  });

  it.each([
    ['is down', reply('busy', 503), 'it answered 503'],
    ['asks to be left alone', reply('', 429), 'it answered 429'],
    [
      'hangs',
      { kind: 'failure', code: 'DEADLINE_EXCEEDED', sent: 'unknown', message: 'late' } as const,
      'DEADLINE_EXCEEDED',
    ],
  ])('lets the step try again where the server %s, and keeps nothing of it', async (_, answer, why) => {
    const { desk, token } = desked();
    desk.answers.push(answer, reply({ access_token: 't' }));
    expect(await refusal(token())).toMatchObject({
      code: 'SECRET_UNAVAILABLE',
      retriable: true,
      message: `the token for target "crm" was not given by auth.example: ${why}`,
    });
    expect(await token()).toBe('Bearer t');
  });
});

describe('a bundle without auth', () => {
  it('says so when it is made', async () => {
    const { createTargets } = await import('../../../lib/adapters/targets/targets.ts');
    const desk = testDesk();
    const setting = { baseUrl: BASE, headers: {}, auth: { type: 'sigv4', service: 'lambda' } as const };
    const make = () =>
      createTargets({
        settings: { own: setting },
        ...{ secrets: {}, authKinds: {}, env: {}, clock: { now: () => desk.now } },
        reader: { read: async () => undefined, forget: () => undefined, renew: () => 'fresh' },
        http: { call: async () => reply('') },
        remedy: () => '',
      });
    expect(make).toThrow('target "own" has auth of type "sigv4", which is not in this bundle');
  });
});
