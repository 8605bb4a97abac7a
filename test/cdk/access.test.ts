import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDynamoDbStore } from '../../lib/adapters/dynamodb/store.ts';
import { acknowledgements } from '../../lib/cdk/nag.ts';
import { queueName } from '../../lib/cdk/stage.ts';
import { stepPlaces } from '../../lib/chain/places.ts';
import { deadLetterQueue, PARKING, STEP_FAILED, stepQueue } from '../../lib/contract/names.ts';
import { waitKeys } from '../../lib/contract/table.ts';
import type { Store } from '../../lib/engine/ports.ts';
import { claimOf, metaOf } from '../ports/store/fixtures.ts';
import { type Dynalite, startDynalite } from '../support/dynalite.ts';
import { chains } from '../support/shipped-chains.ts';
import { type Grant, grants, rolesOf } from './grants.ts';
import { ENVIRONMENT, type Synthesized, synthesized } from './synth.ts';

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
const WRITE = ['dynamodb:GetItem', 'dynamodb:PutItem', ...LOAD, ...KEY_WRITE];
const TAKE = ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility'];
const CONSUME = [...TAKE, 'sqs:GetQueueAttributes'];

describe.each(stepPlaces(chains).map((place) => [`${place.chain}_${place.step}`, place] as const))(
  'the function of %s',
  (name, { chain, next, undoNeighbours, targets = [] }) => {
    it('may send to the steps directly after it, where there is an undo to those before it and behind it, to the step-failed queue and to the parking queue', () => {
      const others = [...new Set([...next, ...undoNeighbours])].map((step) => `${chain}_${step}`);
      expect(queues(name, 'sqs:SendMessage')).toEqual([...others, 'step-failed', 'parking'].sort());
    });

    it('may take messages from its own queue', () => {
      for (const action of CONSUME) expect(queues(name, action)).toEqual([name]);
    });

    it('may read the secrets of its own targets', () => {
      const secrets = may(name).filter(({ action }) => action === 'secretsmanager:GetSecretValue');
      expect(secrets.map(({ resource }) => resource.replace(/^.*:secret:/, '')).sort()).toEqual(
        targets.map((target) => `stepline/dev/${target}-??????`).sort(),
      );
    });

    it('may do nothing else', () => {
      expect(actions(name)).toEqual(
        [...BASE, ...WRITE, ...CONSUME, 'sqs:SendMessage', 'secretsmanager:GetSecretValue'].sort(),
      );
    });
  },
);

describe('a step of a chain that is not undone', () => {
  it('cannot send to a step that is not directly after it, nor to itself', () => {
    const sends = queues('data-enrichment_crm', 'sqs:SendMessage');
    expect(sends).toContain('data-enrichment_analytics');
    expect(sends).not.toContain('data-enrichment_billing');
    expect(sends).not.toContain('data-enrichment_crm');
  });
});

