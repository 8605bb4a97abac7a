import { beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { type StepPlace, stepPlaces } from '../../lib/chain/places.ts';
import { LIMITS } from '../../lib/contract/limits.ts';
import { TABLE_SCHEMA } from '../../lib/contract/table.ts';
import { chains } from '../support/shipped-chains.ts';
import { textOf } from './grants.ts';
import { type Resource, type Synthesized, synthesized } from './synth.ts';

let dev: Synthesized;
let prod: Synthesized;
beforeAll(async () => {
  dev = await synthesized('dev');
  prod = await synthesized('prod');
}, 120_000);

const places = stepPlaces(chains);
const PLACES = places.map((place) => [`${place.chain}_${place.step}`, place] as const);

const named = (type: string, property: string, name: string, stage = dev): Resource => {
  const found = stage.all(type).find(({ properties }) => properties[property] === name);
  if (found === undefined) throw new Error(`no ${type} is called ${name}`);
  return found;
};
const queueOf = (place: StepPlace, end = ''): Resource =>
  named('AWS::SQS::Queue', 'QueueName', `stepline_dev_${place.chain}_${place.step}${end}`);
const functionOf = (name: string, stage = dev): Resource =>
  named('AWS::Lambda::Function', 'FunctionName', `stepline_${stage === dev ? 'dev' : 'prod'}_${name}`, stage);
const numberOf = ({ properties }: Resource, name: string): number => z.number().parse(properties[name]);

/** The mappings that a queue feeds. */
const mappingsOf = ({ id, stack }: Resource): readonly Resource[] =>
  dev
    .all('AWS::Lambda::EventSourceMapping')
    .filter((one) => one.stack === stack && textOf(one.properties.EventSourceArn) === `\${${id}.Arn}`);

const NAMES = [
  ['AWS::Lambda::Function', 'FunctionName'],
  ['AWS::SQS::Queue', 'QueueName'],
  ['AWS::DynamoDB::Table', 'TableName'],
  ['AWS::SNS::Topic', 'TopicName'],
  ['AWS::Logs::LogGroup', 'LogGroupName'],
  ['AWS::KMS::Alias', 'AliasName'],
  ['AWS::Events::Rule', 'Name'],
  ['AWS::CloudWatch::Dashboard', 'DashboardName'],
  ['AWS::CloudWatch::Alarm', 'AlarmName'],
  ['AWS::Logs::QueryDefinition', 'Name'],
] as const;

describe.each(PLACES)('the step %s', (_, place) => {
  it('has a visibility timeout of at least 6 times its function’s timeout', () => {
    const timeout = numberOf(functionOf(`${place.chain}_${place.step}`), 'Timeout');
    expect(timeout).toBe(place.settings.functionTimeout);
    expect(numberOf(queueOf(place), 'VisibilityTimeout')).toBeGreaterThanOrEqual(6 * timeout);
  });

  it('keeps messages 4 days and dead letters 14', () => {
    expect(numberOf(queueOf(place), 'MessageRetentionPeriod')).toBe(4 * 86_400);
    expect(numberOf(queueOf(place, '_dlq'), 'MessageRetentionPeriod')).toBe(14 * 86_400);
  });

  it('gives up a message only after more receives than it has attempts, and then to its own dead-letter queue', () => {
    const redrive = z
      .object({ maxReceiveCount: z.number(), deadLetterTargetArn: z.unknown() })
      .parse(queueOf(place).properties.RedrivePolicy);
    const step = chains
      .find(({ name }) => name === place.chain)
      ?.steps.find(({ name }) => name === place.step);
    // Its undo goes through the same queue. So does its lookup, which asks once more where it asked too early.
    const retries = Math.max(step?.retries ?? Number.NaN, step?.undo?.retries ?? 0);
    const asks = step?.lookup === undefined ? 0 : step.lookup.retries + 2;
    expect(redrive.maxReceiveCount).toBe(Math.max(10, retries + 1 + asks + 5));
    expect(textOf(redrive.deadLetterTargetArn)).toBe(`\${${queueOf(place, '_dlq').id}.Arn}`);
    const dead = z
      .object({ maxReceiveCount: z.literal(LIMITS.deadLetterMaxReceives), deadLetterTargetArn: z.unknown() })
      .parse(queueOf(place, '_dlq').properties.RedrivePolicy);
    expect(textOf(dead.deadLetterTargetArn)).toContain('Parking');
  });

  it('is fed by its queue alone, as many functions at a time as the stage allows', () => {
    const [mapping, ...others] = mappingsOf(queueOf(place));
    expect(others).toEqual([]);
    expect(mapping?.properties).toMatchObject({
      BatchSize: place.settings.batchSize,
      ScalingConfig: { MaximumConcurrency: 10 },
      FunctionName: { Ref: functionOf(`${place.chain}_${place.step}`).id },
    });
  });

  it('has a dead-letter queue that nobody polls: the reconciler empties it', () => {
    expect(mappingsOf(queueOf(place, '_dlq'))).toEqual([]);
  });
});

/** A resource of the main stack, whole. */
const template = (id: string): { readonly DependsOn?: readonly string[] | undefined } =>
  z
    .object({ Resources: z.record(z.string(), z.object({ DependsOn: z.array(z.string()).optional() })) })
    .parse(dev.main.toJSON()).Resources[id] ?? {};

describe('every mapping', () => {
  it('is of a step, or hands the dead letters of all steps to the step-failed function', () => {
    const queue = named('AWS::SQS::Queue', 'QueueName', 'stepline_dev_step-failed');
    const [mapping, ...others] = mappingsOf(queue);
    expect(others).toEqual([]);
    expect(textOf(mapping?.properties.FunctionName)).toContain('StepFailed');
    expect(
      textOf(
        z.object({ deadLetterTargetArn: z.unknown() }).parse(queue.properties.RedrivePolicy)
          .deadLetterTargetArn,
      ),
    ).toContain('Parking');
  });

  it('reports which messages of a batch failed', () => {
    const mappings = dev.all('AWS::Lambda::EventSourceMapping');
    expect(mappings).toHaveLength(places.length + 1);
    for (const { properties } of mappings) {
      expect(properties.FunctionResponseTypes).toEqual(['ReportBatchItemFailures']);
      expect(properties).not.toHaveProperty('FilterCriteria');
    }
  });
});

describe('every function', () => {
  it('is of Node.js 24 on arm64, traced but for the reconciler, with its own log group', () => {
    const functions = dev.all('AWS::Lambda::Function');
    expect(functions).toHaveLength(places.length + 7);
    for (const { properties } of functions) {
      expect(properties).toMatchObject({
        Runtime: 'nodejs24.x',
        Architectures: ['arm64'],
        LoggingConfig: { LogGroup: { Ref: expect.stringContaining('Logs') } },
      });
      const isIdle = properties.FunctionName === 'stepline_dev_reconciler';
      expect(properties.TracingConfig).toEqual(isIdle ? undefined : { Mode: 'Active' });
      expect(
        named('AWS::Logs::LogGroup', 'LogGroupName', `/aws/lambda/${properties.FunctionName}`),
      ).toMatchObject({ properties: { RetentionInDays: 14 } });
    }
  });

  it('has no secret, and nothing of another step, in its environment', () => {
    const targets = z.record(z.string(), z.object({ secret: z.record(z.string(), z.string()) }).loose());
    const environment = z.object({ Variables: z.record(z.string(), z.unknown()) });
    for (const place of places) {
      const { properties } = functionOf(`${place.chain}_${place.step}`);
      const { Variables } = environment.parse(properties.Environment);
      const own = targets.parse(JSON.parse(String(Variables.STEPLINE_TARGETS)));
      expect(Object.keys(own)).toEqual(place.targets);
      for (const { secret } of Object.values(own)) {
        expect(Object.keys(secret).sort()).toEqual(['header', 'name', 'prefix', 'store']);
      }
    }
    // No reference of CloudFormation puts a secret's value anywhere.
    for (const template of dev.templates) {
      expect(JSON.stringify(template.toJSON())).not.toContain('{{resolve:');
    }
  });

  it('has a name that says stage, chain and step, unlike every name of another stage', () => {
    for (const [type, property] of NAMES) {
      const names = (stage: Synthesized): readonly string[] =>
        stage.all(type).map(({ properties }) => String(properties[property]));
      expect(new Set(names(dev)).size, type).toBe(names(dev).length);
      expect(names(dev).filter((name) => !/stepline[_/]dev/.test(name))).toEqual([]);
      expect(names(prod).filter((name) => !/stepline[_/]prod/.test(name))).toEqual([]);
    }
    expect(functionOf('order-processing_payment').properties.FunctionName).toBe(
      'stepline_dev_order-processing_payment',
    );
  });
});

describe('queues and topic', () => {
  it('are encrypted at rest, and refuse what comes without TLS', () => {
    const queues = dev.all('AWS::SQS::Queue');
    for (const { properties } of queues) expect(properties.SqsManagedSseEnabled).toBe(true);
    const refusals = [...dev.all('AWS::SQS::QueuePolicy'), ...dev.all('AWS::SNS::TopicPolicy')];
    expect(refusals).toHaveLength(queues.length + 2);
    for (const { properties } of refusals) {
      expect(JSON.stringify(properties.PolicyDocument)).toContain('"aws:SecureTransport":"false"');
    }
    for (const { properties } of dev.all('AWS::SNS::Topic'))
      expect(properties).toHaveProperty('KmsMasterKeyId');
  });
});

describe('the table', () => {
  const table = (stage: Synthesized): Resource => {
    const [found] = stage.all('AWS::DynamoDB::Table');
    if (found === undefined) throw new Error('no table');
    return found;
  };

  it('is on demand, encrypted with a key of its own, with point-in-time recovery and time to live', () => {
    expect(table(dev).properties).toMatchObject({
      BillingMode: 'PAY_PER_REQUEST',
      SSESpecification: { SSEEnabled: true, SSEType: 'KMS', KMSMasterKeyId: expect.anything() },
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      TimeToLiveSpecification: { AttributeName: TABLE_SCHEMA.timeToLive, Enabled: true },
    });
    expect(dev.all('AWS::KMS::Key')[0]?.properties).toMatchObject({ EnableKeyRotation: true });
  });

  it('has the keys and the sparse indexes that the store reads', () => {
    const attributes = [TABLE_SCHEMA, ...TABLE_SCHEMA.indexes].flatMap(({ partitionKey, sortKey }) => [
      partitionKey,
      sortKey,
    ]);
    const { properties } = table(dev);
    expect(properties.AttributeDefinitions).toEqual(
      expect.arrayContaining(
        attributes.map(({ name, type }) => ({ AttributeName: name, AttributeType: type })),
      ),
    );
    expect(properties.GlobalSecondaryIndexes).toEqual(
      TABLE_SCHEMA.indexes.map(({ name, partitionKey, sortKey, projected }) => ({
        IndexName: name,
        KeySchema: [
          { AttributeName: partitionKey.name, KeyType: 'HASH' },
          { AttributeName: sortKey.name, KeyType: 'RANGE' },
        ],
        Projection:
          projected.length === 0
            ? { ProjectionType: 'KEYS_ONLY' }
            : { ProjectionType: 'INCLUDE', NonKeyAttributes: projected },
      })),
    );
  });

  it('stays, with its key and the access logs, when prod is deleted, but not when it could not be made; that of dev goes', () => {
    expect(table(prod)).toMatchObject({
      deletionPolicy: 'RetainExceptOnCreate',
      properties: { DeletionProtectionEnabled: true },
    });
    expect(table(dev).deletionPolicy).toBe('Delete');
    for (const { deletionPolicy } of prod.all('AWS::KMS::Key')) {
      expect(deletionPolicy).toBe('RetainExceptOnCreate');
    }
    // The log of a function goes with it: its name would stand in the way of a step that is taken back.
    for (const { properties, deletionPolicy } of prod.all('AWS::Logs::LogGroup')) {
      const access = String(properties.LogGroupName).startsWith('/aws/vendedlogs/');
      expect(deletionPolicy).toBe(access ? 'RetainExceptOnCreate' : 'Delete');
    }
    expect(prod.app.node.findChild('stepline-prod')).toMatchObject({ terminationProtection: true });
  });
});

describe('the API', () => {
  it('starts workflows of a new version only once every chain has it', () => {
    const { DependsOn = [] } = template(functionOf('start').id);
    for (const { name } of chains) {
      const stack = name.replaceAll('-', '');
      expect(DependsOn.filter((id) => id.startsWith(`${stack}NestedStack`))).toHaveLength(1);
    }
  });

  it('asks for IAM authorization on every route', () => {
    const routes = dev.all('AWS::ApiGatewayV2::Route');
    expect(routes.map(({ properties }) => properties.RouteKey)).toEqual(
      expect.arrayContaining([
        'POST /api/process-order',
        'GET /api/workflows',
        'GET /api/workflows/{id}',
        'GET /api/workflows/{id}/timeline',
        'POST /api/workflows/{id}/cancel',
        'POST /api/workflows/{id}/resume',
        'GET /api/openapi.json',
      ]),
    );
    for (const { properties } of routes) expect(properties.AuthorizationType).toBe('AWS_IAM');
  });

  it('throttles, and logs each request as JSON', () => {
    const [stage] = dev.all('AWS::ApiGatewayV2::Stage');
    expect(stage?.properties).toMatchObject({
      DefaultRouteSettings: { ThrottlingBurstLimit: 100, ThrottlingRateLimit: 50 },
      AccessLogSettings: { Format: expect.stringMatching(/^\{"requestId"/) },
    });
  });
});

describe('the reconciler', () => {
  it('runs every minute, and the last run has ended by then', () => {
    expect(dev.all('AWS::Events::Rule')[0]?.properties.ScheduleExpression).toBe('rate(1 minute)');
    expect(numberOf(functionOf('reconciler'), 'Timeout')).toBe(60);
  });
});
