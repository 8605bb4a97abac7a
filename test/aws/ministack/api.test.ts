import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import * as z from 'zod';
import { miniStackApi, signedFetch, unsignedFetch } from './api.ts';
import { createUser } from './iam.ts';
import { ACCOUNT, type MiniStack, REGION, startMiniStack } from './ministack.ts';
import { onMiniStack } from './suite.ts';

onMiniStack('a signed request', () => {
  let aws: MiniStack;
  let echo: Server;
  let apiId: string;
  /** Somebody who may read below /api, and nothing else. */
  let reader: Readonly<Record<string, string>>;
  beforeAll(async () => {
    aws = await startMiniStack({ auth: true });
    echo = createServer(async (request, response) => {
      const { method, url, headers } = request;
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ method, url, kind: headers['content-type'], body: await text(request) }));
    }).listen(0, '127.0.0.1');
    await once(echo, 'listening');
    apiId = await createApi(aws, echo);
    const api = `arn:aws:execute-api:${REGION}:${ACCOUNT}:${apiId}`;
    reader = await createUser(aws, 'reader', [
      { Effect: 'Allow', Action: 'execute-api:Invoke', Resource: `${api}/$default/GET/api/*` },
    ]);
  });
  afterAll(async () => {
    echo.close();
    await aws.stop();
  });

  const send = (path: string, init?: RequestInit, env = reader) =>
    signedFetch(miniStackApi(apiId, aws), env)(path, init);

  it('reaches the API that its host names, with what it carries', async () => {
    const post = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"text":"ü"}' };
    const reply = await send('/any', post, aws.env);
    expect(reply.status).toBe(200);
    expect(reply.headers.get('content-type')).toBe('application/json');
    const { method, kind, body } = echoed.parse(await reply.json());
    expect({ method, kind, body }).toEqual({
      method: 'POST',
      kind: 'application/json',
      body: '{"text":"ü"}',
    });
  });

  it('is signed as AWS reads it: path, query with names that repeat, headers', async () => {
    const reply = await send('/api/%7Eada?name=%C3%BC&list=2&list=1&empty=', {
      headers: { 'x-mine': ' a  b ' },
    });
    expect(reply.status, await reply.clone().text()).toBe(200);
    const { url, body } = echoed.parse(await reply.json());
    expect(new URL(url, 'http://any').searchParams.getAll('list')).toEqual(['2', '1']);
    expect(body).toBe('');
  });

  it('is signed with its body', async () => {
    const writer = await createUser(aws, 'writer', [
      { Effect: 'Allow', Action: 'execute-api:Invoke', Resource: '*' },
    ]);
    const reply = await send('/api/orders', { method: 'POST', body: '{"amount":1}' }, writer);
    expect(reply.status).toBe(200);
  });

  it('is refused where its policy does not allow it, and when another secret has signed it', async () => {
    expect((await send('/other')).status).toBe(403);
    expect((await send('/api/orders', { method: 'POST' })).status).toBe(403);
    const forged = { ...reader, AWS_SECRET_ACCESS_KEY: 'another' };
    expect((await send('/api/orders', {}, forged)).status).toBe(403);
  });

  it('is needed', async () => {
    const unsigned = unsignedFetch(miniStackApi(apiId, aws), aws.env);
    expect((await unsigned('/api/orders')).status).toBe(403);
  });
});

const echoed = z.object({
  method: z.string(),
  url: z.string(),
  kind: z.string().optional(),
  body: z.string(),
});
const created = z.object({ apiId: z.string().optional(), integrationId: z.string().optional() });

/** An HTTP API with IAM authorization in front of a server. */
async function createApi(aws: MiniStack, behind: Server): Promise<string> {
  const send = signedFetch(aws.endpoint, aws.env, 'apigateway');
  const create = async (path: string, body: object) => {
    const reply = await send(path, { method: 'POST', body: JSON.stringify(body) });
    expect(reply.status, path).toBe(201);
    return created.parse(await reply.json());
  };
  const address = behind.address();
  if (address === null || typeof address === 'string') throw new Error('not a TCP server');
  const { apiId = '' } = await create('/v2/apis', { name: 'echo', protocolType: 'HTTP' });
  const { integrationId } = await create(`/v2/apis/${apiId}/integrations`, {
    integrationType: 'HTTP_PROXY',
    integrationUri: `http://127.0.0.1:${address.port}`,
    payloadFormatVersion: '1.0',
  });
  await create(`/v2/apis/${apiId}/routes`, {
    routeKey: '$default',
    target: `integrations/${integrationId}`,
    authorizationType: 'AWS_IAM',
  });
  await create(`/v2/apis/${apiId}/stages`, { stageName: '$default', autoDeploy: true });
  return apiId;
}
