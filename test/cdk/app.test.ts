import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { orderProcessing } from '../../functions/chains/order-processing.ts';
import { Chain } from '../../lib/cdk/chain.ts';
import { Foundation } from '../../lib/cdk/foundation.ts';
import type { Stages } from '../../lib/cdk/settings.ts';
import { settingsOf } from '../../lib/cdk/settings.ts';
import type { Stage } from '../../lib/cdk/stage.ts';
import {
  fullChain,
  longChain,
  oddNames,
  refund,
  sameStart,
  signing,
  trips,
  twin,
  unknownTarget,
  vagueTarget,
  version,
} from './fixture-chains.ts';
import { stages } from './fixture-stages.ts';
import { grants } from './grants.ts';
import { synthesize, testApp } from './synth.ts';

const here = ['test/cdk/fixture-chains.ts'];

describe('the app is refused, and says what to write instead, for', () => {
  it('a target without settings in the stage', async () => {
    await expect(synthesize('dev', { chains: [unknownTarget], places: here })).rejects.toThrow(
      /^chain "refunds", step "refund": it calls the target "refunds", but the stage "dev" has no settings for it\. Write targets\.refunds: /,
    );
  });

  it('a step that does not tell its target', async () => {
    await expect(synthesize('dev', { chains: [vagueTarget], places: here })).rejects.toThrow(
      /^chain "vague", step "refund": .*Name all of them in the step: targets: \['…'\]/,
    );
  });

  it('a chain whose name collides', async () => {
    await expect(synthesize('dev', { chains: [unknownTarget, twin], places: here })).rejects.toThrow(
      'Chain "refunds": version 1 is listed twice',
    );
  });

  it('two chains that start at one path', async () => {
    await expect(synthesize('dev', { chains: [unknownTarget, sameStart], places: here })).rejects.toThrow(
      'which starts the chain "refunds" already',
    );
  });

  it('a chain that no file exports', async () => {
    const hidden = version(1).step('refund', refund).definition;
    await expect(synthesize('dev', { chains: [hidden], places: here })).rejects.toThrow(
      'Chain "refunds": no file of test/cdk/fixture-chains.ts exports version 1. Export it from a file there',
    );
  });

  it('a timeout that no function can honour', () => {
    expect(() => version(1).step('refund', { ...refund, timeout: 841 })).toThrow(
      /timeout is 841.*at most 840: a Lambda function ends after 900 s/,
    );
  });

  it('a chain of more steps than a stack holds', async () => {
    await expect(synthesize('dev', { chains: [longChain], places: here })).rejects.toThrow(
      'Chain "long": it has 42 steps in all its versions together, but a CloudFormation stack has room for 41',
    );
  });

  it('settings that are wrong', async () => {
    const wrong = { ...stages, dev: { ...stages.dev, concurrency: 5_000 } };
    await expect(synthesize('dev', { stages: wrong })).rejects.toThrow(/concurrency: .*<=1000/);
  });
});

describe('a chain in a stack of a team’s own', () => {
  const source = {
    definition: orderProcessing,
    file: 'functions/chains/order-processing.ts',
    exportName: 'orderProcessing',
  };
  const stage: Stage = { name: 'dev', settings: settingsOf(stages, 'dev'), chains: [source] };

  it('has its queues, functions and mappings beside what else stands there', () => {
    const shared = new Stack(testApp(), 'shared');
    const foundation = new Foundation(shared, 'Foundation', { stage });
    const own = new Stack(shared.node.scope, 'orders');
    const orders = new Chain(own, 'Orders', { foundation, versions: [source] });
    expect(orders.steps.map(({ place }) => place.step)).toEqual(['payment', 'shipment', 'confirmation']);
    const template = Template.fromStack(own);
    template.resourceCountIs('AWS::SQS::Queue', 6);
    template.resourceCountIs('AWS::Lambda::Function', 3);
    template.resourceCountIs('AWS::Lambda::EventSourceMapping', 3);
  });

  it('is refused twice, and where the stage does not know it', () => {
    const stack = new Stack(testApp(), 'stack');
    const foundation = new Foundation(stack, 'Foundation', { stage });
    new Chain(stack, 'Orders', { foundation, versions: [source] });
    expect(() => new Chain(stack, 'Again', { foundation, versions: [source] })).toThrow(
      'it is deployed twice in the stage dev: stack/Orders and stack/Again',
    );
    const stranger = { ...source, definition: unknownTarget };
    expect(() => new Chain(stack, 'Refunds', { foundation, versions: [stranger] })).toThrow(
      'version 1 is not among the chains of the stage dev',
    );
    expect(() => new Chain(stack, 'None', { foundation, versions: [] })).toThrow(
      'takes all versions of one chain, but these are of none',
    );
  });
});

