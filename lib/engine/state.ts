import {
  CALL_KINDS,
  type CallKind,
  type LookupAnswer,
  type OperationName,
  type StatementName,
  type StepStatus,
  type WorkflowStatus,
} from '../contract/names.ts';
import type { StepError, WorkflowError } from '../contract/wire.ts';

/** Names one workflow's item collection. */
export interface WorkflowKey {
  readonly tenant: string;
  readonly workflowId: string;
}

/** Compares the payloads of two starts under one Idempotency-Key without keeping a guessable trace of erased values. */
export interface Fingerprint {
  /** SHA-256 of the canonical input without its sensitive fields. */
  readonly open: string;
  /** HMAC of the whole canonical input under a random key; erased together with the sensitive input. */
  readonly sealed?: { readonly key: string; readonly mac: string };
}

/** The `META` item. Times are milliseconds since 1970. Written whole, always on the status and epoch it was decided from. */
export interface WorkflowMeta extends WorkflowKey {
  readonly chain: string;
  readonly version: number;
  /** Hash of the definition that began it (`shapeHash`). Absent in items of an earlier release. */
  readonly shape?: string;
  readonly status: WorkflowStatus;
  /** How often the workflow was resumed. */
  readonly epoch: number;
  /** The validated input; its sensitive fields are gone once `erased`. */
  readonly input: Readonly<Record<string, unknown>>;
  readonly erased?: true;
  readonly fingerprint?: Fingerprint;
  /**
   * Chance: the key under which the requests of steps are hashed, and sensitive fields of results are sealed. It goes with the sensitive input, as a hash without it tells nothing of that.
   * Absent in items of an earlier release.
   */
  readonly requestKey?: string;
  /** Of the request that last created or resumed it: a failed condition that finds my own nonce was my own write. */
  readonly nonce: string;
  /** The failed step and its error, while failed and once taken back. */
  readonly error?: WorkflowError;
  /** As its chain said when it began; absent where that is `stop`. */
  readonly onFailure?: 'undo';
  /** The epoch in which it began to be taken back, last. */
  readonly undoEpoch?: number;
  /** The undo that failed and its error, while `compensation_failed`. */
  readonly undoError?: WorkflowError;
  /** An operator's order that this step use a new idempotency key from this epoch on. */
  readonly newKey?: { readonly step: string; readonly epoch: number };
  /** The same where it is for several steps: the epoch for each. */
  readonly newKeys?: Readonly<Record<string, number>>;
  /** The failure is in the table, but on-call has not been told yet. */
  readonly notify?: 'pending';
  /** What operators did, oldest first: the last ones. */
  readonly operations?: readonly OperationRecord[];
  readonly createdAt: number;
  readonly updatedAt: number;
  /** When the reconciler looks at it; absent once nothing is left to do. */
  readonly dueAt?: number;
  /** How long the reconciler waits after its next look, in milliseconds. */
  readonly dueAfter?: number;
  /** When its steps expire; META itself stays a little longer. */
  readonly expiresAt: number;
}

/** Something that an operator did. `at` in milliseconds since 1970. */
export interface OperationRecord {
  readonly operation: OperationName;
  readonly at: number;
  readonly reason?: string;
  readonly steps?: Readonly<Record<string, StatementName>>;
}

/** A moment as people read it. */
export const iso = (ms: number): string => new Date(ms).toISOString();

export type AttemptOutcome = 'running' | 'completed' | 'retrying' | 'failed' | 'interrupted';

/** One attempt at a step, kept for the timeline. */
export interface AttemptRecord {
  readonly epoch: number;
  readonly attempt: number;
  readonly round: number;
  readonly outcome: AttemptOutcome;
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly error?: StepError;
}

/** Statuses that a step's item can hold; the others are derived when shown. */
export type StoredStepStatus = Extract<
  StepStatus,
  'pending' | 'running' | 'retrying' | 'completed' | 'skipped' | 'failed' | 'cancelled'
>;

/**
 * A `STEP#<name>` item; or the `UNDO#<name>` item of the undo of that step, or the `LOOKUP#<name>` item of its lookup, which are records like any
 * other. Times are milliseconds since 1970. Written whole, conditional on the status and token it was decided from.
 */
export interface StepRecord {
  readonly step: string;
  /** What its calls do; absent where they act. */
  readonly action?: Exclude<CallKind, 'do'>;
  /** `cancelled`: closed, so that nobody claims the step while what it may have done is undone. */
  readonly status: StoredStepStatus;
  /** The epoch of the last claim. */
  readonly epoch: number;
  /** Attempts claimed in that epoch. */
  readonly attempt: number;
  /** Which idempotency key is used. */
  readonly round: number;
  /** Attempts of this round that no definite refusal answered. */
  readonly open: number;
  /**
   * When this round's key was first used, or may have been: its target may forget it some time after. Absent in items of an earlier
   * release.
   */
  readonly keyedAt?: number;
  /** Of the request that this round's attempts send, as `buildRequest` makes it. None for `run`, and none in items of an earlier release, which have a `requestHash` of another kind. */
  readonly sentHash?: string;
  /** Names the claim that wrote this item last. */
  readonly token: string;
  readonly leaseUntil?: number;
  readonly nextAttemptAt?: number;
  /** Of the first attempt. */
  readonly startedAt?: number;
  readonly completedAt?: number;
  readonly updatedAt: number;
  /** Without its sensitive fields where there is `sealed`. */
  readonly result?: unknown;
  /** The sensitive fields of the result, unreadable without META's `requestKey`. */
  readonly sealed?: string;
  readonly error?: StepError;
  /** The undo of a step in doubt was answered that there is nothing to undo. */
  readonly found?: false;
  /** Of a lookup that is `completed`: what it answered of the step's round. With `done`, `result` is that of the step. */
  readonly answer?: LookupAnswer;
  /** Of a lookup that was made before the undo of its step. */
  readonly before?: 'undo';
  /** The last attempts, oldest first. */
  readonly attempts: readonly AttemptRecord[];
}

/** A workflow as one strongly consistent load returns it. A step without an item is `pending`. */
export interface WorkflowState {
  readonly meta: WorkflowMeta;
  readonly steps: ReadonlyMap<string, StepRecord>;
  /** By the steps that they undo; absent until one was claimed. */
  readonly undos?: ReadonlyMap<string, StepRecord>;
  /** The lookups, by the steps that they ask for; absent until one was claimed. */
  readonly lookups?: ReadonlyMap<string, StepRecord>;
}

const NONE: ReadonlyMap<string, StepRecord> = new Map();

/** The records of what steps did, of their undos, or of their lookups. */
export const recordsOf = (
  { steps, undos = NONE, lookups = NONE }: Pick<WorkflowState, 'steps' | 'undos' | 'lookups'>,
  kind: CallKind,
): ReadonlyMap<string, StepRecord> => (kind === 'do' ? steps : kind === 'undo' ? undos : lookups);

/** All records of a workflow, of every kind. */
export const allRecords = (state: WorkflowState): readonly StepRecord[] =>
  CALL_KINDS.flatMap((kind) => [...recordsOf(state, kind).values()]);

/** The state as it is once `record` is written. */
export function withRecord(state: WorkflowState, record: StepRecord): WorkflowState {
  const { action = 'do' } = record;
  const records = new Map(recordsOf(state, action)).set(record.step, record);
  if (action === 'undo') return { ...state, undos: records };
  if (action === 'lookup') return { ...state, lookups: records };
  const { meta, undos, lookups } = state;
  return undos === undefined && lookups === undefined
    ? { meta, steps: records }
    : { ...state, steps: records };
}
