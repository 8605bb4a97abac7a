import type { Registry } from '../../../lib/chain/registry.ts';
import { CALL_HEADERS, isTerminal, PARKING } from '../../../lib/contract/names.ts';
import { EngineError } from '../../../lib/engine/errors.ts';
import type { Queue } from '../../../lib/engine/ports.ts';
import { type LocalEngine, startLocalEngine } from '../../../lib/local/engine.ts';
import type { Database } from '../../../lib/local/store/database.ts';
import type { Operation } from '../../../lib/local/store/group-commit.ts';
import { type EmbeddedStore, storeOver } from '../../../lib/local/store/store.ts';
import type { Chaos } from '../../../lib/testing/faults/chaos.ts';
import type { Chance } from '../../../lib/testing/world/chance.ts';
import { plainDatabase } from '../../../lib/testing/world/plain-database.ts';
import type { Time } from '../../../lib/testing/world/time.ts';
import { createWorker, type Worker, type WorkerOptions } from '../../../lib/testing/world/worker.ts';
import { type Counts, counting } from '../counts.ts';
import type { Rates } from '../faults/rates.ts';
import type { Oracle } from '../oracle/oracle.ts';
import type { Surroundings } from './backing.ts';
import { createRunningSteps, type RunningOfLife } from './running-steps.ts';
import type { System } from './system.ts';

/** One life of the process, from its start to its end. */
interface Life {
  readonly number: number;
  dead: boolean;
  store?: EmbeddedStore;
  worker?: Worker;
  engine?: LocalEngine;
  running?: RunningOfLife;
  /** What is on its way to the disk. */
  writing?: Operation[];
  /** Called at its end: requests that it will not answer. */
  readonly mourners: Set<() => void>;
}

export interface ProcessOptions extends Omit<WorkerOptions, 'backing'> {
  readonly chains: Registry;
  readonly chance: Chance;
  readonly oracle: Oracle;
  readonly rates: Rates;
  readonly counts: Counts;
}

/** How long a disk takes for a write at most, in milliseconds: it may be a slow one. */
const DISK_MS = 500;
/** Lives that may end by themselves in one schedule: the last one goes on. */
const MOST_LIVES = 20;
/** How often it is asked whether all is done, in milliseconds. */
const LOOK_MS = 60_000;
/** How often a process that is to stop looks whether all requests are answered, in milliseconds. */
const CLOSE_CHECK_MS = 50;

