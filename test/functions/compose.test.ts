import type { Socket } from 'node:net';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  apiService,
  BOUNDS,
  ownQueue,
  queueOf,
  reconcilerEngine,
  stepFailedEngine,
  watch,
  workerEngine,
} from '../../functions/compose.ts';
import { createDynamoDbStore } from '../../lib/adapters/dynamodb/store.ts';
import { LIMITS } from '../../lib/contract/limits.ts';
import { ENV, LOG_LEVELS, MONITORING, queueSuffix, STEP_FAILED } from '../../lib/contract/names.ts';
import { EngineError } from '../../lib/engine/errors.ts';
import type { Engine } from '../../lib/engine/shell.ts';
import { rawServer } from '../adapters/http/raw-server.ts';
import { testProxy } from '../adapters/http/test-proxy.ts';
import { closers } from '../support/closers.ts';
import { chains } from '../support/shipped-chains.ts';

vi.mock('#chains', () => import('../support/shipped-chains.ts'));

const TARGETS = JSON.stringify({
  payments: { baseUrl: 'http://payments.test', headers: { a: 'env:PAY_KEY' } },
});
const SETTINGS: Readonly<Record<string, string>> = {
  [ENV.tableName]: 'stepline-dev',
  [ENV.queueUrlPrefix]: 'https://sqs.eu-central-1.amazonaws.com/123456789012/stepline_dev_',
  [ENV.stage]: 'dev',
  [ENV.targets]: TARGETS,
  [ENV.failuresTopicArn]: 'arn:aws:sns:eu-central-1:123456789012:stepline-dev-on-call',
  [ENV.runbookUrl]: 'https://wiki.example.com/runbook.md',
  [ENV.chain]: 'order-processing',
  [ENV.step]: 'payment',
  [ENV.tenantClaim]: 'custom:tenant',
  [ENV.waitPlaces]: '100',
  PAY_KEY: 's3cret',
};

beforeEach(() => {
  for (const name of Object.values(ENV)) vi.stubEnv(name, undefined);
  for (const [name, value] of Object.entries(SETTINGS)) vi.stubEnv(name, value);
});
afterEach(() => {
  vi.unstubAllEnvs();
});

const refusalOf = (compose: () => unknown): string => {
  try {
    compose();
  } catch (error) {
    if (error instanceof EngineError && error.code === 'CONFIGURATION') return error.message;
    throw error;
  }
  throw new Error('it was composed');
};

const COMMON = [ENV.tableName, ENV.queueUrlPrefix, ENV.stage];
/** Each part of the composition, and the environment variables that it needs. */
const PARTS: readonly (readonly [string, () => unknown, readonly string[]])[] = [
  ['the API', apiService, COMMON],
  ['reads that wait', watch, [ENV.tableName, ENV.waitPlaces]],
  ['a step', workerEngine, [...COMMON, ENV.targets]],
  ['a step’s own queue', ownQueue, [ENV.chain, ENV.step]],
  ['the step-failed function', stepFailedEngine, [...COMMON, ENV.failuresTopicArn, ENV.runbookUrl]],
  ['the reconciler', reconcilerEngine, [...COMMON, ENV.failuresTopicArn, ENV.runbookUrl]],
];
const NEEDS = PARTS.flatMap(([part, compose, names]) => names.map((name) => [part, name, compose] as const));
const SPARES = PARTS.flatMap(([part, compose, names]) =>
  Object.keys(SETTINGS)
    .filter((name) => !names.includes(name) && name !== 'PAY_KEY')
    .map((name) => [part, name, compose] as const),
);

