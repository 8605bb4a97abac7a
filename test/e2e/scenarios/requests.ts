import { describe, expect } from 'vitest';
import { LIMITS } from '../../../lib/contract/limits.ts';
import { ORDER, quickOrder } from '../fixture-chains.ts';
import { problemOf, type Scenario, type Stage, send } from '../stage.ts';

interface BadRequest {
  readonly method?: string;
  readonly path?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly status: number;
  readonly code: string;
  /** The fields that the answer must name. */
  readonly fields?: readonly string[];
  /** What the answer must say. */
  readonly says?: string;
}

const without = (field: keyof typeof ORDER): unknown =>
  Object.fromEntries(Object.entries(ORDER).filter(([name]) => name !== field));
const UNKNOWN = `/api/workflows/wf_${'0'.repeat(32)}`;
const invalid = { status: 400, code: 'INVALID_REQUEST' } as const;

const BAD: Readonly<Record<string, BadRequest>> = {
  'a body that is no JSON': { body: '{"card":', status: 400, code: 'INVALID_JSON' },
  'no body': { ...invalid, fields: ['(body)'] },
  'a list': { ...invalid, body: [ORDER], fields: ['(body)'] },
  null: { ...invalid, body: null, fields: ['(body)'] },
  'a field of the wrong type': { ...invalid, body: { ...ORDER, amount: '12' }, fields: ['amount'] },
  'a field missing': { ...invalid, body: without('address'), fields: ['address'] },
  'several fields wrong': {
    ...invalid,
    body: { ...ORDER, amount: -1, email: 'nobody' },
    fields: ['amount', 'email'],
  },
  'a field misspelt': {
    ...invalid,
    body: { ...ORDER, adress: 'x' },
    fields: ['adress'],
  },
  'a body over 128 KB': {
    body: { ...ORDER, address: 'x'.repeat(LIMITS.inputBytes) },
    status: 413,
    code: 'TOO_LARGE',
    says: String(LIMITS.inputBytes),
  },
  'an empty Idempotency-Key': {
    ...invalid,
    body: ORDER,
    headers: { 'idempotency-key': '' },
    fields: ['Idempotency-Key'],
  },
  'an Idempotency-Key of 256 characters': {
    ...invalid,
    body: ORDER,
    headers: { 'idempotency-key': 'k'.repeat(256) },
    fields: ['Idempotency-Key'],
  },
  'a workflow id that is none': {
    method: 'GET',
    path: '/api/workflows/42',
    status: 404,
    code: 'UNKNOWN_WORKFLOW',
    says: '42',
  },
  'a workflow that does not exist': {
    method: 'GET',
    path: UNKNOWN,
    status: 404,
    code: 'UNKNOWN_WORKFLOW',
    says: 'wf_0',
  },
  'the timeline by its earlier name': {
    ...invalid,
    method: 'GET',
    path: `${UNKNOWN}?detail=timeline`,
    fields: ['detail'],
    says: 'GET /api/workflows/{id}/timeline',
  },
  'the timeline of nothing': {
    method: 'GET',
    path: `${UNKNOWN}/timeline`,
    status: 404,
    code: 'UNKNOWN_WORKFLOW',
  },
  'a cancel of nothing': { path: `${UNKNOWN}/cancel`, status: 404, code: 'UNKNOWN_WORKFLOW' },
  'a resume of nothing': { path: `${UNKNOWN}/resume`, status: 404, code: 'UNKNOWN_WORKFLOW' },
  'a resume with a field that it does not know': {
    ...invalid,
    path: `${UNKNOWN}/resume`,
    body: { newkey: true },
    fields: ['newkey'],
  },
  'an unknown chain': { ...invalid, method: 'GET', path: '/api/workflows?chain=nope', fields: ['chain'] },
  'an unknown status': { ...invalid, method: 'GET', path: '/api/workflows?status=done', fields: ['status'] },
  'a cursor of nobody': { ...invalid, method: 'GET', path: '/api/workflows?cursor=x', fields: ['cursor'] },
  'a limit of 0': { ...invalid, method: 'GET', path: '/api/workflows?limit=0', fields: ['limit'] },
  'a limit of 101': { ...invalid, method: 'GET', path: '/api/workflows?limit=101', fields: ['limit'] },
  'a parameter of the description': {
    ...invalid,
    method: 'GET',
    path: '/api/openapi.json?version=2',
    fields: ['version'],
  },
  'an unknown parameter': { ...invalid, method: 'GET', path: '/api/workflows?page=2', fields: ['page'] },
};

/** What Stepline's own front answers, where a gateway may have words of its own. */
const BAD_ROUTES: Readonly<Record<string, BadRequest>> = {
  'an unknown route': { path: '/api/procces-order', body: ORDER, status: 404, code: 'UNKNOWN_ROUTE' },
  'a route with another method': {
    method: 'DELETE',
    path: quickOrder.start,
    status: 405,
    code: 'METHOD_NOT_ALLOWED',
    says: 'POST',
  },
};

/** Every bad request is answered with what is wrong, and starts nothing. */
export function requestScenarios(scenario: Scenario): void {
  scenario('the API describes itself', async (stage) => {
    const { status, headers, json } = await send(stage, 'GET', '/api/openapi.json');
    expect([status, headers.get('content-type')]).toEqual([200, 'application/json']);
    expect(json).toMatchObject({
      openapi: '3.1.1',
      paths: { [quickOrder.start]: { post: expect.anything() } },
    });
  });
  describe('a bad request is refused with what is wrong, and starts nothing:', () => {
    for (const [what, bad] of Object.entries({ ...BAD, ...BAD_ROUTES })) {
      scenario(what, (stage) => expectRefused(stage, bad));
    }
  });
}

async function expectRefused(stage: Stage, bad: BadRequest): Promise<void> {
  const { method = 'POST', path = quickOrder.start } = bad;
  const answer = await send(stage, method, path, bad.body, bad.headers);
  const problem = problemOf(answer);
  expect(problem).toMatchObject({ status: bad.status, code: bad.code, type: expect.stringMatching(/^urn:/) });
  expect(problem.errors?.map(({ field }) => field)).toEqual(bad.fields);
  for (const { message } of problem.errors ?? []) expect(message).not.toBe('');
  expect(`${problem.detail} ${JSON.stringify(problem.errors)}`).toContain(bad.says ?? '');
  expect(await send(stage, 'GET', '/api/workflows')).toMatchObject({
    status: 200,
    json: { workflows: [], nextCursor: null },
  });
  expect(stage.demo.ledger('payments').calls).toBe(0);
}
