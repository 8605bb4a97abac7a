import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { createDynamoDbStore } from '../../lib/adapters/dynamodb/store.ts';
import { ENV, type QueueName, queueSuffix, STEP_FAILED } from '../../lib/contract/names.ts';
import { startAnswer, workflowAnswer } from '../../lib/contract/wire.ts';
import { type AwsServer, startAwsServer } from '../support/aws-server.ts';
import { type Dynalite, startDynalite } from '../support/dynalite.ts';
import { embeddedSqs } from '../support/embedded-sqs.ts';
import { bundleTo, type DeployedFunction, deploy, FUNCTIONS, type FunctionName } from './deployment.ts';
import { record } from './lambda-events.ts';
import { ORDER, openStage, PAYMENT, type TestStage } from './stage.ts';
import { SECRETS, startTargets, type TestTargets } from './targets.ts';

/*
 * The entry points themselves: bundled as a deployment would, each in a process of its own, with DynamoDB, SQS, SNS, the
 * stores of secrets and the targets on loopback.
 */

const SHIPMENT: QueueName = { ...PAYMENT, step: 'shipment' };
const CONFIRMATION: QueueName = { ...PAYMENT, step: 'confirmation' };

let directory: string;
let database: Dynalite;
let tableName: string;
let stage: TestStage;
let aws: AwsServer;
let targets: TestTargets;
let env: Record<string, string>;
const secretsRead: string[] = [];
const published: Record<string, string>[] = [];
const functions = new Map<string, DeployedFunction>();

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'stepline-functions-'));
  [database, stage, targets] = await Promise.all([startDynalite(), openStage(), startTargets()]);
  tableName = await database.createTable();
  aws = await startAwsServer(async ({ action, input }) => {
    if (action === 'Publish') {
      published.push(z.record(z.string(), z.string()).parse(input));
      return {
        status: 200,
        body: '<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>',
      };
    }
    if (action === 'GetSecretValue' || action === 'GetParameter') {
      const { SecretId, Name } = z.object({ SecretId: z.string(), Name: z.string() }).partial().parse(input);
      const secret = `${action} ${SecretId ?? Name}`;
      secretsRead.push(secret);
      return { status: 200, body: SECRETS[secret] ?? {} };
    }
    const sqs: Record<string, ((input: unknown) => Promise<object>) | undefined> = {
      ...embeddedSqs({ queues: stage.queues, queueUrlPrefix: `${aws.url}/000000000000/stepline_test_` }),
    };
    return { status: 200, body: (await sqs[action]?.(input)) ?? {} };
  });
  env = {
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'none',
    AWS_SECRET_ACCESS_KEY: 'none',
    AWS_ENDPOINT_URL_DYNAMODB: database.url,
    AWS_ENDPOINT_URL_SQS: aws.url,
    AWS_ENDPOINT_URL_SNS: aws.url,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: aws.url,
    AWS_ENDPOINT_URL_SSM: aws.url,
    [ENV.tableName]: tableName,
    [ENV.queueUrlPrefix]: `${aws.url}/000000000000/stepline_test_`,
    [ENV.stage]: 'test',
    [ENV.waitPlaces]: '10',
  };
  await bundleTo(directory);
  const step = (name: string) => ({
    [ENV.chain]: 'order-processing',
    [ENV.step]: name,
    [ENV.targets]: JSON.stringify(targets.settings),
    PAY_KEY: 'Bearer s3cret',
  });
  const onCall = {
    [ENV.failuresTopicArn]: 'arn:aws:sns:us-east-1:000000000000:failures',
    [ENV.runbookUrl]: 'https://wiki.example.com/runbook.md',
  };
  await Promise.all([
    ...(['start', 'get', 'list', 'cancel', 'resume'] as const).map((name) => start(name, name)),
    ...(['step-failed', 'reconciler'] as const).map((name) => start(name, name, onCall)),
    ...['payment', 'shipment', 'confirmation'].map((name) => start(name, 'step', step(name))),
  ]);
}, 60_000);

async function start(as: string, name: FunctionName, more: Record<string, string> = {}): Promise<void> {
  functions.set(as, await deploy(directory, name, { ...env, ...more }));
}

afterAll(async () => {
  await Promise.all([...functions.values()].map((one) => one.close()));
  await Promise.all([database.close(), aws.close(), targets.close(), stage.close()]);
  await rm(directory, { recursive: true });
});

