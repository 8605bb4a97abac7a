import type { ApiAnswer, ApiEvent } from '../../functions/http.ts';
import { systemRandom } from '../../lib/adapters/system.ts';
import type { ChainDefinition } from '../../lib/chain/definition.ts';
import { type Registry, registry } from '../../lib/chain/registry.ts';
import { DEAD_LETTER_SETTINGS, stepSettings } from '../../lib/chain/settings.ts';
import { deadLetterQueue, PARKING, STEP_FAILED, stepQueue } from '../../lib/contract/names.ts';
import type { EngineEvent } from '../../lib/engine/events.ts';
import type { HttpOutcome, HttpRequest, Notification, Ports } from '../../lib/engine/ports.ts';
import type { Engine } from '../../lib/engine/shell.ts';
import type { WorkflowMeta } from '../../lib/engine/state.ts';
import { createEmbeddedQueues, type EmbeddedQueues } from '../../lib/local/queue/queue.ts';
import { openEmbeddedStore } from '../../lib/local/store/store.ts';
import { metaOf } from '../ports/store/fixtures.ts';
import { type ManualClock, manualClock } from '../support/manual-clock.ts';
import { chains } from '../support/shipped-chains.ts';

/** Everything that the handlers run on, in memory, with a clock that stands still. */
export interface TestStage {
  readonly engine: Engine & { readonly chains: Registry };
  readonly queues: EmbeddedQueues;
  readonly clock: ManualClock;
  readonly events: EngineEvent[];
  readonly calls: HttpRequest[];
  readonly notifications: Notification[];
  /** Saves a workflow that waits for its first step. */
  given(seed: string, changes?: Partial<WorkflowMeta>): Promise<WorkflowMeta>;
  /** The same engine with some ports replaced. */
  with(ports: Partial<Ports>): TestStage['engine'];
  close(): Promise<void>;
}

export const PAYMENT = { chain: 'order-processing', step: 'payment', kind: 'step' } as const;

/**
 * @param answer what the targets answer
 * @param of the chains that are deployed, if not the shipped ones
 */
export async function openStage(
  answer: (request: HttpRequest) => HttpOutcome | Promise<HttpOutcome> = () => reply({}),
  of: readonly ChainDefinition[] = chains,
): Promise<TestStage> {
  const clock = manualClock();
  const queues = createEmbeddedQueues({ clock, random: systemRandom });
  const store = await openEmbeddedStore({ kind: 'memory' });
  declareQueues(queues, of);
  const events: EngineEvent[] = [];
  const calls: HttpRequest[] = [];
  const notifications: Notification[] = [];
  const ports: Ports = {
    store,
    queue: queues,
    clock,
    random: systemRandom,
    http: {
      call: async (request) => {
        calls.push(request);
        return await answer(request);
      },
    },
    targets: { resolve: async (name) => ({ baseUrl: `http://${name}.test`, headers: {} }) },
    telemetry: { emit: (event) => void events.push(event) },
    notifier: { notify: async (notification) => void notifications.push(notification) },
  };
  const known = registry(of);
  return {
    engine: { chains: known, ports },
    queues,
    clock,
    events,
    calls,
    notifications,
    given: async (seed, changes) => {
      const meta = workflow(seed, changes);
      await store.create(meta);
      return meta;
    },
    with: (changed) => ({ chains: known, ports: { ...ports, ...changed } }),
    close: async () => {
      queues.close();
      await store.close();
    },
  };
}

function declareQueues(queues: EmbeddedQueues, of: readonly ChainDefinition[]): void {
  const deadLetters = { ...DEAD_LETTER_SETTINGS, redriveTo: PARKING };
  queues.declare(PARKING, DEAD_LETTER_SETTINGS);
  queues.declare(STEP_FAILED, deadLetters);
  for (const { name: chain, steps } of of) {
    for (const step of steps) {
      const place = { chain, step: step.name };
      queues.declare(deadLetterQueue(place), deadLetters);
      queues.declare(stepQueue(place), { ...stepSettings(step), redriveTo: deadLetterQueue(place) });
    }
  }
}

/** A target's reply. */
export const reply = (body: unknown, status = 200): HttpOutcome => ({
  kind: 'reply',
  status,
  body: typeof body === 'string' ? body : JSON.stringify(body),
});

export const START_PATH = '/api/process-order';
export const ORDER = {
  card: '4111 1111 1111 1111',
  amount: 12.5,
  address: 'Main Street 1',
  email: 'a@b.example',
};

/** A request as an HTTP API hands it over. A body that is no text is sent as JSON. */
export function request(
  changes: Partial<Omit<ApiEvent, 'body'>> & { readonly body?: unknown } = {},
): ApiEvent {
  const { body, ...rest } = changes;
  return {
    rawPath: START_PATH,
    headers: { 'content-type': 'application/json' },
    isBase64Encoded: false,
    ...rest,
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  };
}

/** A request about one workflow. */
export const about = (
  workflowId: string,
  changes: Parameters<typeof request>[0] = {},
): ReturnType<typeof request> => request({ rawPath: '/any', pathParameters: { id: workflowId }, ...changes });

/** The JSON of an answer. */
export const bodyOf = (answer: ApiAnswer): Record<string, unknown> => {
  const body: unknown = JSON.parse(answer.body);
  if (typeof body !== 'object' || body === null) throw new Error(`no object: ${answer.body}`);
  return { ...body };
};

/** A workflow of the tenant that requests without a JWT belong to. */
export const workflow = (seed: string, changes: Partial<WorkflowMeta> = {}): WorkflowMeta =>
  metaOf(seed, { tenant: 'default', input: ORDER, ...changes });

/** A workflow that failed at its payment. */
export const failedWorkflow = (seed: string, changes: Partial<WorkflowMeta> = {}): WorkflowMeta => {
  const { dueAt: _, ...meta } = workflow(seed);
  return {
    ...meta,
    status: 'failed',
    error: {
      code: 'REFUSED',
      message: 'declined',
      httpStatus: 402,
      effect: 'none',
      step: 'payment',
      attempts: 1,
    },
    ...changes,
  };
};
