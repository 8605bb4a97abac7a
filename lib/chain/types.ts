import type * as z from 'zod';
import type { ReservedOutputName } from '../contract/names.ts';
import type { ChainDefinition, OnFailure } from './definition.ts';
import type { Context, FieldOf, ResultOf, Seen, Shown, StepOptions } from './step/options.ts';

/** What the types know of one step: what it stores, what of that may be shown, and the names of all steps before it. */
export interface StepType {
  readonly result: unknown;
  readonly shown: unknown;
  readonly before: string;
}
export type StepTypes = Readonly<Record<string, StepType>>;

/** The names of the steps that come before one that follows `After`. */
type Before<Steps extends StepTypes, After extends string> = After | Steps[After]['before'];

/** What an output may hold: anything but the names that every workflow's answer has. */
export type Output = Readonly<Record<string, unknown>> & { readonly [Name in ReservedOutputName]?: never };

/** What clients know of a chain by its type alone: its name, what a start sends, what its output shows, and the names of its steps. */
export interface ChainTypes {
  readonly name: string;
  readonly input: unknown;
  readonly output: Readonly<Record<string, unknown>>;
  readonly step: string;
}
export declare const CHAIN_TYPES: unique symbol;
/** A finished chain. What stands under `CHAIN_TYPES` is for the compiler, and never there. */
export interface TypedChain<Types extends ChainTypes = ChainTypes> extends ChainDefinition {
  readonly name: Types['name'];
  readonly [CHAIN_TYPES]?: Types;
}

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
  /**
   * What becomes of a workflow in which a step failed for good. `'undo'`: it is taken back at once, each step that has an `undo`, in reverse order; it ends
   * `compensated`, or `compensation_failed` where an undo fails, too. `'stop'`, the default: it stays `failed`, and a person resumes or undoes it. One that
   * failed because it expires is not taken back by itself.
   * Errors: `DefinitionError` for `'undo'` where no step has an undo.
   */
  readonly onFailure?: OnFailure;
}

/**
 * A chain being written. Immutable: each call returns another.
 * @typeParam Steps what is known of each step so far
 * @typeParam Last the step declared last, which the next one follows unless it says otherwise
 * @typeParam Name the chain's name
 * @typeParam Sent what a start request holds, before its schema fills in what is left out
 */
export interface Chain<
  Input,
  Sensitive extends string,
  Steps extends StepTypes,
  Last extends string,
  Name extends string = string,
  Sent = unknown,
> {
  /**
   * Adds a step. `results` holds exactly the results of the steps before it; that of a step with `when` may be `undefined`.
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
    StepName extends string,
    After extends keyof Steps & string = Last,
    Schema extends z.ZodType | undefined = undefined,
    Returned = null,
    Hidden extends FieldOf<Schema> = never,
    Asked extends boolean = never,
  >(
    name: StepName,
    // The type of `results` is written out, not named, so that an editor shows the steps in it.
    options: StepOptions<
      Input,
      { readonly [Earlier in Before<Steps, After>]: Steps[Earlier]['result'] },
      After,
      Schema,
      Hidden,
      Returned,
      Asked
    >,
  ): Chain<
    Input,
    Sensitive,
    Steps &
      Readonly<
        Record<
          StepName,
          {
            readonly result: Seen<ResultOf<Schema, Returned>, Asked>;
            readonly shown: Seen<Shown<ResultOf<Schema, Returned>, Hidden>, Asked>;
            readonly before: Before<Steps, After>;
          }
        >
      >,
    StepName,
    Name,
    Sent
  >;

  /**
   * Ends the chain. `show` returns the fields that are added to a workflow's answer. It is called at every read, from the
   * start on: a result is `undefined` until its step completes. It must be quick and change nothing. It is also called once
   * here, without input and results, to check the names that it returns.
   * Errors: `DefinitionError`, also for a name that every answer has already, such as `status`.
   * @example .output(({ results }) => ({ orderId: results.payment?.orderId ?? null }))
   */
  output<Shown extends Output>(
    show: (
      context: Context<
        Omit<Input, Sensitive>,
        { readonly [Earlier in keyof Steps]?: Steps[Earlier]['shown'] }
      >,
    ) => Shown,
  ): TypedChain<{
    readonly name: Name;
    readonly input: Sent;
    readonly output: Shown;
    readonly step: keyof Steps & string;
  }>;

  /** The chain without an output. Errors: `DefinitionError` when it has no steps. */
  readonly definition: TypedChain<{
    readonly name: Name;
    readonly input: Sent;
    readonly output: Record<never, never>;
    readonly step: keyof Steps & string;
  }>;
}