describe('with JWT authorization', () => {
  it('every route asks for a token, and those of operators for the operator’s scope', async () => {
    const jwt = {
      ...stages.dev,
      corsOrigins: ['https://shop.example.com'],
      authorization: {
        type: 'jwt',
        issuer: 'https://id.example.com',
        audience: ['stepline'],
        tenantClaim: 'tenant',
        operatorScope: 'operate',
      },
    } as const;
    const dev = await synthesize('dev', { stages: { ...stages, dev: jwt } });
    const routes = dev.all('AWS::ApiGatewayV2::Route').map(({ properties }) => properties);
    for (const { RouteKey, AuthorizationType, AuthorizationScopes } of routes) {
      expect(AuthorizationType).toBe('JWT');
      expect(AuthorizationScopes, String(RouteKey)).toEqual(
        /timeline|cancel|resume|undo/.test(String(RouteKey)) ? ['operate'] : undefined,
      );
    }
    expect(dev.all('AWS::ApiGatewayV2::Authorizer')[0]?.properties).toMatchObject({
      JwtConfiguration: { Audience: ['stepline'], Issuer: 'https://id.example.com' },
    });
    expect(dev.all('AWS::ApiGatewayV2::Api')[0]?.properties).toMatchObject({
      CorsConfiguration: { AllowOrigins: ['https://shop.example.com'], AllowMethods: ['GET', 'POST'] },
    });
    const get = dev
      .all('AWS::Lambda::Function')
      .find(({ properties }) => properties.FunctionName === 'stepline_dev_get');
    expect(get?.properties).toMatchObject({
      Environment: { Variables: { STEPLINE_TENANT_CLAIM: 'tenant' } },
    });
  });
});

describe('a chain of as many steps as a stack holds', () => {
  it('fits into its stack', async () => {
    const { nested } = await synthesize('dev', { chains: [fullChain], places: here });
    const { Resources } = nested.get('long')?.toJSON() ?? {};
    expect(Object.keys(Resources).length).toBeLessThanOrEqual(500);
    // One step more would not fit: the limit is not lower than it need be.
    expect(Object.keys(Resources).length).toBeGreaterThan(500 - 12);
  }, 60_000);
});

describe('a step', () => {
  it('may have any name, that of an alarm too', async () => {
    const dev = await synthesize('dev', { chains: [oddNames], places: here });
    expect(dev.all('AWS::SQS::Queue')).toHaveLength(6);
  });

  it('may use the key of its secret, through the store alone', async () => {
    const keyArn = 'arn:aws:kms:eu-central-1:123456789012:key/1';
    const secret = { store: 'ssm', name: 'refunds', header: 'x-key', keyArn } as const;
    const targets = { refunds: { baseUrl: 'https://refunds.example.com', secret } };
    const dev = await synthesize('dev', {
      chains: [unknownTarget],
      places: here,
      stages: { ...stages, dev: { ...stages.dev, targets } },
    });
    const decrypts = (grants(dev).get('stepline_dev_refunds_refund') ?? []).filter(
      ({ action, resource }) => action === 'kms:Decrypt' && resource === keyArn,
    );
    expect(decrypts).toHaveLength(1);
  });
});

