import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { FilterLogEventsCommand, paginateDescribeLogGroups } from '@aws-sdk/client-cloudwatch-logs';
import { DeleteItemCommand, QueryCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import {
  type EventSourceMappingConfiguration,
  InvokeCommand,
  ListEventSourceMappingsCommand,
  UpdateEventSourceMappingCommand,
} from '@aws-sdk/client-lambda';
import { SubscribeCommand } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
} from '@aws-sdk/client-sqs';
import { expect, it } from 'vitest';
import * as z from 'zod';
import { stepSettings } from '../../../lib/chain/settings.ts';
import { LIMITS } from '../../../lib/contract/limits.ts';
import { DEFAULT_TENANT, type QueueName, queueSuffix } from '../../../lib/contract/names.ts';
import { KEYS, META_KEY, partitionKey } from '../../../lib/contract/table.ts';
import type { StepMessage } from '../../../lib/contract/wire.ts';
import { FIXTURE_TIMEOUT, ORDER, quickOrder } from '../../e2e/fixture-chains.ts';
import { effectsOf, ended, type Stage, send, show, start, until } from '../../e2e/stage.ts';
import { record } from '../../functions/lambda-events.ts';
import { quickDeath, quickOne } from '../deployment/fixture-chains.ts';
import type { Behind, Deployed } from '../deployment/stage.ts';
import { ACCOUNT, type MiniStack, REGION } from '../ministack/ministack.ts';

const QUEUE_ARN = `arn:aws:sqs:${REGION}:${ACCOUNT}`;
/** Seconds that the function of a quick step may run. */
const { functionTimeout } = stepSettings({
  timeout: FIXTURE_TIMEOUT,
  retries: 1,
  batchSize: 1,
  concurrency: undefined,
});

const PAYMENT_OF_QUICK_ONE = {
  tenant: DEFAULT_TENANT,
  chain: quickOne.name,
  version: quickOne.version,
  step: 'payment',
  action: 'do',
  epoch: 0,
  trip: 0,
} as const;

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const report = z.object({ examined: z.number(), repaired: z.number(), overdue: z.number() });

/** One run of the reconciler by hand, beside its schedule. */
async function reconcile({ lambda }: Behind): Promise<z.infer<typeof report>> {
  const { Payload, FunctionError } = await lambda.send(
    new InvokeCommand({ FunctionName: 'stepline_dev_reconciler' }),
  );
  const text = Buffer.from(Payload ?? []).toString();
  expect(FunctionError, text).toBeUndefined();
  return report.parse(JSON.parse(text));
}

/** Runs the reconciler until the workflow is due and has ended. */
async function reconciled(back: Behind, stage: Stage, id: string): Promise<void> {
  for (let tries = 0; tries < 60; tries += 1) {
    await reconcile(back);
    await wait(1_000);
    if ((await show(stage, id)).status !== 'processing') return;
  }
}

async function mappingOf({ lambda }: Behind, name: string): Promise<EventSourceMappingConfiguration> {
  const { EventSourceMappings = [] } = await lambda.send(
    new ListEventSourceMappingsCommand({ EventSourceArn: `${QUEUE_ARN}:stepline_dev_${name}` }),
  );
  const [mapping] = EventSourceMappings;
  if (mapping === undefined) throw new Error(`nothing is fed by ${name}`);
  return mapping;
}

async function feed(back: Behind, name: string, Enabled: boolean): Promise<void> {
  const { UUID } = await mappingOf(back, name);
  await back.lambda.send(new UpdateEventSourceMappingCommand({ UUID, Enabled }));
}

/** Has META say that the workflow began with another definition. @returns what it said before */
async function beginWith({ dynamodb }: Behind, workflowId: string, shape: string): Promise<string> {
  const { Attributes } = await dynamodb.send(
    new UpdateItemCommand({
      TableName: 'stepline_dev',
      Key: {
        [KEYS.partition]: { S: partitionKey(DEFAULT_TENANT, workflowId) },
        [KEYS.sort]: { S: META_KEY },
      },
      UpdateExpression: 'SET shape = :shape',
      ExpressionAttributeValues: { ':shape': { S: shape } },
      ReturnValues: 'UPDATED_OLD',
    }),
  );
  return Attributes?.shape?.S ?? '';
}

/** What `npm run versions` says of the stage. */
async function versionsOf({ env }: MiniStack): Promise<string> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', 'bin/versions.ts', '--stage', 'dev'],
    { env: { ...process.env, ...env } },
  );
  return stdout;
}