describe('the composition', () => {
  it.each(PARTS)('of %s succeeds with its settings', (_part, compose) => {
    expect(compose()).toBeDefined();
  });

  it.each(NEEDS)('of %s names %s where it is missing or empty', (_part, name, compose) => {
    vi.stubEnv(name, undefined);
    expect(refusalOf(compose)).toBe(`the environment variable ${name} is not set`);
    vi.stubEnv(name, '');
    expect(refusalOf(compose)).toBe(`the environment variable ${name} is not set`);
  });

  it.each(SPARES)('of %s does without %s', (_part, name, compose) => {
    vi.stubEnv(name, undefined);
    expect(compose()).toBeDefined();
  });

  it.each([
    ['no JSON', '{', `the environment variable ${ENV.targets} is not JSON`],
    ['no object', '[]', 'the settings of the targets are wrong'],
    ['a target without a base URL', '{"payments":{}}', '"payments.baseUrl"'],
    [
      'an unknown variable',
      '{"p":{"baseUrl":"http://p","headers":{"a":"env:NO_KEY"}}}',
      '"NO_KEY", which is not set',
    ],
    [
      'a secret of a store that there is not',
      '{"p":{"baseUrl":"http://p","secret":{"store":"vault","name":"p","header":"a"}}}',
      '"p.secret.store"',
    ],
  ])('of a step refuses target settings with %s', (_what, value, message) => {
    vi.stubEnv(ENV.targets, value);
    const refusal = refusalOf(workerEngine);
    expect(refusal).toContain(message);
    expect(refusal).toContain(ENV.targets);
  });

  it.each(['stepline_dev_', '/stepline_dev_', 'https//sqs'])('refuses %j for the queues’ URL', (value) => {
    vi.stubEnv(ENV.queueUrlPrefix, value);
    expect(refusalOf(apiService)).toContain(ENV.queueUrlPrefix);
    expect(refusalOf(() => queueOf('arn:aws:sqs:x:1:stepline_dev_a_b'))).toContain(ENV.queueUrlPrefix);
  });

  it.each([
    [ENV.chain, 'orders'],
    [ENV.step, 'shipping'],
    [ENV.step, 'toString'],
  ])('of a step’s own queue refuses a %s that no chain has', (name, value) => {
    vi.stubEnv(name, value);
    const refusal = refusalOf(ownQueue);
    expect(refusal).toContain(name);
    expect(refusal).toContain(value);
  });

  it.each(MONITORING)('takes the monitoring %s', (monitoring) => {
    vi.stubEnv(ENV.monitoring, monitoring);
    expect(() => apiService()).not.toThrow();
  });

  it('refuses a monitoring that there is not', () => {
    vi.stubEnv(ENV.monitoring, 'none');
    expect(refusalOf(apiService)).toBe(
      `the environment variable ${ENV.monitoring} is "none"; it must be one of full, lean`,
    );
  });

  it('takes shorter waits for tests, in the functions that call and in those that compute with waits', () => {
    const waits = (engine: { readonly chains: Engine['chains'] }) =>
      engine.chains.find('order-processing', 1)?.steps.map(({ backoff }) => backoff.base);
    expect(waits(workerEngine())).toEqual([45, 20, 8]);
    vi.stubEnv(ENV.backoffScale, '0.5');
    expect(waits(workerEngine())).toEqual([22.5, 10, 4]);
    expect(waits(reconcilerEngine())).toEqual([22.5, 10, 4]);
  });

  it('of a step calls targets through the proxy of its environment, and refuses one that is none', async () => {
    const proxy = await testProxy(undefined, { forward: (_, response) => response.end('by the proxy') });
    closers.push(() => proxy.close());
    vi.stubEnv('http_proxy', undefined);
    vi.stubEnv('no_proxy', undefined);
    vi.stubEnv('HTTP_PROXY', proxy.url);
    const { http } = workerEngine().ports;
    const request = { method: 'GET', url: 'http://payments.test/x', headers: {} };
    expect(await http.call(request, 5_000)).toMatchObject({ body: 'by the proxy' });
    expect(proxy.asked).toMatchObject([{ line: 'GET http://payments.test/x' }]);
    vi.stubEnv('HTTP_PROXY', 'me:s3cret@proxy');
    expect(refusalOf(workerEngine)).toMatch(/^the environment variable HTTP_PROXY must begin with http:/);
    expect(apiService()).toBeDefined();
  });

  it.each(['0', '-1', '2', 'half', ''])('refuses waits that are multiplied with "%s"', (scale) => {
    vi.stubEnv(ENV.backoffScale, scale);
    expect(refusalOf(workerEngine)).toBe(
      `the environment variable ${ENV.backoffScale} is "${scale}"; it must be a number above 0 and at most 1, or not be set at all`,
    );
  });

  it.each(LOG_LEVELS)('takes the log level %s', (level) => {
    vi.stubEnv(ENV.logLevel, level);
    expect(apiService()).toBeDefined();
  });

  it.each(['INFO', 'verbose', ''])('refuses the log level %j and says which there are', (level) => {
    vi.stubEnv(ENV.logLevel, level);
    expect(refusalOf(apiService)).toBe(
      `the environment variable ${ENV.logLevel} is "${level}"; it must be one of debug, info, warn, error, silent`,
    );
  });

  it('reads the tenant from a claim only where one is named', () => {
    expect(apiService().tenantClaim).toBe('custom:tenant');
    vi.stubEnv(ENV.tenantClaim, undefined);
    expect(apiService().tenantClaim).toBeUndefined();
  });

  it('refuses an empty claim, which would put all tenants together', () => {
    vi.stubEnv(ENV.tenantClaim, '');
    expect(refusalOf(apiService)).toBe(
      `the environment variable ${ENV.tenantClaim} is empty; it must name a claim, or not be set at all`,
    );
  });

  it('knows every chain', () => {
    for (const { name, version } of chains) {
      expect(apiService().chains.find(name, version)).toBeDefined();
      expect(workerEngine().chains.find(name, version)).toBeDefined();
    }
  });

  it('gives a step the targets of its settings, variables read', () => {
    expect(workerEngine().ports.targets.resolve('payments')).toEqual({
      baseUrl: 'http://payments.test',
      headers: { a: 's3cret' },
    });
    expect(() => workerEngine().ports.targets.resolve('shipping')).toThrow(
      expect.objectContaining({ code: 'TARGET_MISSING' }),
    );
  });

  it('gives a step the queue of its chain and step', () => {
    expect(ownQueue()).toEqual({ chain: 'order-processing', step: 'payment', kind: 'step' });
  });
});