describe('a step whose code calls targets and reads secrets', () => {
  const BANK_KEY = 'arn:aws:kms:eu-central-1:123456789012:key/bank';
  const allow = {
    actions: ['execute-api:Invoke'],
    resources: ['arn:aws:execute-api:eu-central-1:123456789012:a1b2c3/*/POST/refunds'],
  };
  const staged = (more: object): Stages => ({
    ...stages,
    dev: {
      ...stages.dev,
      targets: {
        refunds: {
          baseUrl: 'https://{tenant}.example.com',
          secrets: [
            { store: 'ssm', name: 'tenant', path: 'tenant' },
            { store: 'ssm', name: 'tenant-key', query: 'key' },
          ],
          auth: { type: 'sigv4', service: 'execute-api', allow },
          tls: {
            ca: { store: 'secrets-manager', name: 'authorities' },
            cert: { store: 'secrets-manager', name: 'bank', field: 'cert', keyArn: BANK_KEY },
            key: { store: 'secrets-manager', name: 'bank', field: 'key' },
          },
        },
      },
      ...more,
    },
  });
  const secrets = { 'webhook-key': { store: 'secrets-manager', name: 'stepline/dev/webhook' } } as const;

  it('may read all of these, and call what its requests are signed for, and nothing else', async () => {
    const dev = await synthesize('dev', { chains: [signing], places: here, stages: staged({ secrets }) });
    const own = (grants(dev).get('stepline_dev_signing_sign') ?? []).filter(({ action }) =>
      /^(secretsmanager|ssm|execute-api):/.test(action),
    );
    expect(
      own.map(({ action, resource }) => `${action} ${resource.split(':').slice(5).join(':')}`).sort(),
    ).toEqual([
      'execute-api:Invoke a1b2c3/*/POST/refunds',
      'secretsmanager:GetSecretValue secret:authorities-??????',
      'secretsmanager:GetSecretValue secret:bank-??????',
      'secretsmanager:GetSecretValue secret:stepline/dev/webhook-??????',
      'ssm:GetParameter parameter/tenant',
      'ssm:GetParameter parameter/tenant-key',
    ]);
    const fn = dev
      .all('AWS::Lambda::Function')
      .find(({ properties }) => properties.FunctionName === 'stepline_dev_signing_sign');
    expect(JSON.stringify(fn?.properties.Environment)).toContain('stepline/dev/webhook');
    // Of one secret that is named twice, with its key and without.
    expect(grants(dev).get('stepline_dev_signing_sign')).toContainEqual({
      action: 'kms:Decrypt',
      resource: BANK_KEY,
    });
  }, 60_000);

  it('needs settings for its secrets, and the message says which to write', async () => {
    await expect(synthesize('dev', { chains: [signing], places: here, stages: staged({}) })).rejects.toThrow(
      `chain "signing", step "sign": it reads the secret "webhook-key", but the stage "dev" has no settings for it. Write secrets: { 'webhook-key': { store: 'secrets-manager', name: 'stepline/dev/webhook-key' } }. The secrets of the stage are none.`,
    );
  });
});

