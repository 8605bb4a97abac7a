import type { SQSRecord } from 'aws-lambda';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { stepHandler } from '../../functions/handlers.ts';
import { PARKING } from '../../lib/contract/names.ts';
import { stepMessage } from '../../lib/contract/wire.ts';
import { EngineError } from '../../lib/engine/errors.ts';
import type { Delivery, HttpOutcome, HttpRequest, Ports, Queue, Store } from '../../lib/engine/ports.ts';
import type { Engine } from '../../lib/engine/shell.ts';
import type { WorkflowMeta } from '../../lib/engine/state.ts';
import { messageOf, namesOf, PLENTY, record, withMs } from './lambda-events.ts';
import { openStage, PAYMENT, reply, type TestStage, workflow } from './stage.ts';

const CHARGED = { orderId: 'o-1', receiptUrl: 'https://pay.example/1' };

let stage: TestStage;
let answer: (request: HttpRequest) => HttpOutcome | Promise<HttpOutcome>;
beforeEach(async () => {
  answer = () => reply(CHARGED);
  stage = await openStage((request) => answer(request));
});
afterEach(() => stage.close());

const step = async (records: readonly SQSRecord[], engine: Engine = stage.engine, context = PLENTY) =>
  namesOf(await stepHandler(engine, PAYMENT)({ Records: [...records] }, context));

const statusOf = async (meta: WorkflowMeta, name = 'payment') =>
  (await stage.engine.ports.store.load(meta))?.steps.get(name)?.status;

describe('the handler of a step', () => {
  it('calls the target once for each message, saves, and queues the next step', async () => {
    const metas = [await stage.given('one'), await stage.given('two')];
    expect(await step(metas.map((meta, n) => record(`m${n}`, messageOf(meta))))).toEqual([]);
    expect(stage.calls).toHaveLength(2);
    for (const meta of metas) expect(await statusOf(meta)).toBe('completed');
    const next = stage.queues.contents({ ...PAYMENT, step: 'shipment' });
    expect(next.map((body) => stepMessage.parse(JSON.parse(body)).workflowId).sort()).toEqual(
      metas.map(({ workflowId }) => workflowId).sort(),
    );
  });

  it('names exactly the messages that must come back', async () => {
    const fine = await stage.given('fine');
    const busy = await stage.given('busy');
    const refused = await stage.given('refused');
    const alsoBusy = await stage.given('also busy');
    answer = ({ headers }) => {
      const id = headers['stepline-workflow-id'];
      if (id === busy.workflowId || id === alsoBusy.workflowId) return reply('busy', 503);
      return id === refused.workflowId ? reply('declined', 402) : reply(CHARGED);
    };
    const records = [
      record('fine', messageOf(fine)),
      record('busy', messageOf(busy)),
      record('garbage', '{'),
      record('refused', messageOf(refused)),
      record('also busy', messageOf(alsoBusy)),
    ];
    expect(await step(records)).toEqual(['busy', 'also busy']);
    expect(await statusOf(fine)).toBe('completed');
    expect(await statusOf(busy)).toBe('retrying');
    expect(await statusOf(refused)).toBe('failed');
  });

  it('answers no failures for an empty batch', async () => {
    expect(await stepHandler(stage.engine, PAYMENT)({ Records: [] }, PLENTY)).toEqual({
      batchItemFailures: [],
    });
  });

  it('works on all messages of a batch at once', async () => {
    const metas = await Promise.all(Array.from({ length: 10 }, (_, n) => stage.given(`many ${n}`)));
    let arrived = 0;
    let open = (): void => undefined;
    const all = new Promise<void>((resolve) => {
      open = resolve;
    });
    // Each call waits for all others: one after the other, the first would wait for ever.
    answer = async () => {
      arrived += 1;
      if (arrived === metas.length) open();
      await all;
      return reply(CHARGED);
    };
    expect(await step(metas.map((meta) => record(meta.workflowId, messageOf(meta))))).toEqual([]);
    expect(arrived).toBe(10);
  });

  it('hides a message that must come back, by the handle and the count that came with it', async () => {
    const hidden: [Delivery, number][] = [];
    const queue: Queue = {
      ...stage.engine.ports.queue,
      setVisibility: async (...of) => void hidden.push(of),
    };
    const store: Store = {
      ...stage.engine.ports.store,
      load: () => Promise.reject(new EngineError('STORE_UNAVAILABLE', 'throttled')),
    };
    const attributes = { ...record('m', '').attributes, ApproximateReceiveCount: '3' };
    const meta = await stage.given('one');
    const body = JSON.stringify(messageOf(meta));
    expect(await step([record('m', body, { attributes })], stage.with({ queue, store }))).toEqual(['m']);
    expect(hidden).toEqual([
      [{ queue: PAYMENT, receiptHandle: 'handle of m', receiveCount: 3, body }, 8_000],
    ]);
  });

  it('makes no call where the function has too little time left, and gives the claim back', async () => {
    const meta = await stage.given('one');
    expect(await step([record('m', messageOf(meta))], stage.engine, withMs(2_500))).toEqual(['m']);
    expect(stage.calls).toEqual([]);
    expect(await statusOf(meta)).toBe('pending');
    expect(await step([record('m', messageOf(meta))], stage.engine, withMs(3_500))).toEqual([]);
    expect(stage.calls).toHaveLength(1);
  });
});

