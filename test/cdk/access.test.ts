import { beforeAll, describe, expect, it } from 'vitest';
import { acknowledgements } from '../../lib/cdk/nag.ts';
import { stepPlaces } from '../../lib/chain/places.ts';
import { chains } from '../support/shipped-chains.ts';
import { type Grant, grants, rolesOf } from './grants.ts';
import { type Synthesized, synthesized } from './synth.ts';

let dev: Synthesized;
let may: (name: string) => readonly Grant[];
beforeAll(async () => {
  dev = await synthesized('dev');
  const all = grants(dev);
  may = (name) => all.get(`stepline_dev_${name}`) ?? [];
}, 120_000);

/** The queues of the stage that a function may do something to, without the stage's prefix. */
const queues = (name: string, action: string): readonly string[] =>
  may(name)
    .filter((grant) => grant.action === action)
    .map(({ resource }) => resource.replace(/^.*:stepline_dev_/, ''))
    .sort();
const actions = (name: string): readonly string[] =>
  [...new Set(may(name).map(({ action }) => action))].sort();

const LOGGING = ['logs:CreateLogStream', 'logs:PutLogEvents'];
const TRACING = ['xray:PutTelemetryRecords', 'xray:PutTraceSegments'];
const KEY = ['kms:Decrypt', 'kms:DescribeKey'];
const KEY_WRITE = [...KEY, 'kms:Encrypt', 'kms:GenerateDataKey', 'kms:ReEncryptFrom', 'kms:ReEncryptTo'];
const BASE = [...LOGGING, ...TRACING];
const LOAD = ['dynamodb:Query'];
const WRITE = ['dynamodb:PutItem', ...LOAD, ...KEY_WRITE];
const TAKE = [
  'sqs:ReceiveMessage',
  'sqs:DeleteMessage',
  'sqs:GetQueueAttributes',
  'sqs:ChangeMessageVisibility',
];

describe.each(stepPlaces(chains).map((place) => [`${place.chain}_${place.step}`, place] as const))(
  'the function of %s',
  (name, { chain, next, targets = [] }) => {
    it('may send to the steps directly after it, to its own dead letters and to the parking queue', () => {
      const after = next.map((step) => `${chain}_${step}`);
      expect(queues(name, 'sqs:SendMessage')).toEqual([...after, `${name}_dlq`, 'parking'].sort());
    });

    it('may take messages from its own queue', () => {
      for (const action of TAKE) expect(queues(name, action)).toEqual([name]);
    });

    it('may read the secrets of its own targets', () => {
      const secrets = may(name).filter(({ action }) => action === 'secretsmanager:GetSecretValue');
      expect(secrets.map(({ resource }) => resource.replace(/^.*:secret:/, '')).sort()).toEqual(
        targets.map((target) => `stepline/dev/${target}-??????`).sort(),
      );
    });

    it('may do nothing else', () => {
      expect(actions(name)).toEqual(
        [...BASE, ...WRITE, ...TAKE, 'sqs:SendMessage', 'secretsmanager:GetSecretValue'].sort(),
      );
    });
  },
);

describe('the payment step', () => {
  it('cannot send to the confirmation queue', () => {
    expect(queues('order-processing_payment', 'sqs:SendMessage')).not.toContain(
      'order-processing_confirmation',
    );
  });

  it('reads the payment secret, and nobody reads it who does not call payments', () => {
    const readers = [...grants(dev)].filter(([, list]) =>
      list.some(({ resource }) => resource.includes('stepline/dev/payments')),
    );
    const callers = stepPlaces(chains).filter(({ targets = [] }) => targets.includes('payments'));
    expect(readers.map(([name]) => name).sort()).toEqual(
      callers.map(({ chain, step }) => `stepline_dev_${chain}_${step}`).sort(),
    );
    expect(callers.map(({ step }) => step)).toContain('payment');
  });
});

