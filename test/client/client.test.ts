import { describe, expect, it } from 'vitest';
import type { orderProcessing } from '../../functions/chains/order-processing.ts';
import { type ClientOptions, NoAnswer, ProblemError, stepline } from '../../lib/client/index.ts';
import { ORDER } from '../functions/stage.ts';
import { fakeServer } from './fake-fetch.ts';

const ID = `wf_${'0'.repeat(32)}`;
const STARTED = { status: 202, json: { workflowId: ID, status: 'processing' } };
const RUNNING = { json: { workflowId: ID, chain: 'order-processing', status: 'processing', steps: {} } };
const BUSY = { status: 503, json: { message: 'Service Unavailable' } };
const GONE = new TypeError('fetch failed');

const clientOf = ({ options }: ReturnType<typeof fakeServer>, more: ClientOptions = {}) =>
  stepline<typeof orderProcessing>('https://api.test/shop/', { ...options, ...more });

describe('a start', () => {
  it('sends the input to the chain of that name, under the key that it is given', async () => {
    const server = fakeServer(STARTED);
    const order = await clientOf(server).start('order-processing', ORDER, { idempotencyKey: 'order-17' });
    expect(order).toMatchObject({
      ...{ workflowId: ID, status: 'processing' },
      ...{ idempotencyKey: 'order-17', keyMade: false },
    });
    const [{ method, url, headers, body } = { headers: new Headers() }] = server.asked;
    expect({ method, url, body }).toEqual({
      method: 'POST',
      url: 'https://api.test/shop/api/workflows?chain=order-processing',
      body: ORDER,
    });
    expect(Object.fromEntries(headers)).toEqual({
      'content-type': 'application/json',
      'idempotency-key': 'order-17',
    });
  });

  it('makes a key where it is given none, says so, and repeats under the same', async () => {
    const server = fakeServer(GONE, BUSY, STARTED);
    const order = await clientOf(server).start('order-processing', ORDER);
    expect(order.keyMade).toBe(true);
    expect(order.idempotencyKey).toMatch(/^[0-9a-f-]{36}$/);
    const keys = server.asked.map(({ headers }) => headers.get('idempotency-key'));
    expect(keys).toEqual([order.idempotencyKey, order.idempotencyKey, order.idempotencyKey]);
    expect(server.slept).toEqual([500, 1_000]);
  });

  it.each([
    ['no answer', GONE, NoAnswer],
    ['a 503', BUSY, ProblemError],
  ])('without a key is not repeated after %s', async (_name, answer, error) => {
    const server = fakeServer(answer, STARTED);
    const start = clientOf(server).start('order-processing', ORDER, { idempotencyKey: false });
    await expect(start).rejects.toThrow(error);
    expect(server.asked).toHaveLength(1);
    expect(server.asked[0]?.headers.has('idempotency-key')).toBe(false);
  });

  it('without a key says that there is none', async () => {
    const order = await clientOf(fakeServer(STARTED)).start('order-processing', ORDER, {
      idempotencyKey: false,
    });
    expect(order).toMatchObject({ idempotencyKey: undefined, keyMade: false });
  });

  it('that is refused says by a ProblemError which fields are wrong', async () => {
    const errors = [{ field: 'amount', message: 'Too small' }];
    const problem = { type: 'about:blank', title: 'Bad Request', status: 400, detail: 'see errors', errors };
    const server = fakeServer({ status: 400, json: { ...problem, code: 'INVALID_REQUEST' } });
    const refused = await clientOf(server)
      .start('order-processing', ORDER)
      .catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ProblemError);
    expect(refused).toMatchObject({ code: 'INVALID_REQUEST', status: 400, detail: 'see errors', errors });
    expect(server.asked).toHaveLength(1);
  });
});

describe('a read', () => {
  const get = (server: ReturnType<typeof fakeServer>, more?: ClientOptions) =>
    clientOf(server, more).workflow(ID).get();

  it('is repeated after no answer, 429 and 5xx, and no sooner than it is asked to', async () => {
    const limited = { status: 429, headers: { 'retry-after': '3' }, json: { message: 'Too Many Requests' } };
    const server = fakeServer(GONE, limited, { status: 500, json: {} }, RUNNING);
    expect(await get(server)).toMatchObject({ status: 'processing' });
    expect(server.slept).toEqual([500, 3_000, 2_000]);
  });

  it('is given up after as many repeats as the client is told', async () => {
    const server = fakeServer(GONE);
    const error = await get(server).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(NoAnswer);
    expect(error).toMatchObject({ attempts: 5, cause: GONE });
    expect(String(error)).toContain(
      `GET /api/workflows/${ID} got no answer that can be read in 5 attempts: fetch failed`,
    );
    const once = fakeServer(BUSY);
    await expect(get(once, { retries: 0 })).rejects.toMatchObject({
      ...{ status: 503, code: 'UNKNOWN', detail: 'Service Unavailable' },
    });
    expect(once.asked).toHaveLength(1);
  });

  it('is given up where the server asks for more patience than there is', async () => {
    const server = fakeServer({ status: 503, headers: { 'retry-after': '3600' }, text: '<html>' });
    await expect(get(server)).rejects.toThrow('the server answered 503, and did not say why');
    expect(server.slept).toEqual([]);
  });

  it('of what is not Stepline fails, and says where to look', async () => {
    await expect(get(fakeServer({ text: '<html>' }))).rejects.toThrow('look at the address');
    await expect(get(fakeServer({ json: { status: 'ok' } }))).rejects.toThrow(NoAnswer);
  });

  it('ends with its signal, and asks nothing any more', async () => {
    const reason = new Error('enough');
    const server = fakeServer(GONE);
    const signal = AbortSignal.abort(reason);
    await expect(clientOf(server).workflow(ID).get({ signal })).rejects.toBe(reason);
    expect(server.asked).toEqual([]);
  });

  it('brings the timeline, and what an undo would do', async () => {
    const timeline = { ...RUNNING.json, timeline: [], operations: [] };
    const server = fakeServer({ json: timeline }, { json: { steps: [] } });
    const order = clientOf(server).workflow(ID);
    expect(await order.timeline()).toEqual(timeline);
    expect(await order.undoPlan()).toEqual({ steps: [] });
    expect(server.asked.map(({ url }) => url.replace(/^.*wf_0+/, ''))).toEqual(['/timeline', '/undo']);
  });

  it('names a workflow by nothing but its id', async () => {
    const server = fakeServer({ status: 404, json: {} });
    await expect(clientOf(server).workflow('../x?y').get()).rejects.toThrow(ProblemError);
    expect(server.asked[0]?.url).toBe('https://api.test/shop/api/workflows/..%2Fx%3Fy');
  });
});