describe('a body that is no message of the queue', () => {
  const good = messageOf(workflow('any'));
  const { trip: _, ...tripless } = good;
  it.each<[string, unknown]>([
    ['no JSON', '{"tenant":'],
    ['nothing', ''],
    ['a text', '"payment"'],
    ['null', 'null'],
    ['a list', [good]],
    ['a message with a field too few', tripless],
    ['a message with a wrong type', { ...good, epoch: '0' }],
    ['a message to another step', { ...good, step: 'shipment' }],
    ['a message of another chain', { ...good, chain: 'user-onboarding' }],
  ])('(%s) is parked as it is and alone, and its batch goes on', async (_name, bad) => {
    const first = record('first', messageOf(await stage.given('one')));
    const last = record('last', messageOf(await stage.given('two')));
    const bare = record('bad', bad);
    expect(await step([first, bare, last])).toEqual([]);
    expect(stage.queues.contents(PARKING)).toEqual([bare.body]);
    expect(stage.calls).toHaveLength(2);
    expect(stage.events).toContainEqual(expect.objectContaining({ event: 'message_parked' }));
  });

  it('comes back where it cannot be parked, and its batch goes on', async () => {
    const meta = await stage.given('one');
    const queue: Queue = {
      ...stage.engine.ports.queue,
      park: () => Promise.reject(new EngineError('QUEUE_UNAVAILABLE', 'no parking')),
    };
    const records = [record('bad', '{'), record('good', messageOf(meta))];
    expect(await step(records, stage.with({ queue }))).toEqual(['bad']);
    expect(await statusOf(meta)).toBe('completed');
  });
});

/** Ports whose every method does the same. */
const FAILING: Readonly<Record<string, (fail: () => never) => Partial<Ports>>> = {
  store: (fail) => ({
    store: all(
      fail,
      ...(['create', 'load', 'writeMeta', 'writeStep', 'list', 'listDue', 'loadPace', 'writePace'] as const),
    ),
  }),
  queue: (fail) => ({
    queue: { ...all(fail, 'send', 'park', 'setVisibility', 'receive', 'acknowledge'), granularityMs: 1_000 },
  }),
  http: (fail) => ({ http: all(fail, 'call') }),
  targets: (fail) => ({ targets: all(fail, 'resolve') }),
  telemetry: (fail) => ({ telemetry: all(fail, 'emit') }),
  clock: (fail) => ({ clock: all(fail, 'now', 'after') }),
  random: (fail) => ({ random: all(fail, 'fraction', 'token') }),
};
const all = <Name extends string>(fail: () => never, ...names: readonly Name[]): Record<Name, () => never> =>
  Object.assign({}, ...names.map((name) => ({ [name]: fail })));
const throws = (): never => {
  throw new Error('no such luck');
};
/** A rejected promise; to a port it is as good as `never`. */
const rejects = (): never => Promise.reject(new Error('no such luck')) as never;

describe('whatever a port does, the handler of a step never throws:', () => {
  beforeEach(() => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it.each<[string, string, () => never]>([
    ...['store', 'queue', 'http', 'targets'].map((port): [string, string, () => never] => [
      port,
      'rejects',
      rejects,
    ]),
    ...Object.keys(FAILING).map((port): [string, string, () => never] => [port, 'throws', throws]),
  ])('the port %s %s', async (port, _how, fail) => {
    const metas = [await stage.given('one'), await stage.given('two')];
    const records = [...metas.map((meta, n) => record(`m${n}`, messageOf(meta))), record('bad', '{')];
    const names = await step(records, stage.with(FAILING[port]?.(fail) ?? {}));
    for (const name of names) expect(['m0', 'm1', 'bad']).toContain(name);
    // What is not named is deleted: its work must have been done.
    for (const [n, meta] of metas.entries()) {
      if (!names.includes(`m${n}`)) expect(['completed', 'failed']).toContain(await statusOf(meta));
    }
  });

  it('everything at once, and then every message comes back', async () => {
    const metas = [await stage.given('one'), await stage.given('two')];
    const engine = stage.with(Object.assign({}, ...Object.values(FAILING).map((ports) => ports(throws))));
    expect(
      await step(
        metas.map((meta, n) => record(`m${n}`, messageOf(meta))),
        engine,
      ),
    ).toEqual(['m0', 'm1']);
  });
});
