import { describe, expect, it } from 'vitest';
import { type Stages, settingsOf, stageName } from '../../lib/cdk/settings.ts';
import { STAGE_NAMES } from '../../lib/contract/names.ts';
import { stages } from './fixture-stages.ts';

const payments = {
  baseUrl: 'https://payments.example.com/v1/',
  secret: { store: 'ssm', name: '/stepline/payments', header: 'Authorization' },
} as const;
const dev: Stages['dev'] = { ...stages.dev, targets: { payments } };

/** What a caller without types writes in the place of the settings of `dev`. */
const read = (changes: object, stage: 'dev' | 'prod' = 'dev') =>
  settingsOf({ ...stages, [stage]: { ...(stage === 'dev' ? dev : stages.prod), ...changes } }, stage);
const targets = (changes: object) => ({ targets: { payments: { ...payments, ...changes } } });

const topicIn = (region: string, name: string): string => `arn:aws:sns:${region}:123456789012:${name}`;

describe('settings', () => {
  it.each(STAGE_NAMES)('of %s, as shipped, are valid', (stage) => {
    expect(settingsOf(stages, stage).targets).toHaveProperty('payments');
  });

  it('come out as the functions read them', () => {
    expect(settingsOf({ ...stages, dev }, 'dev').targets.payments).toEqual({
      baseUrl: 'https://payments.example.com/v1',
      headers: {},
      secret: { store: 'ssm', name: '/stepline/payments', header: 'authorization', prefix: '' },
    });
    expect(read(targets({ secret: 'none' })).targets.payments?.secret).toBeUndefined();
  });

  it.each<readonly [string, object, RegExp]>([
    [
      'a base URL without TLS',
      targets({ baseUrl: 'http://payments.example.com' }),
      /targets\.payments\.baseUrl: "http:\/\/payments\.example\.com" must begin with https:$/m,
    ],
    [
      'a base URL without TLS on this machine',
      targets({ baseUrl: 'http://127.0.0.1:80' }),
      /must begin with https:$/m,
    ],
    [
      'a base URL that is none',
      targets({ baseUrl: 'payments' }),
      /targets\.payments\.baseUrl: expected an absolute URL/,
    ],
    [
      'no word about a secret',
      targets({ secret: undefined }),
      /targets\.payments\.secret: write secret: \{ store, name, header \}, secrets: \[…\], auth: \{ type, … \}, or secret: 'none'/,
    ],
    [
      'a secret in a variable',
      targets({ secret: 'none', auth: { type: 'basic', user: { store: 'env', name: 'KEY' } } }),
      /targets\.payments\.auth\.user: the store "env" is for npm start; keep the value in Secrets Manager/,
    ],
    [
      'a secret of code in a variable',
      { secrets: { signing: { store: 'env', name: 'KEY' } } },
      /secrets\.signing: the store "env" is for npm start/,
    ],
    [
      'an authorization server without TLS',
      targets({
        secret: undefined,
        auth: {
          type: 'oauth2',
          tokenUrl: 'http://auth.example.com/token',
          clientId: 'id',
          clientSecret: { store: 'ssm', name: 'secret' },
        },
      }),
      /targets\.payments\.auth\.tokenUrl: "http:\/\/auth\.example\.com\/token" must begin with https:/,
    ],
    [
      'a secret without a header',
      targets({ secret: { store: 'ssm', name: 'a' } }),
      /targets\.payments\.secret\.header: /,
    ],
    [
      'a secret of an unknown store',
      targets({ secret: { ...payments.secret, store: 'vault' } }),
      /targets\.payments\.secret\.store: .*"secrets-manager"\|"ssm"/,
    ],
    [
      'a secret by its ARN',
      targets({ secret: { ...payments.secret, name: 'arn:aws:ssm:a:b:c' } }),
      /targets\.payments\.secret\.name: expected the name/,
    ],
    ['a setting that does not exist', { logRetention: 3 }, /logRetention/],
    ['days that CloudWatch does not keep', { logRetentionDays: 15 }, /logRetentionDays: .*14/],
    ['an unknown log level', { logLevel: 'verbose' }, /logLevel: .*"debug"\|"info"/],
    ['a concurrency that a mapping cannot have', { concurrency: 1 }, /concurrency: .*>=2/],
    ['an authorization of no known type', { authorization: { type: 'api-key' } }, /authorization\.type: /],
    [
      'a JWT without a tenant’s claim',
      {
        authorization: { type: 'jwt', issuer: 'https://id.example.com', audience: ['a'], operatorScope: 'o' },
      },
      /authorization\.tenantClaim: /,
    ],
    [
      'an issuer without TLS',
      {
        authorization: {
          type: 'jwt',
          issuer: 'http://id.example.com',
          audience: ['a'],
          tenantClaim: 't',
          operatorScope: 'o',
        },
      },
      /authorization\.issuer: "http:\/\/id\.example\.com" must begin with https:/,
    ],
    ['an address that is none', { onCall: { email: 'nobody' } }, /onCall\.email: /],
    [
      'a topic that is none',
      { onCall: { topicArn: 'topic', failuresTopicArn: topicIn('eu-central-1', 'failures') } },
      /onCall\.topicArn: /,
    ],
    [
      'one topic for alarms and failures',
      {
        onCall: {
          topicArn: topicIn('eu-central-1', 'pager'),
          failuresTopicArn: topicIn('eu-central-1', 'pager'),
        },
      },
      /onCall\.failuresTopicArn: write another topic than that of the alarms/,
    ],
    [
      'no topic for failures',
      { onCall: { topicArn: topicIn('eu-central-1', 'pager') } },
      /onCall\.failuresTopicArn: /,
    ],
    [
      'nobody named to tell',
      { onCall: undefined },
      /onCall: expected \{ email \}, \{ topicArn, failuresTopicArn \} or "nobody"/,
    ],
    [
      'a secret among the headers',
      targets({ headers: { Cookie: 'session=abc' } }),
      /targets\.payments\.headers\.cookie: no secret and no env: variable may be here/,
    ],
    [
      'a variable that no function has',
      targets({ headers: { 'x-mode': 'env:MODE' } }),
      /targets\.payments\.headers\.x-mode: no secret and no env: variable may be here/,
    ],
    [
      'an origin with a path',
      { corsOrigins: ['https://shop.example.com/'] },
      /corsOrigins\.0: expected an origin/,
    ],
    [
      'a topic of another region',
      {
        region: 'eu-central-1',
        onCall: {
          topicArn: topicIn('us-west-2', 'pager'),
          failuresTopicArn: topicIn('eu-central-1', 'failures'),
        },
      },
      /onCall\.topicArn: the topic is in us-west-2, but the stage is in eu-central-1/,
    ],
    ...[0, 1.1, -1, '0.1'].map((backoffScale): readonly [string, object, RegExp] => [
      `waits that are multiplied with ${backoffScale}`,
      { backoffScale },
      /backoffScale: expected a? ?number/,
    ]),
    ['an account that is none', { account: '42' }, /account: expected the 12 digits/],
    ['a region that is none', { region: 'Frankfurt' }, /region: expected an AWS region/],
  ])('are refused for %s, by the name of the setting', (_, changes, message) => {
    expect(() => read(changes)).toThrow(/^The settings of stage "dev" are wrong:\n {2}/);
    expect(() => read(changes)).toThrow(message);
  });

  it('name all that is wrong at once', () => {
    expect(() => read({ logLevel: 'x', concurrency: 0 })).toThrow(
      /logLevel.*\n.*concurrency|concurrency.*\n.*logLevel/,
    );
  });

  it('take http on a loopback address where an emulator stands for AWS', () => {
    const emulated = { ...targets({ baseUrl: 'http://127.0.0.1:3001' }), emulator: true };
    expect(read(emulated).targets.payments?.baseUrl).toBe('http://127.0.0.1:3001');
    expect(() => read({ ...targets({ baseUrl: 'http://10.0.0.1' }), emulator: true })).toThrow(
      'must begin with https:, or with http: on a loopback address',
    );
  });

  it('shorten the waits between attempts for tests, and never on prod', () => {
    expect(read({ backoffScale: 0.01 }).backoffScale).toBe(0.01);
    expect(() => read({ backoffScale: 0.01 }, 'prod')).toThrow(
      'backoffScale: it is for tests, and prod would use up all attempts while a target is away; leave it out',
    );
  });

  it('of prod keep the data and name somebody to tell', () => {
    expect(() => read({ removal: 'destroy' }, 'prod')).toThrow('removal: prod must keep its data');
    expect(() => read({ emulator: true }, 'prod')).toThrow(
      'emulator: only dev may be deployed to an emulator',
    );
    expect(() => read({ onCall: 'nobody' }, 'prod')).toThrow('onCall: prod must tell somebody');
  });
});

describe('a stage', () => {
  it('is one of three', () => {
    expect(STAGE_NAMES.map(stageName)).toEqual(['dev', 'staging', 'prod']);
  });

  it.each([
    [undefined, 'No stage is given. Write -c stage=dev. The stages are dev, staging, prod.'],
    ['stagin', 'There is no stage "stagin". Did you mean "staging"? '],
    ['Prod', 'There is no stage "Prod". Did you mean "prod"? '],
    [7, 'There is no stage 7. '],
  ])('%s is refused with those that there are', (given, message) => {
    expect(() => stageName(given)).toThrow(message);
  });
});
