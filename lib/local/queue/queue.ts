import { LIMITS } from '../../contract/limits.ts';
import { PARKING, type QueueName, queueSuffix } from '../../contract/names.ts';
import { EngineError } from '../../engine/errors.ts';
import type { Clock, Delivery, Outgoing, Queue, Random } from '../../engine/ports.ts';
import { createFifo, type Fifo } from './fifo.ts';
import { createSchedule, type Schedule, type Scheduled } from './schedule.ts';

/** What a queue is made with; the names and the meaning are SQS's. Times in seconds. */
export interface QueueSettings {
  readonly visibilityTimeout: number;
  /** A receive beyond this many moves the message to `redriveTo`; without a `redriveTo` it counts nothing. */
  readonly maxReceiveCount: number;
  readonly redriveTo?: QueueName;
  readonly retention: number;
  /** How long a sent message stays hidden at first; 0 if left out. */
  readonly delay?: number;
}

/** A delivery with what SQS tells about the message besides. Times in milliseconds since 1970. */
export interface EmbeddedDelivery extends Delivery {
  readonly messageId: string;
  readonly sentAt: number;
  readonly firstReceivedAt: number;
}

export interface QueueDepth {
  readonly visible: number;
  readonly inFlight: number;
  readonly delayed: number;
}

/**
 * Queues in memory with SQS's rules: at least once, in no promised order, visibility timeout, receive count, redrive,
 * retention. Visibility is kept to the millisecond, where SQS knows whole seconds. Errors: every method throws `EngineError` `QUEUE_UNAVAILABLE` for a queue that was not declared.
 */
export interface EmbeddedQueues extends Queue {
  /** Makes a queue. Its `redriveTo` must have been declared before. Errors: `CONFIGURATION`. */
  declare(name: QueueName, settings: QueueSettings): void;
  /** Sends a body as it is, readable or not: what anyone with the right to send could do. */
  inject(queue: QueueName, body: string): void;
  /** Takes up to `max` (at most 10) visible messages and hides them for the queue's visibility timeout. Never waits. */
  receive(queue: QueueName, max: number): EmbeddedDelivery[];
  /** Deletes a received message. A handle that is not the message's newest "succeeds" without deleting, as on SQS. */
  acknowledge(queue: QueueName, receiptHandle: string): void;
  /**
   * Calls `callback` whenever a message becomes visible, from within whatever made it so: it must return soon and not
   * throw. The returned function ends this.
   */
  onVisible(queue: QueueName, callback: () => void): () => void;
  depth(queue: QueueName): QueueDepth;
  /** The bodies that are visible or delayed, without receiving them: a look into the parking queue. */
  contents(queue: QueueName): readonly string[];
  /** Messages sent and received since the start; a redrive is not a send. */
  stats(): { readonly sent: number; readonly received: number };
  /** Stops the timer. Whatever is sent from now on fails. */
  close(): void;
}

interface Message extends Scheduled {
  queue: QueueState;
  readonly id: string;
  readonly body: string;
  readonly sentAt: number;
  receives: number;
  firstReceivedAt: number;
  receivedAt: number;
  handle: string | undefined;
  state: 'delayed' | 'visible' | 'inFlight' | 'gone';
}

interface QueueState {
  readonly name: QueueName;
  readonly suffix: string;
  readonly settings: QueueSettings;
  readonly visible: Fifo<Message>;
  readonly received: Map<string, Message>;
  readonly listeners: Set<() => void>;
  inFlight: number;
  delayed: number;
}

/** All queues share one schedule, and the schedule has one timer. */
interface State {
  readonly clock: Clock;
  readonly queues: Map<string, QueueState>;
  readonly hidden: Schedule<Message>;
  readonly run: string;
  timer: { readonly at: number; cancel(): void } | undefined;
  closed: boolean;
  sent: number;
  received: number;
}

