import { expect, it } from 'vitest';
import { createBlame } from '../../lib/local/blame.ts';
import { type Attempts, NO_ATTEMPTS } from '../../lib/local/store/attempts.ts';
import { EVENTS } from '../support/engine-events.ts';

it('an attempt ends as the next one of the same message begins, such as that of a lookup', async () => {
  const running = new Set<string>();
  const attempts: Attempts = {
    ...NO_ATTEMPTS,
    begin: ({ step }) => {
      const name = `${step} ${running.size}`;
      running.add(name);
      return { end: () => void running.delete(name), blame: () => undefined };
    },
  };
  const blame = createBlame(attempts, { emit: () => undefined });
  const most: number[] = [];
  const handle = blame.handler(async () => {
    for (let call = 0; call < 2; call += 1) {
      blame.telemetry.emit(EVENTS.attempt_started);
      most.push(running.size);
    }
    return { batchItemFailures: [] };
  });
  const record = { messageId: '1', body: '' };
  await handle({ Records: [record] } as never, {} as never);
  expect(most).toEqual([1, 1]);
  expect(running.size).toBe(0);
});
