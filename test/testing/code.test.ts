import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { withCode } from '../../lib/testing/code.ts';
import { createTime } from '../../lib/testing/world/time.ts';
import { oneRun } from './fixtures.ts';

it('what the engine gives code to call takes virtual time, though that stands still for the code', async () => {
  const time = createTime(0);
  const seen: number[] = [];
  /** As the engine would, it answers after a minute of virtual time. */
  const call = (): Promise<void> => new Promise((resolve) => void time.after(60_000, resolve));
  const code = async (context: object): Promise<{ id: string }> => {
    const asked = 'call' in context && typeof context.call === 'function' ? context.call : undefined;
    await sleep(5);
    seen.push(time.now());
    await Promise.all([asked?.(), asked?.()]);
    seen.push(time.now());
    await sleep(5);
    seen.push(time.now());
    return { id: '1' };
  };
  const chain = withCode(oneRun(code), {
    time,
    chaos: { code: () => undefined },
    returned: () => undefined,
  });
  const context = { input: {}, results: {}, idempotencyKey: 'k', signal: new AbortController().signal, call };
  let done: unknown;
  time.after(1, () => {
    void Promise.resolve(chain.steps[0]?.run?.(context)).then((value) => {
      done = value;
    });
  });
  time.after(600_000, () => seen.push(time.now()));
  await time.run(100, () => Infinity);
  expect(done).toEqual({ id: '1' });
  expect(seen).toEqual([1, 60_001, 60_001, 600_000]);
});
