import { beforeAll, describe, expect, it } from 'vitest';
import { settingsOf } from '../../lib/cdk/settings.ts';
import { stages } from './fixture-stages.ts';
import { grants } from './grants.ts';
import { type Synthesized, synthesize, synthesized } from './synth.ts';

/** `staging` is lean, and has no key of its own; `dev` has everything. */
let lean: Synthesized;
let full: Synthesized;
beforeAll(async () => {
  lean = await synthesized('staging');
  full = await synthesized('dev');
}, 120_000);

const variables = (stage: Synthesized, name: string): ReadonlySet<unknown> =>
  new Set(
    stage
      .all('AWS::Lambda::Function')
      .map(({ properties }) => JSON.parse(JSON.stringify(properties.Environment)).Variables[name]),
  );

describe('a lean stage', () => {
  it('has no dashboard, and says of none where it is', () => {
    expect(lean.all('AWS::CloudWatch::Dashboard')).toEqual([]);
    expect(Object.keys(lean.main.toJSON().Outputs)).toEqual(['ApiUrl']);
    expect(full.all('AWS::CloudWatch::Dashboard')).toHaveLength(1);
  });

  it('tells its functions that their metrics are of chains, and a full one that they are of steps', () => {
    expect([...variables(lean, 'STEPLINE_MONITORING')]).toEqual(['lean']);
    expect([...variables(full, 'STEPLINE_MONITORING')]).toEqual(['full']);
  });

  it('shortens no waits, unless its settings say so: then each of its functions hears of it', async () => {
    expect([...variables(full, 'STEPLINE_BACKOFF_SCALE')]).toEqual([undefined]);
    const staging = { ...stages.staging, backoffScale: 0.01 };
    const tested = await synthesize('staging', { stages: { ...stages, staging } });
    expect([...variables(tested, 'STEPLINE_BACKOFF_SCALE')]).toEqual(['0.01']);
  });

  it('has the saved queries, queues and functions of any other', () => {
    for (const type of ['AWS::Logs::QueryDefinition', 'AWS::SQS::Queue', 'AWS::Lambda::Function']) {
      expect(lean.all(type).length, type).toBe(full.all(type).length);
    }
  });
});

describe('a stage that is encrypted with a key of AWS’s own', () => {
  it('makes no key, and has its table encrypted by DynamoDB and its queues by SQS', () => {
    expect(lean.all('AWS::KMS::Key')).toEqual([]);
    expect(full.all('AWS::KMS::Key')).toHaveLength(1);
    for (const { properties } of lean.all('AWS::DynamoDB::Table')) {
      expect(JSON.stringify(properties)).not.toContain('KMSMasterKeyId');
    }
    for (const { properties } of lean.all('AWS::SQS::Queue')) {
      expect(properties.SqsManagedSseEnabled, String(properties.QueueName)).toBe(true);
    }
  });

  it('has topics that take nothing unencrypted on the way', () => {
    expect(lean.all('AWS::SNS::Topic')).toHaveLength(2);
    for (const { properties } of lean.all('AWS::SNS::Topic')) {
      expect(properties).not.toHaveProperty('KmsMasterKeyId');
    }
    const policies = JSON.stringify(lean.all('AWS::SNS::TopicPolicy').map(({ properties }) => properties));
    expect(policies.match(/aws:SecureTransport/g)).toHaveLength(2);
  });

  it('lets no function use a key', () => {
    const uses = [...grants(lean)].flatMap(([name, list]) =>
      list.filter(({ action }) => action.startsWith('kms:')).map(({ action }) => `${name} ${action}`),
    );
    expect(uses).toEqual([]);
  });

  it('may go on with a table whose key is AWS’s own, and one with a key of its own may not', async () => {
    const existing = { table: 'orders.restored' };
    const staging = { ...stages.staging, existing } as const;
    const made = await synthesize('staging', { stages: { ...stages, staging } });
    expect(made.all('AWS::DynamoDB::Table')).toEqual([]);
    expect(() => settingsOf({ ...stages, prod: { ...stages.prod, existing } }, 'prod')).toThrow(
      'existing.keyArn: write the ARN of the key that encrypts the table',
    );
  });
});

describe('a stage that does not say how it is watched', () => {
  it('is watched fully, and has a key of its own', () => {
    expect(settingsOf(stages, 'dev')).toMatchObject({
      monitoring: 'full',
      encryption: 'customer-managed',
    });
  });

  it.each<readonly [object, string]>([
    [{ monitoring: 'half' }, 'monitoring'],
    [{ encryption: 'none' }, 'encryption'],
  ])('is told what there is where it says %j', (changes, setting) => {
    expect(() => settingsOf({ ...stages, dev: { ...stages.dev, ...changes } }, 'dev')).toThrow(setting);
  });
});
