import type * as z from 'zod';
import type { ReservedOutputName } from '../contract/names.ts';
import type { Backoff, Callable, ChainDefinition, Read, RequestSpec, Statuses } from './definition.ts';
import type { Json } from './json.ts';
import type { Methods } from './request/methods.ts';
import type { Reply } from './request/verdict.ts';
import type { Target } from './target.ts';

/** What the types know of one step: what it stores, what of that may be shown, and the names of all steps before it. */
export interface StepType {
  readonly result: unknown;
  readonly shown: unknown;
  readonly before: string;
}
export type StepTypes = Readonly<Record<string, StepType>>;

/** The names of the steps that come before one that follows `After`. */
type Before<Steps extends StepTypes, After extends string> = After | Steps[After]['before'];

/** What a step stores of a value: `undefined` becomes `null`. */
type Stored<Value> = unknown extends Value
  ? Value
  : Value extends unknown
    ? undefined extends Value
      ? null
      : Value
    : never;

/** The result of a step: what its schema gives, or else what `run` returns, or else (a request) `null`. */
type ResultOf<Schema, Returned> = Stored<Schema extends z.ZodType ? z.output<Schema> : Awaited<Returned>>;

/** Names of the top-level fields of what a schema gives. */
type FieldOf<Schema> = Schema extends z.ZodType ? FieldsIn<z.output<Schema>> : never;
type FieldsIn<Value> = Value extends object ? Extract<keyof Value, string> : never;

/** A result without its sensitive fields. */
type Shown<Result, Sensitive extends string> = [Sensitive] extends [never]
  ? Result
  : Result extends object
    ? Omit<Result, Sensitive>
    : Result;

type JsonReturn<Returned> =
  Returned extends PromiseLike<infer Value> ? PromiseLike<Json<Value>> : Json<Returned>;

