import { expect, onTestFinished } from 'vitest';
import * as z from 'zod';
import type { ChainDefinition } from '../../lib/chain/definition.ts';
import { type Registry, registry } from '../../lib/chain/registry.ts';
import { DEAD_LETTER_SETTINGS, stepSettings } from '../../lib/chain/settings.ts';
import { LIMITS } from '../../lib/contract/limits.ts';
import {
  deadLetterQueue,
  PARKING,
  type QueueName,
  STEP_FAILED,
  stepQueue,
  type WaitHeaders,
} from '../../lib/contract/names.ts';
import { type StepMessage, stepMessage } from '../../lib/contract/wire.ts';
import type { Handled } from '../../lib/engine/delivery.ts';
import type { EngineEvent } from '../../lib/engine/events.ts';
import { type StartRequest, start } from '../../lib/engine/operations/start.ts';
import type { Delivery, HttpOutcome, HttpRequest, Notification, Ports } from '../../lib/engine/ports.ts';
import type { Engine } from '../../lib/engine/shell.ts';
import type { StepRecord, WorkflowKey, WorkflowMeta } from '../../lib/engine/state.ts';
import { handleDeadLetter } from '../../lib/engine/step-failed.ts';
import { handleDelivery } from '../../lib/engine/worker.ts';
import { createEmbeddedQueues, type EmbeddedQueues } from '../../lib/local/queue/queue.ts';
import { openEmbeddedStore } from '../../lib/local/store/store.ts';
import { loaded } from '../ports/store/fixtures.ts';
import { type ManualClock, manualClock, settle } from '../support/manual-clock.ts';
import { createFaults, type Faults } from './faults.ts';
import { buildChain, type Graph } from './fixtures.ts';

export const CARD = '4242424242424242';
export const TENANT = 'acme';
export const INPUT = { card: CARD, amount: 5 };

/** A chain whose steps each post the card to the path of their own name, and store what they are answered. */
export const requestChain = (
  graph: Graph,
  options: Readonly<Record<string, unknown>> = {},
  chain: Readonly<Record<string, unknown>> = {},
): ChainDefinition =>
  buildChain(
    graph,
    (name) => ({
      request: ({ input }: { input: { card?: string } }) => ({
        target: 'api',
        method: 'POST',
        path: `/${name}`,
        body: { card: input.card },
      }),
      response: z.object({ ok: z.string() }),
      retries: 2,
      timeout: 30,
      ...options,
    }),
    {
      input: z.strictObject({ card: z.string(), amount: z.number() }),
      sensitive: ['card'],
      ...chain,
    },
  );

/** What a deployment knows that has other chains. */
export const NO_CHAINS: Engine['chains'] = { find: () => undefined, places: [] };

/** One call that a target saw. */
export interface SeenCall {
  readonly step: string;
  readonly key: string | undefined;
  readonly request: HttpRequest;
  readonly deadlineMs: number;
}

/** The engine over the embedded store and queues, in memory, with a clock that the test moves. */
export interface World {
  readonly engine: Engine & { readonly chains: Registry };
  readonly chain: ChainDefinition;
  readonly clock: ManualClock;
  readonly faults: Faults;
  readonly queues: EmbeddedQueues;
  /** Calls of targets, oldest first. */
  readonly calls: SeenCall[];
  readonly events: EngineEvent[];
  readonly notifications: Notification[];
  /** Bodies of all messages that were ever sent. */
  readonly bodies: string[];
  /** Chance, for the backoff's jitter. */
  fraction: number;
  /** The next answers to the calls of a step; without any it succeeds. */
  answers(step: string, ...outcomes: readonly (HttpOutcome | Promise<HttpOutcome>)[]): void;
  /** Starts a workflow; the first messages are in their queues. */
  begin(request?: Partial<StartRequest>): Promise<WorkflowKey>;
  receive(step: string, kind?: 'step' | 'deadLetter'): Delivery;
  /** Hands a delivery to its function; deletes the message if it was acknowledged. */
  handle(delivery: Delivery, remainingMs?: number): Promise<Handled>;
  /** Receives the first message of a step's queue and handles it. */
  work(step: string, kind?: 'step' | 'deadLetter', remainingMs?: number): Promise<Handled>;
  /** Messages that are visible now. A dead letter is one in the step-failed queue. */
  visible(step: string, kind?: 'step' | 'deadLetter'): StepMessage[];
  /** Sends a message to its step's queue, or its dead letters, as a queue does that delivers twice or redrives. */
  queueAgain(message: StepMessage | undefined, kind?: 'step' | 'deadLetter'): Promise<void>;
  /** All that is visible: "a" for a step's queue, "a!" for its dead letters. */
  queued(): string;
  /** Every visible message is lost. */
  loseMessages(): void;
  /** Handles everything visible, and what comes of it, attempts that are due within a minute too, until all queues are empty or hidden. */
  run(): Promise<void>;
  meta(key: WorkflowKey): Promise<WorkflowMeta>;
  step(key: WorkflowKey, name: string): Promise<StepRecord | undefined>;
  /** Names of the calls seen, in order: "a b c". */
  called(): string;
}