/** @example const queues = createEmbeddedQueues({ clock: systemClock, random: systemRandom }); */
export function createEmbeddedQueues(options: {
  readonly clock: Clock;
  readonly random: Random;
}): EmbeddedQueues {
  const state: State = {
    clock: options.clock,
    queues: new Map(),
    hidden: createSchedule(),
    run: options.random.token(),
    timer: undefined,
    closed: false,
    sent: 0,
    received: 0,
  };
  return {
    declare: (name, settings) => declare(state, name, settings),
    send: async (outgoing) => send(state, outgoing),
    inject: (queue, body) => inject(state, queue, body),
    park: async (body) => inject(state, PARKING, body),
    setVisibility: async (delivery, ms) => setVisibility(state, delivery, ms),
    granularityMs: 1,
    receive: (queue, max) => receive(state, find(state, queue), max),
    acknowledge: (queue, receiptHandle) => {
      const message = find(state, queue).received.get(receiptHandle);
      if (message !== undefined) drop(state, message);
    },
    onVisible: (queue, callback) => {
      const { listeners } = find(state, queue);
      listeners.add(callback);
      return () => listeners.delete(callback);
    },
    depth: (queue) => {
      const { inFlight, delayed, ...rest } = find(state, queue);
      return { visible: live(state, rest.visible).length, inFlight, delayed };
    },
    contents: (queue) => live(state, find(state, queue).visible).map(({ body }) => body),
    stats: () => ({ sent: state.sent, received: state.received }),
    close: () => {
      state.closed = true;
      state.timer?.cancel();
    },
  };
}

const unavailable = (message: string): EngineError => new EngineError('QUEUE_UNAVAILABLE', message);

function find({ queues }: State, name: QueueName): QueueState {
  const suffix = queueSuffix(name);
  const queue = queues.get(suffix);
  if (queue === undefined) throw unavailable(`there is no queue ${suffix}`);
  return queue;
}

function declare({ queues }: State, name: QueueName, settings: QueueSettings): void {
  const suffix = queueSuffix(name);
  const { redriveTo } = settings;
  if (queues.has(suffix)) throw new EngineError('CONFIGURATION', `queue ${suffix} is declared twice`);
  if (redriveTo !== undefined && !queues.has(queueSuffix(redriveTo))) {
    const target = queueSuffix(redriveTo);
    throw new EngineError('CONFIGURATION', `queue ${suffix} redrives to ${target}: declare that one before`);
  }
  queues.set(suffix, {
    name,
    suffix,
    settings,
    visible: createFifo(),
    received: new Map(),
    listeners: new Set(),
    inFlight: 0,
    delayed: 0,
  });
}

function inject(state: State, name: QueueName, body: string): void {
  const queue = find(state, name);
  add(state, queue, body);
  notify(queue);
}

/** Tries every message before it reports those that had no queue. */
function send(state: State, outgoing: readonly Outgoing[]): void {
  const reached = new Set<QueueState>();
  let failure: unknown;
  for (const { to, message } of outgoing) {
    try {
      const queue = find(state, to);
      add(state, queue, JSON.stringify(message));
      reached.add(queue);
    } catch (error) {
      failure ??= error;
    }
  }
  for (const queue of reached) notify(queue);
  if (failure !== undefined) throw failure;
}

function add(state: State, queue: QueueState, body: string): void {
  if (state.closed) throw unavailable(`queue ${queue.suffix} is closed`);
  const now = state.clock.now();
  const { delay = 0 } = queue.settings;
  state.sent += 1;
  const message: Message = {
    queue,
    id: `${state.run}-${state.sent}`,
    body,
    sentAt: now,
    receives: 0,
    firstReceivedAt: 0,
    receivedAt: 0,
    handle: undefined,
    state: 'visible',
    at: 0,
    place: -1,
  };
  // What nobody receives expires too, and must not pile up in memory.
  while (isGone(queue.visible.peek(), now)) queue.visible.shift();
  if (delay > 0) hide(state, message, 'delayed', now + delay * 1_000);
  else queue.visible.push(message);
}

const isGone = (message: Message | undefined, now: number): boolean =>
  message !== undefined &&
  (message.state === 'gone' || now >= message.sentAt + message.queue.settings.retention * 1_000);

const live = (state: State, messages: Fifo<Message>): Message[] => {
  if (messages.peek() === undefined) return [];
  const now = state.clock.now();
  return [...messages].filter((message) => !isGone(message, now));
};

function notify({ listeners }: QueueState): void {
  for (const callback of listeners) callback();
}

