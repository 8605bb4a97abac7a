import type * as z from 'zod';
import type { Backoff, Callable, Read, RequestSpec, Statuses } from '../definition.ts';
import type { Json } from '../json.ts';
import type { Answer } from '../request/answer.ts';
import type { Methods } from '../request/methods.ts';
import type { Reply } from '../request/verdict.ts';
import type { Target } from '../target.ts';

/** What a step stores of a value: `undefined` becomes `null`. */
type Stored<Value> = unknown extends Value
  ? Value
  : Value extends unknown
    ? undefined extends Value
      ? null
      : Value
    : never;

/** The result of a step that ran: what its schema gives, or else what `run` returns, or else (a request) `null`. */
export type ResultOf<Schema, Returned> = Stored<
  Schema extends z.ZodType ? z.output<Schema> : Awaited<Returned>
>;

/** What later steps see of a result: `undefined` too, where `when` may have skipped the step. */
export type Seen<Result, Asked> = [Asked] extends [never] ? Result : Result | undefined;

/** Names of the top-level fields of what a schema gives. */
export type FieldOf<Schema> = Schema extends z.ZodType ? FieldsIn<z.output<Schema>> : never;
type FieldsIn<Value> = Value extends object ? Extract<keyof Value, string> : never;

/** A result without its sensitive fields. */
export type Shown<Result, Sensitive extends string> = [Sensitive] extends [never]
  ? Result
  : Result extends object
    ? Omit<Result, Sensitive>
    : Result;

type JsonReturn<Returned> =
  Returned extends PromiseLike<infer Value> ? PromiseLike<Json<Value>> : Json<Returned>;

/** What a step's functions see. */
export interface Context<Input, Results> {
  readonly input: Input;
  readonly results: Results;
}

/** What a request function sees too. */
interface Requesting<Input, Results> extends Context<Input, Results> {
  /**
   * For APIs that take the key in the body, written as the target's `idempotency.format` says. The same at every attempt of a round.
   * @example square.post('/v2/payments', { idempotency_key: idempotencyKey, source_id: input.source })
   */
  readonly idempotencyKey: string;
}

/** What `run` sees too. */
interface Running<Input, Results> extends Context<Input, Results> {
  /** The same at every attempt whose effect is not known; send it with whatever the code calls. */
  readonly idempotencyKey: string;
  /** Aborts at the deadline. What later comes of code that ignores it is dropped. */
  readonly signal: AbortSignal;
  /**
   * Calls a target that `targets` names, with its settings, secrets and certificates, by the deadline. Each call of an attempt has a name of its
   * own, so that its key, `<idempotencyKey>:<name>`, is the same at the next attempt. The reply of a 2xx comes back; anything else throws a
   * `CallError`, which fails the attempt as it would that of a `request`, unless it is caught.
   * @example const { body } = await call('capture', payments).post(path`/charges/${id}/capture`, { amount });
   */
  call(name: string, target: Callable): Methods<Promise<Reply>>;
  /**
   * The value of a secret that `secrets` names, so that code can sign.
   * @example createHmac('sha256', await secret('webhook-key')).update(body).digest('hex')
   */
  secret(name: string): Promise<string>;
}

/** What an undo sees too. */
interface Undoing<Result> {
  readonly undone: {
    /** What the step stored; `undefined` where nobody knows whether it acted. Then the target has to find its effect by `idempotencyKey`, if there is any. */
    readonly result: unknown extends Result ? unknown : Result | undefined;
    /** The key that the call of the step had, as it was sent. */
    readonly idempotencyKey: string;
  };
}

/** What is said of a call: of a step, or of its undo. All durations are in seconds. */
interface CallOptions {
  /** Attempts after the first, 0 to 100. Default 5. */
  readonly retries?: number;
  /** Seconds for one attempt, the reply's body included; above 0, at most 840. Default 30. */
  readonly timeout?: number;
  /**
   * Wait after attempt n: a random time from half to whole of `base * 2^(n-1)`, but of `cap` where that is less. Default 8 and 300: five retries
   * wait for 124 to 248 s together. On AWS waits are whole seconds, of which there are two at least to choose from.
   */
  readonly backoff?: Partial<Backoff>;
  /**
   * `lifetime`: for how many seconds the targets that are called remember an idempotency key at least; `'none'` where one of them takes no key. Needed
   * for `run`, and where `targets` names one by its name alone; else it is the least of its targets. Default 86,400. After it no call is repeated whose
   * effect is unknown.
   */
  readonly idempotency?: 'none' | { readonly lifetime: number };
}