beforeEach(() => {
  published.length = 0;
  targets.reset();
});

const named = (name: string): DeployedFunction => {
  const found = functions.get(name);
  if (found === undefined) throw new Error(`no function ${name} was deployed`);
  return found;
};

const apiAnswer = z.object({
  statusCode: z.int(),
  headers: z.record(z.string(), z.string()),
  body: z.string(),
});

/** A request to an API function, as an HTTP API with payload format 2.0 hands it over. */
async function ask(
  name: FunctionName,
  method: string,
  path: string,
  { id, body }: { readonly id?: string; readonly body?: unknown } = {},
) {
  const event = {
    version: '2.0',
    routeKey: `${method} ${path}`,
    rawPath: path,
    rawQueryString: '',
    headers: { 'content-type': 'application/json', host: 'api.test' },
    requestContext: { accountId: '000000000000', stage: '$default', http: { method, path } },
    isBase64Encoded: false,
    ...(id === undefined ? {} : { pathParameters: { id } }),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  };
  const answer = apiAnswer.parse(await named(name).invoke(event));
  return { ...answer, json: JSON.parse(answer.body) };
}

const order = async (): Promise<string> => {
  const answer = await ask('start', 'POST', '/api/process-order', { body: ORDER });
  expect(answer.statusCode).toBe(202);
  return startAnswer.parse(answer.json).workflowId;
};
const show = async (id: string) =>
  workflowAnswer.parse((await ask('get', 'GET', `/api/workflows/${id}`, { id })).json);

/** Hands what is in a queue to a function, as a mapping would; returns the bodies. */
async function deliver(queue: QueueName, to: string): Promise<string[]> {
  const deliveries = stage.queues.receive(queue, 10);
  const Records = deliveries.map(({ messageId, receiptHandle, body }) => ({
    ...record(messageId, body),
    receiptHandle,
    eventSourceARN: `arn:aws:sqs:us-east-1:000000000000:stepline_test_${queueSuffix(queue)}`,
  }));
  expect(await named(to).invoke({ Records })).toEqual({ batchItemFailures: [] });
  for (const { receiptHandle } of deliveries) stage.queues.acknowledge(queue, receiptHandle);
  return deliveries.map(({ body }) => body);
}

