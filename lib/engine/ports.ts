import type { QueueName, StepErrorCode, StepStatus, TellingKind, WorkflowStatus } from '../contract/names.ts';
import type { StepMessage, WorkflowError } from '../contract/wire.ts';
import type { EngineEvent } from './events.ts';
import type { StepRecord, WorkflowKey, WorkflowMeta, WorkflowState } from './state.ts';

/** What a step's item must be for a write to happen. A token names one claim, so status and token name one exact state. */
export type StepExpectation =
  | { readonly absent: true }
  | { readonly status: StepRecord['status']; readonly token: string };

/** What `META` must be for a write to happen. `dueAt` is compared only where it is given. */
export interface MetaExpectation {
  readonly status: WorkflowStatus;
  readonly epoch: number;
  readonly dueAt?: number;
}

/** A conditional write either happened, or found `current`, the item as it is now (undefined: there is none). */
export type Written<Item> =
  | { readonly written: true }
  | { readonly written: false; readonly current: Item | undefined };

/**
 * The one item by which all functions of a stage keep the pace at which on-call is told: at most one publish a second, and of
 * one group of failures one in five minutes. Times are milliseconds since 1970.
 */
export interface Pace {
  /** Counts its writes. */
  readonly version: number;
  /** Names the last write: a failed condition that finds my own nonce was my own write. Absent in an item of an earlier release. */
  readonly nonce?: string;
  /** No publish before this. */
  readonly nextAt: number;
  /** Groups that were told of, oldest first. `head`: id of the digest, which whoever made it may repeat. */
  readonly windows: readonly { readonly group: string; readonly head: string; readonly until: number }[];
}

export interface ListFilter {
  readonly tenant: string;
  readonly chain?: string;
  readonly status?: WorkflowStatus;
  readonly limit: number;
  /** Position after which to go on, as returned in `next`. */
  readonly after?: string;
}

/** `status`: one of `WORKFLOW_STATUSES`, or one that only a newer version knows. */
export type ListedWorkflow = Pick<WorkflowMeta, 'workflowId' | 'chain' | 'createdAt'> & {
  readonly status: string;
};

/**
 * The table. Every write is conditional, and reads of `load` are strongly consistent. A write of META is durable before it
 * resolves; one of a step is durable before a load or a failed condition shows it to anyone, but for a claim (`running`),
 * which may become durable together with the workflow's next write.
 * Errors: any method may throw `EngineError` `STORE_UNAVAILABLE`; then the write may or may not have happened. What a newer version
 * wrote, and this one cannot read, is `NEWER_VERSION`.
 */
export interface Store {
  /** Saves a new workflow if the key is free. */
  create(meta: WorkflowMeta): Promise<Written<WorkflowMeta>>;
  /** META and all step items, however many pages they take; undefined if there is no META. */
  load(key: WorkflowKey): Promise<WorkflowState | undefined>;
  writeMeta(meta: WorkflowMeta, expected: MetaExpectation): Promise<Written<WorkflowMeta>>;
  /** `expiresAt` is the workflow's own (milliseconds). */
  writeStep(
    key: WorkflowKey,
    record: StepRecord,
    expected: StepExpectation,
    expiresAt: number,
  ): Promise<Written<StepRecord>>;
  /** Newest first. A page may be shorter than `limit` and still have a `next`. Eventually consistent. */
  list(
    filter: ListFilter,
  ): Promise<{ readonly workflows: readonly ListedWorkflow[]; readonly next?: string }>;
  /** At most `limit` workflows of `shard` whose `dueAt` is not after `now`, oldest first. Eventually consistent. */
  listDue(
    shard: number,
    now: number,
    limit: number,
  ): Promise<readonly (WorkflowKey & { readonly dueAt: number })[]>;
  /** Eventually consistent: a write decides. Undefined before it was written first. */
  loadPace(): Promise<Pace | undefined>;
  /** Durable before it resolves. @param expected the version that it was decided from; 0 for none */
  writePace(pace: Pace, expected: number): Promise<Written<Pace>>;
}