/** A call that sends one HTTP request to a target. */
interface RequestOptions<Seeing> {
  /**
   * All targets that the request may call, as `target()` made them, or by name. Needed only where a value decides which one is called, or where the text
   * of `request` shows no call, as it calls a function that does; otherwise they are found by calling `request` once. On AWS the step gets the settings and secrets of these targets, and no other.
   */
  readonly targets?: readonly (string | Target)[];
  /**
   * Builds the request. Called at every attempt: the same input and results must give the same request, so without `Date.now()` or
   * `Math.random()`. What has to be drawn or looked at is the result of a `run` step before this one.
   */
  readonly request: (context: Seeing) => RequestSpec;
  /**
   * What the reply is to `response`: the value that it is as JSON (`json`, the default), or its text (`text`). Text is decoded from the charset that
   * the target declares, else from UTF-8.
   * @example read: 'text', response: z.string().startsWith('OK')
   */
  readonly read?: Read;
  /**
   * What a status means at this target, where it is not what it means elsewhere. `done` gives no value, as an empty reply: write `.optional()` or
   * `.nullable()` in `response`, or leave that out.
   * @example statuses: { 404: 'done' } // of a DELETE
   */
  readonly statuses?: Statuses;
  /**
   * What a complete reply means, whatever its status. Returns the value that `response` then checks, `later({ because })`, `refused({ because })`, or
   * `next()`: the value that the reply has by its status. Where that says no, `next()` ends the function, and the failure is that of the status.
   * Quick, without async, and the same for the same reply. What it throws fails the step as `REPLY_INVALID`.
   * @example reply: ({ headers }, next) => ({ body: next(), etag: headers.etag })
   */
  readonly reply?: (reply: Reply, next: () => unknown) => unknown;
  readonly run?: never;
  readonly secrets?: never;
}

/** A call that runs code. */
interface RunOptions {
  /** All targets that `call` may call. On AWS the step gets the settings and secrets of these targets, and no other. */
  readonly targets?: readonly (string | Target)[];
  /**
   * Secrets that `secret` may read, by their names among the `secrets` of the stage. Where there is no stage, `webhook-key` is the environment variable
   * `STEPLINE_SECRET_WEBHOOK_KEY`.
   */
  readonly secrets?: readonly string[];
  readonly request?: never;
  readonly read?: never;
  readonly reply?: never;
  readonly statuses?: never;
}

interface RunStep<Input, Results, Returned> extends RunOptions {
  /** Its value is stored as JSON. Throw `StepRefusal` to fail the step for good; anything else is tried again. */
  readonly run: (context: Running<Input, Results>) => Returned & JsonReturn<Returned>;
}

interface RunUndo<Input, Results, Result> extends RunOptions {
  /** Its value is not stored. Throw `StepRefusal` to fail the undo for good; anything else is tried again. */
  readonly run: (context: Running<Input, Results> & Undoing<Result>) => unknown;
}

/** How a step is taken back. */
export type UndoOptions<Input, Results, Result> = CallOptions & {
  /** What the reply (or the value of `run`) must be; nothing of it is stored. Without it the status of a reply alone says what became of the undo. */
  readonly response?: z.ZodType;
} & (RequestOptions<Requesting<Input, Results> & Undoing<Result>> | RunUndo<Input, Results, Result>);

/** What the request of a lookup sees too. */
interface LookingUp<Input, Results> extends Context<Input, Results> {
  /**
   * The key that the call in doubt had, as it was sent. Of code it is that of `run`: its calls had `<idempotencyKey>:<name>`.
   * @example payments.get('/charges', { query: { key: idempotencyKey } })
   */
  readonly idempotencyKey: string;
}

/** How a step's target is asked what became of a call. */
export interface LookupOptions<Input, Results>
  extends Pick<CallOptions, 'retries' | 'timeout' | 'backoff'>,
    Pick<RequestOptions<LookingUp<Input, Results>>, 'targets'> {
  /** Builds the request, at every attempt. It must not act: it is sent without an idempotency key. */
  readonly request: (context: LookingUp<Input, Results>) => RequestSpec;
  /**
   * What a complete reply of 2xx, 404 or 410 says: `done(result)`, `notDone()` or `unknown()`. Any other status is tried again, or ends the lookup without
   * an answer, and `reply` is not asked. Quick, without async, and the same for the same reply. Where it throws, the lookup ends without an answer.
   * @example reply: ({ status, body }) => (status === 404 ? notDone() : done(body))
   */
  readonly reply: (reply: Reply) => Answer;
  /** What `body` of a reply is: the value that it is as JSON (`json`, the default), or its text (`text`). A 2xx that is neither empty nor JSON ends the lookup under `json`. */
  readonly read?: Read;
}

