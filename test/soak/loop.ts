import { setTimeout as sleep } from 'node:timers/promises';

/** Waits so many milliseconds, or until `signal` says that it is over. */
export const pause = (ms: number, signal?: AbortSignal): Promise<void> =>
  sleep(ms, undefined, signal === undefined ? {} : { signal }).catch((error: unknown) => {
    if (signal?.aborted !== true) throw error;
  });

/** Does it again and again, with a pause of `wait()` milliseconds before each, until `signal` says that it is over. */
export async function repeat(
  wait: () => number,
  signal: AbortSignal,
  action: () => Promise<void>,
): Promise<void> {
  for (;;) {
    await pause(wait(), signal);
    if (signal.aborted) return;
    await action();
  }
}

/** Does it for each, so many at a time. */
export async function forEach<T>(
  items: readonly T[],
  atATime: number,
  action: (item: T) => Promise<void>,
): Promise<void> {
  const left = items.values();
  const worker = async (): Promise<void> => {
    for (const item of left) await action(item);
  };
  await Promise.all(Array.from({ length: atATime }, worker));
}
