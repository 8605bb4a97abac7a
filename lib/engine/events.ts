import type { CallKind, EventLevel, LookupAnswer, StepErrorCode } from '../contract/names.ts';
import type { StepError, WorkflowError } from '../contract/wire.ts';

interface OfWorkflow {
  readonly tenant: string;
  readonly workflowId: string;
  readonly chain: string;
}

interface OfStep extends OfWorkflow {
  readonly step: string;
}

/** Everything the engine tells telemetry: a closed list, so that logs and metrics cannot drift apart. */
export type EngineEvent =
  | ({ readonly event: 'workflow_started' } & OfWorkflow)
  | ({ readonly event: 'workflow_completed'; readonly durationMs: number } & OfWorkflow)
  | ({ readonly event: 'workflow_failed'; readonly error: WorkflowError } & OfWorkflow)
  | ({ readonly event: 'workflow_cancelled' } & OfWorkflow)
  /** It is taken back. `error`: why, where no operator wanted it. */
  | ({ readonly event: 'workflow_compensating'; readonly error?: WorkflowError } & OfWorkflow)
  | ({ readonly event: 'workflow_compensated'; readonly durationMs: number } & OfWorkflow)
  /** An undo failed: a person has to act. */
  | ({ readonly event: 'compensation_failed'; readonly error: WorkflowError } & OfWorkflow)
  | ({ readonly event: 'workflow_erased' } & OfWorkflow)
  | ({ readonly event: 'workflow_resumed'; readonly epoch: number; readonly newKey: boolean } & OfWorkflow)
  | ({
      readonly event: 'attempt_started';
      /** Of an undo, or of a lookup. */
      readonly action?: Exclude<CallKind, 'do'>;
      readonly epoch: number;
      readonly attempt: number;
      readonly idempotencyKey: string;
    } & OfStep)
  | ({
      readonly event: 'step_completed';
      /** Of an undo, or of a lookup. */
      readonly action?: Exclude<CallKind, 'do'>;
      readonly epoch: number;
      readonly attempt: number;
      readonly durationMs: number;
    } & OfStep)
  /** A target was asked what became of a step's call. */
  | ({
      readonly event: 'lookup_answered';
      readonly action: 'lookup';
      readonly answer: LookupAnswer;
      /** It came too early to count, and is asked for again then. */
      readonly nextAttemptAt?: number;
      readonly epoch: number;
      readonly attempt: number;
      readonly durationMs: number;
    } & OfStep)
  /** It was not needed. */
  | ({ readonly event: 'step_skipped'; readonly epoch: number } & OfStep)
  | ({
      readonly event: 'step_retrying';
      /** Of an undo, or of a lookup. */
      readonly action?: Exclude<CallKind, 'do'>;
      readonly epoch: number;
      readonly attempt: number;
      readonly durationMs: number;
      readonly nextAttemptAt: number;
      readonly error: StepError;
    } & OfStep)
  | ({
      readonly event: 'step_failed';
      /** Of an undo, or of a lookup. */
      readonly action?: Exclude<CallKind, 'do'>;
      readonly epoch: number;
      readonly attempt: number;
      readonly durationMs: number;
      readonly error: StepError;
    } & OfStep)
  /** The chain's `output` threw, or names a field that every answer has: the answer went out without it. */
  | ({ readonly event: 'output_failed'; readonly version: number; readonly message: string } & OfWorkflow)
  /** A claim was undone because too little time was left for the call. */
  | ({ readonly event: 'claim_put_back'; readonly epoch: number; readonly attempt: number } & OfStep)
  /** A message that this deployment cannot serve went to the dead-letter queue. */
  | ({ readonly event: 'message_dead_lettered'; readonly because: string } & OfStep)
  /** A message was acknowledged without work; `because` says why. */
  | ({ readonly event: 'message_ignored'; readonly because: string } & OfStep)
  | ({ readonly event: 'dead_letter'; readonly trip: number; readonly did: string } & OfStep)
  | ({ readonly event: 'repaired'; readonly repair: string } & OfStep)
  /** `notification`: its id; `count`: failed workflows that it tells of. */
  | {
      readonly event: 'digest_published';
      readonly notification: string;
      readonly chain: string;
      readonly step: string;
      readonly code: StepErrorCode;
      readonly count: number;
    }
  | { readonly event: 'message_parked'; readonly queue: string; readonly reason: string }
  /** What waits for longer than it may, so that people have to look. `step`: left out where it is of no step. */
  | ({
      readonly event: 'overdue';
      readonly step?: string;
      readonly ageMs: number;
      readonly boundMs: number;
    } & OfWorkflow)
  /** Of all that the reconciler saw the latest: its age divided by how long it may take; 0 for nothing. */
  | { readonly event: 'most_overdue'; readonly ratio: number }
  /** Of the steps that could begin and that no function has taken: so old is the oldest message of the step queues, or was. */
  | { readonly event: 'oldest_unclaimed'; readonly ageMs: number }
  /** Something outside failed; the message or request is tried again. */
  | ({
      readonly event: 'unexpected_error';
      readonly where: string;
      readonly message: string;
      /** What the reader can do, where that is known. */
      readonly next?: string;
    } & Partial<OfStep>);

/** How loud each event is: what a person may have to act on is a warning or an error. */
export const EVENT_LEVELS = {
  workflow_started: 'info',
  workflow_completed: 'info',
  workflow_failed: 'error',
  workflow_cancelled: 'info',
  workflow_compensating: 'warn',
  workflow_compensated: 'info',
  compensation_failed: 'error',
  workflow_erased: 'info',
  workflow_resumed: 'info',
  attempt_started: 'info',
  step_completed: 'info',
  lookup_answered: 'info',
  step_skipped: 'info',
  step_retrying: 'warn',
  step_failed: 'error',
  output_failed: 'error',
  claim_put_back: 'warn',
  message_dead_lettered: 'warn',
  message_ignored: 'debug',
  dead_letter: 'info',
  repaired: 'warn',
  digest_published: 'info',
  message_parked: 'error',
  overdue: 'warn',
  most_overdue: 'debug',
  oldest_unclaimed: 'debug',
  unexpected_error: 'error',
} as const satisfies Readonly<Record<EngineEvent['event'], EventLevel>>;