function receive(state: State, queue: QueueState, max: number): EmbeddedDelivery[] {
  const now = state.clock.now();
  const { settings, visible } = queue;
  const deliveries: EmbeddedDelivery[] = [];
  const most = Math.min(max, LIMITS.batchSize);
  while (deliveries.length < most) {
    const message = visible.shift();
    if (message === undefined) break;
    if (isGone(message, now)) drop(state, message);
    else if (settings.redriveTo !== undefined && message.receives >= settings.maxReceiveCount) {
      redrive(state, message, find(state, settings.redriveTo));
    } else deliveries.push(deliver(state, message, now));
  }
  return deliveries;
}

function deliver(state: State, message: Message, now: number): EmbeddedDelivery {
  const { queue } = message;
  state.received += 1;
  message.receives += 1;
  if (message.receives === 1) message.firstReceivedAt = now;
  message.receivedAt = now;
  const receiptHandle = `${message.id}.${state.received}`;
  // Of all handles given out for a message the newest alone counts.
  if (message.handle !== undefined) queue.received.delete(message.handle);
  message.handle = receiptHandle;
  queue.received.set(receiptHandle, message);
  hide(state, message, 'inFlight', now + queue.settings.visibilityTimeout * 1_000);
  const { id: messageId, receives: receiveCount, body, sentAt, firstReceivedAt } = message;
  return { queue: queue.name, receiptHandle, receiveCount, body, messageId, sentAt, firstReceivedAt };
}

/** Moves a message on. It keeps its id and its first sending time, from which the new queue's retention counts. */
function redrive(state: State, message: Message, to: QueueState): void {
  drop(state, message);
  to.visible.push({ ...message, queue: to, state: 'visible', handle: undefined, receives: 0 });
  notify(to);
}

function setVisibility(state: State, { queue, receiptHandle }: Delivery, ms: number): void {
  const { suffix, received } = find(state, queue);
  const most = LIMITS.visibility * 1_000;
  if (!(ms >= 0 && ms <= most)) throw unavailable(`a visibility of ${ms} ms is not from 0 to ${most}`);
  const message = received.get(receiptHandle);
  if (message?.state !== 'inFlight') throw unavailable(`the message is not in flight in queue ${suffix}`);
  const until = state.clock.now() + Math.ceil(ms);
  if (until > message.receivedAt + most) {
    throw unavailable(`a message in queue ${suffix} is hidden for at most ${LIMITS.visibility} s in all`);
  }
  if (ms > 0) {
    state.hidden.remove(message);
    message.at = until;
    state.hidden.add(message);
    arm(state);
  } else {
    show(state, message);
    notify(message.queue);
  }
}

function hide(state: State, message: Message, as: 'delayed' | 'inFlight', until: number): void {
  message.state = as;
  message.queue[as] += 1;
  message.at = until;
  state.hidden.add(message);
  arm(state);
}

function unhide(state: State, message: Message): void {
  if (message.state === 'inFlight' || message.state === 'delayed') message.queue[message.state] -= 1;
  state.hidden.remove(message);
}

function show(state: State, message: Message): void {
  unhide(state, message);
  message.state = 'visible';
  message.queue.visible.push(message);
}

/** Deletes a message. One that stands among the visible ones is passed over there. */
function drop(state: State, message: Message): void {
  unhide(state, message);
  message.state = 'gone';
  if (message.handle !== undefined) message.queue.received.delete(message.handle);
}

/** Sets the timer for the first hidden message. One that is set too early does no harm: it sets itself again. */
function arm(state: State): void {
  const { hidden, clock } = state;
  const first = hidden.first();
  if (first === undefined || state.closed) return;
  if (state.timer !== undefined && state.timer.at <= first.at) return;
  state.timer?.cancel();
  const cancel = clock.after(Math.max(0, first.at - clock.now()), () => {
    state.timer = undefined;
    showDue(state);
    arm(state);
  });
  state.timer = { at: first.at, cancel };
}

function showDue(state: State): void {
  const now = state.clock.now();
  const reached = new Set<QueueState>();
  for (let next = state.hidden.first(); next !== undefined && next.at <= now; next = state.hidden.first()) {
    show(state, next);
    reached.add(next.queue);
  }
  for (const queue of reached) notify(queue);
}
