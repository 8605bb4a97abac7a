import { AsyncLocalStorage } from 'node:async_hooks';
import type { QueueHandler } from '../../functions/handlers.ts';
import type { Telemetry } from '../engine/ports.ts';
import type { Attempts, RunningAttempt } from './store/attempts.ts';

/** What one message brings about; `attempt` is there while its step is called. */
interface Turn {
  attempt?: RunningAttempt;
}

/** Knows at every moment, in code of a step too that nobody waits for, which attempt it is of. */
export interface Blame {
  /** The same telemetry, by which an attempt is known to begin. */
  readonly telemetry: Telemetry;
  /** The same handler, each message in a turn of its own. */
  handler(handle: QueueHandler): QueueHandler;
  /** To be called when the process ends by itself: what runs at this moment, if anything of a step does, has ended it. */
  atExit(): void;
}

/** One for whatever runs in this process: each that was ever used makes every promise slower. */
const turns = new AsyncLocalStorage<Turn>();

/** @example const blame = createBlame(store.attempts, telemetry); process.on('exit', blame.atExit); */
export function createBlame(attempts: Attempts, telemetry: Telemetry): Blame {
  async function single(handle: QueueHandler, ...asked: Parameters<QueueHandler>): ReturnType<QueueHandler> {
    const turn: Turn = {};
    try {
      return await turns.run(turn, () => handle(...asked));
    } finally {
      turn.attempt?.end();
    }
  }
  async function each(
    handle: QueueHandler,
    { Records }: Parameters<QueueHandler>[0],
    context: Parameters<QueueHandler>[1],
  ): ReturnType<QueueHandler> {
    const answers = await Promise.all(
      Records.map((record) => single(handle, { Records: [record] }, context)),
    );
    return { batchItemFailures: answers.flatMap(({ batchItemFailures }) => batchItemFailures) };
  }
  return {
    telemetry: {
      emit: (event) => {
        const turn = turns.getStore();
        if (event.event === 'attempt_started' && turn !== undefined) {
          const { tenant, workflowId, step } = event;
          // One message may bring about several: its step, then its lookup.
          turn.attempt?.end();
          turn.attempt = attempts.begin({ tenant, workflowId, step });
        }
        telemetry.emit(event);
      },
    },
    handler: (handle) => (event, context) =>
      event.Records.length === 1 ? single(handle, event, context) : each(handle, event, context),
    atExit: () => turns.getStore()?.attempt?.blame(),
  };
}