export const ok = (step: string): HttpOutcome => ({
  kind: 'reply',
  status: 200,
  body: JSON.stringify({ ok: step }),
});
export const status = (code: number, body = 'no', headers?: WaitHeaders): HttpOutcome => ({
  kind: 'reply',
  status: code,
  body,
  ...(headers === undefined ? {} : { headers }),
});
export const timedOut = {
  kind: 'failure',
  code: 'DEADLINE_EXCEEDED',
  sent: 'unknown',
  message: 'no reply',
} as const satisfies HttpOutcome;

/** An answer that comes when the test says so. */
export function deferred<Value>(): { readonly promise: Promise<Value>; resolve(value: Value): void } {
  let resolve: (value: Value) => void = () => undefined;
  const promise = new Promise<Value>((settle) => {
    resolve = settle;
  });
  return { promise, resolve: (value) => resolve(value) };
}

/** The first chain is the one that `begin` starts. */
export async function openWorld(
  chain: ChainDefinition,
  ...others: readonly ChainDefinition[]
): Promise<World> {
  const clock = manualClock();
  const store = await openEmbeddedStore({ kind: 'memory' });
  onTestFinished(() => store.close());
  const faults = createFaults();
  const { around } = faults;
  let tokens = 0;
  const random = {
    fraction: () => world.fraction,
    token: () => {
      tokens += 1;
      return tokens.toString(16).padStart(32, '0');
    },
  };
  const queues = createEmbeddedQueues({ clock, random });
  declareQueues(queues, chain);
  const answers = new Map<string, (HttpOutcome | Promise<HttpOutcome>)[]>();
  const ports: Ports = {
    clock,
    random,
    store: {
      create: (meta) => around('create', () => store.create(meta)),
      load: (key) => around('load', () => store.load(key)),
      writeMeta: (...write) => around('writeMeta', () => store.writeMeta(...write)),
      writeStep: (...write) => around('writeStep', () => store.writeStep(...write)),
      list: (filter) => around('list', () => store.list(filter)),
      listDue: (...asked) => around('listDue', () => store.listDue(...asked)),
      loadPace: () => around('loadPace', () => store.loadPace()),
      writePace: (...write) => around('writePace', () => store.writePace(...write)),
    },
    queue: {
      send: (outgoing) =>
        around('send', () => {
          world.bodies.push(...outgoing.map(({ message }) => JSON.stringify(message)));
          return queues.send(outgoing);
        }),
      park: (body) => around('park', () => queues.park(body)),
      setVisibility: (...asked) => around('setVisibility', () => queues.setVisibility(...asked)),
      granularityMs: queues.granularityMs,
      receive: (...asked) => around('receive', async () => queues.receive(...asked)),
      acknowledge: (...asked) => around('acknowledge', async () => queues.acknowledge(...asked)),
    },
    http: {
      call: async (request, deadlineMs) => {
        const step = request.url.split('/').at(-1) ?? '';
        world.calls.push({ step, key: request.headers['idempotency-key'], request, deadlineMs });
        return (await answers.get(step)?.shift()) ?? ok(step);
      },
    },
    targets: { resolve: async () => ({ baseUrl: 'https://api.test', headers: {} }) },
    telemetry: { emit: (event) => world.events.push(event) },
    notifier: {
      notify: (notification) =>
        around('notify', async () => {
          world.notifications.push(notification);
        }),
    },
  };
  const world: World = {
    engine: { ports, chains: registry([chain, ...others]) },
    chain,
    clock,
    faults,
    queues,
    calls: [],
    events: [],
    notifications: [],
    bodies: [],
    fraction: 0,
    answers: (step, ...outcomes) => answers.set(step, [...(answers.get(step) ?? []), ...outcomes]),
    begin: async (request) => {
      const { workflowId } = await start(world.engine, chain, { tenant: TENANT, payload: INPUT, ...request });
      return { tenant: TENANT, workflowId };
    },
    receive: (step, kind = 'step') => {
      const all = queues.receive(queueOf(chain, step, kind), LIMITS.batchSize);
      const delivery = all.find(({ body }) => isOf(step, body));
      for (const other of all) if (other !== delivery) void queues.setVisibility(other, 0);
      if (delivery === undefined) throw new Error(`nothing of ${step} is visible in the ${kind} queue`);
      return delivery;
    },
    handle: async (delivery, remainingMs) => {
      const { queue } = delivery;
      const end = clock.now() + (remainingMs ?? functionMs(chain, queue));
      const handled =
        'step' in queue && queue.kind === 'step'
          ? await handleDelivery(world.engine, delivery, () => end - clock.now())
          : await handleDeadLetter(world.engine, delivery);
      if (handled === 'acknowledge') queues.acknowledge(queue, delivery.receiptHandle);
      return handled;
    },
    work: (step, kind, remainingMs) => world.handle(world.receive(step, kind), remainingMs),
    visible: (step, kind = 'step') =>
      queues
        .contents(queueOf(chain, step, kind))
        .filter((body) => isOf(step, body))
        .map((body) => stepMessage.parse(JSON.parse(body))),
    queueAgain: async (message, kind = 'step') => {
      if (message === undefined) throw new Error('there is no message to queue again');
      await queues.send([{ to: queueOf(chain, message.step, kind), message }]);
    },
    queued: () =>
      chain.steps
        .flatMap(({ name }) => [
          ...world.visible(name).map(() => name),
          ...world.visible(name, 'deadLetter').map(() => `${name}!`),
        ])
        .join(' '),
    loseMessages: () => {
      for (const queue of queueNames(chain)) {
        for (const { receiptHandle } of queues.receive(queue, 10)) queues.acknowledge(queue, receiptHandle);
      }
    },
    run: () => run(world),
    meta: async (key) => (await loaded(store, key)).meta,
    step: async (key, name) => (await loaded(store, key)).steps.get(name),
    called: () => world.calls.map(({ step }) => step).join(' '),
  };
  return world;
}