describe('the steps of a chain with an undo', () => {
  const secret = (name: string) => ({ store: 'ssm', name, header: 'x-key' }) as const;
  const given: Stages = {
    ...stages,
    dev: {
      ...stages.dev,
      targets: Object.fromEntries(
        ['refunds', 'releases', 'records'].map((name) => [
          name,
          { baseUrl: `https://${name}.example.com`, secret: secret(name) },
        ]),
      ),
      secrets: { 'webhook-key': { store: 'secrets-manager', name: 'stepline/dev/webhook' } },
    },
  };
  const may = async (step: string, action: string): Promise<readonly string[]> => {
    const dev = await made;
    return (grants(dev).get(`stepline_dev_trips_${step}`) ?? [])
      .filter((grant) => grant.action === action)
      .map(({ resource }) => resource.split(/stepline_dev_trips_|[:/]/).at(-1) ?? '')
      .sort();
  };
  const made = synthesize('dev', { chains: [trips], places: here, stages: given });

  it.each([
    ['hold', ['flight', 'hold', 'hotel', 'mail']],
    ['flight', ['flight', 'hold']],
    ['hotel', ['hold', 'hotel', 'mail']],
    ['mail', ['hold', 'hotel', 'mail']],
  ])(
    '%s may send to itself and to all before it and after it: what is next is one of these',
    async (step, to) => {
      expect(await may(step, 'sqs:SendMessage')).toEqual(
        [...to, 'stepline_dev_step-failed', 'stepline_dev_parking'].sort(),
      );
    },
  );

  it('may read the secrets of what its undo calls, and of its code', async () => {
    expect(await may('hold', 'ssm:GetParameter')).toEqual(['refunds', 'releases']);
    expect(await may('hold', 'secretsmanager:GetSecretValue')).toEqual(['webhook-??????']);
    expect(await may('hotel', 'ssm:GetParameter')).toEqual(['refunds']);
    expect(await may('hotel', 'secretsmanager:GetSecretValue')).toEqual([]);
    const hold = (await made)
      .all('AWS::Lambda::Function')
      .find(({ properties }) => properties.FunctionName === 'stepline_dev_trips_hold');
    const environment = JSON.stringify(hold?.properties.Environment);
    for (const name of ['releases', 'webhook-key']) expect(environment).toContain(name);
  });

  it('have the settings and secrets of the target that only their lookup calls, and the time that it may take', async () => {
    expect(await may('mail', 'ssm:GetParameter')).toEqual(['records', 'refunds']);
    const dev = await made;
    const named = (kind: string, property: string, name: string) =>
      dev.all(kind).find(({ properties }) => properties[property] === `stepline_dev_trips_${name}`)
        ?.properties;
    const mail = named('AWS::Lambda::Function', 'FunctionName', 'mail');
    expect(JSON.stringify(mail?.Environment)).toContain('https://records.example.com');
    expect(mail?.Timeout).toBe(315);
    const queue = named('AWS::SQS::Queue', 'QueueName', 'mail');
    expect(queue).toMatchObject({ VisibilityTimeout: 1_890, RedrivePolicy: { maxReceiveCount: 20 } });
    const hotel = named('AWS::Lambda::Function', 'FunctionName', 'hotel');
    expect(JSON.stringify(hotel?.Environment)).not.toContain('records');
  });
});

describe('a topic of the team’s own', () => {
  it('is told, and none is made', async () => {
    const topicArn = 'arn:aws:sns:eu-central-1:123456789012:pager';
    const failuresTopicArn = 'arn:aws:sns:eu-central-1:123456789012:failures';
    const topicKey = 'arn:aws:kms:eu-central-1:123456789012:key/2';
    const dev = await synthesize('dev', {
      stages: { ...stages, dev: { ...stages.dev, onCall: { topicArn, failuresTopicArn, keyArn: topicKey } } },
    });
    expect(dev.all('AWS::SNS::Topic')).toEqual([]);
    const [stepFailed] = dev
      .all('AWS::Lambda::Function')
      .filter(({ properties }) => properties.FunctionName === 'stepline_dev_step-failed');
    expect(stepFailed?.properties).toMatchObject({
      Environment: { Variables: { STEPLINE_FAILURES_TOPIC_ARN: failuresTopicArn } },
    });
    expect(grants(dev).get('stepline_dev_step-failed')).toEqual(
      expect.arrayContaining([
        { action: 'sns:Publish', resource: failuresTopicArn },
        { action: 'kms:GenerateDataKey', resource: topicKey },
      ]),
    );
  });
});
