import {
  type ApiHandler,
  reconcilerHandler,
  type Service,
  stepFailedHandler,
  stepHandler,
} from '../../functions/handlers.ts';
import type { ApiAnswer, ApiEvent } from '../../functions/http.ts';
import type { StepPlace } from '../../lib/chain/places.ts';
import type { Registry } from '../../lib/chain/registry.ts';
import { DEAD_LETTER_SETTINGS } from '../../lib/chain/settings.ts';
import { LIMITS } from '../../lib/contract/limits.ts';
import { deadLetterQueue, type QueueName, stepQueue } from '../../lib/contract/names.ts';
import type { Engine } from '../../lib/engine/shell.ts';
import { type Invoke, type Mapping, startMapping } from '../../lib/local/mapping.ts';
import type { Backing } from './backing.ts';
import { createWorker, type WorkerOptions } from './worker.ts';

export interface SystemOptions extends WorkerOptions {
  readonly backing: Backing;
  readonly chains: Registry;
  readonly places: readonly StepPlace[];
  /** A function that its mapping has given up goes on: nobody kills it. */
  readonly zombies: boolean;
}

/** The functions of a stage: a mapping and workers for every queue, the reconciler, and the API. */
export interface System {
  /** A request of a client; undefined if the function died before it answered. */
  request(handler: (service: Service) => ApiHandler, event: ApiEvent): Promise<ApiAnswer | undefined>;
}

export function startSystem(options: SystemOptions): System {
  for (const place of options.places) startMappings(options, place);
  reconcileOften(options);
  return {
    request: (handler, event) =>
      new Promise((resolve) => {
        const worker = createWorker(options, 'api', () => resolve(undefined));
        const { chains } = options;
        handler({ chains, ports: worker.ports })(event).then(
          (answer) => {
            if (!worker.dead) resolve(answer);
          },
          (error: unknown) => {
            options.oracle.report(`the API threw: ${String(error)}`);
            resolve(undefined);
          },
        );
        options.time.after(LIMITS.apiFunctionTimeout * 1_000, () => worker.die('timed out'));
      }),
  };
}

function startMappings(options: SystemOptions, place: StepPlace): readonly Mapping[] {
  const { settings } = place;
  const mapping = (queue: QueueName, batchSize: number, functionTimeout: number, handler: Handler) =>
    startMapping({
      queues: options.backing.queues,
      queue,
      batchSize,
      ...(settings.maxConcurrency === undefined ? {} : { maxConcurrency: settings.maxConcurrency }),
      clock: options.time,
      functionTimeout,
      invoke: invokeWith(options, queue.kind === 'step' ? place.step : undefined, functionTimeout, handler),
    });
  return [
    mapping(stepQueue(place), settings.batchSize, settings.functionTimeout, (engine) =>
      stepHandler(engine, stepQueue(place)),
    ),
    mapping(
      deadLetterQueue(place),
      DEAD_LETTER_SETTINGS.batchSize,
      DEAD_LETTER_SETTINGS.functionTimeout,
      (engine) => stepFailedHandler(engine, () => deadLetterQueue(place)),
    ),
  ];
}

/** What a deployment knows that is older than the chain. */
const NO_CHAINS: Engine['chains'] = { find: () => undefined };

type Handler = (engine: Engine) => Invoke;

/** Every invocation is a process of its own, which may die at any moment. */
function invokeWith(
  options: SystemOptions,
  step: string | undefined,
  functionTimeout: number,
  handler: Handler,
): Invoke {
  const { chains, chaos, time, zombies, trace } = options;
  const name = step ?? 'step-failed';
  let count = 0;
  return (event, context) => {
    const fault = chaos.invocation(step);
    if (fault.kind === 'burned') {
      trace(() => `${name}: ${event.Records.length} received by nobody`);
      return Promise.reject(new Error('throttled'));
    }
    return new Promise((resolve, reject) => {
      count += 1;
      const worker = createWorker(options, `${name}#${count}`, () => reject(new Error('it died')));
      const cancels = [
        ...(zombies ? [] : [time.after(functionTimeout * 1_000, () => worker.die('timed out'))]),
        ...(fault.diesAfter === undefined
          ? []
          : [time.after(fault.diesAfter, () => worker.die('of itself'))]),
      ];
      const known = fault.kind === 'outdated' ? NO_CHAINS : chains;
      handler({ chains: known, ports: worker.ports })(event, context)
        .then(resolve, (error: unknown) => {
          options.oracle.report(`${worker.name} threw: ${String(error)}`);
          reject(error);
        })
        .finally(() => {
          for (const cancel of cancels) cancel();
        });
    });
  };
}

/** Every minute, and late at times. A minute in which nothing is due is left out: it would see nothing. */
function reconcileOften(options: SystemOptions): void {
  const { chains, chaos, oracle, time } = options;
  const interval = LIMITS.reconcileInterval * 1_000;
  let planned: { readonly at: number; cancel(): void } | undefined;
  const run = (): void => {
    planned = undefined;
    if ((oracle.nextDue() ?? Infinity) > time.now()) {
      plan(time.now());
      return;
    }
    const worker = createWorker(options, 'reconciler', () => undefined);
    const end = time.now() + interval;
    const cancel = time.after(interval, () => worker.die('timed out'));
    const getRemainingTimeInMillis = () => Math.max(0, end - time.now());
    reconcilerHandler({ chains, ports: worker.ports })(undefined, { getRemainingTimeInMillis })
      .catch((error: unknown) => worker.die(String(error)))
      .finally(cancel);
    // Whatever becomes of this run: there is another in a minute.
    plan(time.now() + 1);
  };
  const plan = (from: number): void => {
    const due = oracle.nextDue();
    if (due === undefined) return;
    const at = Math.ceil(Math.max(due, from) / interval) * interval;
    if (planned !== undefined && planned.at <= at) return;
    planned?.cancel();
    planned = { at, cancel: time.after(at - time.now() + chaos.reconcilerLate(), run) };
  };
  oracle.onMeta(() => plan(time.now()));
}
