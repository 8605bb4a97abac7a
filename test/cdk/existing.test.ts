import { beforeAll, describe, expect, it } from 'vitest';
import { settingsOf } from '../../lib/cdk/settings.ts';
import { stages } from './fixture-stages.ts';
import { grants } from './grants.ts';
import { type Synthesized, synthesize, synthesized } from './synth.ts';

const existing = {
  table: 'orders.restored',
  keyArn: 'arn:aws:kms:eu-central-1:123456789012:key/1',
  accessLogs: true,
} as const;
const withExisting = { ...stages, prod: { ...stages.prod, existing, paused: true } } as const;
let own: Synthesized;
let prod: Synthesized;
beforeAll(async () => {
  own = await synthesized('prod');
  prod = await synthesize('prod', { stages: withExisting });
}, 120_000);

const names = (stage: Synthesized, type: string, property: string) =>
  stage.all(type).map(({ properties }) => String(properties[property]));

describe('a stage that goes on with a table', () => {
  it('makes none, and no log group that is there', () => {
    expect(own.all('AWS::DynamoDB::Table')).toHaveLength(1);
    expect(prod.all('AWS::DynamoDB::Table')).toEqual([]);
    const logs = '/aws/vendedlogs/apis/stepline_prod';
    expect(names(own, 'AWS::Logs::LogGroup', 'LogGroupName')).toContain(logs);
    expect(names(prod, 'AWS::Logs::LogGroup', 'LogGroupName')).not.toContain(logs);
    expect(JSON.stringify(prod.all('AWS::ApiGatewayV2::Stage')[0]?.properties)).toContain(logs);
  });

  it('reads and writes this one, under its key, and no other', () => {
    for (const { properties } of prod.all('AWS::Lambda::Function')) {
      expect(properties.Environment).toMatchObject({ Variables: { STEPLINE_TABLE_NAME: existing.table } });
    }
    for (const [name, list] of grants(prod)) {
      for (const { action, resource } of list.filter((one) => one.action.startsWith('dynamodb:'))) {
        expect(resource, `${name} ${action}`).toMatch(/:table\/orders\.restored(\/index\/(listing|due))?$/);
      }
      const decrypts = list
        .filter(({ action }) => action === 'kms:DescribeKey')
        .map(({ resource }) => resource);
      if (list.some(({ action }) => action.startsWith('dynamodb:')))
        expect(decrypts, name).toEqual([existing.keyArn]);
    }
  });

  it('shows the figures of this one', () => {
    const body = JSON.stringify(prod.all('AWS::CloudWatch::Dashboard').map(({ properties }) => properties));
    expect(body).toContain('orders.restored');
  });
});

describe('a stage that is paused', () => {
  it('has every mapping and the schedule off; one that is not has them on', () => {
    for (const [stage, on] of [
      [prod, false],
      [own, true],
    ] as const) {
      const mappings = stage.all('AWS::Lambda::EventSourceMapping');
      expect(mappings.length).toBeGreaterThan(0);
      for (const { properties } of mappings) expect(properties.Enabled).toBe(on);
      const [rule] = stage.all('AWS::Events::Rule');
      expect(rule?.properties.State).toBe(on ? 'ENABLED' : 'DISABLED');
    }
  });
});

describe('the settings', () => {
  const of = (changes: object) => () => settingsOf({ ...stages, dev: { ...stages.dev, ...changes } }, 'dev');

  it('refuse a stage’s own table where the deployment would delete it', () => {
    const dev = { existing: { ...existing, table: 'stepline_dev' } };
    expect(of(dev)).toThrow('existing.table: this is the stage’s own table, and with removal "destroy"');
    expect(of({ ...dev, removal: 'retain' })).not.toThrow();
  });

  it.each([
    ['no name of a table', { table: 'a b' }, /existing\.table: expected the name of a DynamoDB table/],
    ['no key', { keyArn: 'alias/stepline' }, /existing\.keyArn: expected the ARN of a key/],
  ])('refuse %s', (_, changes, message) => {
    expect(of({ existing: { ...existing, ...changes } })).toThrow(message);
  });
});
