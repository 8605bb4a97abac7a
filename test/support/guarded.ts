import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

export const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean =>
  exitCode !== null || signalCode !== null;

/** What ends a guard and the program that it watches: the guard ends when its own input does. */
export function stopper(guard: ChildProcess): () => Promise<void> {
  const release = (): void => {
    guard.stdin?.destroy();
  };
  // A test process whose runner was killed would otherwise play its test to the end.
  process.once('disconnect', release);
  return async () => {
    process.off('disconnect', release);
    release();
    if (!hasEnded(guard)) await once(guard, 'exit');
  };
}