describe('a change', () => {
  const order = (server: ReturnType<typeof fakeServer>) => clientOf(server).workflow(ID);

  it('sends what it is told, to its own path', async () => {
    const server = fakeServer(RUNNING);
    await order(server).cancel({ reason: 'the customer left', undo: true });
    await order(server).resume({ steps: { payment: { newKey: true } } });
    await order(server).undo();
    expect(server.asked.map(({ method, url, body }) => [method, url.replace(/^.*wf_0+/, ''), body])).toEqual([
      ['POST', '/cancel', { reason: 'the customer left', undo: true }],
      ['POST', '/resume', { steps: { payment: { newKey: true } } }],
      ['POST', '/undo', {}],
    ]);
  });

  it.each(['cancel', 'resume', 'undo'] as const)('by %s is never repeated', async (operation) => {
    const silent = fakeServer(GONE, RUNNING);
    await expect(order(silent)[operation]()).rejects.toThrow(NoAnswer);
    const busy = fakeServer(BUSY, RUNNING);
    await expect(order(busy)[operation]()).rejects.toThrow(ProblemError);
    expect([silent.asked.length, busy.asked.length]).toEqual([1, 1]);
  });
});

describe('a list', () => {
  it('goes through all pages, and asks for the next one when it is needed', async () => {
    const listed = (workflowId: string) => ({ workflowId, chain: 'order-processing', status: 'failed' });
    const server = fakeServer(
      { json: { workflows: [listed('a'), listed('b')], nextCursor: 'c/1' } },
      { json: { workflows: [], nextCursor: 'c2' } },
      { json: { workflows: [listed('c')], nextCursor: null } },
    );
    const seen: string[] = [];
    for await (const { workflowId } of clientOf(server).list({
      chain: 'order-processing',
      status: 'failed',
      limit: 2,
    })) {
      seen.push(`${workflowId} after ${server.asked.length}`);
    }
    expect(seen).toEqual(['a after 1', 'b after 1', 'c after 3']);
    expect(server.asked.map(({ url }) => new URL(url).search)).toEqual([
      '?chain=order-processing&status=failed&limit=2',
      '?chain=order-processing&status=failed&limit=2&cursor=c%2F1',
      '?chain=order-processing&status=failed&limit=2&cursor=c2',
    ]);
  });
});

describe('who asks', () => {
  const authorization = async (auth: NonNullable<ClientOptions['auth']>) => {
    const server = fakeServer(GONE, RUNNING);
    await clientOf(server, { auth }).workflow(ID).get();
    return server.asked.map(({ headers }) => headers.get('authorization') ?? '');
  };

  it('is said by a token, which is fetched anew for each attempt', async () => {
    expect(await authorization({ bearer: 't-0' })).toEqual(['Bearer t-0', 'Bearer t-0']);
    let fetched = 0;
    expect(await authorization({ bearer: async () => `t-${++fetched}` })).toEqual([
      'Bearer t-1',
      'Bearer t-2',
    ]);
  });

  it('is said by a signature over method, path, query, host and body', async () => {
    const credentials = { accessKeyId: 'AKID', secretAccessKey: 'secret', sessionToken: 'session' };
    const server = fakeServer(STARTED);
    const client = clientOf(server, { auth: { sign: { region: 'eu-central-1', credentials } } });
    await client.start('order-processing', ORDER, { idempotencyKey: 'k' });
    const headers = server.asked[0]?.headers;
    expect(headers?.get('authorization')).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKID\/\d{8}\/eu-central-1\/execute-api\/aws4_request, SignedHeaders=[a-z0-9;-]*host;[a-z0-9;-]+, Signature=[0-9a-f]{64}$/,
    );
    expect(headers?.get('x-amz-security-token')).toBe('session');
    expect(headers?.has('host')).toBe(false);
  });

  it('cannot be said by a token that cannot be fetched: nothing is asked', async () => {
    const server = fakeServer(RUNNING);
    const bearer = () => Promise.reject(new Error('signed out'));
    await expect(clientOf(server, { auth: { bearer } }).workflow(ID).get()).rejects.toThrow('signed out');
    expect(server.asked).toEqual([]);
  });
});

it.each(['api.test', 'ftp://api.test', 'https://api.test/?x=1', ''])('%j is no address', (url) => {
  expect(() => stepline(url)).toThrow(TypeError);
});