describe('the payment step', () => {
  it('can send to the confirmation queue, which may be what is undone next, and to no other chain', () => {
    const sends = queues('order-processing_payment', 'sqs:SendMessage');
    expect(sends).toContain('order-processing_confirmation');
    expect(sends.filter((name) => !/^order-processing_|^step-failed$|^parking$/.test(name))).toEqual([]);
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
  it.each([
    ['start', [...WRITE, 'sqs:SendMessage'], roots],
    ['resume', [...WRITE, 'sqs:SendMessage'], ['*_*']],
    // With undo it queues what is taken back first.
    ['cancel', [...WRITE, 'sqs:SendMessage'], ['*_*']],
    // It takes a place to wait.
    ['get', WRITE, []],
    ['list', ['dynamodb:BatchGetItem', ...LOAD, ...KEY], []],
  ])('%s may do what it does and nothing else', (name, wanted, sends) => {
    expect(actions(name)).toEqual([...BASE, ...wanted].sort());
    expect(queues(name, 'sqs:SendMessage')).toEqual(sends);
  });

  it('get may write to the places to wait, and to nothing else of the table', () => {
    const writing = may('get').filter(({ action }) => /^dynamodb:(Put|Get)Item$/.test(action));
    expect(writing.map(({ partitions }) => partitions)).toEqual(writing.map(() => [waitKeys(0).pk]));
    expect(writing).toHaveLength(2);
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
  it('step-failed takes the dead letters of its own queue, queues every step, and tells on-call', () => {
    for (const action of CONSUME) expect(queues('step-failed', action)).toEqual(['step-failed']);
    expect(queues('step-failed', 'sqs:SendMessage')).toEqual(['*_*', 'parking']);
    expect(actions('step-failed')).toEqual(
      [...new Set([...BASE, ...WRITE, ...CONSUME, 'sqs:SendMessage', 'sns:Publish'])].sort(),
    );
  });

  it('the reconciler empties the dead letters of every step into one queue, queues every step, reads what is due, and tells on-call', () => {
    for (const action of TAKE) expect(queues('reconciler', action)).toEqual(['*_*_dlq']);
    expect(queues('reconciler', 'sqs:SendMessage')).toEqual(['*_*', 'parking', 'step-failed']);
    // It is not traced.
    expect(actions('reconciler')).toEqual(
      [...new Set([...LOGGING, ...WRITE, ...TAKE, 'sqs:SendMessage', 'sns:Publish'])].sort(),
    );
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

describe('the store, held to the role of a function that writes', () => {
  let database: Dynalite;
  let tableName: string;
  beforeAll(async () => {
    database = await startDynalite();
    tableName = await database.createTable();
  });
  afterAll(() => database.close());

  /** A store whose requests are refused, as AWS does, unless the role of this function allows them on the table. */
  function heldTo(name: string): Store {
    const allowed = may(name).flatMap(({ action, resource }) =>
      resource.includes('/index/') ? [] : [action],
    );
    const client = new DynamoDBClient({
      endpoint: database.url,
      region: ENVIRONMENT.region,
      credentials: { accessKeyId: 'none', secretAccessKey: 'none' },
    });
    client.middlewareStack.add(
      (next, { commandName }) =>
        async (args) => {
          const action = `dynamodb:${commandName?.replace(/Command$/, '')}`;
          if (allowed.includes(action)) return await next(args);
          throw Object.assign(new Error(`not authorized to perform ${action}`), {
            name: 'AccessDeniedException',
          });
        },
      { step: 'initialize' },
    );
    return createDynamoDbStore({ client, tableName });
  }
  const writers = [
    ...['start', 'cancel', 'resume', 'step-failed', 'reconciler'],
    ...stepPlaces(chains).map(({ chain, step }) => `${chain}_${step}`),
  ];

  it('they are all that may put any item', () => {
    const put = [...grants(dev)].filter(([, list]) =>
      list.some(({ action, partitions }) => action === 'dynamodb:PutItem' && partitions === undefined),
    );
    expect(put.map(([name]) => name).sort()).toEqual(writers.map((name) => `stepline_dev_${name}`).sort());
  });

  it.each(writers)('%s is told what stands in the way of a write, and that nothing does', async (name) => {
    const store = heldTo(name);
    const meta = metaOf(name);
    const claim = claimOf('payment');
    // The item is gone: a failed condition brings none, and the store reads it.
    const gone = { written: false, current: undefined };
    expect(await store.writeMeta(meta, { status: 'processing', epoch: 0 })).toEqual(gone);
    const expected = { status: 'running', token: claim.token } as const;
    expect(await store.writeStep(meta, claim, expected, meta.expiresAt)).toEqual(gone);
    expect(await store.create(meta)).toEqual({ written: true });
    expect(await store.create(meta)).toEqual({ written: false, current: meta });
  });
});

describe('the patterns of queues', () => {
  const matches = (pattern: string, name: string): boolean =>
    new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(name);
  const patterns = (): readonly string[] =>
    [...grants(dev).values()]
      .flat()
      .flatMap(({ action, resource }) =>
        action.startsWith('sqs:') && resource.includes('*') ? [resource] : [],
      );

  it('fit what they stand for', () => {
    for (const place of stepPlaces(chains)) {
      const [queue, dead] = [stepQueue(place), deadLetterQueue(place)].map((name) => queueName('dev', name));
      expect(matches('stepline_dev_*_*', queue ?? '')).toBe(true);
      expect(matches('stepline_dev_*_*_dlq', queue ?? '')).toBe(false);
      expect(matches('stepline_dev_*_*_dlq', dead ?? '')).toBe(true);
    }
    for (const own of [PARKING, STEP_FAILED]) {
      expect(matches('stepline_dev_*_*', queueName('dev', own))).toBe(false);
    }
  });

  it('begin with the stage, so no queue of another stage or of somebody else fits', () => {
    expect(patterns().length).toBeGreaterThan(0);
    for (const pattern of patterns()) expect(pattern).toMatch(/:123456789012:stepline_dev_\*_\*(_dlq)?$/);
  });
});

describe('every role', () => {
  /** They handle every step, and `the patterns of queues` are of them alone. */
  const shared = ['cancel', 'resume', 'step-failed', 'reconciler'];

  it('is of one function', () => {
    const roles = [...rolesOf(dev)].map(([name, role]) => `${name.split('_').slice(0, -1)}/${role}`);
    expect(new Set(roles).size).toBe(roles.length);
  });

  it('names actions and resources; a wildcard stands only where X-Ray leaves no choice, and in the name of a queue', () => {
    for (const [name, list] of grants(dev)) {
      expect(list.length, name).toBeGreaterThan(0);
      for (const { action, resource } of list) {
        expect(action, name).not.toContain('*');
        const handlesAll = shared.some((one) => name === `stepline_dev_${one}`);
        if (TRACING.includes(action) || (handlesAll && action.startsWith('sqs:'))) continue;
        expect(resource, `${name} ${action}`).not.toContain('*');
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
