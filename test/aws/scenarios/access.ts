import { expect, it } from 'vitest';
import { ORDER, quickOrder } from '../../e2e/fixture-chains.ts';
import { ended, type Stage, send, start } from '../../e2e/stage.ts';
import type { Deployed } from '../deployment/stage.ts';
import { signedFetch, unsignedFetch } from '../ministack/api.ts';
import { createUser } from '../ministack/iam.ts';

/** Who may call the API: whoever signs, and is allowed to. */
export function accessScenarios(deployed: () => Deployed, open: () => Promise<Stage>): void {
  const ROUTES = [
    ['POST', quickOrder.start],
    ['GET', '/api/workflows'],
    ['GET', `/api/workflows/wf_${'0'.repeat(32)}`],
    ['GET', `/api/workflows/wf_${'0'.repeat(32)}/timeline`],
    ['POST', `/api/workflows/wf_${'0'.repeat(32)}/cancel`],
    ['POST', `/api/workflows/wf_${'0'.repeat(32)}/resume`],
    ['GET', '/api/openapi.json'],
    ['GET', '/api/nowhere'],
  ] as const;

  it('nobody without a signature, on no route', async () => {
    const { aws, outputs } = deployed();
    await open();
    const unsigned = unsignedFetch(outputs.apiUrl, aws.env);
    for (const [method, path] of ROUTES) {
      const reply = await unsigned(path, {
        method,
        ...(method === 'POST' ? { body: JSON.stringify(ORDER) } : {}),
      });
      expect(reply.status, `${method} ${path}`).toBe(403);
    }
  });

  it('nobody whose policy does not say so', async () => {
    const { aws, outputs } = deployed();
    const stage = await open();
    const nobody = await createUser(aws, 'nobody', [
      { Effect: 'Allow', Action: 'sqs:ListQueues', Resource: '*' },
    ]);
    const reply = await signedFetch(outputs.apiUrl, nobody)('/api/workflows');
    expect(reply.status).toBe(403);
    expect(await send(stage, 'GET', '/api/workflows')).toMatchObject({ json: { workflows: [] } });
  });

  it('a reader who may look, and may not resume', async () => {
    const { aws, outputs } = deployed();
    const stage = await open();
    const id = await start(stage, quickOrder.start, ORDER);
    await ended(stage, id);
    const reader = await createUser(aws, 'reader', [
      { Effect: 'Allow', Action: 'execute-api:Invoke', Resource: 'arn:aws:execute-api:*:*:*/*/GET/*' },
    ]);
    const asReader = signedFetch(outputs.apiUrl, reader);
    expect((await asReader(`/api/workflows/${id}`)).status).toBe(200);
    expect((await asReader(`/api/workflows/${id}/resume`, { method: 'POST' })).status).toBe(403);
  });

  it('a client who may read workflows, and not what their targets answered; and an operator who may', async () => {
    const { aws, outputs } = deployed();
    const stage = await open();
    const id = await start(stage, quickOrder.start, ORDER);
    await ended(stage, id);
    const allow = {
      Effect: 'Allow',
      Action: 'execute-api:Invoke',
      Resource: 'arn:aws:execute-api:*:*:*/*/GET/*',
    } as const;
    const deny = {
      ...allow,
      Effect: 'Deny',
      Resource: 'arn:aws:execute-api:*:*:*/*/GET/api/workflows/*/timeline',
    } as const;
    const asClient = signedFetch(outputs.apiUrl, await createUser(aws, 'client', [allow, deny]));
    expect((await asClient(`/api/workflows/${id}`)).status).toBe(200);
    expect((await asClient(`/api/workflows/${id}/timeline`)).status).toBe(403);
    const operator = await createUser(aws, 'operator', [{ ...allow, Resource: deny.Resource }]);
    const asOperator = signedFetch(outputs.apiUrl, operator);
    expect((await asOperator(`/api/workflows/${id}/timeline`)).status).toBe(200);
    expect((await asOperator(`/api/workflows/${id}`)).status).toBe(403);
  });
}
