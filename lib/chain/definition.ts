import type * as z from 'zod';
import type { Idempotency } from './request/key.ts';
import type { Methods, RequestOptions } from './request/methods.ts';
import type { Path } from './request/path.ts';
import type { Reply } from './request/verdict.ts';

export const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
export type Method = (typeof METHODS)[number];

export const READS = ['json', 'text'] as const;
export type Read = (typeof READS)[number];

/** What a status may be said to mean: `done` gives no value, `later` is tried again, `refused` is not. */
export const MEANINGS = ['done', 'later', 'refused'] as const;
export type Statuses = Readonly<Record<number, (typeof MEANINGS)[number]>>;

/** A request to a target, before the stage's base URL and secret are known. `path` begins with `/`. */
export interface RequestSpec {
  readonly target: string;
  readonly method: Method;
  readonly path: string;
  /** Sent as JSON, or as `json`, `form`, `text` or `multipart` says; leave it out for no body. A bare text is refused. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** How the target takes idempotency keys; left out where it does as most. */
  readonly idempotency?: Idempotency;
  /** For how many seconds after the deadline of a call the target may still act on it; left out where it does as most. */
  readonly lateBy?: number;
}

/** What a step sees: the validated input and the results of the steps that precede it. */
export interface StepContext {
  readonly input: unknown;
  readonly results: Readonly<Record<string, unknown>>;
}

/** What a request function sees too: the key as its target wants it written. The same at every attempt of a round. */
export interface RequestContext extends StepContext {
  readonly idempotencyKey: string;
}

/** What a `run` step sees too. `signal` aborts at the step's deadline; what later comes of code that ignores it is dropped. */
export interface RunContext extends StepContext {
  readonly idempotencyKey: string;
  readonly signal: AbortSignal;
  /** Calls a target that the step names. Each call of an attempt has a name of its own, and the key `<idempotencyKey>:<name>`. */
  call(name: string, target: Callable): Methods<Promise<Reply>>;
  /** The value of a secret that the step names. */
  secret(name: string): Promise<string>;
}

/** What describes requests to one target; what a body may be was looked at where it was written. */
export interface Callable {
  readonly name: string;
  get(path: string | Path, options?: RequestOptions): RequestSpec;
  post(path: string | Path, body?: unknown, options?: RequestOptions): RequestSpec;
  put(path: string | Path, body?: unknown, options?: RequestOptions): RequestSpec;
  patch(path: string | Path, body?: unknown, options?: RequestOptions): RequestSpec;
  delete(path: string | Path, options?: RequestOptions): RequestSpec;
}

/** Exponential backoff with equal jitter, in seconds: after attempt n a step waits between half and whole of `min(cap, base * 2^(n-1))`. */
export interface Backoff {
  readonly base: number;
  readonly cap: number;
}

/** How a call is made, and what becomes of its end: of a step, or of its undo. Everything decided, nothing optional that has a default. */
interface CallDefinition {
  /** Names of the targets that the step may call; undefined if its definition does not show them. */
  readonly targets: readonly string[] | undefined;
  /** Names of the secrets that a `run` step may read. */
  readonly secrets: readonly string[];
  /** How long its targets remember an idempotency key at least, in seconds; 0 where one of them takes none. */
  readonly keyLifetime: number;
  /** Replies (or a `run` step's result) are stored as this schema parses them. */
  readonly response: z.ZodType | undefined;
  /** What a reply means, where its status does not say it. */
  reply?(reply: Reply, next: () => unknown): unknown;
  readonly statuses: Statuses | undefined;
  /** Top-level fields of the result that are masked everywhere, never shown, and erased with the sensitive input. */
  readonly sensitive: readonly string[];
  /** What a reply is to the schema: the value that it is as JSON, or its text. */
  readonly read: Read;
  /** Attempts after the first. */
  readonly retries: number;
  /** Seconds for one attempt, the reply's body included. */
  readonly timeout: number;
  readonly backoff: Backoff;
}

/** A step as the engine reads it. */
export interface StepDefinition extends CallDefinition {
  readonly name: string;
  /** Names of the steps this one follows; empty for a root. */
  readonly after: readonly string[];
  /** Exactly one of `request` and `run` is given. */
  request?(context: RequestContext): RequestSpec;
  run?(context: RunContext): unknown;
  /** Whether the step is needed, asked while nobody has claimed it. Absent where it always is. */
  when?(context: StepContext): unknown;
  /** How long after the deadline of a call its targets may still act on it, in seconds: the most of any of them. */
  readonly lateBy: number;
  /** How the step is taken back; undefined where it cannot be, or need not. */
  readonly undo: UndoDefinition | undefined;
  /** How its target is asked what became of a call of which nobody knows whether it acted. Absent where it cannot be asked. */
  readonly lookup?: LookupDefinition;
  /** Beyond this step there is only forward: once it may have acted nothing is taken back. Every other step is before or after it. */
  readonly pivot: boolean;
  /** Messages that one invocation takes, 1 to 10. */
  readonly batchSize: number;
  /** Functions of this step that run at a time, 2 to 1,000; undefined for no limit of our own. */
  readonly concurrency: number | undefined;
}

/** How a step is taken back. What its call answers is checked as that of a step, and not stored. */
export interface UndoDefinition extends CallDefinition {
  /** Exactly one of `request` and `run` is given. */
  request?(context: RequestContext & { readonly undone: Undone }): RequestSpec;
  run?(context: RunContext & { readonly undone: Undone }): unknown;
}

/** How a target is asked what became of a call. It never acts, so it has no key of its own, and its requests carry none. */
export interface LookupDefinition
  extends Pick<CallDefinition, 'targets' | 'read' | 'retries' | 'timeout' | 'backoff'> {
  /** `idempotencyKey`: the key that the call in doubt had, as it was sent. */
  request(context: RequestContext): RequestSpec;
  /** What a complete reply of 2xx, 404 or 410 says: an `Answer`. */
  reply(reply: Reply): unknown;
}

/** What an undo is told of the step that it takes back. */
export interface Undone {
  /** What the step stored; undefined where nobody knows whether it acted. */
  readonly result: unknown;
  /** The key that its call had, as it was sent. */
  readonly idempotencyKey: string;
}

/** What a start key function sees: the input without its sensitive fields, and the request's headers by their names in lower case. */
export interface StartKeyContext {
  readonly input: unknown;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

/** What an output function sees: `input` and results without their sensitive fields; a result is absent until its step completes. */
export type OutputContext = StepContext;

export const ON_FAILURE = ['undo', 'stop'] as const;
export type OnFailure = (typeof ON_FAILURE)[number];

/** A chain as the engine reads it. `steps` stand in an order in which each follows all it names in `after`. */
export interface ChainDefinition {
  readonly name: string;
  readonly version: number;
  /** Path of the start route, e.g. `/api/process-order`. */
  readonly start: string;
  readonly input: z.ZodType;
  /** Top-level input fields that are masked everywhere and erased at the end. */
  readonly sensitive: readonly string[];
  /** What makes a repeat of a start the same start; undefined where that is the client's Idempotency-Key. */
  startKey?(context: StartKeyContext): unknown;
  readonly steps: readonly StepDefinition[];
  /** What becomes of a workflow that failed: it is taken back (`undo`), or it waits for a person (`stop`). */
  readonly onFailure: OnFailure;
  output?(context: OutputContext): Readonly<Record<string, unknown>>;
  /** Days that the sensitive input of a failed workflow is kept after its failure. */
  readonly keepFailed: number;
  /** Days that a workflow's steps are kept after its start. */
  readonly keepDays: number;
}
