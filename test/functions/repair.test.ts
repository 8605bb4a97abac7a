import type { SQSEvent, SQSRecord } from 'aws-lambda';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { reconcilerHandler, stepFailedHandler } from '../../functions/handlers.ts';
import { deadLetterQueue, PARKING, type QueueName, STEP_FAILED } from '../../lib/contract/names.ts';
import { EngineError } from '../../lib/engine/errors.ts';
import type { Notification, Store } from '../../lib/engine/ports.ts';
import type { Engine } from '../../lib/engine/shell.ts';
import { ABSENT, claimOf } from '../ports/store/fixtures.ts';
import { messageOf, namesOf, PLENTY, record, withMs } from './lambda-events.ts';
import { openStage, PAYMENT, type TestStage, workflow } from './stage.ts';

let stage: TestStage;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

describe('the handler of dead letters', () => {
  const queueOf = (arn: string): QueueName => {
    const [chain = '', step = ''] = arn.split('/');
    if (chain === 'foreign') throw new EngineError('CONFIGURATION', `${arn} is not a queue of this stage`);
    return chain === 'step-failed' ? STEP_FAILED : deadLetterQueue({ chain, step });
  };
  const from = (queue: string) => ({ eventSourceARN: queue });
  const settle = async (records: readonly SQSRecord[], engine: Engine = stage.engine) => {
    const event: SQSEvent = { Records: [...records] };
    return namesOf(await stepFailedHandler(engine, queueOf)(event, PLENTY));
  };
  const failedStep = claimOf('payment', {
    status: 'failed',
    open: 0,
    error: { code: 'REFUSED', message: 'declined', httpStatus: 402, effect: 'none' },
  });

  it('fails the workflow of a failed step, and tells on-call', async () => {
    const meta = await stage.given('one');
    await stage.engine.ports.store.writeStep(meta, failedStep, ABSENT, meta.expiresAt);
    expect(await settle([record('m', messageOf(meta), from('step-failed'))])).toEqual([]);
    const state = await stage.engine.ports.store.load(meta);
    expect(state?.meta).toMatchObject({ status: 'failed', error: { step: 'payment', code: 'REFUSED' } });
    expect(stage.notifications).toMatchObject([
      { id: `${meta.workflowId}:0:failed`, count: 1, examples: [{ workflowId: meta.workflowId }] },
    ]);
  });

  it('takes what names no step at all for no dead letter', async () => {
    const meta = await stage.given('one');
    const strayed = { ...messageOf(meta), step: '' };
    expect(await settle([record('m', strayed, from('step-failed'))])).toEqual([]);
    expect(stage.queues.contents(PARKING)).toEqual([JSON.stringify(strayed)]);
    expect(stage.events).toContainEqual(
      expect.objectContaining({ event: 'message_parked', queue: 'step-failed' }),
    );
  });

  it('knows whose dead letter it is where a mapping of an older deployment brings it from the step', async () => {
    const meta = await stage.given('one');
    await stage.engine.ports.store.writeStep(meta, failedStep, ABSENT, meta.expiresAt);
    const records = [
      record('mine', messageOf(meta), from('order-processing/payment')),
      record('strayed', messageOf(meta), from('order-processing/shipment')),
    ];
    expect(await settle(records)).toEqual([]);
    expect(stage.queues.contents(PARKING)).toEqual([JSON.stringify(messageOf(meta))]);
    expect(stage.events).toContainEqual(
      expect.objectContaining({ event: 'message_parked', queue: 'order-processing_shipment_dlq' }),
    );
    expect(stage.notifications).toHaveLength(1);
  });

  it('names the dead letter whose notification was told to nobody, and settles the others', async () => {
    const metas = [await stage.given('one'), await stage.given('two')];
    for (const meta of metas) {
      await stage.engine.ports.store.writeStep(meta, failedStep, ABSENT, meta.expiresAt);
    }
    const told: string[] = [];
    const notifier = {
      notify: async ({ id }: Notification) => {
        if (told.push(id) === 1) throw new EngineError('NOTIFICATION_FAILED', 'no topic');
      },
    };
    const records = metas.map((meta, n) =>
      record(`m${n}`, messageOf(meta), from('order-processing/payment')),
    );
    // Two of a kind: the first to have its turn speaks for it, and the other waits.
    expect(await settle(records, stage.with({ notifier }))).toEqual(['m0']);
    expect(told).toEqual([`${metas[0]?.workflowId}:0:failed`]);
    // The repeat tells it, at the pace of one a second.
    const repeat = settle(records.slice(0, 1));
    await stage.clock.advance(1_000);
    expect(await repeat).toEqual([]);
    expect(stage.notifications).toMatchObject([{ id: `${metas[0]?.workflowId}:0:failed`, count: 1 }]);
  });

  it('queues a message again that no function could take', async () => {
    const meta = await stage.given('one');
    expect(await settle([record('m', messageOf(meta), from('order-processing/payment'))])).toEqual([]);
    expect(stage.queues.contents(PAYMENT).map((body) => JSON.parse(body))).toEqual([
      messageOf(meta, { trip: 1 }),
    ]);
  });

  it('fails a whole batch aloud that comes from a queue of another stage', async () => {
    const meta = await stage.given('one');
    const settling = settle([record('m', messageOf(meta), from('foreign/queue'))]);
    await expect(settling).rejects.toMatchObject({ code: 'CONFIGURATION' });
    expect(stage.notifications).toEqual([]);
  });
});

describe('the handler of the reconciler', () => {
  const run = (engine: Engine = stage.engine, context = PLENTY) => reconcilerHandler(engine)({}, context);

  it('queues what is stuck, and reports what it saw', async () => {
    await stage.given('one');
    await stage.given('two');
    await stage.clock.advance(200_000);
    const report = await run();
    expect(report).toEqual({ examined: 2, repaired: 2, overdue: expect.any(Number) });
    expect(report.overdue).toBeGreaterThan(0);
    expect(stage.queues.contents(PAYMENT)).toHaveLength(2);
    expect(stage.events).toContainEqual({ event: 'most_overdue', ratio: report.overdue });
  });

  it('leaves alone what is not due', async () => {
    await stage.given('one');
    expect(await run()).toEqual({ examined: 0, repaired: 0, overdue: 0 });
    expect(stage.queues.stats().sent).toBe(0);
  });

  it('begins nothing where the function has too little time left', async () => {
    await stage.given('one');
    await stage.clock.advance(200_000);
    expect(await run(stage.engine, withMs(3_000))).toMatchObject({ examined: 0, repaired: 0 });
    expect(await run()).toMatchObject({ examined: 1, repaired: 1 });
  });

  it('fails aloud where the table cannot be read, so that a missing run is seen', async () => {
    const store: Store = {
      ...stage.engine.ports.store,
      listDue: () => Promise.reject(new EngineError('STORE_UNAVAILABLE', 'throttled')),
    };
    await expect(run(stage.with({ store }))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  it('tells of a failure that nobody was told of', async () => {
    const meta = workflow('untold', {
      status: 'failed',
      notify: 'pending',
      error: { code: 'REFUSED', message: '', effect: 'none', step: 'payment', attempts: 1 },
    });
    await stage.engine.ports.store.create(meta);
    await stage.clock.advance(200_000);
    expect(await run()).toMatchObject({ examined: 1, repaired: 0 });
    expect(stage.notifications).toMatchObject([{ count: 1, examples: [{ workflowId: meta.workflowId }] }]);
  });
});