describe('the deployed functions', () => {
  it('run an order from its start to its end', async () => {
    const answer = await ask('start', 'POST', '/api/process-order', { body: ORDER });
    const { workflowId } = startAnswer.parse(answer.json);
    expect(answer).toMatchObject({ statusCode: 202, headers: { location: `/api/workflows/${workflowId}` } });
    expect(targets.calls).toEqual([]);
    expect(await show(workflowId)).toMatchObject({ status: 'processing', steps: { payment: 'pending' } });

    const bodies = [
      ...(await deliver(PAYMENT, 'payment')),
      ...(await deliver(SHIPMENT, 'shipment')),
      ...(await deliver(CONFIRMATION, 'confirmation')),
    ];
    expect(bodies).toHaveLength(3);
    for (const body of bodies) expect(body).not.toMatch(/4111|Main Street|example/);
    expect(await show(workflowId)).toMatchObject({
      status: 'completed',
      steps: { payment: 'completed', shipment: 'completed', confirmation: 'completed' },
      orderId: 'o-1',
      trackingId: 't-1',
    });
    expect(targets.calls).toMatchObject([
      {
        path: '/pay/charges',
        body: { card: ORDER.card, amount: ORDER.amount },
        headers: {
          authorization: 'Bearer s3cret',
          'idempotency-key': `${workflowId}:payment:do:0`,
          'stepline-workflow-id': workflowId,
        },
      },
      {
        path: '/ship/shipments',
        body: { orderId: 'o-1', address: ORDER.address },
        headers: { authorization: 'Bearer s3cret-ship' },
      },
      {
        path: '/mail/messages',
        body: { email: ORDER.email, trackingId: 't-1' },
        headers: { authorization: 'Bearer s3cret-mail' },
      },
    ]);
    const store = createDynamoDbStore({ client: database.client, tableName });
    const state = await store.load({ tenant: 'default', workflowId });
    expect(state?.meta).toMatchObject({ status: 'completed', erased: true });
    expect(state?.meta.input).not.toHaveProperty('card');
  });

  it('tell on-call of a declined payment, and go on from there at a resume', async () => {
    targets.decline(true);
    const id = await order();
    await deliver(PAYMENT, 'payment');
    await deliver(STEP_FAILED, 'step-failed');
    expect(await show(id)).toMatchObject({
      status: 'failed',
      error: { step: 'payment', code: 'REFUSED', httpStatus: 402, target: 'payments', effect: 'none' },
    });
    expect(published).toMatchObject([
      {
        TopicArn: 'arn:aws:sns:us-east-1:000000000000:failures',
        Subject: 'Stepline test: order-processing failed at step payment',
        Message: expect.stringContaining(id),
      },
    ]);
    expect(published[0]?.Message).not.toContain('4111');

    targets.decline(false);
    const resumed = await ask('resume', 'POST', `/api/workflows/${id}/resume`, { id, body: {} });
    expect(resumed).toMatchObject({ statusCode: 202, json: { status: 'processing' } });
    await deliver(PAYMENT, 'payment');
    await deliver(SHIPMENT, 'shipment');
    await deliver(CONFIRMATION, 'confirmation');
    expect(await show(id)).toMatchObject({ status: 'completed', orderId: 'o-1' });
    // Nobody can have acted on the refused key.
    expect(targets.calls.map(({ headers }) => headers['idempotency-key'])).toEqual([
      `${id}:payment:do:0`,
      `${id}:payment:do:1`,
      `${id}:shipment:do:0`,
      `${id}:confirmation:do:0`,
    ]);
  });

  it('read each secret once while they are warm', async () => {
    for (let orders = 0; orders < 2; orders += 1) {
      await order();
      await deliver(PAYMENT, 'payment');
      await deliver(SHIPMENT, 'shipment');
      await deliver(CONFIRMATION, 'confirmation');
    }
    expect([...secretsRead].sort()).toEqual(Object.keys(SECRETS).sort());
  });

  it('list a workflow, cancel it, and call nobody for it any more', async () => {
    const id = await order();
    const listed = await ask('list', 'GET', '/api/workflows');
    expect(listed.json.workflows[0]).toMatchObject({ workflowId: id, status: 'processing' });
    const cancelled = await ask('cancel', 'POST', `/api/workflows/${id}/cancel`, { id });
    expect(cancelled).toMatchObject({ statusCode: 200, json: { status: 'cancelled' } });
    await deliver(PAYMENT, 'payment');
    expect(targets.calls).toEqual([]);
    const again = await ask('cancel', 'POST', `/api/workflows/${id}/cancel`, { id });
    expect(again).toMatchObject({ statusCode: 409, headers: { 'content-type': 'application/problem+json' } });
  });

  it('reconcile what is due', async () => {
    expect(await named('reconciler').invoke({})).toMatchObject({ examined: 0, repaired: 0, overdue: 0 });
  });

  it('write log lines and metrics, and never a sensitive value or a secret', async () => {
    const id = await order();
    await deliver(PAYMENT, 'payment');
    // What a process writes may arrive after what it answers.
    await vi.waitFor(() => {
      expect(named('start').output()).toContain(`"workflowId":"${id}"`);
      expect(named('start').output()).toContain('"WorkflowsStarted":1');
      expect(named('payment').output()).toMatch(/"Dimensions":\[\["stage","chain","step"\]\].*"Attempts":1/);
    });
    for (const { output } of functions.values()) expect(output()).not.toMatch(/4111|s3cret/);
  });
});

describe('a function that is loaded', () => {
  it.each(FUNCTIONS)('(%s) without its environment fails, and names what is missing', async (name) => {
    await expect(deploy(directory, name, {})).rejects.toMatchObject({
      name: 'EngineError',
      code: 'CONFIGURATION',
      message: expect.stringMatching(/^the environment variable STEPLINE_\w+ is not set$/),
    });
  });

  it.each<[FunctionName, string, string]>([
    ['step', ENV.targets, '{'],
    ['step', ENV.step, 'nowhere'],
    ['start', ENV.queueUrlPrefix, 'stepline_test_'],
    ['get', ENV.logLevel, 'loud'],
  ])('(%s) with a malformed %s fails, and names it', async (name, variable, value) => {
    const settings = { ...env, [ENV.chain]: 'order-processing', [ENV.step]: 'payment', [ENV.targets]: '{}' };
    await expect(deploy(directory, name, { ...settings, [variable]: value })).rejects.toMatchObject({
      code: 'CONFIGURATION',
      message: expect.stringContaining(variable),
    });
  });
});
