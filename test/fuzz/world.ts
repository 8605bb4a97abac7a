import {
  cancelHandler,
  getHandler,
  listHandler,
  resumeHandler,
  startHandler,
  timelineHandler,
} from '../../functions/handlers.ts';
import type { ApiAnswer, ApiEvent } from '../../functions/http.ts';
import { registry } from '../../lib/chain/registry.ts';
import { DEFAULT_TENANT, START_IDEMPOTENCY_HEADER, stepQueue } from '../../lib/contract/names.ts';
import { listAnswer, startAnswer } from '../../lib/contract/wire.ts';
import type { Store } from '../../lib/engine/ports.ts';
import type { WorkflowKey, WorkflowMeta, WorkflowState } from '../../lib/engine/state.ts';
import { failedWorkflow, openStage, workflow } from '../functions/stage.ts';
import { ABSENT, claimOf, completedOf, hex, START } from '../ports/store/fixtures.ts';
import { CHAINS } from './chains.ts';

/** The claim that names the tenant. */
export const CLAIM = 'custom:tenant';

/** Tenants whose names are easily taken for each other's, or for a part of a key. The first is that of a server of one tenant. */
export const TENANTS = [DEFAULT_TENANT, 'acme', 'ACME', 'acme#', 'acme#healthy#3'] as const;

/** What is in a tenant's data and in nobody else's. The card is sensitive: nobody is ever shown it. */
export interface Planted {
  readonly word: string;
  readonly card: string;
}
export const PLANTED: readonly Planted[] = TENANTS.map((tenant) => ({
  word: `planted${hex(tenant).slice(0, 12)}`,
  card: `4${BigInt(`0x${hex(`card of ${tenant}`)}`)
    .toString()
    .slice(0, 15)}`,
}));

/** Keys that every tenant uses, for the same chains. */
export const SHARED_KEYS = ['order 77', '__proto__'] as const;

export const ORDER_PATH = '/api/process-order';
export const orderOf = ({ word, card }: Planted) => ({
  card,
  amount: 12.5,
  address: `${word} street 1`,
  email: `${word}@shop.example`,
});

export const LOOSE_PATH = '/api/loose';
export const looseOf = ({ word, card }: Planted) => ({ any: word, secret: card });

/** Everything that the API runs on, with workflows of several tenants in it. The same in every case, ids too. */
export interface World {
  readonly handlers: Readonly<Record<'start' | 'get' | 'timeline' | 'list' | 'cancel' | 'resume', Handler>>;
  readonly stage: Awaited<ReturnType<typeof openStage>>;
  readonly service: Parameters<typeof startHandler>[0];
  /** Ids of the workflows of each tenant, those of before first. */
  readonly ids: readonly string[][];
  /** Keys of what was written since this was last asked. */
  written(): readonly WorkflowKey[];
  state(tenant: number, workflowId: string): Promise<WorkflowState | undefined>;
  /** The `nextCursor` of a listing of this tenant. */
  cursor(tenant: number, query: Readonly<Record<string, string>>): Promise<string>;
  close(): Promise<void>;
}
/** What a request is looked up in. */
export type Known = Pick<World, 'ids' | 'cursor'>;
type Handler = (event: ApiEvent) => Promise<ApiAnswer>;

