import { ListFunctionsCommand } from '@aws-sdk/client-lambda';
import { ListQueuesCommand } from '@aws-sdk/client-sqs';
import { expect, it } from 'vitest';
import { ORDER, quickOrder } from '../../e2e/fixture-chains.ts';
import { effectsOf, ended, resume, type Stage, show, start, until } from '../../e2e/stage.ts';
import { deploy, destroy } from '../deployment/deployment.ts';
import type { Deployed } from '../deployment/stage.ts';

/** Seconds that a target asks to be left alone: longer than a deployment takes. */
const AWHILE = '75';

/** A second deployment with a new version of a chain, and the end of all. */
export function changeScenarios(deployed: () => Deployed, open: () => Promise<Stage>): void {
  it('deployed while workflows are under way lets them finish as they began', {
    timeout: 300_000,
  }, async () => {
    const { aws, what } = deployed();
    const stage = await open();
    const { demo } = stage;

    await demo.setFault('shipping', { status: 422 });
    const failed = await start(stage, quickOrder.start, ORDER);
    await ended(stage, failed);
    await demo.setFault('shipping', { status: 503, retryAfter: AWHILE, times: 1 });
    const waiting = await start(stage, quickOrder.start, ORDER);
    await until(stage, waiting, ({ steps }) => steps.shipment === 'retrying');
    // One that is on its way from step to step all the time.
    await demo.setFault('payments', { latencyMs: 700 });
    const moving = await start(stage, quickOrder.start, ORDER);

    await deploy(aws, { ...what, changed: true });
    await demo.heal();

    const fresh = await start(stage, quickOrder.start, ORDER);
    expect(await ended(stage, fresh)).toMatchObject({
      status: 'completed',
      steps: { payment: 'completed', receipt: 'completed' },
      receiptId: expect.stringMatching(/^msg_/),
    });
    const asBefore = {
      status: 'completed',
      steps: { payment: 'completed', shipment: 'completed', confirmation: 'completed' },
      trackingId: expect.stringMatching(/^trk_/),
    };
    expect(await ended(stage, moving)).toMatchObject(asBefore);
    await resume(stage, failed);
    expect(await ended(stage, failed)).toMatchObject(asBefore);
    await until(stage, waiting, ({ status }) => status !== 'processing', 180_000);
    expect(await show(stage, waiting)).toMatchObject(asBefore);
    for (const id of [failed, waiting, moving]) {
      for (const target of ['payments', 'shipping', 'mail']) {
        expect(effectsOf(stage, target, id), `${target} of ${id}`).toHaveLength(1);
      }
    }
  });

  it('destroyed leaves nothing behind', { timeout: 120_000 }, async () => {
    const { aws, back, what } = deployed();
    await destroy(aws, { ...what, changed: true });
    const { Functions = [] } = await back.lambda.send(new ListFunctionsCommand({}));
    expect(Functions.map(({ FunctionName }) => FunctionName)).toEqual([]);
    const { QueueUrls = [] } = await back.sqs.send(new ListQueuesCommand({ QueueNamePrefix: 'stepline_' }));
    expect(QueueUrls).toEqual([]);
  });
}