/** What a step's functions see. */
interface Context<Input, Results> {
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

/** What a `run` step sees too. */
interface Running<Input, Results> extends Context<Input, Results> {
  /** The same at every attempt whose effect is not known; send it with whatever the code calls. */
  readonly idempotencyKey: string;
  /** Aborts at the step's deadline. What later comes of code that ignores it is dropped. */
  readonly signal: AbortSignal;
  /**
   * Calls a target that `targets` names, with its settings, secrets and certificates, by the step's deadline. Each call of an attempt has a name of its
   * own, so that its key, `<idempotencyKey>:<name>`, is the same at the next attempt. The reply of a 2xx comes back; anything else throws a
   * `CallError`, which fails the attempt as it would that of a `request` step, unless it is caught.
   * @example const { body } = await call('capture', payments).post(path`/charges/${id}/capture`, { amount });
   */
  call(name: string, target: Callable): Methods<Promise<Reply>>;
  /**
   * The value of a secret that `secrets` names, so that code can sign.
   * @example createHmac('sha256', await secret('webhook-key')).update(body).digest('hex')
   */
  secret(name: string): Promise<string>;
}

/** What every step may say. All durations are in seconds. */
interface StepOptions<After, Schema, Sensitive> {
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
  /** Attempts after the first, 0 to 100. Default 5. */
  readonly retries?: number;
  /** Seconds for one attempt, the reply's body included; above 0, at most 840. Default 30. */
  readonly timeout?: number;
  /**
   * Wait after attempt n: a random time from half to whole of `base * 2^(n-1)`, but of `cap` where that is less. Default 8 and 300: five retries
   * wait for 124 to 248 s together. On AWS waits are whole seconds, of which there are two at least to choose from.
   */
  readonly backoff?: Partial<Backoff>;
  /** Messages that one invocation takes, 1 to 10. Default 1. */
  readonly batchSize?: number;
  /**
   * `lifetime`: for how many seconds the targets of this step remember an idempotency key at least; `'none'` where one of them takes no key. Needed for
   * `run`, and where `targets` names one by its name alone; else it is the least of its targets. Default 86,400. After it no call is repeated whose
   * effect is unknown.
   */
  readonly idempotency?: 'none' | { readonly lifetime: number };
  /** Invocations of this step that run at a time, 2 to 1,000. Default: the stage's on AWS, none on one machine. */
  readonly concurrency?: number;
}

/** A step that sends one HTTP request to a target. */
interface RequestStep<Input, Results> {
  /**
   * All targets that the request may call, as `target()` made them, or by name. Needed only where a value decides which one is called, or where the text
   * of `request` shows no call, as it calls a function that does; otherwise they are found by calling `request` once. On AWS the step gets the settings and secrets of these targets, and no other.
   */
  readonly targets?: readonly (string | Target)[];
  /**
   * Builds the request. Called at every attempt: the same input and results must give the same request, so without `Date.now()` or
   * `Math.random()`. What has to be drawn or looked at is the result of a `run` step before this one.
   */
  readonly request: (context: Requesting<Input, Results>) => RequestSpec;
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

/** A step that runs code. */
interface RunStep<Input, Results, Returned> {
  /** All targets that `call` may call. On AWS the step gets the settings and secrets of these targets, and no other. */
  readonly targets?: readonly (string | Target)[];
  /**
   * Secrets that `secret` may read, by their names among the `secrets` of the stage. Where there is no stage, `webhook-key` is the environment variable
   * `STEPLINE_SECRET_WEBHOOK_KEY`.
   */
  readonly secrets?: readonly string[];
  /** Its value is stored as JSON. Throw `StepRefusal` to fail the step for good; anything else is tried again. */
  readonly run: (context: Running<Input, Results>) => Returned & JsonReturn<Returned>;
  readonly request?: never;
  readonly read?: never;
  readonly reply?: never;
  readonly statuses?: never;
}

/** What an output may hold: anything but the names that every workflow's answer has. */
export type Output = Readonly<Record<string, unknown>> & { readonly [Name in ReservedOutputName]?: never };

/** The options of a chain: all but its steps. */
export interface ChainOptions<Input extends z.ZodObject, Sensitive extends string> {
  /** A whole number from 1. Raise it when step names, their order or their schemas change. */
  readonly version: number;
  /** Path of the start route, below `/api/`: `POST <start>` starts a workflow. */
  readonly start: string;
  /** What a start request must hold. Its values must be JSON: no dates, no transforms. */
  readonly input: Input;
  /** Top-level fields of the input that are masked everywhere and erased when the workflow ends. */
  readonly sensitive?: readonly Sensitive[];
  /**
   * What makes a repeat of a start the same start, for senders that give no Idempotency-Key, as those of webhooks: the event's id, in
   * a header or in the input. Never something of all the body: two equal orders are two. A request in which it is missing or empty is
   * refused with 400, as is one with an Idempotency-Key that differs.
   * @example startKey: ({ headers }) => headers['x-event-id']
   */
  readonly startKey?: (context: {
    readonly input: Omit<z.output<Input>, Sensitive>;
    /** Their names in lower case. */
    readonly headers: Readonly<Record<string, string | undefined>>;
  }) => string | undefined;
  /**
   * Days after which the sensitive input of a failed workflow is erased, 1 to `keepDays`. Until then it can be resumed. Default 14, or
   * `keepDays` where that is less.
   */
  readonly keepFailed?: number;
  /** Days that a workflow is kept after its start, 2 to 3,650. Default 90. One that has not ended a day before fails as `EXPIRED`. */
  readonly keepDays?: number;
}

/**
 * A chain being written. Immutable: each call returns another.
 * @typeParam Steps what is known of each step so far
 * @typeParam Last the step declared last, which the next one follows unless it says otherwise
 */
export interface Chain<Input, Sensitive extends string, Steps extends StepTypes, Last extends string> {
  /**
   * Adds a step. `results` holds exactly the results of the steps before it.
   * Errors: `DefinitionError`, which says what is wrong and what to write.
   * @example
   * .step('shipment', {
   *   request: ({ input, results }) => shipping.post('/shipments', { orderId: results.payment.orderId }),
   *   response: z.object({ trackingId: z.string() }),
   *   retries: 3,
   *   timeout: 30,
   * })
   */
  step<
    Name extends string,
    After extends keyof Steps & string = Last,
    Schema extends z.ZodType | undefined = undefined,
    Returned = null,
    Hidden extends FieldOf<Schema> = never,
  >(
    name: Name,
    // The type of `results` is written out, not named, so that an editor shows the steps in it.
    options: StepOptions<After, Schema, Hidden> &
      (
        | RequestStep<Input, { readonly [Earlier in Before<Steps, After>]: Steps[Earlier]['result'] }>
        | RunStep<Input, { readonly [Earlier in Before<Steps, After>]: Steps[Earlier]['result'] }, Returned>
      ),
  ): Chain<
    Input,
    Sensitive,
    Steps &
      Readonly<
        Record<
          Name,
          {
            readonly result: ResultOf<Schema, Returned>;
            readonly shown: Shown<ResultOf<Schema, Returned>, Hidden>;
            readonly before: Before<Steps, After>;
          }
        >
      >,
    Name
  >;

  /**
   * Ends the chain. `show` returns the fields that are added to a workflow's answer. It is called at every read, from the
   * start on: a result is `undefined` until its step completes. It must be quick and change nothing. It is also called once
   * here, without input and results, to check the names that it returns.
   * Errors: `DefinitionError`, also for a name that every answer has already, such as `status`.
   * @example .output(({ results }) => ({ orderId: results.payment?.orderId ?? null }))
   */
  output(
    show: (
      context: Context<Omit<Input, Sensitive>, { readonly [Name in keyof Steps]?: Steps[Name]['shown'] }>,
    ) => Output,
  ): ChainDefinition;

  /** The chain without an output. Errors: `DefinitionError` when it has no steps. */
  readonly definition: ChainDefinition;
}