/** What every step may say. All durations are in seconds. */
interface Common<Input, Results, After, Schema, Sensitive, Returned, Asked> extends CallOptions {
  /**
   * What is stored: the reply (or the value of `run`) as this schema parses it. Without it a request stores `null`, whatever
   * the target answers, and `run` stores what it returns. Its values must be JSON: no dates, no transforms. An empty reply is `undefined` to
   * it: where that may come, as with 204, write `.optional()` or `.nullable()`, and `null` is stored.
   */
  readonly response?: Schema;
  /**
   * Top-level fields of the result that are masked everywhere, never shown, and erased with the sensitive input of the chain. Later steps
   * see them.
   * @example response: z.object({ id: z.string(), token: z.string() }), sensitive: ['token']
   */
  readonly sensitive?: readonly Sensitive[];
  /** Names of earlier steps that this one waits for. Default: the step declared before it. `[]` makes it a root. */
  readonly after?: readonly After[];
  /**
   * Whether the step is needed, asked once before its first attempt. Where it is not, the step is `skipped`: it calls nobody, its result is `undefined`
   * to later steps, which go on (each has its own `when`), and it is never undone. Without async. What it throws fails the step; nothing was done.
   * @example when: ({ input }) => input.giftWrap
   */
  readonly when?: (context: Context<Input, Results>) => Asked;
  /**
   * How its target is asked what became of a call of which nobody knows whether it acted: before the step is given up so, before it is undone, and where
   * its key is older than the target remembers. It never acts, and has retries, timeout and backoff of its own, with the defaults of a step. `done(result)`
   * completes the step with what its `response` makes of the result; without one a request stores `null`, and code the result as it is. `notDone()` says
   * that nothing was done: it counts where the call can act no more, after `lateBy`; earlier it is asked again then. After `unknown()`, or without an
   * answer, a person has to look.
   * Errors: `DefinitionError` where `request` or `reply` is missing, and for options of a call that acts, such as `run`.
   * @example
   * lookup: {
   *   request: ({ idempotencyKey }) => payments.get('/charges', { query: { key: idempotencyKey } }),
   *   reply: ({ status, body }) => (status === 404 ? notDone() : done(body)),
   * }
   */
  readonly lookup?: LookupOptions<Input, Results>;
  /**
   * How the step is taken back, when its workflow failed and the chain says `onFailure: 'undo'`, or an operator asks for it: after every step behind it is
   * taken back. It is called where the step completed and where nobody knows whether it acted, never where it surely did nothing. It has a key of its own,
   * and retries, timeout and backoff of its own, with the defaults of a step. Of a reply 2xx is done; 404 and 410 too where nobody knows whether the step
   * acted. Where `run` looks at what it is given, write `undo` after it. Best is a target that refuses the key of the step from then on.
   * Errors: `DefinitionError` for options that are not of a call, such as `after`, and on the pivot or after it, where it would never be called.
   * @example undo: { request: ({ undone }) => payments.post('/refunds', { charge: undone.result?.id, chargeKey: undone.idempotencyKey }) }
   */
  readonly undo?: UndoOptions<Input, Results, ResultOf<Schema, Returned>>;
  /**
   * Beyond this step there is only forward: once it acted, or may have, nothing of the workflow is undone, and whoever asks for it is refused. At most one
   * step of a chain, and every other one comes before or after it.
   * Errors: `DefinitionError` when the chain ends, for a second one and for steps beside it.
   * @example .step('hand-over', { pivot: true, request: ({ results }) => courier.post('/pickups', { parcel: results.parcel.id }) })
   */
  readonly pivot?: boolean;
  /** Messages that one invocation takes, 1 to 10. Default 1. */
  readonly batchSize?: number;
  /**
   * For how many seconds after the deadline of a call the targets of this step may still act on it, 0 to 3,600. Needed for `run`, and where `targets` names
   * one by its name alone; else it is the most of its targets. Default 60. The undo of a step of which nobody knows whether it acted waits so long.
   */
  readonly lateBy?: number;
  /** Invocations of this step that run at a time, 2 to 1,000. Default: the stage's on AWS, none on one machine. */
  readonly concurrency?: number;
}

/** How a step is written: what it does, and what is said of it. */
export type StepOptions<Input, Results, After, Schema, Sensitive, Returned, Asked> = Common<
  Input,
  Results,
  After,
  Schema,
  Sensitive,
  Returned,
  Asked
> &
  (RequestOptions<Requesting<Input, Results>> | RunStep<Input, Results, Returned>);
