import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import * as z from 'zod';
import { chain, StepRefusal } from '../../lib/chain/index.ts';
import { testChain } from '../../lib/testing/index.ts';
import { messageOf, oneRun } from './fixtures.ts';

it('code of a step runs really, and virtual time stands still for it', async () => {
  const run = await testChain(
    oneRun(async () => {
      await sleep(20);
      return { id: 'r-1' };
    }),
    { targets: {} },
  );
  const began = run.now.getTime();
  expect(await run.until('completed')).toMatchObject({ id: 'r-1' });
  expect(run.now.getTime() - began).toBeLessThan(100);
});

it('code that does not end has as many real seconds as its step, and is told at its deadline', async () => {
  const reasons: unknown[] = [];
  const hanging = chain('hangs', { version: 1, start: '/api/hangs', input: z.strictObject({}) }).step('one', {
    run: ({ signal }) =>
      new Promise<null>(() => signal.addEventListener('abort', () => reasons.push(signal.reason))),
    timeout: 0.02,
    retries: 0,
  }).definition;
  const run = await testChain(hanging, { targets: {} });
  await run.until('failed');
  expect(run.workflow.error).toMatchObject({ step: 'one', code: 'DEADLINE_EXCEEDED' });
  expect(reasons).toHaveLength(1);
});

it('code that throws is tried again, and a refusal is not', async () => {
  let runs = 0;
  const flaky = oneRun(async () => {
    runs += 1;
    if (runs === 1) throw new Error('not today');
    return { id: `r-${runs}` };
  });
  const run = await testChain(flaky, { targets: {} });
  await run.until('one', 'retrying');
  expect(await run.until('completed')).toMatchObject({ id: 'r-2' });
  const refused = await testChain(
    oneRun(() => Promise.reject(new StepRefusal('card declined'))),
    { targets: {} },
  );
  await refused.until('failed');
  expect(refused.workflow.error?.code).toBe('REFUSED');
});

it('an output that throws fails the test', async () => {
  const wrong = chain('wrong', { version: 1, start: '/api/wrong', input: z.strictObject({}) })
    .step('one', { run: async () => ({ id: '1' }), response: z.object({ id: z.string() }) })
    .output(({ results }) => {
      if (results.one !== undefined) throw new Error('a slip');
      return {};
    });
  const run = await testChain(wrong, { targets: {} });
  expect(await messageOf(run.finished())).toBe('the output of wrong cannot be shown: it threw: a slip');
});

it('a start takes its key from where the chain says', async () => {
  const hook = chain('hook', {
    version: 1,
    start: '/api/hook',
    input: z.strictObject({}),
    startKey: ({ headers }) => headers['x-event-id'],
  }).step('one', { run: () => null }).definition;
  expect(await messageOf(testChain(hook, { targets: {} }))).toMatch('takes its key from the request');
  const run = await testChain(hook, { targets: {}, headers: { 'x-event-id': 'e-1' } });
  await run.until('completed');
});
