import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { chain } from '../../lib/chain/index.ts';

/** What a step does to its process while it runs. */
const WAYS: Readonly<Record<string, () => void>> = {
  'rejects without anybody who waits': () => void Promise.reject(new Error('stray')),
  'throws in a timer': () =>
    void setTimeout(() => {
      throw new Error('stray');
    }, 1),
  exits: () => process.exit(0),
  'is killed': () => void process.kill(process.pid, 'SIGKILL'),
};

/** One step, which tells a file that it began, and then goes the way of its input. */
const stray = chain('stray', {
  version: 1,
  start: '/api/stray',
  input: z.strictObject({ way: z.string(), name: z.string(), file: z.string() }),
})
  .step('work', {
    run: async ({ input }) => {
      appendFileSync(input.file, `${input.name}\n`);
      // The others have begun by then, unless this one was begun alone.
      await sleep(input.way === 'fine' ? 400 : 200);
      WAYS[input.way]?.();
      if (input.way !== 'fine') await sleep(5_000);
      return { name: input.name };
    },
    response: z.object({ name: z.string() }),
    retries: 2,
    backoff: { base: 1, cap: 300 },
  })
  .output(({ results }) => ({ name: results.work?.name ?? null }));

export const chains = [stray];