export async function openWorld(): Promise<World> {
  const stage = await openStage();
  stage.queues.declare(stepQueue({ chain: 'loose', step: 'a' }), {
    visibilityTimeout: 60,
    maxReceiveCount: 10,
    retention: 3_600,
  });
  const { store } = stage.engine.ports;
  const written: WorkflowKey[] = [];
  let tokens = 0;
  const engine = stage.with({
    store: watched(store, written),
    random: {
      fraction: () => 0,
      token: () => {
        tokens += 1;
        return hex(`token ${tokens}`);
      },
    },
  });
  const service = { ...engine, chains: registry(CHAINS) };
  const ofTenants = { ...service, tenantClaim: CLAIM };
  const handlers = {
    start: startHandler(ofTenants),
    get: getHandler(ofTenants),
    timeline: timelineHandler(ofTenants),
    list: listHandler(ofTenants),
    cancel: cancelHandler(ofTenants),
    resume: resumeHandler(ofTenants),
  };
  const ids = await Promise.all(TENANTS.map((_, at) => plant(store, at)));
  // Each tenant has used the first of the shared keys already.
  for (const [at, planted] of PLANTED.entries()) {
    for (const [rawPath, body] of [
      [ORDER_PATH, orderOf(planted)],
      [LOOSE_PATH, looseOf(planted)],
    ] as const) {
      const answer = await handlers.start({
        rawPath,
        headers: { [START_IDEMPOTENCY_HEADER]: SHARED_KEYS[0] },
        body: JSON.stringify(body),
        isBase64Encoded: false,
        ...claimOfTenant(TENANTS[at]),
      });
      ids[at]?.push(startAnswer.parse(JSON.parse(answer.body)).workflowId);
    }
  }
  return {
    handlers,
    stage,
    service,
    ids,
    written: () => written.splice(0),
    state: (tenant, workflowId) => store.load({ tenant: TENANTS[tenant] ?? '', workflowId }),
    cursor: async (tenant, query) => {
      const event = { rawPath: '/api/workflows', queryStringParameters: query, isBase64Encoded: false };
      const answer = await handlers.list({ ...event, headers: {}, ...claimOfTenant(TENANTS[tenant]) });
      return listAnswer.parse(JSON.parse(answer.body)).nextCursor ?? '';
    },
    close: stage.close,
  };
}

/** What an authorizer adds to an event that it let pass. */
export const claimOfTenant = (tenant: unknown) => ({
  requestContext: { authorizer: { jwt: { claims: { sub: 'ada', [CLAIM]: tenant } } } },
});

/** The same store, which notes whose workflows are written. */
const watched = (store: Store, written: WorkflowKey[]): Store => {
  const note = ({ tenant, workflowId }: WorkflowKey): void => {
    written.push({ tenant, workflowId });
  };
  return {
    load: (key) => store.load(key),
    list: (filter) => store.list(filter),
    listDue: (...of) => store.listDue(...of),
    loadPace: () => store.loadPace(),
    writePace: (...write) => store.writePace(...write),
    create: async (meta) => {
      const result = await store.create(meta);
      if (result.written) note(meta);
      return result;
    },
    writeMeta: async (meta, expected) => {
      const result = await store.writeMeta(meta, expected);
      if (result.written) note(meta);
      return result;
    },
    writeStep: async (key, ...rest) => {
      note(key);
      return await store.writeStep(key, ...rest);
    },
  };
};

/** A workflow of each kind, with what is planted in every part of it that an answer may show. */
async function plant(store: Store, tenant: number): Promise<string[]> {
  const planted = PLANTED[tenant] ?? { word: '', card: '' };
  const { word } = planted;
  const name = TENANTS[tenant];
  const { card: _, ...erased } = orderOf(planted);
  const common = (minute: number) => ({
    ...(name === undefined ? {} : { tenant: name }),
    input: orderOf(planted),
    createdAt: START + minute * 60_000,
    updatedAt: START + minute * 60_000,
  });
  const error = { code: 'TARGET_UNAVAILABLE', message: `busy: ${word}`, effect: 'unknown' } as const;
  const paid = completedOf('payment', { orderId: `ord-${word}`, receiptUrl: `https://pay.example/${word}` });
  const waiting = claimOf('shipment', {
    status: 'retrying',
    nextAttemptAt: START + 90_000,
    error,
    attempts: [{ ...attempt, outcome: 'retrying', endedAt: START + 20, error }],
  });
  const { dueAt: _due, ...ended } = workflow(`ended of ${name}`);
  const metas: readonly WorkflowMeta[] = [
    workflow(`running of ${name}`, common(1)),
    failedWorkflow(`failed of ${name}`, {
      ...common(2),
      error: { ...error, step: 'shipment', attempts: 4 },
    }),
    { ...ended, ...common(3), input: erased, erased: true, status: 'completed' },
    {
      ...ended,
      ...common(4),
      input: erased,
      erased: true,
      status: 'cancelled',
      workflowId: `wf_${hex(`cancelled of ${name}`)}`,
    },
  ];
  await Promise.all(
    metas.map(async (meta) => {
      await store.create(meta);
      await store.writeStep(meta, paid, ABSENT, meta.expiresAt);
      if (meta.status !== 'processing') return;
      await store.writeStep(meta, waiting, ABSENT, meta.expiresAt);
    }),
  );
  return metas.map(({ workflowId }) => workflowId);
}

const attempt = { epoch: 0, attempt: 1, round: 0, startedAt: START + 10 } as const;
