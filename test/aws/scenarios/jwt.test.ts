import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ORDER, quickOrder } from '../../e2e/fixture-chains.ts';
import { ended, problemOf, resume, type Stage, send, show, start } from '../../e2e/stage.ts';
import {
  bootstrap,
  type Deployment,
  deploy,
  type StandingTargets,
  standingTargets,
} from '../deployment/deployment.ts';
import { type Behind, behind, deployedStage } from '../deployment/stage.ts';
import { unsignedFetch } from '../ministack/api.ts';
import { type MiniStack, startMiniStack } from '../ministack/ministack.ts';
import { onMiniStack } from '../ministack/suite.ts';
import { type Issuer, openIssuer } from './issuer.ts';

const AUDIENCE = 'stepline-api';
const OPERATOR = 'stepline/operate';
const claims = (tenant: string, scope?: string) => ({
  aud: AUDIENCE,
  sub: 'ada',
  'custom:tenant': tenant,
  ...(scope === undefined ? {} : { scope }),
});

onMiniStack('deployed with JWT authorization', () => {
  let aws: MiniStack;
  let back: Behind;
  let demo: StandingTargets;
  let issuer: Issuer;
  let apiUrl: string;

  beforeAll(async () => {
    issuer = await openIssuer();
    demo = await standingTargets();
    aws = await startMiniStack();
    back = behind(aws);
    const what: Deployment = {
      targets: demo.baseUrls,
      authorization: {
        type: 'jwt',
        issuer: issuer.url,
        audience: [AUDIENCE],
        tenantClaim: 'custom:tenant',
        operatorScope: OPERATOR,
      },
    };
    await bootstrap(aws, what);
    ({ apiUrl } = await deploy(aws, what));
  });
  afterAll(async () => {
    back?.close();
    await aws?.stop();
    await demo?.close();
    await issuer?.close();
  });

  /** The stage as the bearer of a token sees it. */
  const as = async (token: string | undefined): Promise<Stage> => ({
    ...(await deployedStage(apiUrl, aws.env, await demo.renew(), back)),
    fetch: bearing(token),
  });
  const bearing = (token: string | undefined): Stage['fetch'] =>
    unsignedFetch(apiUrl, aws.env, token === undefined ? {} : { authorization: `Bearer ${token}` });

  it('a token of a tenant starts and reads his workflows', async () => {
    const stage = await as(issuer.token(claims('acme')));
    const id = await start(stage, quickOrder.start, ORDER);
    expect(await ended(stage, id)).toMatchObject({ status: 'completed' });
    expect(await send(stage, 'GET', '/api/workflows')).toMatchObject({
      json: { workflows: [{ workflowId: id }] },
    });
  });

  it('another tenant’s workflow does not exist', async () => {
    const stage = await as(issuer.token(claims('acme', OPERATOR)));
    const id = await start(stage, quickOrder.start, ORDER);
    await ended(stage, id);
    const other = { ...stage, fetch: bearing(issuer.token(claims('globex', OPERATOR))) };
    for (const [method, path] of [
      ['GET', `/api/workflows/${id}`],
      ['GET', `/api/workflows/${id}/timeline`],
      ['POST', `/api/workflows/${id}/cancel`],
      ['POST', `/api/workflows/${id}/resume`],
    ] as const) {
      expect(problemOf(await send(other, method, path))).toMatchObject({
        status: 404,
        code: 'UNKNOWN_WORKFLOW',
      });
    }
    expect(await send(other, 'GET', '/api/workflows')).toMatchObject({ json: { workflows: [] } });
  });

  it('an operator’s scope is needed for the timeline, to cancel and to resume, and for nothing else', async () => {
    const stage = await as(issuer.token(claims('acme')));
    await stage.demo.setFault('shipping', { status: 422 });
    const id = await start(stage, quickOrder.start, ORDER);
    expect(await ended(stage, id)).toMatchObject({ status: 'failed' });
    await stage.demo.heal();
    for (const [operation, method] of [
      ['timeline', 'GET'],
      ['cancel', 'POST'],
      ['resume', 'POST'],
    ] as const) {
      const reply = await stage.fetch(`/api/workflows/${id}/${operation}`, { method });
      expect(reply.status, operation).toBe(403);
    }
    const shown = await show(stage, id);
    expect(shown.error).toMatchObject({ code: 'REFUSED', target: 'shipping', httpStatus: 422 });
    expect(shown.error).not.toHaveProperty('detail');
    const operator = { ...stage, fetch: bearing(issuer.token(claims('acme', `other ${OPERATOR}`))) };
    expect((await show(operator, id, true)).error).toHaveProperty('detail');
    expect(await resume(operator, id)).toMatchObject({ status: 202 });
    expect(await ended(stage, id)).toMatchObject({ status: 'completed' });
  });

  const now = Math.floor(Date.now() / 1_000);
  describe('lets nobody in', () => {
    it.each<readonly [string, (() => string) | undefined]>([
      ['without a token', undefined],
      ['with a token for another audience', () => issuer.token({ ...claims('acme'), aud: 'another-api' })],
      ['with a token that is over', () => issuer.token({ ...claims('acme'), exp: now - 60 })],
      [
        'with a token of another issuer',
        () => issuer.token({ ...claims('acme'), iss: 'https://evil.example' }),
      ],
      [
        'with a token that was changed',
        () => {
          const [header, , signature] = issuer.token(claims('acme')).split('.');
          const body = Buffer.from(JSON.stringify({ ...claims('globex'), iss: issuer.url })).toString(
            'base64url',
          );
          return `${header}.${body}.${signature}`;
        },
      ],
      ['with no token at all but some text', () => 'let-me-in'],
    ])('%s', async (_, token) => {
      const stage = await as(token?.());
      const replies = [
        await stage.fetch(quickOrder.start, { method: 'POST', body: JSON.stringify(ORDER) }),
        await stage.fetch('/api/workflows'),
      ];
      expect(replies.map(({ status }) => status)).toEqual([401, 401]);
      expect(stage.demo.ledger('payments').calls).toBe(0);
    });
  });

  it('a token without the tenant’s claim is told so', async () => {
    const stage = await as(issuer.token({ aud: AUDIENCE, sub: 'ada' }));
    const answer = await send(stage, 'POST', quickOrder.start, ORDER);
    expect(problemOf(answer)).toMatchObject({ status: 403, code: 'NO_TENANT' });
    expect(problemOf(answer).detail).toContain('custom:tenant');
  });
});