/** What only the real functions, queues and mappings show. */
export function lambdaScenarios(deployed: () => Deployed, open: () => Promise<Stage>): void {
  it('a message that is lost is sent again by the reconciler', { timeout: 180_000 }, async () => {
    const { back } = deployed();
    const stage = await open();
    await feed(back, 'quick-one_payment', false);
    const id = await start(stage, quickOne.start, { card: ORDER.card });
    const QueueUrl = await back.urlOf({ chain: quickOne.name, step: 'payment', kind: 'step' });
    const { Messages = [] } = await back.sqs.send(
      new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 5 }),
    );
    expect(Messages.map(({ Body = '' }) => JSON.parse(Body))).toMatchObject([{ workflowId: id }]);
    await back.sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: Messages[0]?.ReceiptHandle }));
    await feed(back, 'quick-one_payment', true);
    await wait(2_000);
    expect(await show(stage, id)).toMatchObject({ status: 'processing', steps: { payment: 'pending' } });
    await reconciled(back, stage, id);
    expect(await show(stage, id)).toMatchObject({ status: 'completed' });
    expect(effectsOf(stage, 'payments', id)).toEqual([[`${id}:payment:do:0`, 1]]);
  });

  it('a function that dies at its timeout leaves a lease; when it is over the step is tried again', {
    timeout: 180_000,
  }, async () => {
    const { back } = deployed();
    const stage = await open();
    const id = await start(stage, quickDeath.start, {});
    await until(stage, id, ({ steps }) => steps.spin === 'running');
    await wait((functionTimeout + LIMITS.leaseMargin) * 1_000);
    expect(await show(stage, id)).toMatchObject({ status: 'processing', steps: { spin: 'running' } });
    await reconciled(back, stage, id);
    const workflow = await show(stage, id, true);
    expect(workflow).toMatchObject({ status: 'completed', done: true });
    expect(workflow.timeline).toMatchObject([
      { step: 'spin', attempt: 1 },
      { step: 'spin', attempt: 2, outcome: 'completed' },
    ]);
  });

  it('a workflow that began with other steps than are deployed waits, and goes on once they are back', {
    timeout: 180_000,
  }, async () => {
    const { aws, back } = deployed();
    const stage = await open();
    await stage.demo.setFault('shipping', { status: 503, retryAfter: '5', times: 1 });
    const id = await start(stage, quickOrder.start, ORDER);
    await until(stage, id, ({ steps }) => steps.shipment === 'retrying');
    const shape = await beginWith(back, id, 'other-steps');
    const waits = {
      status: 'processing',
      undeployed: {
        message: 'the steps of quick-order version 1 are not those that this workflow began with',
      },
    };
    expect(await show(stage, id)).toMatchObject(waits);
    // Its message was received again in the meantime.
    await wait(12_000);
    expect(await show(stage, id)).toMatchObject(waits);
    expect(effectsOf(stage, 'shipping', id)).toEqual([]);
    expect(await versionsOf(aws)).toMatch(
      /^quick-order version 1: \d+ workflows? that (is|are) processing .*It is not in functions\/chains\/index\.ts/m,
    );
    await beginWith(back, id, shape);
    expect(await ended(stage, id)).toMatchObject({ status: 'completed' });
    expect(await show(stage, id)).not.toHaveProperty('undeployed');
    for (const target of ['payments', 'shipping', 'mail']) {
      expect(effectsOf(stage, target, id), target).toHaveLength(1);
    }
  });

  it('a workflow whose items are gone when its call ends is let go, and nothing goes wrong', async () => {
    const { back } = deployed();
    const stage = await open();
    await stage.demo.setFault('payments', { latencyMs: 2_000 });
    await feed(back, 'quick-one_payment', false);
    const id = await start(stage, quickOne.start, { card: ORDER.card });
    const taken = take(back, { ...PAYMENT_OF_QUICK_ONE, workflowId: id });
    await until(stage, id, ({ steps }) => steps.payment === 'running');
    await forget(back, id);
    // The save finds no item and reads it once more, which the role must allow.
    expect(await taken).toEqual(['one']);
    const told = (await logLines(back)).filter((line) => line.includes(id));
    expect(told.filter((line) => line.includes('attempt_started'))).toHaveLength(1);
    expect(told.filter((line) => line.includes('unexpected_error'))).toEqual([]);
    await feed(back, 'quick-one_payment', true);
    await untilHandled(back, { chain: quickOne.name, step: 'payment', kind: 'step' });
    expect((await send(stage, 'GET', `/api/workflows/${id}`)).status).toBe(404);
  });

  it('on-call is told of a failed workflow in words, through the topic', async () => {
    const { back, outputs } = deployed();
    const stage = await open();
    const queue = await hearing(back);
    await stage.demo.setFault('shipping', { status: 422, body: `no such street for ${ORDER.card}` });
    const id = await start(stage, quickOrder.start, ORDER);
    await ended(stage, id);
    const { Subject, Message } = await heard(back, queue);
    expect(Subject).toBe('Stepline dev: quick-order failed at step shipment');
    for (const [name, value] of [
      ['Workflow', id],
      ['Chain', 'quick-order'],
      ['Step', 'shipment'],
      ['Target', 'shipping'],
      ['Error', 'REFUSED'],
      ['HTTP status', '422'],
      ['Attempts', '1'],
    ]) {
      expect(Message).toMatch(new RegExp(`^${name}: +${value}$`, 'm'));
    }
    expect(Message).toMatch(/^Runbook: +https:\/\/\S+runbook.md#workflow-failed$/m);
    expect(Message).not.toContain(ORDER.card);
    expect(outputs.dashboardUrl).toContain('stepline_dev');
  });

  it('no log holds a card, and each line names its workflow', async () => {
    const { back } = deployed();
    const stage = await open();
    const id = await start(stage, quickOrder.start, ORDER);
    await ended(stage, id);
    const lines = await logLines(back);
    expect(lines.filter((line) => line.includes(ORDER.card))).toEqual([]);
    const story = lines.filter((line) => line.includes(id) && line.trimStart().startsWith('{'));
    expect(story.map((line) => z.looseObject({ event: z.string() }).parse(JSON.parse(line)).event)).toEqual(
      expect.arrayContaining(['workflow_started', 'attempt_started', 'step_completed', 'workflow_completed']),
    );
  });
}

