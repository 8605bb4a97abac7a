import type { SQSEvent } from 'aws-lambda';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { type Invocation, stepFailedHandler, stepHandler } from '../../functions/handlers.ts';
import { inTurn } from '../../functions/turns.ts';
import { chain, target } from '../../lib/chain/index.ts';
import { stepPlaces } from '../../lib/chain/places.ts';
import { registry } from '../../lib/chain/registry.ts';
import { deadLetterQueue, PARKING, STEP_FAILED, stepQueue } from '../../lib/contract/names.ts';
import { get } from '../../lib/engine/operations/read.ts';
import { start } from '../../lib/engine/operations/start.ts';
import type { Delivery, Ports } from '../../lib/engine/ports.ts';
import { emptyDeadLetters } from '../../lib/engine/step-failed.ts';
import { declareQueues } from '../../lib/local/engine.ts';
import { startMapping } from '../../lib/local/queue/mapping.ts';
import { createEmbeddedQueues } from '../../lib/local/queue/queue.ts';
import { comeToRest, reply, testPorts } from '../local/engine-support.ts';
import { closers } from '../support/closers.ts';

const api = target('api');
const CHARGES = chain('charges', {
  version: 1,
  start: '/api/charge',
  input: z.strictObject({ name: z.string() }),
})
  .step('charge', {
    request: ({ input }) => api.post(`/${input.name}`),
    response: z.object({ id: z.string() }),
    batchSize: 10,
    retries: 4,
  })
  .output(({ results }) => ({ id: results.charge?.id ?? null }));

const TENANT = 'default';
const never = new Promise<never>(() => undefined);

/** A stage with one step, whose functions die with everything in them when a target is called by a name that begins with `poison`. */
async function stage() {
  const { clock, ...ports } = await testPorts();
  const queues = createEmbeddedQueues({ clock, random: ports.random });
  const all: Ports = { ...ports, clock, queue: queues };
  const chains = registry([CHARGES]);
  const [place] = stepPlaces([CHARGES]);
  if (place === undefined) throw new Error('there is a step');
  declareQueues(queues, [place]);
  const receives = new Map<string, number>();
  const calls: string[] = [];

  const invoke = (event: SQSEvent, context: Invocation): Promise<unknown> => {
    let dead = false;
    const living =
      <Asked extends unknown[], Answer>(work: (...asked: Asked) => Promise<Answer>) =>
      (...asked: Asked): Promise<Answer> =>
        dead ? never : work(...asked).then((answer) => (dead ? never : answer));
    const { store, queue } = all;
    const mine: Ports = {
      ...all,
      store: {
        ...store,
        load: living(store.load),
        writeStep: living(store.writeStep),
        writeMeta: living(store.writeMeta),
      },
      queue: { ...queue, send: living(queue.send), setVisibility: living(queue.setVisibility) },
      http: {
        call: async ({ url }) => {
          const name = new URL(url).pathname.slice(1);
          calls.push(name);
          if (name.startsWith('poison')) dead = true;
          return dead ? await never : reply(200);
        },
      },
    };
    for (const { body, attributes } of event.Records)
      receives.set(body, Number(attributes.ApproximateReceiveCount));
    return stepHandler({ chains, ports: mine }, stepQueue(place))(event, context);
  };
  const begin = (): void => {
    const worker = startMapping({
      queues,
      queue: stepQueue(place),
      batchSize: 10,
      maxConcurrency: 2,
      invoke,
      clock,
      functionTimeout: place.settings.functionTimeout,
    });
    const failures = startMapping({
      queues,
      queue: STEP_FAILED,
      batchSize: 10,
      invoke: stepFailedHandler({ chains, ports: all }, () => STEP_FAILED),
      clock,
      functionTimeout: 30,
    });
    closers.push(
      () => worker.stop(),
      () => failures.stop(),
    );
  };
  const service = { chains, ports: all };
  const empty = () => emptyDeadLetters(service, [deadLetterQueue(place)], () => true);
  const order = async (name: string): Promise<string> =>
    (await start(service, CHARGES, { tenant: TENANT, payload: { name } })).workflowId;
  const show = (workflowId: string) => get(service, { tenant: TENANT, workflowId }, true);
  const receivesOf = (workflowId: string): number =>
    Math.max(0, ...[...receives].filter(([body]) => body.includes(workflowId)).map(([, count]) => count));
  return { begin, empty, order, show, receivesOf, calls, clock, queues };
}

