import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type ApiHandler,
  cancelHandler,
  getHandler,
  listHandler,
  resumeHandler,
  type Service,
  startHandler,
  timelineHandler,
} from '../../functions/handlers.ts';
import { type ApiEvent, tenantOf } from '../../functions/http.ts';
import { DEFAULT_TENANT } from '../../lib/contract/names.ts';
import { parsePartitionKey, partitionKey } from '../../lib/contract/table.ts';
import { listAnswer, startAnswer, stepMessage } from '../../lib/contract/wire.ts';
import type { WorkflowMeta } from '../../lib/engine/state.ts';
import { expectNothingStarted, expectRefusal } from './refusals.ts';
import {
  about,
  failedWorkflow,
  ORDER,
  openStage,
  PAYMENT,
  request,
  type TestStage,
  workflow,
} from './stage.ts';

const CLAIM = 'custom:tenant';

let stage: TestStage;
let service: Service;
beforeEach(async () => {
  stage = await openStage();
  service = { ...stage.engine, tenantClaim: CLAIM };
});
afterEach(() => stage.close());

/** The same request, let pass by a JWT authorizer that found these claims. */
const withClaims = (event: ApiEvent, claims: Readonly<Record<string, unknown>>): ApiEvent => ({
  ...event,
  requestContext: { authorizer: { jwt: { claims } } },
});
const as = (tenant: unknown, event: ApiEvent): ApiEvent => withClaims(event, { sub: 'ada', [CLAIM]: tenant });

/** As a client that would like to be somebody else. */
const HEADERS = { 'x-tenant': 'acme', tenant: 'acme', [CLAIM]: 'acme', 'stepline-tenant': 'acme' };

const given = async (meta: WorkflowMeta): Promise<WorkflowMeta> => {
  await stage.engine.ports.store.create(meta);
  return meta;
};

/** Every route with a request that would succeed. */
const ROUTES: readonly (readonly [string, (service: Service) => ApiHandler, ApiEvent])[] = [
  ['start', startHandler, request({ body: ORDER })],
  ['get', getHandler, about(workflow('running').workflowId)],
  ['timeline', timelineHandler, about(workflow('running').workflowId)],
  ['list', listHandler, request()],
  ['cancel', cancelHandler, about(workflow('running').workflowId)],
  ['resume', resumeHandler, about(failedWorkflow('failed').workflowId)],
];

/** What is no tenant, and what becomes of it in the answer. */
const NO_TENANTS: readonly (readonly [string, ApiEvent, string])[] = [
  ['no authorizer', request(), 'is missing'],
  ['an authorizer of another kind', { ...request(), requestContext: { authorizer: {} } }, 'is missing'],
  ['no claims', { ...request(), requestContext: { authorizer: { jwt: {} } } }, 'is missing'],
  ['other claims', withClaims(request(), { tenant: 'acme' }), 'is missing'],
  ['an empty claim', as('', request()), 'does not name a tenant'],
  ['a space', as('acme inc', request()), 'does not name a tenant'],
  ['a line break at its end', as('acme\n', request()), 'does not name a tenant'],
  ['a letter that is not ASCII', as('ärzte', request()), 'does not name a tenant'],
  ['a control character', as('acme\u0007', request()), 'does not name a tenant'],
  ['129 characters', as('x'.repeat(129), request()), 'does not name a tenant'],
  ['a list', as(['acme'], request()), 'does not name a tenant'],
  ['a number', as(7, request()), 'does not name a tenant'],
  ['nothing as its value', as(null, request()), 'does not name a tenant'],
];

describe('the tenant of a request', () => {
  it.each(['acme', 'a', '42', 'a#b', 'acme#healthy#3', '!~', '"\\', 'x'.repeat(128)])(
    'is the claim of its token, %j, and a key gives it back',
    (tenant) => {
      expect(tenantOf(as(tenant, request({ headers: HEADERS })), CLAIM)).toBe(tenant);
      const { workflowId } = workflow('any');
      expect(parsePartitionKey(partitionKey(tenant, workflowId))).toEqual({ tenant, workflowId });
    },
  );

  it.each(NO_TENANTS)('of a token with %s is refused', (_what, event, problem) => {
    expect(() => tenantOf({ ...event, headers: HEADERS }, CLAIM)).toThrow(
      expect.objectContaining({
        code: 'NO_TENANT',
        message: `the token’s claim "custom:tenant" ${problem}; a tenant has 1 to 128 printable ASCII characters and no space`,
      }),
    );
  });

  it.each(['toString', '__proto__', 'constructor'])('is no property that every object has (%s)', (claim) => {
    expect(() => tenantOf(withClaims(request(), {}), claim)).toThrow(
      expect.objectContaining({ code: 'NO_TENANT' }),
    );
  });

  it('is always the default one where no claim is to be read, whatever the event says', () => {
    for (const event of [request({ headers: HEADERS }), ...NO_TENANTS.map(([, event]) => event)]) {
      expect(tenantOf(event, undefined)).toBe(DEFAULT_TENANT);
    }
    expect(tenantOf(as('acme', request({ headers: HEADERS })), undefined)).toBe(DEFAULT_TENANT);
  });
});

