import { afterEach, expect, it, vi } from 'vitest';
import { everyFault, testChain } from '../../lib/testing/index.ts';
import { oneRun, orderWith } from './fixtures.ts';

afterEach(() => {
  vi.useRealTimers();
});

it('a test that has replaced its timers can test chains', async () => {
  vi.useFakeTimers();
  const run = await orderWith();
  await run.until('completed');
  const chain = oneRun(async () => ({ id: '1' }));
  await (await testChain(chain, { targets: {} })).until('completed');
  expect((await everyFault(chain, { targets: {} })).plans).toBeGreaterThan(20);
});
