import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import type { ChainDefinition } from '../../lib/chain/definition.ts';
import { chain, form, multipart, path, target, text } from '../../lib/chain/index.ts';
import { startAnswer } from '../../lib/contract/wire.ts';
import { type LocalProcess, startLocal } from '../../lib/local/process.ts';
import { closers } from '../support/closers.ts';
import { completed, QUIET, show } from './process-support.ts';

const loyalty = target('loyalty');
const cards = target('cards');

const chainOf = (response: z.ZodType, version = 1) =>
  chain('gift-cards', {
    version,
    start: `/api/gift-card-${version}`,
    input: z.object({ email: z.string(), code: z.string() }),
    sensitive: ['code'],
  })
    .step('points', {
      request: ({ input }) => loyalty.get(`/points/${input.email}`),
      response: z.object({ points: z.int().positive() }),
    })
    .step('card', {
      request: ({ input }) => cards.put('/cards', { secret: { text: `code ${input.code}` } }),
      response,
      retries: 0,
    }).definition;

async function local(chains: readonly ChainDefinition[], data?: string): Promise<LocalProcess> {
  const started = await startLocal(chains, { ...QUIET, data }, { readable: false, say: () => undefined });
  closers.push(() => started.stop().catch(() => undefined));
  return started;
}

async function begin({ baseUrl }: LocalProcess, version = 1): Promise<string> {
  const body = JSON.stringify({ email: 'ada', code: 'open-sesame-1234' });
  const reply = await fetch(`${baseUrl}/api/gift-card-${version}`, { method: 'POST', body });
  return startAnswer.parse(await reply.json()).workflowId;
}

const directory = (): string => {
  const made = mkdtempSync(join(tmpdir(), 'stepline-own-'));
  closers.push(() => rmSync(made, { recursive: true }));
  return made;
};

describe('a chain of one’s own with targets that nobody described', () => {
  it('goes through: each step is answered what its response schema describes', async () => {
    const running = await local([chainOf(z.object({ cardId: z.string() }))]);
    const id = await begin(running);
    await completed(running.baseUrl, id);
    expect(running.demo?.ledger('loyalty').effects).toMatchObject([
      { key: `${id}:points:do:0`, path: '/points/ada', times: 1 },
    ]);
    expect(running.demo?.ledger('cards').effects).toMatchObject([
      { key: `${id}:card:do:0`, method: 'PUT', times: 1 },
    ]);
  });

  it('is answered by the schema of its own version', async () => {
    const versions = [chainOf(z.object({ cardId: z.string() })), chainOf(z.object({ number: z.int() }), 2)];
    const data = directory();
    const before = await local(versions.slice(0, 1), data);
    await before.demo?.setFault('cards', { status: 503 });
    const old = await begin(before);
    await expect.poll(async () => (await show(before.baseUrl, old)).status).toBe('failed');
    await before.stop();
    const after = await local(versions, data);
    await fetch(`${after.baseUrl}/api/workflows/${old}/resume`, { method: 'POST' });
    await completed(after.baseUrl, old);
    await completed(after.baseUrl, await begin(after, 2));
  });

  it('stops where no reply can be made, says what to write, and goes on once that is written', async () => {
    const never = z.object({ cardId: z.string().refine((text) => text.startsWith('gc-'), 'no gift card') });
    const data = directory();
    const before = await local([chainOf(never)], data);
    const id = await begin(before);
    await expect.poll(async () => (await show(before.baseUrl, id)).status).toBe('failed');
    expect((await show(before.baseUrl, id)).error).toMatchObject({
      step: 'card',
      httpStatus: 501,
      detail: expect.stringContaining(
        'write .meta({ examples: [a reply] }) after the response schema of gift-cards/card',
      ),
    });
    await before.stop();
    const after = await local([chainOf(never.meta({ examples: [{ cardId: 'gc-1' }] }))], data);
    await fetch(`${after.baseUrl}/api/workflows/${id}/resume`, { method: 'POST' });
    await completed(after.baseUrl, id);
    expect(after.demo?.ledger('loyalty').effects).toMatchObject([{ times: 1 }]);
  });

  it('leaves its sensitive input in no ledger', async () => {
    const data = directory();
    const running = await local([chainOf(z.object({}))], data);
    await completed(running.baseUrl, await begin(running));
    expect(running.demo?.ledger('cards').effects[0]?.body).toEqual({ secret: { text: 'code …1234' } });
    expect(readFileSync(join(data, 'demo-ledger.jsonl'), 'utf8')).not.toContain('open-sesame');
  });

  it('goes through where it sends a form, text and files, to a path and a query of values', async () => {
    const response = z.object({ id: z.string() });
    const stripe = target('stripe');
    const odd = chain('odd-bodies', {
      version: 1,
      start: '/api/gift-card-1',
      input: z.object({ email: z.string(), code: z.string() }),
      sensitive: ['code'],
    })
      .step('customer', {
        request: ({ input }) =>
          stripe.post('/customers', form({ email: input.email, metadata: { code: input.code } })),
        response,
      })
      .step('charge', {
        request: ({ results }) =>
          stripe.post(path`/customers/${results.customer.id}/charges`, text('<charge/>', 'application/xml'), {
            query: { expand: ['balance', 'source'] },
          }),
        response,
      })
      .step('file', {
        request: ({ input }) =>
          stripe.post(
            '/files',
            multipart([
              { name: 'purpose', value: 'receipt' },
              { name: 'file', filename: 'a.csv', contentType: 'text/csv', content: `code\n${input.code}\n` },
            ]),
          ),
        response,
      }).definition;
    expect(odd.steps.map(({ targets }) => targets)).toEqual([['stripe'], ['stripe'], ['stripe']]);
    const running = await local([odd]);
    await completed(running.baseUrl, await begin(running));
    expect(running.demo?.ledger('stripe').effects).toMatchObject([
      { path: '/customers', body: { email: 'ada', metadata: { code: '…1234' } } },
      { path: expect.stringMatching(/^\/customers\/id_\w+\/charges$/), body: '<charge/>' },
      { path: '/files', body: { purpose: 'receipt', file: { filename: 'a.csv', content: 'code\n…1234\n' } } },
    ]);
  });
});
