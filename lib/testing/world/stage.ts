import {
  reconcilerHandler,
  type Service,
  stepFailedHandler,
  stepHandler,
} from '../../../functions/handlers.ts';
import type { ChainDefinition } from '../../chain/definition.ts';
import type { StepPlace } from '../../chain/places.ts';
import type { Registry } from '../../chain/registry.ts';
import { DEAD_LETTER_SETTINGS, type StepSettings } from '../../chain/settings.ts';
import { LIMITS } from '../../contract/limits.ts';
import {
  deadLetterQueue,
  type QueueName,
  STEP_FAILED as STEP_FAILED_QUEUE,
  stepQueue,
} from '../../contract/names.ts';
import type { Engine } from '../../engine/shell.ts';
import { type Invoke, startMapping } from '../../local/queue/mapping.ts';
import type { EmbeddedQueues } from '../../local/queue/queue.ts';
import type { Undeployed } from '../faults/chaos.ts';
import type { Backing } from './backing.ts';
import type { Time } from './time.ts';
import { createWorker, type Worker, type WorkerOptions } from './worker.ts';

/** How the step-failed function is called where steps are called by their names. */
export const STEP_FAILED = 'step-failed';

/** What happened to functions. */
export interface Tally {
  timeouts: number;
  crashes: number;
  batches: number;
  repeatedRuns: number;
}

export interface StageOptions extends WorkerOptions {
  readonly backing: Backing;
  readonly counts: Tally;
  readonly chains: Registry;
  readonly places: readonly StepPlace[];
  /** A function that its mapping has given up goes on: nobody kills it. */
  readonly zombies: boolean;
  /** What a deployment has under the same version that knows other steps. */
  readonly changed: (chain: ChainDefinition) => ChainDefinition;
}

/** The functions of a stage: a mapping and workers for every queue, the reconciler, and the API. */
export interface Stage {
  /**
   * Does what a client asks of the API, in a function of its own; undefined if that died before it was done.
   * @param part `start`: what an older deployment starts is of a version that it knows
   */
  ask<Result>(
    part: 'start' | 'workflow',
    work: (service: Service) => Promise<Result>,
  ): Promise<Result | undefined>;
}

export function startStage(options: StageOptions): Stage {
  const { backing, chaos, time } = options;
  const queues = gathering(backing.queues, time, chaos.gathers());
  startMappings(options, queues);
  reconcileOften(options);
  return {
    ask: (part, work) =>
      new Promise((resolve, reject) => {
        const worker = createWorker(options, 'api', () => resolve(undefined));
        const undeployed = part === 'start' ? undefined : chaos.undeployed('api');
        const chains = { ...options.chains, find: chainsOf(options, undeployed).find };
        const cancel = time.after(LIMITS.apiFunctionTimeout * 1_000, () => timeOut(options, worker));
        work({ chains, ports: worker.ports })
          .then((result) => {
            if (!worker.dead) resolve(result);
          }, reject)
          .finally(cancel);
      }),
  };
}

function timeOut({ counts }: StageOptions, worker: Worker): void {
  if (!worker.dead) counts.timeouts += 1;
  worker.die('timed out');
}

/** The queues as pollers see them that wait for more messages before they call a function. */
function gathering(queues: EmbeddedQueues, time: Time, ms: number): EmbeddedQueues {
  if (ms === 0) return queues;
  return {
    ...queues,
    onVisible: (queue, callback) => {
      let waiting = false;
      return queues.onVisible(queue, () => {
        if (waiting) return;
        waiting = true;
        time.after(ms, () => {
          waiting = false;
          callback();
        });
      });
    },
  };
}

/** What a mapping is made with. */
type Fed = Pick<StepSettings, 'batchSize' | 'functionTimeout' | 'maxConcurrency'>;

function startMappings(options: StageOptions, gathered: EmbeddedQueues): void {
  const mapping = (queue: QueueName, { maxConcurrency, ...fed }: Fed, handler: Handler) =>
    startMapping({
      // Where one message is a batch there is nothing to wait for.
      queues: fed.batchSize === 1 ? options.backing.queues : gathered,
      queue,
      ...fed,
      ...(maxConcurrency === undefined ? {} : { maxConcurrency }),
      clock: options.time,
      invoke: invokeWith(options, 'step' in queue ? queue.step : undefined, fed.functionTimeout, handler),
    });
  for (const place of options.places) {
    mapping(stepQueue(place), place.settings, (engine) => stepHandler(engine, stepQueue(place)));
  }
  mapping(STEP_FAILED_QUEUE, DEAD_LETTER_SETTINGS, (engine) =>
    stepFailedHandler(engine, () => STEP_FAILED_QUEUE),
  );
}

