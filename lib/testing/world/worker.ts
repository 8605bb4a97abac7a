import { queueSuffix } from '../../contract/names.ts';
import { EngineError, type ErrorCode } from '../../engine/errors.ts';
import type { EngineEvent } from '../../engine/events.ts';
import type { Ports, Queue, Store, Written } from '../../engine/ports.ts';
import type { WorkflowState } from '../../engine/state.ts';
import type { Chaos, PortCall, TornLoad } from '../faults/chaos.ts';
import type { Backing } from './backing.ts';
import { type Through, targetsOf } from './settings.ts';
import type { Time } from './time.ts';
import type { Caller, Outside, Witness } from './witness.ts';

/** One process that may die at any moment: a function of Lambda, or a client's request at work in one. */
export interface Worker extends Caller {
  /** From now on nothing that it does goes anywhere, and nothing reaches it. What it has sent is under way. */
  die(why: string): void;
  readonly ports: Ports;
}

export interface WorkerOptions {
  readonly time: Time;
  readonly chaos: Chaos;
  readonly witness: Witness;
  readonly backing: Omit<Backing, 'queues' | 'close' | 'calm'>;
  readonly outside: (caller: Caller) => Outside;
  readonly random: Ports['random'];
  readonly trace: (line: () => string) => void;
  /** Store and queues are in the worker's own process, and go with it: what it has not done by its death is not done. */
  readonly oneProcess?: boolean;
}

/** What the code of a dead process waits for. */
const never = (): Promise<never> => new Promise(() => undefined);

const ERRORS: Readonly<Record<PortCall, ErrorCode>> = {
  create: 'STORE_UNAVAILABLE',
  load: 'STORE_UNAVAILABLE',
  writeMeta: 'STORE_UNAVAILABLE',
  writeStep: 'STORE_UNAVAILABLE',
  list: 'STORE_UNAVAILABLE',
  listDue: 'STORE_UNAVAILABLE',
  loadPace: 'STORE_UNAVAILABLE',
  writePace: 'STORE_UNAVAILABLE',
  send: 'QUEUE_UNAVAILABLE',
  park: 'QUEUE_UNAVAILABLE',
  setVisibility: 'QUEUE_UNAVAILABLE',
  receive: 'QUEUE_UNAVAILABLE',
  acknowledge: 'QUEUE_UNAVAILABLE',
  notify: 'NOTIFICATION_FAILED',
  resolve: 'SECRET_UNAVAILABLE',
};

/** @param died called once, at its death */
export function createWorker(options: WorkerOptions, name: string, died: () => void): Worker {
  const { time, chaos, witness, trace } = options;
  const perform =
    options.backing.perform ?? (<Result>(action: () => Promise<Result>) => time.during(action()));
  const worker = { name, dead: false };
  const skew = chaos.skew();
  const die = (why: string): void => {
    if (worker.dead) return;
    worker.dead = true;
    trace(() => `${name} dies: ${why}`);
    died();
  };
  /** One call of a port, with what becomes of it on the way. */
  const through = <Result>(
    call: PortCall,
    what: () => string,
    apply: () => Promise<Result>,
  ): Promise<Result> => {
    if (worker.dead) return never();
    const fault = chaos.port(call, name);
    if (fault.kind === 'crashBefore') {
      die(`before ${call} ${what()}`);
      return never();
    }
    return new Promise((resolve, reject) => {
      const reply = (told: string, settle: () => void): void => {
        trace(() => `${name} ${call} ${what()}: ${told}${fault.kind === 'none' ? '' : ` (${fault.kind})`}`);
        time.after(fault.back, () => {
          if (!worker.dead) settle();
        });
      };
      const lost = (): void => reject(new EngineError(ERRORS[call], `${call} failed in this simulation`));
      time.after(fault.there, () => {
        if (worker.dead && options.oneProcess === true) return;
        if (fault.kind === 'fail') return reply('not done', lost);
        perform(apply).then(
          (result) => {
            if (fault.kind === 'crashAfter') return die(`when ${call} ${what()} was done`);
            return reply(toldOf(result), () => (fault.kind === 'lose' ? lost() : resolve(result)));
          },
          (error: unknown) => reply(String(error), () => reject(error)),
        );
      });
      // The caller has heard by then: what the call itself says is heard by nobody.
      if (fault.kind === 'late') time.after(fault.back, () => !worker.dead && lost());
      if (fault.killedAfter !== undefined) time.after(fault.killedAfter, () => die('timed out'));
      if (fault.kind === 'crashSent') die(`after ${call} ${what()}`);
    });
  };
  const outside = options.outside(worker);
  const ports: Ports = {
    clock: {
      now: skew === 0 ? time.now : () => time.now() + skew,
      after: (ms, action) =>
        time.after(ms, () => {
          if (!worker.dead) action();
        }),
    },
    random: options.random,
    store: storeOf(options, through),
    queue: queueOf(options, through),
    http: {
      call: (request, deadlineMs) => {
        if (worker.dead) return never();
        return ifAlive(outside.call(request, deadlineMs));
      },
    },
    targets: targetsOf(outside, through),
    telemetry: {
      emit: (event) => {
        if (worker.dead) return;
        trace(() => inWords(event));
        outside.emitted(event);
      },
    },
    notifier: {
      notify: (notification) =>
        through(
          'notify',
          () => notification.id,
          async () => witness.notified(notification),
        ),
    },
  };
  return Object.assign(worker, { die, ports });

  function ifAlive<Result>(work: Promise<Result>): Promise<Result> {
    return work.then((result) => (worker.dead ? never() : result));
  }
}