const queueOf = ({ name }: ChainDefinition, step: string, kind: 'step' | 'deadLetter'): QueueName =>
  kind === 'step' ? stepQueue({ chain: name, step }) : STEP_FAILED;

/** Whether a message is about a step; what cannot be read belongs to the step in whose queue it is. */
function isOf(step: string, body: string): boolean {
  try {
    const { success, data } = stepMessage.safeParse(JSON.parse(body));
    return !success || data.step === step;
  } catch {
    return true;
  }
}

/** What functions take messages from. */
const queueNames = (chain: ChainDefinition): readonly QueueName[] => [
  ...chain.steps.map(({ name }) => queueOf(chain, name, 'step')),
  STEP_FAILED,
];

function functionMs({ steps }: ChainDefinition, queue: QueueName): number {
  const step = steps.find(({ name }) => 'step' in queue && queue.step === name);
  return (step ? stepSettings(step).functionTimeout : DEAD_LETTER_SETTINGS.functionTimeout) * 1_000;
}

function declareQueues(queues: EmbeddedQueues, chain: ChainDefinition): void {
  const deadLetters = { ...DEAD_LETTER_SETTINGS, retention: 86_400, redriveTo: PARKING };
  queues.declare(PARKING, DEAD_LETTER_SETTINGS);
  queues.declare(STEP_FAILED, deadLetters);
  for (const step of chain.steps) {
    const place = { chain: chain.name, step: step.name };
    queues.declare(deadLetterQueue(place), deadLetters);
    queues.declare(stepQueue(place), { ...stepSettings(step), redriveTo: deadLetterQueue(place) });
  }
}

async function run(world: World): Promise<void> {
  const { chain, clock, events, queues } = world;
  const begun = events.length;
  for (let rounds = 0; rounds < 100; rounds += 1) {
    const deliveries = queueNames(chain).flatMap((queue) => queues.receive(queue, 10));
    if (deliveries.length === 0) {
      const due = nextDue(world, begun);
      if (due === undefined) return;
      await clock.advance(due - clock.now());
    }
    await inTime(world, Promise.all(deliveries.map((delivery) => world.handle(delivery))));
  }
  throw new Error('the queues do not come to rest');
}

/** When the first of the attempts is due that have come to wait since; undefined if none is due within a minute. */
function nextDue(world: World, since: number): number | undefined {
  const dues = eventsOf({ events: world.events.slice(since) }, 'step_retrying')
    .map(({ nextAttemptAt }) => nextAttemptAt)
    .filter((at) => at > world.clock.now() && at <= world.clock.now() + 60_000);
  return dues.length === 0 ? undefined : Math.min(...dues);
}

/** Lets a second go by where work waits for its turn to tell on-call, and for nothing else. */
async function inTime({ clock }: World, work: Promise<unknown>): Promise<void> {
  let isDone = false;
  const done = work.finally(() => {
    isDone = true;
  });
  for (let turns = 0; !isDone; turns += 1) {
    await settle();
    if (!isDone && turns % 20 === 19) await clock.advance(1_000);
  }
  await done;
}

/** Events of one kind. */
export const eventsOf = <Kind extends EngineEvent['event']>(
  { events }: Pick<World, 'events'>,
  kind: Kind,
): Extract<EngineEvent, { event: Kind }>[] =>
  events.filter((event): event is Extract<EngineEvent, { event: Kind }> => event.event === kind);

/** No message, event or notification holds the card; every message holds identifiers only. */
export function expectNothingLeaked({ bodies, events, notifications }: World): void {
  expect(JSON.stringify({ bodies, events, notifications })).not.toContain(CARD);
  for (const body of bodies) expect(stepMessage.safeParse(JSON.parse(body)).success).toBe(true);
}