/** What a part knows that may be of another deployment: nothing, or other steps under the same version. */
function chainsOf({ chains, changed }: StageOptions, undeployed: Undeployed | undefined): Engine['chains'] {
  if (undeployed === undefined) return chains;
  if (undeployed === 'outdated') return { find: () => undefined, places: [] };
  return {
    find: (name, version) => {
      const chain = chains.find(name, version);
      return chain && changed(chain);
    },
    places: chains.places,
  };
}

type Handler = (engine: Engine) => Invoke;

/** Every invocation is a process of its own, which may die at any moment. */
function invokeWith(
  options: StageOptions,
  step: string | undefined,
  functionTimeout: number,
  handler: Handler,
): Invoke {
  const { chaos, counts, time, zombies, trace } = options;
  const name = step ?? STEP_FAILED;
  let count = 0;
  return (event, context) => {
    const fault = chaos.invocation(step);
    if (fault.kind === 'burned') {
      trace(() => `${name}: ${event.Records.length} received by nobody`);
      return Promise.reject(new Error('throttled'));
    }
    if (event.Records.length > 1) counts.batches += 1;
    return new Promise((resolve, reject) => {
      count += 1;
      const worker = createWorker(options, `${name}#${count}`, () => reject(new Error('it died')));
      const cancels = [
        ...(zombies ? [] : [time.after(functionTimeout * 1_000, () => timeOut(options, worker))]),
        ...(fault.diesAfter === undefined
          ? []
          : [
              time.after(fault.diesAfter, () => {
                if (!worker.dead) counts.crashes += 1;
                worker.die('of itself');
              }),
            ]),
      ];
      const isOther = fault.kind === 'outdated' || fault.kind === 'changed';
      const chains = chainsOf(options, isOther ? fault.kind : undefined);
      handler({ chains, ports: worker.ports })(event, context)
        .then(resolve, (error: unknown) => {
          options.witness.report(`${worker.name} threw: ${String(error)}`);
          reject(error);
        })
        .finally(() => {
          for (const cancel of cancels) cancel();
        });
    });
  };
}

/** Every minute, and late at times. A minute in which nothing is due or dead is left out: it would see nothing. */
function reconcileOften(options: StageOptions): void {
  const { chaos, counts, time, witness } = options;
  const { queues } = options.backing;
  const deadLetters = options.places.map(deadLetterQueue);
  const nextAt = (): number | undefined =>
    deadLetters.some((queue) => queues.depth(queue).visible > 0) ? time.now() : witness.nextDue();
  const interval = LIMITS.reconcileInterval * 1_000;
  let planned: { readonly at: number; cancel(): void } | undefined;
  const run = (): void => {
    planned = undefined;
    if ((nextAt() ?? Infinity) > time.now()) {
      plan(time.now());
      return;
    }
    reconcile();
    const again = chaos.reconcilerAgain();
    if (again !== undefined) {
      counts.repeatedRuns += 1;
      time.after(again, reconcile);
    }
    // Whatever becomes of this run: there is another in a minute.
    plan(time.now() + 1);
  };
  const reconcile = (): void => {
    const worker = createWorker(options, 'reconciler', () => undefined);
    const end = time.now() + interval;
    const cancel = time.after(interval, () => timeOut(options, worker));
    const getRemainingTimeInMillis = () => Math.max(0, end - time.now());
    const chains = chainsOf(options, chaos.undeployed('reconciler'));
    reconcilerHandler({ chains, ports: worker.ports })(undefined, { getRemainingTimeInMillis })
      .catch((error: unknown) => worker.die(String(error)))
      .finally(cancel);
  };
  const plan = (from: number): void => {
    const due = nextAt();
    if (due === undefined) return;
    const at = Math.ceil(Math.max(due, from) / interval) * interval;
    if (planned !== undefined && planned.at <= at) return;
    planned?.cancel();
    planned = { at, cancel: time.after(at - time.now() + chaos.reconcilerLate(), run) };
  };
  witness.onMeta(() => plan(time.now()));
  for (const queue of deadLetters) queues.onVisible(queue, () => plan(time.now()));
}