/** A header line every few milliseconds, as long as the connection lasts. */
function drip(socket: Socket): void {
  socket.write('HTTP/1.1 200 OK\r\n');
  const dripping = setInterval(() => socket.write('x: y\r\n'), 10);
  socket.on('close', () => clearInterval(dripping));
}

describe('the bounds of a request to AWS', () => {
  /** A request under the bounds, with one of their times cut to some milliseconds, to a server that does this to it. */
  const requestTo = async (onRequest: (socket: Socket) => void, cut: object): Promise<unknown> => {
    const server = await rawServer(onRequest);
    const client = new DynamoDBClient({
      ...BOUNDS,
      maxAttempts: 1,
      requestHandler: { ...BOUNDS.requestHandler, requestTimeout: 60_000, socketTimeout: 60_000, ...cut },
      endpoint: server.url,
      region: 'us-east-1',
      credentials: { accessKeyId: 'none', secretAccessKey: 'none' },
    });
    try {
      return await createDynamoDbStore({ client, tableName: 'table' }).load({ tenant: 't', workflowId: 'w' });
    } finally {
      client.destroy();
      await server.close();
    }
  };

  it.each<[string, (socket: Socket) => void, object]>([
    ['never answers', () => undefined, { requestTimeout: 50 }],
    ['never ends its headers', drip, { requestTimeout: 50 }],
    [
      'stops in the middle of its answer',
      (socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"Items":'),
      { socketTimeout: 50 },
    ],
  ])(
    'end one that %s',
    async (_what, onRequest, cut) => {
      await expect(requestTo(onRequest, cut)).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
        message: expect.stringContaining('TimeoutError'),
      });
    },
    5_000,
  );

  it('are set for all three', () => {
    expect(BOUNDS.requestHandler).toMatchObject({
      connectionTimeout: expect.any(Number),
      requestTimeout: expect.any(Number),
      socketTimeout: expect.any(Number),
    });
  });

  it('leave all attempts within the margin of a function', () => {
    const { connectionTimeout, requestTimeout, socketTimeout } = BOUNDS.requestHandler;
    const attempt = connectionTimeout + Math.max(requestTimeout, socketTimeout);
    expect(BOUNDS.maxAttempts * attempt).toBeLessThan(LIMITS.functionMargin * 1_000);
  });
});

describe('the queue behind an event source', () => {
  const arn = (name: string) => `arn:aws:sqs:eu-central-1:123456789012:${name}`;

  it('is the step’s or the dead-letter queue that its name says, for every step of every chain', () => {
    for (const { name: chain, steps } of chains) {
      for (const { name: step } of steps) {
        for (const kind of ['step', 'deadLetter'] as const) {
          const queue = { chain, step, kind };
          expect(queueOf(arn(`stepline_dev_${queueSuffix(queue)}`))).toEqual(queue);
        }
      }
    }
  });

  it('is that of the dead letters of all steps', () => {
    expect(queueOf(arn('stepline_dev_step-failed'))).toEqual(STEP_FAILED);
  });

  it.each([
    ['another stage', 'stepline_prod_order-processing_payment_dlq'],
    ['another stage, whose dead letters are ours by name only', 'stepline_prod_step-failed'],
    ['another stage with a name as long', 'stepline_stg_order-processing_payment_dlq'],
    ['a stage whose name begins alike', 'stepline_dev2_order-processing_payment_dlq'],
    ['another application', 'orders'],
    ['another application with names alike', 'shopping_dev_order-processing_payment_dlq'],
    ['this stage, but none of ours', 'stepline_dev_order-processing'],
    ['this stage, with a suffix that we do not give', 'stepline_dev_order-processing_payment_old'],
    ['nobody', ''],
  ])('of %s is refused, by name', (_whose, name) => {
    const refusal = refusalOf(() => queueOf(arn(name)));
    expect(refusal).toBe(`${arn(name)} is not a queue of this stage`);
  });
});
