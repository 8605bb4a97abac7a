import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { RunContext } from '../../lib/chain/definition.ts';
import { target } from '../../lib/chain/index.ts';
import { withCode } from '../../lib/testing/code.ts';
import { createTime } from '../../lib/testing/world/time.ts';
import { oneRun } from './fixtures.ts';

it('what the engine gives code to call takes virtual time, though that stands still for the code', async () => {
  const time = createTime(0);
  const seen: number[] = [];
  /** As the engine would, it answers after a minute of virtual time. */
  const reply = { status: 200, headers: {}, body: null };
  const asking = (): Promise<typeof reply> =>
    new Promise((resolve) => void time.after(60_000, () => resolve(reply)));
  const call = () => ({ get: asking, post: asking, put: asking, patch: asking, delete: asking });
  const secret = async (): Promise<string> => 'x';
  const code: (context: RunContext) => Promise<{ id: string }> = async (context) => {
    const api = target('api');
    await sleep(5);
    seen.push(time.now());
    await Promise.all([context.call('one', api).get('/'), context.call('two', api).post('/')]);
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
  const context = {
    input: {},
    results: {},
    idempotencyKey: 'k',
    signal: new AbortController().signal,
    call,
    secret,
  };
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
