import { expect, it } from 'vitest';
import * as z from 'zod';
import { chain, target } from '../../lib/chain/index.ts';
import { startAnswer } from '../../lib/contract/wire.ts';
import { startLocal } from '../../lib/local/process.ts';
import { closers } from '../support/closers.ts';
import { completed, QUIET, reached } from './process-support.ts';

const paypal = target('paypal', { idempotency: { header: 'paypal-request-id' } });
const square = target('square', { idempotency: { header: 'x-key', format: 'token32' } });
const sms = target('sms-gateway', { idempotency: 'none' });
const response = z.object({ id: z.string() });
const SOON = { backoff: { base: 0.01, cap: 0.01 } };

const keys = chain('keys', { version: 1, start: '/api/keys', input: z.strictObject({}) })
  .step('paypal', { request: () => paypal.post('/captures'), response, ...SOON })
  .step('square', { request: () => square.post('/payments'), response, ...SOON })
  .step('sms', { request: () => sms.post('/messages'), response })
  .step('code', {
    targets: [paypal, sms],
    run: async ({ call }) => {
      const { status } = await call('one', paypal).post('/captures');
      await call('two', sms).post('/messages');
      return { status };
    },
  }).definition;

it('demo targets honour keys wherever a chain sends them, and act each time where it sends none', async () => {
  const local = await startLocal([keys], QUIET, { readable: false, say: () => undefined });
  closers.push(() => local.stop());
  for (const name of ['paypal', 'square']) await local.demo?.setFault(name, { drop: 'after', times: 1 });
  const reply = await fetch(`${local.baseUrl}/api/keys`, { method: 'POST', body: '{}' });
  const { workflowId } = startAnswer.parse(await reply.json());
  await completed(local.baseUrl, workflowId);
  expect(local.demo?.ledger('paypal').effects).toMatchObject([
    { key: `${workflowId}:paypal:do:0`, times: 1 },
    { key: `${workflowId}:code:do:0:one`, times: 1 },
  ]);
  expect(local.demo?.ledger('square').effects).toMatchObject([
    { key: expect.stringMatching(/^[0-9a-f]{32}$/), times: 1 },
  ]);
  expect(local.demo?.ledger('sms-gateway').effects).toMatchObject([{ key: null }, { key: null }]);
});

it('a demo target finds by that key what is to be taken back, and refuses the key where it has done nothing', async () => {
  const undo = {
    request: ({ undone }: { undone: { idempotencyKey: string } }) =>
      square.post('/refunds', { paymentKey: undone.idempotencyKey }),
    ...SOON,
  };
  const refunds = chain('refunds', {
    version: 1,
    start: '/api/refunds',
    input: z.strictObject({}),
    onFailure: 'undo',
  })
    .step('code', {
      targets: [paypal],
      run: async ({ call }) => (await call('one', paypal).post('/captures')).status,
      lateBy: 0,
      undo: {
        targets: [paypal],
        run: async ({ call }) => void (await call('back', paypal).post('/refunds')),
      },
    })
    .step('square', { request: () => square.post('/payments'), response, undo, ...SOON })
    .step('doubt', {
      request: () => square.post('/tips'),
      response,
      retries: 0,
      timeout: 1,
      lateBy: 0,
      undo,
    }).definition;
  const local = await startLocal([refunds], QUIET, { readable: false, say: () => undefined });
  closers.push(() => local.stop());
  await local.demo?.setFault('square', { drop: 'before', match: '/tips' });
  const reply = await fetch(`${local.baseUrl}/api/refunds`, { method: 'POST', body: '{}' });
  const { workflowId } = startAnswer.parse(await reply.json());
  const shown = await reached(local.baseUrl, workflowId, 'compensated');
  expect(shown.undo).toMatchObject({
    doubt: { inDoubt: true, found: false },
    square: { status: 'completed' },
  });
  const [payment, refund, ...others] = local.demo?.ledger('square').effects ?? [];
  expect(payment?.key).toMatch(/^[0-9a-f]{32}$/);
  expect([refund?.undoes, others]).toEqual([payment?.key, []]);
  expect(local.demo?.ledger('square').refused).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/)]);
  expect(local.demo?.ledger('paypal').effects[1]).toMatchObject({
    path: '/refunds',
    undoes: `${workflowId}:code:do:0:one`,
  });
});
