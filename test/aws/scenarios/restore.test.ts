import { ListTablesCommand, RestoreTableToPointInTimeCommand } from '@aws-sdk/client-dynamodb';
import { paginateListEventSourceMappings, UpdateEventSourceMappingCommand } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, expect, it } from 'vitest';
import * as z from 'zod';
import { ORDER, quickOrder } from '../../e2e/fixture-chains.ts';
import { effectsOf, ended, resume, type Stage, send, show, start, until } from '../../e2e/stage.ts';
import { bootstrap, type Deployment, deploy, standingTargets } from '../deployment/deployment.ts';
import { type Behind, behind, type Deployed, deployedStage } from '../deployment/stage.ts';
import { openVaults } from '../deployment/vaults.ts';
import { signedFetch } from '../ministack/api.ts';
import { createUser } from '../ministack/iam.ts';
import { type MiniStack, startMiniStack } from '../ministack/ministack.ts';
import { onMiniStack } from '../ministack/suite.ts';

const TABLE = 'stepline_dev';
const RESTORED = 'stepline_dev_restored';

/** The mappings of the stage, each by its state. */
async function mappings({
  lambda,
}: Behind): Promise<readonly { UUID: string; state: string; from: string }[]> {
  const all: { UUID: string; state: string; from: string }[] = [];
  for await (const { EventSourceMappings = [] } of paginateListEventSourceMappings({ client: lambda }, {})) {
    for (const { UUID = '', State = '', EventSourceArn = '' } of EventSourceMappings) {
      all.push({ UUID, state: State, from: EventSourceArn });
    }
  }
  return all;
}

/** Switches off what feeds one step; its messages wait. */
async function holdBack(back: Behind, queue: string): Promise<void> {
  const mapping = (await mappings(back)).find(({ from }) => from.endsWith(`:stepline_dev_${queue}`));
  if (mapping === undefined) throw new Error(`nothing is fed by ${queue}`);
  await back.lambda.send(new UpdateEventSourceMappingCommand({ UUID: mapping.UUID, Enabled: false }));
}

const described = z.object({ KeyMetadata: z.object({ Arn: z.string() }) });

/** The ARN of the stage's key. MiniStack does not tell it with the table. */
async function keyOf({ endpoint, env }: MiniStack): Promise<string> {
  const reply = await signedFetch(
    endpoint,
    env,
    'kms',
  )('/', {
    method: 'POST',
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'TrentService.DescribeKey' },
    body: JSON.stringify({ KeyId: 'alias/stepline_dev' }),
  });
  return described.parse(await reply.json()).KeyMetadata.Arn;
}

/** The drill of docs/runbook.md: restore, start with everything off, look, switch on. */
onMiniStack('a restored table', () => {
  let deployed: Deployed;
  let stage: Stage;
  beforeAll(async () => {
    const [demo, vaults] = [await standingTargets(), await openVaults()];
    const aws = await startMiniStack({ auth: true });
    const what: Deployment = {
      targets: { ...demo.baseUrls, ...vaults.baseUrls },
      authorization: { type: 'iam' },
    };
    await bootstrap(aws, what);
    const outputs = await deploy(aws, what);
    const caller = await createUser(aws, 'shop', [
      { Effect: 'Allow', Action: 'execute-api:Invoke', Resource: '*' },
    ]);
    deployed = { aws, back: behind(aws), outputs, demo, vaults, caller, what };
    stage = await deployedStage(outputs.apiUrl, caller, await demo.renew(), deployed.back);
  });
  afterAll(async () => {
    if (deployed === undefined) return;
    deployed.back.close();
    await deployed.aws.stop();
    await deployed.vaults.close();
    await deployed.demo.close();
  });

  it('is looked at before anything is done with it, and goes on from there', {
    timeout: 400_000,
  }, async () => {
    const { aws, back, what } = deployed;
    const done = await start(stage, quickOrder.start, ORDER);
    await ended(stage, done);
    await stage.demo.setFault('shipping', { status: 422 });
    const failed = await start(stage, quickOrder.start, ORDER);
    await ended(stage, failed);
    await stage.demo.heal();
    await holdBack(back, 'quick-order_shipment');
    const waiting = await start(stage, quickOrder.start, ORDER);
    await until(stage, waiting, ({ steps }) => steps.payment === 'completed');

    // 1. Restore.
    const keyArn = await keyOf(aws);
    await back.dynamodb.send(
      new RestoreTableToPointInTimeCommand({
        SourceTableName: TABLE,
        TargetTableName: RESTORED,
        UseLatestRestorableTime: true,
      }),
    );
    const late = await start(stage, quickOrder.start, ORDER);

    // 2. Start with everything off.
    const existing = { table: RESTORED, keyArn };
    await deploy(aws, { ...what, existing, paused: true });
    expect([...new Set((await mappings(back)).map(({ state }) => state))]).toEqual(['Disabled']);
    const { TableNames } = await back.dynamodb.send(new ListTablesCommand({}));
    expect(TableNames).toContain(RESTORED);

    // 3. Look.
    expect(await show(stage, done)).toMatchObject({ status: 'completed' });
    expect(await show(stage, failed)).toMatchObject({ status: 'failed' });
    const before = { status: 'processing', steps: { payment: 'completed', shipment: 'pending' } };
    expect(await show(stage, waiting)).toMatchObject(before);
    expect((await send(stage, 'GET', `/api/workflows/${late}`)).status).toBe(404);
    const fresh = await start(stage, quickOrder.start, ORDER);
    expect(await show(stage, fresh)).toMatchObject({ status: 'processing', steps: { payment: 'pending' } });
    expect(effectsOf(stage, 'shipping', waiting)).toEqual([]);

    // 4. Switch on.
    await deploy(aws, { ...what, existing });
    expect([...new Set((await mappings(back)).map(({ state }) => state))]).toEqual(['Enabled']);
    await resume(stage, failed);
    for (const id of [waiting, fresh, failed]) {
      expect(await ended(stage, id)).toMatchObject({ status: 'completed' });
      for (const target of ['payments', 'shipping', 'mail']) {
        expect(effectsOf(stage, target, id), `${target} of ${id}`).toHaveLength(1);
      }
    }
  });
});