export interface Outgoing {
  readonly to: QueueName;
  readonly message: StepMessage;
}

/** One received message, and the handle by which its visibility is changed. */
export interface Delivery {
  readonly queue: QueueName;
  readonly receiptHandle: string;
  /** How often it was received, this time included. Never the attempt count. */
  readonly receiveCount: number;
  readonly body: string;
}

/** The queues. At least once, in no order. Errors: `EngineError` `QUEUE_UNAVAILABLE` after all were tried; any of them may have been sent. */
export interface Queue {
  send(outgoing: readonly Outgoing[]): Promise<void>;
  /** Puts a body that cannot be read into the parking queue as it is. */
  park(body: string): Promise<void>;
  /**
   * Hides a received message for so many milliseconds from now (0 to 12 hours), rounded up to a multiple of `granularityMs`: it never
   * comes back too soon.
   */
  setVisibility(delivery: Delivery, ms: number): Promise<void>;
  /** In milliseconds: 1, or 1,000 on SQS, whose visibility timeouts are whole seconds. */
  readonly granularityMs: number;
  /** Up to `max` (at most 10) of the messages that are visible now, perhaps fewer than there are. Never waits for one. */
  receive(queue: QueueName, max: number): readonly Delivery[] | Promise<readonly Delivery[]>;
  /** Deletes a received message. */
  acknowledge(queue: QueueName, receiptHandle: string): void | Promise<void>;
}

/** A request with everything resolved. `url` is absolute. */
export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Never over a connection that an earlier call left open. */
  readonly fresh?: true;
  /** The step looks at headers of the reply itself. */
  readonly allHeaders?: true;
  /**
   * For this https target, as PEM: the authorities to trust instead of Node's own (`ca`, one or several), and the certificate by which the
   * client shows who it is (`cert`, with those between it and its authority) with its private key. A call under one identity never goes over
   * a connection of another. What cannot be read is `REQUEST_INVALID`.
   */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
}

/**
 * How a call ended. `sent: 'no'`: the server cannot have seen it. Replies above the size limit end as
 * `REPLY_TOO_LARGE` with the first bytes as `excerpt`; a request that HTTP does not allow as `REQUEST_INVALID`.
 */
export type HttpOutcome =
  | {
      readonly kind: 'reply';
      readonly status: number;
      /** By their names in lower case: all but cookies where all are asked for, else those that the engine reads. Left out where there are none. */
      readonly headers?: Readonly<Record<string, string>>;
      readonly body: string;
      /** Why the bytes of the body are no text: then `body` is for a person alone, with U+FFFD for what could not be read. */
      readonly unreadable?: string;
      /** The request was sent twice, and this answers the second: the first may have been read too. */
      readonly repeated?: true;
      /** Its end is that of its connection: nothing proves that it is whole. */
      readonly untilClose?: true;
    }
  | {
      readonly kind: 'failure';
      readonly code:
        | 'REQUEST_INVALID'
        | 'CONNECTION_FAILED'
        | 'CONNECTION_BROKEN'
        | 'DEADLINE_EXCEEDED'
        | 'REPLY_TOO_LARGE';
      readonly sent: 'no' | 'unknown';
      readonly message: string;
      readonly status?: number;
      /** Where a reply began; left out where there are none. */
      readonly headers?: Readonly<Record<string, string>>;
      readonly excerpt?: string;
    };

/**
 * Calls a target. Never throws; ends by `deadlineMs` milliseconds from now, whatever the server does. Follows no redirect. Repeats a
 * request once, and only where a connection that an earlier call left open broke before any byte of a reply.
 */
export interface Http {
  call(request: HttpRequest, deadlineMs: number): Promise<HttpOutcome>;
}

/** Milliseconds since 1970, and timers, so that a simulator can own time. */
export interface Clock {
  now(): number;
  /** Calls `action` once after `ms` milliseconds; the returned function cancels it. */
  after(ms: number, action: () => void): () => void;
}

/** The only source of chance. */
export interface Random {
  /** From 0 up to 1, without 1. */
  fraction(): number;
  /** 32 lower-case hexadecimal digits nobody can guess. */
  token(): string;
}