const HOUR = 3_600_000;
const STEP = 15_000;

describe('a batch whose function dies', () => {
  it.each([1, 2, 3])(
    'by %d of ten messages: the others are done in a few receives, and these alone fail',
    async (poisons) => {
      const { begin, empty, order, show, receivesOf, calls, clock, queues } = await stage();
      const names = Array.from({ length: 10 }, (_, at) =>
        at % 3 === 1 && at < 3 * poisons ? `poison-${at}` : `fine-${at}`,
      );
      const ids = await Promise.all(names.map(order));
      begin();
      // In small steps: what takes no time comes to its end before time goes on.
      for (let passed = 0; passed < HOUR; passed += STEP) {
        await comeToRest(clock);
        await empty();
        await clock.advance(STEP);
      }
      for (const [at, id] of ids.entries()) {
        const name = names[at] ?? '';
        const { status, error, timeline } = await show(id);
        if (name.startsWith('poison')) {
          expect([status, error?.code, error?.attempts]).toEqual(['failed', 'WORKER_DIED', 5]);
          continue;
        }
        expect(status, name).toBe('completed');
        // One with all the others, and one that was its own.
        expect(timeline?.length, name).toBeLessThanOrEqual(2);
        expect(calls.filter((one) => one === name).length, name).toBeLessThanOrEqual(2);
        expect(receivesOf(id), name).toBeLessThanOrEqual(2 + poisons);
      }
      expect(queues.contents(PARKING)).toEqual([]);
    },
  );
});

describe('the messages of a batch', () => {
  const deliveryOf = (name: string): Delivery => ({
    queue: stepQueue({ chain: 'charges', step: 'charge' }),
    receiptHandle: name,
    receiveCount: 1,
    body: name,
  });

  /** What happens, by the deaths of each message. */
  async function happens(deaths: Readonly<Record<string, number>>, slow: readonly string[] = []) {
    const told: string[] = [];
    let remaining = 45_000;
    const deliveries = Object.keys(deaths).map(deliveryOf);
    const handled = await inTurn(deliveries, {
      handle: async ({ body }) => {
        told.push(`${body} begins`);
        await Promise.resolve();
        if (slow.includes(body)) remaining -= 12_000;
        told.push(`${body} ends`);
        return 'acknowledge';
      },
      deathsOf: async ({ body }) => deaths[body] ?? 0,
      comeBack: async ({ body }) => {
        told.push(`${body} comes back`);
        return 'retry';
      },
      remainingMs: () => remaining,
    });
    return { told, handled };
  }

  it('run concurrently where no function of theirs died', async () => {
    const { told } = await happens({ a: 0, b: 0 });
    expect(told).toEqual(['a begins', 'b begins', 'a ends', 'b ends']);
  });

  it('whose function died once run one after another, after the others', async () => {
    const { told, handled } = await happens({ a: 1, b: 0, c: 1 });
    expect(told).toEqual(['b begins', 'b ends', 'a begins', 'a ends', 'c begins', 'c ends']);
    expect(handled).toEqual(['acknowledge', 'acknowledge', 'acknowledge']);
  });

  it('of which one died more often than the others leave it alone, and it has the next batch for itself', async () => {
    const { told, handled } = await happens({ a: 2, b: 1 });
    expect(told).toEqual(['b begins', 'b ends', 'a comes back']);
    expect(handled).toEqual(['retry', 'acknowledge']);
    expect((await happens({ a: 4, b: 3 })).told).toEqual(['b begins', 'b ends', 'a comes back']);
    expect((await happens({ a: 4 })).told).toEqual(['a begins', 'a ends']);
  });

  it('for which the function has no time left come back at once', async () => {
    const { told } = await happens({ a: 1, b: 1, c: 1 }, ['a']);
    expect(told).toEqual(['a begins', 'a ends', 'b comes back', 'c comes back']);
  });
});
