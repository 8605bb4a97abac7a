import type { CHAIN_TYPES, ChainTypes, TypedChain } from '../chain/types.ts';
import type { StepStatus, WorkflowStatus } from '../contract/names.ts';
import type { CancelBody, ResumeBody, UndoBody, UndoPlan, WorkflowAnswer } from '../contract/wire.ts';

/** What the type of a chain says. */
type TypesOf<One> = One extends { readonly [CHAIN_TYPES]?: infer Types extends ChainTypes }
  ? Types
  : ChainTypes;

/** The names of chains. */
export type NameOf<Chains extends TypedChain> = Chains['name'];
/** The chain of that name among several. */
export type Named<Chains extends TypedChain, Name extends string> = Chains extends TypedChain
  ? Name extends Chains['name']
    ? Chains
    : never
  : never;
/** What a start of it sends. */
export type InputOf<One extends TypedChain> = TypesOf<One>['input'];

/** A value after it went over the wire as JSON: a date is text. */
type Sent<Value> = unknown extends Value
  ? unknown
  : Value extends { toJSON(): infer Json }
    ? Sent<Json>
    : Value extends object
      ? { readonly [Key in keyof Value]: Sent<Value[Key]> }
      : Value;

/** The fields that a chain's output adds to an answer: `undefined` comes as `null`. */
export type OutputOf<One extends TypedChain> = {
  readonly [Key in keyof TypesOf<One>['output']]:
    | Sent<Exclude<TypesOf<One>['output'][Key], undefined>>
    | (undefined extends TypesOf<One>['output'][Key] ? null : never);
};

/** The fields that are named, without the rest that an answer may have. */
type Fields<Answer> = {
  readonly [Key in keyof Answer as string extends Key ? never : Key]: Answer[Key];
};
type Common = Omit<Fields<WorkflowAnswer>, 'chain' | 'steps' | 'timeline' | 'operations'>;

/** A workflow as `GET /api/workflows/{id}` shows it. Of several chains `chain` says which one it is. */
export type Workflow<Chains extends TypedChain> = Chains extends TypedChain
  ? Common & {
      readonly chain: Chains['name'];
      /** A step that this version of the chain does not have is missing. */
      readonly steps: { readonly [Step in TypesOf<Chains>['step']]?: StepStatus };
    } & OutputOf<Chains>
  : never;

/** One that came to its end. */
export type Completed<Chains extends TypedChain> = Workflow<Chains> & { readonly status: 'completed' };

/** With every attempt, and what operators did: for operators. */
export type Timeline<Chains extends TypedChain> = Workflow<Chains> & {
  readonly [Key in 'timeline' | 'operations']: NonNullable<WorkflowAnswer[Key]>;
};

export interface ListedWorkflow<Chains extends TypedChain> {
  readonly workflowId: string;
  /** Beside those that the client knows, a stage may have others. */
  readonly chain: NameOf<Chains> | (string & {});
  /** One of `WorkflowStatus`, or one that only a newer version knows. */
  readonly status: WorkflowStatus | (string & {});
  readonly createdAt: string;
}

export interface Asking {
  /** Ends the request, and every wait of it. */
  readonly signal?: AbortSignal | undefined;
}

export interface WaitOptions extends Asking {
  /** Seconds until `WaitTimeout`, or until the error of a server that does not answer. Default: none. */
  readonly timeout?: number | undefined;
}

/** One workflow. Errors of every method: `ProblemError`, `NoAnswer`, and the reason of a `signal` that was given. */
export interface WorkflowHandle<Chains extends TypedChain> {
  readonly workflowId: string;
  get(asking?: Asking): Promise<Workflow<Chains>>;
  /**
   * The workflow once it is `completed`. It is told of the end by the server, and does not ask all the time.
   * Errors: `WorkflowFailed` for every other end, `WaitTimeout`.
   * @example const { trackingId } = await order.wait({ timeout: 60 });
   */
  wait(options?: WaitOptions): Promise<Completed<Chains>>;
  /** For operators. */
  timeline(asking?: Asking): Promise<Timeline<Chains>>;
  /** What an undo would do, for operators. It calls nobody. */
  undoPlan(asking?: Asking): Promise<UndoPlan>;
  /** Never repeated by itself, nor are `resume` and `undo`. */
  cancel(body?: CancelBody, asking?: Asking): Promise<Workflow<Chains>>;
  resume(body?: ResumeBody, asking?: Asking): Promise<Workflow<Chains>>;
  undo(body?: UndoBody, asking?: Asking): Promise<Workflow<Chains>>;
}

/** A workflow that this client started. */
export interface StartedWorkflow<Chains extends TypedChain> extends WorkflowHandle<Chains> {
  /** As the start was answered: one that was repeated may have come far. */
  readonly status: WorkflowStatus;
  /** The key that was sent; undefined where none was wanted. */
  readonly idempotencyKey: string | undefined;
  /** The client made the key, as none was given: another start of the same order is another workflow. */
  readonly keyMade: boolean;
}

export interface StartOptions extends Asking {
  /**
   * What makes a repeat of this start the same start: the number of the order, say. Left out, the client makes one for its own repeats. `false`
   * sends none, for a chain with a `startKey`; then the start is not repeated.
   */
  readonly idempotencyKey?: string | false | undefined;
}

export interface ListFilter<Chains extends TypedChain> extends Asking {
  readonly chain?: NameOf<Chains> | undefined;
  readonly status?: WorkflowStatus | undefined;
  /** Workflows that are asked for at a time, 1 to 100. Default 20. */
  readonly limit?: number | undefined;
}

/** What `stepline()` gives. */
export interface Client<Chains extends TypedChain> {
  /**
   * Starts a workflow.
   * Errors: `ProblemError`, of which `errors` names each wrong field; `NoAnswer`; the reason of a `signal` that was given.
   * @example const order = await client.start('order-processing', input, { idempotencyKey: 'order-17' });
   */
  start<Name extends NameOf<Chains>>(
    chain: Name,
    input: InputOf<Named<Chains, Name>>,
    options?: StartOptions,
  ): Promise<StartedWorkflow<Named<Chains, Name>>>;
  /** One that was started before. Nothing is asked yet. */
  workflow(workflowId: string): WorkflowHandle<Chains>;
  /**
   * All workflows, newest first, which are asked for page by page.
   * Errors: as those of `start`.
   * @example for await (const { workflowId } of client.list({ status: 'failed' })) console.log(workflowId);
   */
  list(filter?: ListFilter<Chains>): AsyncGenerator<ListedWorkflow<Chains>, void, undefined>;
}