/** A target as the stage has it. */
export interface ResolvedTarget {
  /** Absolute, without a trailing slash. */
  readonly baseUrl: string;
  /** Sent with every call; secrets already read. */
  readonly headers: Readonly<Record<string, string>>;
  /** What no error may show, beside the headers as a whole: a secret may be a part of its header. */
  readonly secrets?: readonly string[];
  /** The last change of a request before it goes out: it gets what has another place than a header, or is signed. Errors: as those of `resolve`. */
  prepare?(request: HttpRequest): HttpRequest | Promise<HttpRequest>;
  /**
   * After this status: reads again what was kept, each at most once in a while. The target as it is now; undefined where nothing of it changed; `tooSoon`
   * after a 401 where that while is not over, so that a later attempt may fare better. Errors: as those of `resolve`.
   */
  renewed?(status: number): Promise<ResolvedTarget | 'tooSoon' | undefined>;
}

/**
 * What a stage has for its steps. Errors: `EngineError` `TARGET_MISSING` with what to set; `SECRET_UNAVAILABLE` when a secret may be
 * read later.
 */
export interface Targets {
  /** At once where nothing has to be fetched. */
  resolve(name: string): ResolvedTarget | Promise<ResolvedTarget>;
  /** A secret that a `run` step names. Left out where there are none. */
  secret?(name: string): string | Promise<string>;
}

/** Logs and metrics. Never throws. */
export interface Telemetry {
  emit(event: EngineEvent): void;
}

/**
 * What on-call is told. `failed`: a digest of failed workflows of one chain, step and error. `compensation_failed`: of one workflow, that it could
 * not be taken back.
 */
export interface Notification {
  /** Names the oldest failure in it, `<workflowId>:<epoch>:<kind>`. A repeat has the same id, and counts anew. */
  readonly id: string;
  readonly kind: TellingKind;
  readonly chain: string;
  readonly step: string;
  readonly code: StepErrorCode;
  /** Workflows that failed and that nobody was told of. */
  readonly count: number;
  /** When the first and the last of them failed, in milliseconds since 1970. */
  readonly firstAt: number;
  readonly lastAt: number;
  /** The oldest of them. */
  readonly examples: readonly FailureExample[];
}

export interface FailureExample extends WorkflowKey {
  readonly epoch: number;
  /** Without what the target answered. */
  readonly error: WorkflowError;
  /** Nobody need resume it: what it did is taken back by itself. */
  readonly takenBack?: true;
  /** Of one that could not be taken back: how its undos stand, in the order in which they go. */
  readonly undos?: readonly UndoStanding[];
}

/** How the undo of a step stands, without a word of what its target answered. */
export interface UndoStanding {
  readonly step: string;
  readonly status: StepStatus;
  readonly attempts: number;
  /** Nobody knows whether the step acted. */
  readonly inDoubt?: true;
}

/** Tells the people on call. Errors: throws when nobody was told; the caller repeats. */
export interface Notifier {
  notify(notification: Notification): Promise<void>;
}

/** How reads wait for a change of a workflow. */
export interface Watch {
  /**
   * Takes a place to wait for at most `ms`; undefined where all are taken. What is written from then on is noticed.
   * Errors: `EngineError` `STORE_UNAVAILABLE`.
   */
  open(key: WorkflowKey, ms: number): Promise<Watching | undefined>;
}

export interface Watching {
  /**
   * Resolves when it is time to look: something was written, or may have been, or `ms` are over. False: it must not wait any longer, as its
   * process ends. Never throws.
   */
  next(ms: number): Promise<boolean>;
  /** Gives the place back. Never throws. */
  close(): Promise<void>;
}

/** Everything the engine has of the outside world. */
export interface Ports {
  readonly store: Store;
  readonly queue: Queue;
  readonly http: Http;
  readonly clock: Clock;
  readonly random: Random;
  readonly targets: Targets;
  readonly telemetry: Telemetry;
  readonly notifier: Notifier;
}