describe('the functions of the API', () => {
  const roots = stepPlaces(chains)
    .filter(({ root }) => root)
    .map(({ chain, step }) => `${chain}_${step}`)
    .sort();
  const all = stepPlaces(chains)
    .map(({ chain, step }) => `${chain}_${step}`)
    .sort();

  it.each([
    ['start', [...WRITE, 'sqs:SendMessage'], roots],
    ['resume', [...WRITE, 'sqs:SendMessage'], all],
    ['cancel', WRITE, []],
    ['get', [...LOAD, ...KEY], []],
    ['list', ['dynamodb:BatchGetItem', ...LOAD, ...KEY], []],
  ])('%s may do what it does and nothing else', (name, wanted, sends) => {
    expect(actions(name)).toEqual([...BASE, ...wanted].sort());
    expect(queues(name, 'sqs:SendMessage')).toEqual(sends);
  });

  it('list asks the listing alone, and reads the status of what it lists', () => {
    const queries = may('list').filter(({ action }) => action === 'dynamodb:Query');
    expect(queries.map(({ resource }) => resource.replace(/^.*\//, ''))).toEqual(['listing']);
    const [read, ...others] = may('list').filter(({ action }) => action === 'dynamodb:BatchGetItem');
    expect(others).toEqual([]);
    expect(read?.resource).not.toContain('/index/');
  });

  it('no other function reads items by batches', () => {
    const readers = [...grants(dev)].filter(([, list]) =>
      list.some(({ action }) => action === 'dynamodb:BatchGetItem'),
    );
    expect(readers.map(([name]) => name)).toEqual(['stepline_dev_list']);
  });
});

describe('the step-failed function and the reconciler', () => {
  const names = stepPlaces(chains).map(({ chain, step }) => `${chain}_${step}`);
  const dead = names.map((name) => `${name}_dlq`);

  it('step-failed takes every dead letter, queues every step, and tells on-call', () => {
    for (const action of TAKE) expect(queues('step-failed', action)).toEqual([...dead].sort());
    expect(queues('step-failed', 'sqs:SendMessage')).toEqual(['parking', ...names].sort());
    expect(actions('step-failed')).toEqual(
      [...new Set([...BASE, ...WRITE, ...TAKE, 'sqs:SendMessage', 'sns:Publish'])].sort(),
    );
  });

  it('the reconciler queues every step and every dead letter, reads what is due, and tells on-call', () => {
    expect(queues('reconciler', 'sqs:SendMessage')).toEqual([...names, ...dead].sort());
    expect(actions('reconciler')).toEqual([...BASE, ...WRITE, 'sqs:SendMessage', 'sns:Publish'].sort());
    const tables = may('reconciler').filter(({ action }) => action === 'dynamodb:Query');
    expect(tables.map(({ resource }) => resource.endsWith('/index/due'))).toEqual([false, true]);
  });
});

describe('the topics of on-call', () => {
  it('are two: no function may publish where alarms are told', () => {
    const topics = dev.all('AWS::SNS::Topic').map(({ properties }) => properties.TopicName);
    expect(topics.sort()).toEqual(['stepline_dev_failures', 'stepline_dev_on-call']);
    const publishing = [...grants(dev)].flatMap(([name, list]) =>
      list.filter(({ action }) => action === 'sns:Publish').map(({ resource }) => `${name} ${resource}`),
    );
    expect(publishing).toHaveLength(2);
    for (const one of publishing) expect(one).toMatch(/^stepline_dev_(step-failed|reconciler) .*Failures/);
  });

  it('have the same people, who subscribe to both', async () => {
    const staging = await synthesized('staging');
    const subscribed = staging.all('AWS::SNS::Subscription').map(({ properties }) => properties);
    expect(subscribed).toHaveLength(2);
    expect(new Set(subscribed.map(({ TopicArn }) => JSON.stringify(TopicArn))).size).toBe(2);
    for (const { Endpoint } of subscribed) expect(Endpoint).toBe('stepline-staging@example.com');
  });
});

describe('every role', () => {
  it('is of one function', () => {
    const roles = [...rolesOf(dev)].map(([name, role]) => `${name.split('_').slice(0, -1)}/${role}`);
    expect(new Set(roles).size).toBe(roles.length);
  });

  it('names actions and resources; a wildcard stands only where X-Ray leaves no choice', () => {
    for (const [name, list] of grants(dev)) {
      expect(list.length, name).toBeGreaterThan(0);
      for (const { action, resource } of list) {
        expect(action, name).not.toContain('*');
        if (!TRACING.includes(action)) expect(resource, `${name} ${action}`).not.toContain('*');
      }
    }
  });
});

describe('cdk-nag', () => {
  it('finds nothing that is not acknowledged, and every reason is told', () => {
    const stays = acknowledgements(dev.app);
    for (const { path, reason } of stays) expect(reason.length, path).toBeGreaterThan(20);
    const reasons = new Map<string, number>();
    for (const { id, reason } of stays) {
      const line = `${id}: ${reason}`;
      reasons.set(line, (reasons.get(line) ?? 0) + 1);
    }
    console.log(
      [
        `cdk-nag: 0 findings, ${stays.length} acknowledged`,
        ...[...reasons].map(([reason, times]) => `  ${times} x ${reason}`),
      ].join('\n'),
    );
    expect(stays.length).toBeGreaterThan(0);
  });
});