const toldOf = (result: unknown): string =>
  typeof result === 'object' && result !== null && 'written' in result && result.written === false
    ? 'the condition failed'
    : 'done';

/** A query is no snapshot: META is as it was at one moment, and the steps as they were at another. */
async function readTwice(
  time: Time,
  read: () => Promise<WorkflowState | undefined>,
  { after, metaFirst }: TornLoad,
): Promise<WorkflowState | undefined> {
  const first = await read();
  await new Promise<void>((resolve) => {
    time.after(after, resolve);
  });
  const second = await read();
  if (first === undefined || second === undefined) return second;
  return metaFirst ? { ...second, meta: first.meta } : { ...first, meta: second.meta };
}

/** A write has happened if it is answered so. */
async function answered<Result extends Written<unknown>>(
  write: () => Promise<Result>,
  happened: () => void,
): Promise<Result> {
  const written = await write();
  if (written.written) happened();
  return written;
}

/** The queues, and beside them the witness: a worker that deletes a message by itself has sent or parked it before. */
function queueOf({ backing, witness }: WorkerOptions, through: Through): Queue {
  const received = new Map<string, string>();
  const kept = new Set<string>();
  return {
    send: (outgoing) =>
      through(
        'send',
        () =>
          outgoing
            .map(({ to, message }) => `${to.kind}:${message.step}/${message.epoch}.${message.trip}`)
            .join(' '),
        () => {
          for (const { message } of outgoing) {
            const body = JSON.stringify(message);
            witness.sent(message, body);
            kept.add(body);
          }
          return backing.send(outgoing);
        },
      ),
    park: (body) =>
      through(
        'park',
        () => body,
        () => {
          kept.add(body);
          return backing.park(body);
        },
      ),
    setVisibility: (delivery, ms) =>
      through(
        'setVisibility',
        () => `${ms} ms`,
        () => backing.setVisibility(delivery, ms),
      ),
    granularityMs: backing.granularityMs,
    receive: (queue, max) =>
      through(
        'receive',
        () => queueSuffix(queue),
        async () => {
          const deliveries = await backing.receive(queue, max);
          for (const { receiptHandle, body } of deliveries) received.set(receiptHandle, body);
          return deliveries;
        },
      ),
    acknowledge: (queue, receiptHandle) =>
      through(
        'acknowledge',
        () => queueSuffix(queue),
        async () => {
          const body = received.get(receiptHandle) ?? '';
          if (!kept.has(body))
            witness.report(`a message of ${queueSuffix(queue)} is deleted, and nowhere else: ${body}`);
          await backing.acknowledge(queue, receiptHandle);
        },
      ),
  };
}

/** The store, and beside it the witness, which sees what was really written. */
function storeOf({ backing, chaos, witness, time }: WorkerOptions, through: Through): Store {
  const { store, witness: happening = answered } = backing;
  return {
    create: (meta) => {
      witness.metaTried(meta);
      return through(
        'create',
        () => meta.workflowId,
        () =>
          happening(
            () => store.create(meta),
            () => witness.metaWritten(meta),
          ),
      );
    },
    load: (key) => {
      const number = witness.loadBegins(key);
      const read = () =>
        through(
          'load',
          () => key.workflowId.slice(0, 8),
          () => store.load(key),
        );
      const torn = chaos.torn();
      const loaded = torn === undefined ? read() : readTwice(time, read, torn);
      return loaded.then((state) => {
        if (state !== undefined) witness.loaded(state.meta, number);
        return state;
      });
    },
    writeMeta: (meta, expected) => {
      witness.metaTried(meta);
      return through(
        'writeMeta',
        () => `${expected.status} -> ${meta.status}`,
        () =>
          happening(
            () => store.writeMeta(meta, expected),
            () => witness.metaWritten(meta),
          ),
      );
    },
    writeStep: (key, record, expected, expiresAt) => {
      witness.stepTried(key, record, expiresAt);
      return through(
        'writeStep',
        () =>
          `${record.action === undefined ? '' : `${record.action} of `}${record.step} ${'absent' in expected ? 'absent' : expected.status} -> ${record.status}`,
        () =>
          happening(
            () => store.writeStep(key, record, expected, expiresAt),
            () => witness.stepWritten(key, record),
          ),
      ).finally(() => witness.callEnded(record.token));
    },
    list: (filter) =>
      through(
        'list',
        () => '',
        () => store.list(filter),
      ),
    listDue: (shard, now, limit) =>
      through(
        'listDue',
        () => String(shard),
        () => store.listDue(shard, now, limit).then((due) => due.filter(() => !chaos.isMissing())),
      ),
    loadPace: () =>
      through(
        'loadPace',
        () => '',
        () => store.loadPace(),
      ),
    writePace: (pace, expected) =>
      through(
        'writePace',
        () => `${expected} -> ${pace.version} ${pace.windows.at(-1)?.head}`,
        () =>
          happening(
            () => store.writePace(pace, expected),
            () => witness.paceWritten(pace),
          ),
      ),
  };
}

/** An event with what tells it from others. */
function inWords(event: EngineEvent): string {
  const known = ['event', 'tenant', 'chain', 'workflowId'];
  const rest = Object.entries(event).filter(([name]) => !known.includes(name));
  const shown = rest.map(
    ([name, value]) => `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return `  ${event.event}: ${shown.join(', ')}`;
}
