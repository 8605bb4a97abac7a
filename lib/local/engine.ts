import { stepFailedHandler, stepHandler } from '../../functions/handlers.ts';
import type { ChainDefinition } from '../chain/definition.ts';
import { type StepPlace, stepPlaces } from '../chain/places.ts';
import { type Registry, registry } from '../chain/registry.ts';
import { DEAD_LETTER_SETTINGS } from '../chain/settings.ts';
import { LIMITS } from '../contract/limits.ts';
import { deadLetterQueue, PARKING, STEP_FAILED, stepQueue } from '../contract/names.ts';
import type { Ports } from '../engine/ports.ts';
import { reconcile } from '../engine/reconciler.ts';
import type { Engine } from '../engine/shell.ts';
import { type Blame, createBlame } from './blame.ts';
import { type Mapping, startMapping } from './queue/mapping.ts';
import { createEmbeddedQueues, type EmbeddedQueues } from './queue/queue.ts';
import { type Rounds, startRounds } from './rounds.ts';
import { type Attempts, NO_ATTEMPTS } from './store/attempts.ts';
import { type Leftover, NOTHING_RECOVERED, type Recovered, recover } from './store/recovery.ts';
import { takeTurns, type Worker } from './turns.ts';

export interface LocalEngineOptions extends Omit<Ports, 'queue'> {
  readonly chains: readonly ChainDefinition[];
  /** What an earlier run of this process left in the store; nothing if left out. */
  readonly leftover?: Leftover;
  /** Which attempts run, and ran when an earlier life ended; nothing if left out. */
  readonly attempts?: Attempts;
}

/** The engine of one process: the handlers that Lambda runs, on embedded queues. */
export interface LocalEngine {
  readonly service: Engine & { readonly chains: Registry };
  readonly queues: EmbeddedQueues;
  /** Workflows of an earlier run that were put back at the start. */
  readonly recovered: Recovered;
  /** One run of the reconciler; it also runs every minute by itself. */
  reconcile(): Promise<void>;
  /** To be called when the process ends by itself, from where it does: an attempt that did it is noted. */
  atExit(): void;
  /** Takes no more messages; resolves once running invocations, the reconciler's too, have ended and saved. */
  stop(): Promise<void>;
}

/**
 * Starts the engine and finishes what an earlier run left.
 * @example const engine = await startLocalEngine({ chains, store, http, targets, telemetry, notifier, clock, random, leftover: store });
 */
export async function startLocalEngine(options: LocalEngineOptions): Promise<LocalEngine> {
  const { chains, leftover, attempts = NO_ATTEMPTS, ...ports } = options;
  const queues = createEmbeddedQueues(ports);
  const blame = createBlame(attempts, ports.telemetry);
  const { telemetry } = blame;
  const service = { chains: registry(chains), ports: { ...ports, telemetry, queue: queues } };
  const places = stepPlaces(chains);
  declareQueues(queues, places);
  // Before any worker runs: what recovery decides from must not change under it.
  const recovered = leftover === undefined ? NOTHING_RECOVERED : await recover(service, leftover);
  attempts.settled();
  const workers = places.map((place) => workerOf(service, queues, place, blame, chains));
  const turns = takeTurns({ ...ports, queues, workers, suspects: attempts.suspects });
  // Nothing else runs beside what may end the process.
  const started = turns.done.then(() => startMappings(service, queues, places, workers));
  const rounds = everyMinute(service);
  return {
    service,
    queues,
    recovered,
    reconcile: rounds.now,
    atExit: blame.atExit,
    stop: async () => {
      attempts.forgive();
      turns.stop();
      await Promise.all([rounds, ...(await started)].map((one) => one.stop()));
      queues.close();
    },
  };
}

/** The queues of the stage, and for each step its queue and dead-letter queue. */
export function declareQueues(queues: EmbeddedQueues, places: readonly StepPlace[]): void {
  queues.declare(PARKING, DEAD_LETTER_SETTINGS);
  const deadLetters = { ...DEAD_LETTER_SETTINGS, redriveTo: PARKING };
  queues.declare(STEP_FAILED, deadLetters);
  for (const place of places) {
    queues.declare(deadLetterQueue(place), deadLetters);
    queues.declare(stepQueue(place), { ...place.settings, redriveTo: deadLetterQueue(place) });
  }
}

/** What takes the messages of one step. */
function workerOf(
  service: Engine,
  queues: EmbeddedQueues,
  place: StepPlace,
  { handler }: Blame,
  chains: readonly ChainDefinition[],
): Worker {
  const steps = chains.filter(({ name }) => name === place.chain).flatMap((chain) => chain.steps);
  const isRequest = steps.every(
    ({ name, run, undo }) => name !== place.step || (run === undefined && undo?.run === undefined),
  );
  return {
    queues,
    queue: stepQueue(place),
    invoke: handler(stepHandler(service, stepQueue(place))),
    clock: service.ports.clock,
    functionTimeout: place.settings.functionTimeout,
    ...(isRequest ? { patienceMs: LIMITS.turnOfRequestMs } : {}),
  };
}

const startMappings = (
  service: Engine,
  queues: EmbeddedQueues,
  places: readonly StepPlace[],
  workers: readonly Worker[],
): readonly Mapping[] => {
  const { batchSize, functionTimeout } = DEAD_LETTER_SETTINGS;
  const invoke = stepFailedHandler(service, () => STEP_FAILED);
  const { clock } = service.ports;
  return [
    startMapping({ queues, queue: STEP_FAILED, batchSize, invoke, clock, functionTimeout }),
    ...workers.map((worker, at) => {
      const { batchSize = 1, maxConcurrency } = places[at]?.settings ?? {};
      return startMapping({
        ...worker,
        batchSize,
        ...(maxConcurrency === undefined ? {} : { maxConcurrency }),
      });
    }),
  ];
};

/** The reconciler's schedule. A run that fails is told; the next one comes all the same. */
function everyMinute(service: Engine): Rounds & { now(): Promise<void> } {
  const { clock, telemetry } = service.ports;
  const ms = LIMITS.reconcileInterval * 1_000;
  const now = async (): Promise<void> => {
    const end = clock.now() + ms;
    await reconcile(service, () => end - clock.now());
  };
  return { now, ...startRounds({ clock, telemetry, ms, where: 'reconciler', run: now }) };
}
