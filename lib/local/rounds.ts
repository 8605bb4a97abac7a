import { toldOf } from '../engine/errors.ts';
import type { Clock, Telemetry } from '../engine/ports.ts';

export interface RoundsOptions {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** From the end of a round to the beginning of the next, and before the first. */
  readonly ms: number;
  /** What a failure is told as. */
  readonly where: string;
  run(): Promise<void>;
}

export interface Rounds {
  /** No more rounds; resolves when the one under way has ended. */
  stop(): Promise<void>;
}

/**
 * Does something again and again. A round that fails is told; the next one comes all the same.
 * @example const rounds = startRounds({ clock, telemetry, ms: 60_000, where: 'reconciler', run });
 */
export function startRounds({ clock, telemetry, ms, where, run }: RoundsOptions): Rounds {
  let stopped = false;
  let cancel = (): void => undefined;
  let running = Promise.resolve();
  const again = (): void => {
    cancel = clock.after(ms, () => {
      running = run()
        .catch((error) => telemetry.emit({ event: 'unexpected_error', where, ...toldOf(error) }))
        .finally(() => {
          if (!stopped) again();
        });
    });
  };
  again();
  return {
    stop: async () => {
      stopped = true;
      cancel();
      await running;
    },
  };
}