describe.each(ROUTES)('%s', (_name, handler, event) => {
  beforeEach(async () => {
    for (const meta of [workflow('running'), failedWorkflow('failed')]) await given(meta);
  });

  it('without a tenant is a 403 that names the claim, and nothing happens', async () => {
    const before = await stage.engine.ports.store.list({ tenant: DEFAULT_TENANT, limit: 10 });
    for (const asked of [{ ...event, headers: HEADERS }, as('acme inc', event)]) {
      const detail = expectRefusal(await handler(service)(asked), { status: 403, code: 'NO_TENANT' });
      expect(detail).toContain('"custom:tenant"');
      expect(detail).not.toContain('acme');
    }
    expect(await stage.engine.ports.store.list({ tenant: DEFAULT_TENANT, limit: 10 })).toEqual(before);
    expect(stage.queues.stats().sent).toBe(0);
    expect(stage.events).toEqual([]);
  });

  it('where no claim is to be read answers as if there were none', async () => {
    const answer = await handler(stage.engine)(as('acme', { ...event, headers: HEADERS }));
    expect(answer.statusCode).toBeLessThan(300);
    expect((await stage.engine.ports.store.list({ tenant: 'acme', limit: 10 })).workflows).toEqual([]);
  });
});

describe.each([
  ['get', getHandler, workflow('theirs', { tenant: 'acme' }), 200],
  ['timeline', timelineHandler, workflow('theirs', { tenant: 'acme' }), 200],
  ['cancel', cancelHandler, workflow('theirs', { tenant: 'acme' }), 200],
  ['resume', resumeHandler, failedWorkflow('theirs', { tenant: 'acme' }), 202],
] as const)('%s', (_name, handler, theirs, status) => {
  it.each(['other', 'ACME', 'acme#', DEFAULT_TENANT])(
    'of another tenant’s workflow is a 404 to %s, and changes nothing',
    async (tenant) => {
      await given(theirs);
      const answer = await handler(service)(as(tenant, about(theirs.workflowId)));
      expectRefusal(answer, { status: 404, code: 'UNKNOWN_WORKFLOW' });
      expect((await stage.engine.ports.store.load(theirs))?.meta).toEqual(theirs);
    },
  );

  it('says the same of it as of a workflow that there is not', async () => {
    const event = as('other', about(theirs.workflowId));
    const absent = await handler(service)(event);
    await given(theirs);
    expect(await handler(service)(event)).toEqual(absent);
  });

  it('of an own workflow succeeds', async () => {
    await given(theirs);
    const answer = await handler(service)(as('acme', about(theirs.workflowId)));
    expect(answer.statusCode).toBe(status);
  });
});

describe('a listing', () => {
  it('shows a tenant the own workflows alone', async () => {
    const own = await given(workflow('own', { tenant: 'acme' }));
    for (const tenant of ['other', 'acme2', 'acme#healthy', DEFAULT_TENANT]) {
      await given(workflow(`of ${tenant}`, { tenant }));
    }
    const listed = async (tenant: string) =>
      listAnswer
        .parse(JSON.parse((await listHandler(service)(as(tenant, request()))).body))
        .workflows.map(({ workflowId }) => workflowId);
    expect(await listed('acme')).toEqual([own.workflowId]);
    expect(await listed('nobody')).toEqual([]);
  });
});

describe('a start', () => {
  const start = async (tenant: string, headers: Record<string, string> = {}) => {
    const answer = await startHandler(service)(as(tenant, request({ body: ORDER, headers })));
    expect(answer.statusCode).toBe(202);
    return startAnswer.parse(JSON.parse(answer.body)).workflowId;
  };

  it('belongs to its tenant, in the table and in its message', async () => {
    const workflowId = await start('acme');
    expect(await stage.engine.ports.store.load({ tenant: 'acme', workflowId })).toBeDefined();
    expect(await stage.engine.ports.store.load({ tenant: DEFAULT_TENANT, workflowId })).toBeUndefined();
    const [body = ''] = stage.queues.contents(PAYMENT);
    expect(stepMessage.parse(JSON.parse(body))).toMatchObject({ tenant: 'acme', workflowId });
  });

  it('of two tenants under one Idempotency-Key is two workflows', async () => {
    const key = { 'idempotency-key': 'order 77' };
    const first = await start('acme', key);
    expect(await start('acme', key)).toBe(first);
    expect(await start('other', key)).not.toBe(first);
  });

  it('without a tenant starts nothing', async () => {
    const answer = await startHandler(service)(request({ body: ORDER }));
    expectRefusal(answer, { status: 403, code: 'NO_TENANT' });
    await expectNothingStarted(stage);
  });
});
