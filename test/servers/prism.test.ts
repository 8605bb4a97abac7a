import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import * as z from 'zod';
import { chain, form, path, type RequestSpec, target } from '../../lib/chain/index.ts';
import { stepline, type Targets } from './stepline.ts';
import { DESCRIPTIONS, PRISM_CLI } from './tools/install.ts';
import { type Server, startServer } from './tools/server.ts';
import { withServer } from './tools/suite.ts';

const pets = target('pets');
const patents = target('patents');

const orderPet = chain('order-pet', {
  version: 1,
  start: '/api/order-pet',
  input: z.strictObject({ petId: z.int(), quantity: z.int().positive() }),
})
  .step('order', {
    request: ({ input }) => pets.post('/store/order', { ...input, status: 'placed', complete: false }),
    response: z.object({ id: z.int(), status: z.enum(['placed', 'approved', 'delivered']) }),
  })
  .step('read', {
    request: ({ input }) => pets.get(path`/store/order/${input.petId}`),
    response: z.object({ id: z.int(), quantity: z.int() }),
  })
  .step('search', {
    request: ({ results }) =>
      patents.post(
        '/oa_citations/v1/records',
        form({ criteria: `id:${results.order.id}`, start: 1, rows: 5 }),
      ),
    response: z.array(z.record(z.string(), z.unknown())),
  })
  .output(({ results }) => ({ orderId: results.read?.id ?? null }));

const wrong = (request: () => RequestSpec) =>
  chain('wrong-call', { version: 1, start: '/api/wrong-call', input: z.strictObject({}) }).step('call', {
    request,
    retries: 0,
    timeout: 10,
  }).definition;

withServer('npm', 'Prism', () => {
  const servers: Server[] = [];
  /** A server that is made of nothing but the description of a public API. */
  const described = async (description: string): Promise<Server> => {
    const server = await startServer('prism', (port) => [
      process.execPath,
      ...[PRISM_CLI, 'mock', '--host', '127.0.0.1', '--port', String(port)],
      join(DESCRIPTIONS, description),
    ]);
    servers.push(server);
    return server;
  };
  let targets: Targets;
  beforeAll(async () => {
    const [petstore, uspto] = await Promise.all([
      described('3.0/json/petstore.json'),
      described('3.0/json/uspto.json'),
    ]);
    targets = {
      pets: { baseUrl: petstore.url, headers: { authorization: 'Bearer pet-owner' } },
      patents: { baseUrl: uspto.url },
    };
  });
  afterAll(async () => {
    for (const server of servers) await server.stop();
  });

  it('takes what a chain sends for what the descriptions ask: JSON, a path and a form', async () => {
    const { run } = await stepline([orderPet], targets);
    const shown = await run('/api/order-pet', { petId: 10, quantity: 2 });
    expect(shown, JSON.stringify(shown.error)).toMatchObject({
      status: 'completed',
      orderId: expect.any(Number),
    });
  });

  it.each<[string, () => RequestSpec, string]>([
    [
      'JSON without a field that must be there',
      () => pets.post('/pet', { id: 7, photoUrls: ['a.png'] }),
      "422 Unprocessable Entity; the reply was: validation.0.location.0: body; validation.0.severity: Error; validation.0.code: required; validation.0.message: Request body must have required property 'name'; ",
    ],
    [
      'a field of a form that is no number',
      () => patents.post('/oa_citations/v1/records', form({ criteria: 'a:b', start: 'many' })),
      'validation.0.message: Request body property start must be integer; ',
    ],
    [
      'a part of the path that is no number',
      () => pets.post('/pet/seven', form({ name: 'Rex' })),
      'validation.0.message: Request path parameter petid must be integer; ',
    ],
    [
      'JSON in place of a form',
      () => patents.post('/oa_citations/v1/records', { criteria: 'a:b' }),
      '415 Unsupported Media Type; the reply was: detail: Supported content types: application/x-www-form-urlencoded; title: Invalid content type; ',
    ],
    [
      'a path that the description does not have',
      () => pets.get('/cats'),
      '404 Not Found; the reply was: detail: The route /cats hasn',
    ],
  ])('refuses %s, and the timeline says what is wrong with it', async (_, request, said) => {
    const { run } = await stepline([wrong(request)], targets);
    const { status, error } = await run('/api/wrong-call', {});
    expect(status).toBe('failed');
    expect(error).toMatchObject({ code: 'REFUSED', effect: 'none', detail: expect.stringContaining(said) });
  });

  it('refuses who has no token, and the timeline says how to sign in', async () => {
    const { pets = { baseUrl: '' }, ...others } = targets;
    const { run } = await stepline([wrong(() => target('pets').post('/pet', { name: 'Rex' }))], {
      ...others,
      pets: { baseUrl: pets.baseUrl },
    });
    const { error } = await run('/api/wrong-call', {});
    expect(error).toMatchObject({ code: 'REFUSED', httpStatus: 401, effect: 'none' });
    expect(error?.detail).toMatch(/^401 Unauthorized; www-authenticate: OAuth2; .*the security requirements/);
  });
});