/** What all functions of the stage have logged. */
async function logLines({ logs }: Behind): Promise<readonly string[]> {
  const lines: string[] = [];
  for await (const { logGroups = [] } of paginateDescribeLogGroups(
    { client: logs },
    { logGroupNamePrefix: '/aws/lambda/stepline_dev_' },
  )) {
    for (const { logGroupName } of logGroups) {
      const { events = [] } = await logs.send(new FilterLogEventsCommand({ logGroupName }));
      lines.push(...events.map(({ message = '' }) => message));
    }
  }
  return lines;
}

/** Hands a message to the function of its step, as a mapping would; answers the ids of those that it did not take. */
async function take({ lambda }: Behind, message: StepMessage): Promise<readonly string[]> {
  const { Payload, FunctionError } = await lambda.send(
    new InvokeCommand({
      FunctionName: `stepline_dev_${message.chain}_${message.step}`,
      Payload: JSON.stringify({ Records: [record('one', message)] }),
    }),
  );
  const text = Buffer.from(Payload ?? []).toString();
  expect(FunctionError, text).toBeUndefined();
  return batchResponse.parse(JSON.parse(text)).batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
}

const batchResponse = z.object({ batchItemFailures: z.array(z.object({ itemIdentifier: z.string() })) });

/** Deletes the items of a workflow, as somebody might by hand, and as their time to live does in the end. */
async function forget({ dynamodb }: Behind, id: string): Promise<void> {
  const pk = { S: partitionKey(DEFAULT_TENANT, id) };
  const { Items = [] } = await dynamodb.send(
    new QueryCommand({
      TableName: 'stepline_dev',
      KeyConditionExpression: 'pk = :pk',
      ExpressionAttributeValues: { ':pk': pk },
      ConsistentRead: true,
    }),
  );
  for (const { sk } of Items) {
    if (sk === undefined) continue;
    await dynamodb.send(new DeleteItemCommand({ TableName: 'stepline_dev', Key: { pk, sk } }));
  }
}

/** Waits until a queue has no message left, waiting or taken. */
async function untilHandled({ sqs, urlOf }: Behind, queue: QueueName): Promise<void> {
  const QueueUrl = await urlOf(queue);
  for (let looks = 0; looks < 60; looks += 1) {
    const { Attributes = {} } = await sqs.send(
      new GetQueueAttributesCommand({
        QueueUrl,
        AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
      }),
    );
    if (Object.values(Attributes).every((count) => count === '0')) return;
    await wait(500);
  }
  throw new Error(`${queueSuffix(queue)} is not empty after half a minute`);
}

/** A queue that hears what the topic of failures says. */
async function hearing({ sqs, sns }: Behind): Promise<string> {
  const name = 'on-call-listener';
  const { QueueUrl = '' } = await sqs.send(
    new CreateQueueCommand({
      QueueName: name,
      Attributes: {
        Policy: JSON.stringify({
          Version: '2012-10-17',
          Statement: [
            {
              Effect: 'Allow',
              Principal: { Service: 'sns.amazonaws.com' },
              Action: 'sqs:SendMessage',
              Resource: `${QUEUE_ARN}:${name}`,
            },
          ],
        }),
      },
    }),
  );
  await sns.send(
    new SubscribeCommand({
      TopicArn: `arn:aws:sns:${REGION}:${ACCOUNT}:stepline_dev_failures`,
      Protocol: 'sqs',
      Endpoint: `${QUEUE_ARN}:${name}`,
    }),
  );
  return QueueUrl;
}

const notification = z.object({ Subject: z.string(), Message: z.string() });

async function heard({ sqs }: Behind, QueueUrl: string): Promise<z.infer<typeof notification>> {
  const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 10 }));
  return notification.parse(JSON.parse(Messages[0]?.Body ?? 'null'));
}
