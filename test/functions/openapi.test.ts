import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { overviewHandler } from '../../functions/handlers.ts';
import { openApi } from '../../lib/openapi/document.ts';
import { expectRefusal } from './refusals.ts';
import { bodyOf, openStage, request, type TestStage } from './stage.ts';

let stage: TestStage;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

const ROUTE = { routeKey: 'GET /api/openapi.json', rawPath: '/api/openapi.json' };

describe('the function that lists workflows', () => {
  it('describes the API, by the route that the API let pass', async () => {
    const answer = await overviewHandler(stage.engine)(request(ROUTE));
    expect(answer).toMatchObject({ statusCode: 200, headers: { 'content-type': 'application/json' } });
    expect(answer.body).toBe(JSON.stringify(openApi(stage.engine.chains)));
    const listed = await overviewHandler(stage.engine)(request({ routeKey: 'GET /api/workflows' }));
    expect(bodyOf(listed)).toEqual({ workflows: [], nextCursor: null });
  });

  it('says where the paths begin behind the mapping of a custom domain', async () => {
    const answer = await overviewHandler(stage.engine)(
      request({ ...ROUTE, rawPath: '/shop/api/openapi.json' }),
    );
    expect(bodyOf(answer)).toMatchObject({ servers: [{ url: '/shop' }], openapi: '3.1.1' });
    const other = await overviewHandler(stage.engine)(request(ROUTE));
    expect(bodyOf(other)).not.toHaveProperty('servers');
  });

  it('describes it to callers of no tenant, too', async () => {
    const answer = await overviewHandler({ ...stage.engine, tenantClaim: 'custom:tenant' })(request(ROUTE));
    expect(answer.statusCode).toBe(200);
  });

  it('refuses a parameter of the description', async () => {
    const asked = request({ ...ROUTE, queryStringParameters: { chain: 'order-processing' } });
    expectRefusal(await overviewHandler(stage.engine)(asked), {
      status: 400,
      code: 'INVALID_REQUEST',
      fields: ['chain'],
    });
  });
});