/** The one-process engine, killed and started again on the same disk: what was in memory alone is lost each time. */
export async function startProcess(
  options: ProcessOptions,
): Promise<{ system: System; surroundings: Surroundings }> {
  const { chance, counts, oracle, rates, time, trace } = options;
  const disk = plainDatabase();
  const openRunning = createRunningSteps();
  let life: Life = { number: 0, dead: true, mourners: new Set() };
  /** All had come to rest, and the process was stopped for good: unless somebody still comes. */
  let rested = false;
  const mayDie = (): boolean => life.number <= MOST_LIVES;

  const mourn = (ended: Life): void => {
    // A life that ends during a lone attempt may count for it.
    const [alone, ...others] = ended.running?.called ?? [];
    if (alone !== undefined && others.length === 0) oracle.mayCount(alone);
    ended.dead = true;
    for (const mourner of ended.mourners) mourner();
    ended.mourners.clear();
  };
  const kill = (killed: Life, why: string): void => {
    if (killed.dead) return;
    counts.kills += 1;
    trace(() => `the process is killed: ${why}`);
    mourn(killed);
    killed.worker?.die(why);
    // A write that was under way is on the disk as a whole, or not at all.
    if (killed.writing !== undefined && chance.happens(0.5)) void time.during(disk.write(killed.writing));
    time.after(chance.magnitude(10, 3_000), begin);
  };
  /** Code of a step that ends the process: an error that nobody catches, thrown while the step is called. */
  const poisoned = (mine: Life, idempotencyKey: string): boolean => {
    const [, step = ''] = idempotencyKey.split(':');
    const rate = rates.poison.get(step) ?? 0;
    if (mine.engine === undefined || !mayDie() || time.now() >= rates.stopAt || !chance.happens(rate))
      return false;
    counts.poisoned += 1;
    oracle.endedLife(idempotencyKey);
    mine.engine.atExit();
    kill(mine, `${step} ended it`);
    return true;
  };
  /** In good order; false where it was killed on the way. */
  const stop = async (stopped: Life): Promise<boolean> => {
    const { engine, store } = stopped;
    if (engine === undefined || store === undefined || stopped.dead) return false;
    trace(() => 'the process is stopped');
    // The front closes first: who was let in is answered.
    delete stopped.engine;
    while (stopped.mourners.size > 0) await pause(time, CLOSE_CHECK_MS);
    if (!stopped.dead) await engine.stop();
    if (!stopped.dead) await store.close();
    if (stopped.dead) return false;
    counts.stops += 1;
    mourn(stopped);
    stopped.worker?.die('it was stopped');
    return true;
  };
  const begin = (): void => {
    const mine: Life = { number: life.number + 1, dead: false, mourners: new Set() };
    life = mine;
    trace(() => `the process starts for the ${mine.number}. time`);
    if (rates.lives !== undefined && mayDie() && time.now() < rates.stopAt) {
      time.after(chance.magnitude(rates.lives.least, rates.lives.most), () => {
        if (chance.happens(0.8)) kill(mine, 'SIGKILL');
        else void stop(mine).then((stopped) => (stopped ? time.after(1_000, begin) : kill(mine, 'SIGKILL')));
      });
    }
    live(mine).catch((error: unknown) => oracle.report(`the process ended: ${String(error)}`));
  };
  const live = async (mine: Life): Promise<void> => {
    const store = await storeOver(diskOf(disk, time, chance, mine), {
      schedule: (action) => {
        time.after(0, () => {
          if (!mine.dead) action();
        });
      },
    });
    if (mine.dead) return;
    mine.store = store;
    const running = openRunning(() => mine.dead);
    mine.running = running;
    await time.during(oracle.restarted(store));
    const worker = createWorker(
      {
        ...options,
        chaos: counting(ofOneProcess(options.chaos, mayDie), counts),
        backing: { ...NO_QUEUE, store, perform: (call) => call() },
        oneProcess: true,
      },
      `life ${mine.number}`,
      () => kill(mine, 'it died'),
    );
    mine.worker = worker;
    const { queue: _, http, ...ports } = worker.ports;
    const { unfinished, failed, recovery, recovered } = store;
    const { attempts } = running;
    const engine = await startLocalEngine({
      ...ports,
      http: {
        call: (request, deadlineMs) => {
          const key = request.headers[CALL_HEADERS.idempotencyKey] ?? '';
          return poisoned(mine, key) ? new Promise(() => undefined) : http.call(request, deadlineMs);
        },
      },
      chains: options.chains.current,
      leftover: { unfinished, failed, recovery, recovered, suspects: attempts.suspects },
      attempts,
    });
    oracle.recovered();
    mine.engine = engine;
  };
  const isSettled = (): boolean =>
    [...oracle.workflows.values()].every(({ meta }) => isTerminal(meta.status) && meta.dueAt === undefined);
  const look = (): void => {
    if (!isSettled() || time.now() < rates.stopAt) {
      time.after(LOOK_MS, look);
      return;
    }
    void stop(life).then((stopped) => {
      if (!stopped) time.after(LOOK_MS, look);
      // A resume may have come in while it closed: then somebody has to start it again.
      else if (isSettled()) rested = true;
      else open();
    });
  };
  const open = (): void => {
    rested = false;
    begin();
    time.after(LOOK_MS, look);
  };
  open();

  return {
    system: {
      request: async (handler, event, watch = (service) => service) => {
        // Nobody listens: a client tries again, for a while.
        for (let tries = 0; life.engine === undefined && tries < 50; tries += 1) {
          if (rested) open();
          await pause(time, 200);
        }
        const { engine, mourners, worker } = life;
        if (engine === undefined || worker === undefined) return undefined;
        return await new Promise((resolve) => {
          const mourner = (): void => resolve(undefined);
          mourners.add(mourner);
          handler(watch(engine.service))(event).then(
            (answer) => {
              mourners.delete(mourner);
              if (!worker.dead) resolve(answer);
            },
            (error: unknown) => {
              mourners.delete(mourner);
              oracle.report(`the API threw: ${String(error)}`);
              resolve(undefined);
            },
          );
        });
      },
    },
    surroundings: {
      inject: (queue, body) => life.engine?.queues.inject(queue, body),
      hasDeadLetters: () => false,
      parked: () => life.engine?.queues.contents(PARKING) ?? [],
      table: () => storeOver(disk, { schedule: queueMicrotask }),
      close: () => disk.close(),
    },
  };
}

const pause = (time: Time, ms: number): Promise<void> =>
  new Promise((resolve) => {
    time.after(ms, resolve);
  });

/**
 * The disk as a life of the process has it: writes take their time, one after the other in the order in which they were
 * asked for, and none comes after its end.
 */
function diskOf(disk: Database, time: Time, chance: Chance, life: Life): Database {
  let last: Promise<unknown> = Promise.resolve();
  const write = (operations: Operation[]): Promise<void> =>
    new Promise((resolve, reject) => {
      life.writing = operations;
      time.after(chance.magnitude(0.1, DISK_MS), () => {
        if (life.dead) return;
        delete life.writing;
        time.during(disk.write(operations)).then(resolve, reject);
      });
    });
  return {
    write: (operations) => {
      const mine = last.then(() => write(operations));
      last = mine;
      return mine;
    },
    get: disk.get,
    entries: (range) => time.during(disk.entries(range)),
    keys: (ranges) => time.during(disk.keys(ranges)),
    eachKey: disk.eachKey,
    notes: [],
    // The next life goes on with it.
    close: () => Promise.resolve(),
  };
}

const QUICK = { kind: 'none', there: 0, back: 0 } as const;

/** Within one process nothing fails by itself and nothing is slow; it dies as a whole. What is outside is as bad as ever. */
const ofOneProcess = (chaos: Chaos, mayDie: () => boolean): Chaos => ({
  ...chaos,
  port: (call, worker) => {
    const fault = chaos.port(call, worker);
    if (fault.kind === 'crashBefore' || fault.kind === 'crashSent') {
      if (!mayDie()) return QUICK;
      return fault.kind === 'crashBefore' ? fault : { ...QUICK, kind: 'crashAfter' };
    }
    return call === 'notify' || call === 'resolve' ? fault : QUICK;
  },
  skew: () => 0,
  isMissing: () => false,
});

const unused = (): Promise<never> =>
  Promise.reject(new EngineError('QUEUE_UNAVAILABLE', 'the process has queues of its own'));
const NO_QUEUE: Queue = {
  send: unused,
  park: unused,
  setVisibility: unused,
  granularityMs: 1,
  receive: unused,
  acknowledge: unused,
};
