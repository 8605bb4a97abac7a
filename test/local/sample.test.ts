import { execFile } from 'node:child_process';
import { createServer, type IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { orderProcessing } from '../../functions/chains/order-processing.ts';
import { chain, target } from '../../lib/chain/index.ts';
import { registry } from '../../lib/chain/registry.ts';
import type { WorkflowStatus } from '../../lib/contract/names.ts';
import type { WorkflowAnswer } from '../../lib/contract/wire.ts';
import { isHarmless, runSample, SAMPLE, sampleCurl, sampleFor } from '../../lib/local/sample.ts';
import { portOf } from '../adapters/http/raw-server.ts';
import { closers } from '../support/closers.ts';
import { chains } from '../support/shipped-chains.ts';
import { needs } from '../support/tools.ts';

const ID = `wf_${'0a'.repeat(16)}`;

const shown = (
  status: WorkflowStatus,
  steps: WorkflowAnswer['steps'],
  more: object = {},
): WorkflowAnswer => ({
  workflowId: ID,
  chain: 'order-processing',
  status,
  steps,
  ...more,
  createdAt: '2026-09-21T16:50:04.123Z',
  updatedAt: '2026-09-21T16:50:04.123Z',
});

interface Seen {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly contentType: string | undefined;
  readonly body: string;
}

/** A server that answers a start, and then each read with the next of `answers`; the last one again and again. */
async function server(answers: readonly WorkflowAnswer[], startStatus = 202) {
  const left = [...answers];
  const seen: Seen[] = [];
  const http = createServer(async (request, response) => {
    seen.push({ method: request.method, path: request.url, ...(await contentOf(request)) });
    const isStart = request.method === 'POST';
    const next = left.length > 1 ? left.shift() : left[0];
    response.statusCode = isStart ? startStatus : 200;
    response.end(JSON.stringify(isStart ? { workflowId: ID, status: 'processing' } : next));
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    http.closeAllConnections();
    http.close();
  });
  return { baseUrl: `http://127.0.0.1:${portOf(http)}`, seen };
}

async function contentOf(request: IncomingMessage): Promise<Pick<Seen, 'body' | 'contentType'>> {
  let body = '';
  for await (const chunk of request) body += chunk;
  return { body, contentType: request.headers['content-type'] };
}

/** A chain of one's own. */
const giftCards = chain('gift-cards', {
  version: 1,
  start: '/api/buy-gift-card',
  input: z.object({ email: z.email(), note: z.literal("it's for you") }),
}).step('card', {
  request: ({ input }) => target('loyalty').post('/cards', { email: input.email }),
  response: z.object({ cardId: z.string() }),
}).definition;

describe('what there is to try', () => {
  it('is the sample order where a chain takes it', async () => {
    expect(await sampleFor(registry([giftCards, ...chains]))).toBe(SAMPLE);
  });

  it('is a request that is made for the first chain otherwise', async () => {
    const sample = await sampleFor(registry([giftCards]));
    expect(sample?.path).toBe('/api/buy-gift-card');
    expect(giftCards.input.safeParse(sample?.body).success).toBe(true);
  });

  it('is nothing where none can be made', async () => {
    const strange = { ...giftCards, input: z.string().refine(() => false) };
    expect(await sampleFor(registry([strange]))).toBeUndefined();
    expect(await sampleFor(registry([]))).toBeUndefined();
  });

  it('does nothing real where all targets of the sample order are demo ones', () => {
    const known = registry(chains);
    const demo = ['payments', 'shipping', 'mail'];
    expect(isHarmless(SAMPLE, known, demo)).toBe(true);
    expect(isHarmless(SAMPLE, known, demo.slice(1))).toBe(false);
    expect(isHarmless(SAMPLE, registry([giftCards]), demo)).toBe(false);
    expect(isHarmless({ path: giftCards.start, body: {} }, registry([giftCards]), ['loyalty'])).toBe(false);
  });

  it('is not run where a step has code of its own, or calls what its definition does not show', () => {
    for (const targets of [[], undefined]) {
      const steps = orderProcessing.steps.map((step) => ({ ...step, targets }));
      expect(isHarmless(SAMPLE, registry([{ ...orderProcessing, steps }]), ['payments'])).toBe(false);
    }
  });
});

describe('the sample order', () => {
  it('is sent, followed step by step, and shown in full at its end', async () => {
    const ended = shown('completed', { payment: 'completed', shipment: 'completed' }, { orderId: 'o-1' });
    const { baseUrl, seen } = await server([
      shown('processing', { payment: 'pending', shipment: 'pending' }),
      shown('processing', { payment: 'running', shipment: 'pending' }),
      shown('processing', { payment: 'running', shipment: 'pending' }),
      shown('processing', { payment: 'completed', shipment: 'retrying' }),
      ended,
    ]);
    const lines: string[] = [];
    await runSample(baseUrl, (line) => lines.push(line), new AbortController().signal);
    expect(lines.slice(0, -1)).toEqual([
      `sample order ${ID}: processing`,
      '  payment: running',
      '  payment: completed',
      '  shipment: retrying',
      '  shipment: completed',
    ]);
    expect(JSON.parse(lines.at(-1) ?? '')).toEqual(ended);
    expect(seen[0]).toMatchObject({ method: 'POST', path: SAMPLE.path, body: JSON.stringify(SAMPLE.body) });
    expect(seen[1]).toMatchObject({ method: 'GET', path: `/api/workflows/${ID}` });
  });

  it.each(['failed', 'cancelled'] as const)('ends too when it is %s', async (status) => {
    const { baseUrl } = await server([shown(status, { payment: 'failed' })]);
    const lines: string[] = [];
    await runSample(baseUrl, (line) => lines.push(line), new AbortController().signal);
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ status });
  });

  it('fails with what was answered when it is refused', async () => {
    const { baseUrl } = await server([], 503);
    const running = runSample(baseUrl, () => undefined, new AbortController().signal);
    await expect(running).rejects.toThrow(/process-order answered 503: .*processing/);
  });

  it('ends when it is no longer wanted', async () => {
    const { baseUrl } = await server([shown('processing', { payment: 'running' })]);
    const abort = new AbortController();
    const running = runSample(baseUrl, (line) => line.includes('running') && abort.abort(), abort.signal);
    await expect(running).rejects.toThrow(/abort/i);
  });
});

describe('the curl line', () => {
  it('sends the sample order when it is pasted into a shell', async (context) => {
    needs(context, 'curl');
    const { baseUrl, seen } = await server([]);
    const own = await sampleFor(registry([giftCards]));
    for (const sample of [SAMPLE, own ?? SAMPLE]) {
      await promisify(execFile)('sh', ['-c', sampleCurl(baseUrl, sample)]);
      expect(seen.pop()).toEqual({
        method: 'POST',
        path: sample.path,
        body: JSON.stringify(sample.body),
        contentType: 'application/json',
      });
    }
  });
});
