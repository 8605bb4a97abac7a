import * as z from 'zod';
import { LIMITS } from './limits.ts';
import {
  ACTIONS,
  LOOKUP_ANSWERS,
  OPERATIONS,
  STATEMENTS,
  STEP_ERROR_CODES,
  STEP_STATUSES,
  WORKFLOW_STATUSES,
} from './names.ts';

const count = z.int().nonnegative();

/**
 * The message in every queue of steps and of dead letters: identifiers only. `epoch`: how often the workflow had been resumed
 * when it was sent. `trip`: how often it came back from the dead-letter queue. `claimed`: how many attempts of the epoch had
 * been claimed when it first came back; left out for none. Fields of a newer version are left alone.
 * @example { tenant: 'default', workflowId: 'wf_…', chain: 'order-processing', version: 1, step: 'payment', action: 'do', epoch: 0, trip: 0 }
 */
export const stepMessage = z.object({
  tenant: z.string().min(1),
  workflowId: z.string().min(1),
  chain: z.string().min(1),
  version: z.int().positive(),
  step: z.string().min(1),
  action: z.enum(ACTIONS),
  epoch: count,
  trip: count,
  claimed: count.optional(),
});
export type StepMessage = z.infer<typeof stepMessage>;

/** The same of a newer version, which may ask for something else. */
export const newerMessage = stepMessage.extend({ action: z.string().min(1) });

/**
 * A tenant as a JWT's claim may name it. It is part of keys and the message group of SQS, whose own rule this is.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
 */
export const TENANT = /^[!-~]{1,128}$/;

/** A workflow id: `wf_` and 32 lower-case hexadecimal digits. */
export const WORKFLOW_ID = /^wf_[0-9a-f]{32}$/;

/**
 * The place of a workflow in a listing, newest last: sort key of every store's listing, and the cursor that clients send
 * back. Nothing in it needs escaping in a URL. `createdAt` in milliseconds since 1970.
 * @example listingPosition(1790000000000, 'wf_…') // '001790000000000-wf_…'
 */
export const listingPosition = (createdAt: number, workflowId: string): string =>
  `${String(createdAt).padStart(15, '0')}-${workflowId}`;
export const LISTING_POSITION = /^\d{15}-wf_[0-9a-f]{32}$/;

/** Answer to a start: 202. */
export const startAnswer = z.strictObject({
  workflowId: z.string().regex(WORKFLOW_ID),
  status: z.enum(WORKFLOW_STATUSES),
});
export type StartAnswer = z.infer<typeof startAnswer>;

/** Whether a failed call can have done something at its target. `none`: it cannot. `unknown`: nobody knows. */
export const EFFECTS = ['none', 'unknown'] as const;

/**
 * An error as it is saved in the table. `message`: what happened, in a sentence of our own. `detail`: what the target answered or the
 * code threw, sensitive values masked; only operators see it. An earlier release saved it as the message, and no detail. `next`: what
 * to do, where more is known than the code says.
 */
export const stepError = z.object({
  code: z.enum(STEP_ERROR_CODES),
  message: z.string(),
  detail: z.string().optional(),
  next: z.string().optional(),
  target: z.string().optional(),
  httpStatus: z.int().optional(),
  effect: z.enum(EFFECTS),
  /** While the effect is unknown: until when the call may be repeated, as its target may forget the idempotency key then. */
  safeUntil: z.iso.datetime().optional(),
  /** The call may have acted, and its target takes no idempotency key: who resumes says what became of it. */
  noKey: z.literal(true).optional(),
});
export type StepError = z.infer<typeof stepError>;

/** The error of a failed workflow: that of its failed step, with the number of attempts made. */
export const workflowError = stepError.extend({ step: z.string(), attempts: count });
export type WorkflowError = z.infer<typeof workflowError>;

/** As they are shown: always with what the reader can do next. */
const withNext = { next: z.string() };
export const shownStepError = stepError.extend(withNext);
export const shownWorkflowError = workflowError.extend(withNext);

/** A step that waits for its next attempt. */
export const shownRetry = z.object({
  attempt: count,
  attempts: count,
  nextAttemptAt: z.iso.datetime(),
  error: shownStepError.optional(),
});

/** The undo of a step that did something, or may have. */
export const shownUndo = z.object({
  status: z.enum(STEP_STATUSES),
  attempts: count,
  /** Nobody knows whether the step acted. */
  inDoubt: z.literal(true).optional(),
  /** Its target answered that there is nothing to undo. */
  found: z.literal(false).optional(),
  error: shownStepError.optional(),
});

/** What the target of a step in doubt was asked, and what it answered. */
export const shownLookup = z.object({
  status: z.enum(STEP_STATUSES),
  attempts: count,
  answer: z.enum(LOOKUP_ANSWERS).optional(),
  error: shownStepError.optional(),
});

/** One attempt of a step, in order of time. */
export const timelineEntry = z.object({
  step: z.string(),
  /** Of the step's undo, or of its lookup. */
  action: z.enum(['undo', 'lookup']).optional(),
  epoch: count,
  attempt: count,
  round: count,
  outcome: z.enum(['running', 'completed', 'retrying', 'failed', 'interrupted']),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime().nullable(),
  error: stepError.optional(),
});
export type TimelineEntry = z.infer<typeof timelineEntry>;

/** Something that an operator did, and why. */
export const operationEntry = z.object({
  operation: z.enum(OPERATIONS),
  at: z.iso.datetime(),
  reason: z.string().optional(),
  /** What was said of steps. */
  steps: z.record(z.string(), z.enum(STATEMENTS)).optional(),
});
export type OperationEntry = z.infer<typeof operationEntry>;

/**
 * Answer to `GET /api/workflows/{id}` and to `GET /api/workflows/{id}/timeline`; the chain's output stands beside these fields. Errors have
 * their `detail` in the timeline alone.
 */
export const workflowAnswer = z.looseObject({
  workflowId: z.string().regex(WORKFLOW_ID),
  chain: z.string(),
  status: z.enum(WORKFLOW_STATUSES),
  steps: z.record(z.string(), z.enum(STEP_STATUSES)),
  error: shownWorkflowError.optional(),
  /** By the names of steps. */
  retrying: z.record(z.string(), shownRetry).optional(),
  /** Of a workflow that is, or was, to be taken back: by the names of steps. */
  undo: z.record(z.string(), shownUndo).optional(),
  /** The undo that failed. */
  undoError: shownWorkflowError.optional(),
  /** Since the last resume, by the names of steps. */
  lookup: z.record(z.string(), shownLookup).optional(),
  /** Steps of which nobody knows whether they acted: compare with the books of their targets. */
  inDoubt: count.optional(),
  /** Why nothing of it can run here: its definition is not deployed, or is another one under the same version. */
  undeployed: z.object({ message: z.string(), ...withNext }).optional(),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
  /** In the answer of the timeline alone, as the operations are. */
  timeline: z.array(timelineEntry).optional(),
  operations: z.array(operationEntry).optional(),
});
export type WorkflowAnswer = z.infer<typeof workflowAnswer>;

/** What an undo would do with a step: it `calls` a target, `runs` code, `fails` as its request cannot be built, or has none: what it did `stays`. */
export const UNDO_DOES = ['calls', 'runs', 'fails', 'stays', 'isUndone'] as const;
const plannedRequest = z.object({ target: z.string(), method: z.string(), path: z.string() });
export const undoPlanStep = z.object({
  step: z.string(),
  does: z.enum(UNDO_DOES),
  /** Nobody knows whether the step acted. */
  inDoubt: z.literal(true).optional(),
  /** What its target is asked first: whether the step acted. Or why that request cannot be built. */
  lookup: z.union([plannedRequest, z.object({ problem: z.string() })]).optional(),
  idempotencyKey: z.string().optional(),
  request: plannedRequest.optional(),
  /** Why its request cannot be built. */
  problem: z.string().optional(),
  /** Steps that are taken back before it. */
  waitsFor: z.array(z.string()),
});
export type UndoPlanStep = z.infer<typeof undoPlanStep>;

/** RFC 9457 problem details. `errors` names each field that was refused; `code` is ours and stable. */
export const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
  errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
});
export type Problem = z.infer<typeof problem>;

/** Answer to `GET /api/workflows/{id}/undo`: in the order in which it would go. */
export const undoPlan = z.object({
  workflowId: z.string().regex(WORKFLOW_ID),
  chain: z.string(),
  status: z.enum(WORKFLOW_STATUSES),
  /** Why an undo would be refused now. */
  refused: problem.optional(),
  steps: z.array(undoPlanStep),
});
export type UndoPlan = z.infer<typeof undoPlan>;

/** Answer to `GET /api/workflows`, newest first. A page may hold fewer than `limit` and still have a `nextCursor`. */
export const listAnswer = z.object({
  workflows: z.array(
    z.object({
      workflowId: z.string(),
      chain: z.string(),
      /** One of `WORKFLOW_STATUSES`, or one that only a newer version knows. */
      status: z.string(),
      createdAt: z.iso.datetime(),
    }),
  ),
  nextCursor: z.string().nullable(),
});
export type ListAnswer = z.infer<typeof listAnswer>;

/** Why an operator does it: kept with the workflow. */
const reason = z.string().trim().min(1).max(LIMITS.reasonText).optional();

/** Body of an undo. */
export const undoBody = z.strictObject({ reason });
export type UndoBody = z.infer<typeof undoBody>;

/** Body of a cancel; `undo`: what is done is taken back. */
export const cancelBody = z.strictObject({ reason, undo: z.boolean().optional() });
export type CancelBody = z.infer<typeof cancelBody>;

/**
 * What an operator knows of a step: its call is `done`, with this result; it is `notDone`; or it shall be made again under a `newKey`, at
 * the operator's own risk. Of a step that is to be undone: it is `undone`, by hand; or its undo shall be called under a `newKey`, without asking whether the
 * step acted.
 */
export const statement = z.union([
  z.strictObject({ done: z.unknown() }),
  z.strictObject({ notDone: z.literal(true) }),
  z.strictObject({ newKey: z.literal(true) }),
  z.strictObject({ undone: z.literal(true) }),
]);
export type Statement = z.infer<typeof statement>;

/**
 * Body of a resume. The short forms speak of the failed step, or of the step whose undo failed.
 * @example { reason: 'seen in the books', steps: { payment: { done: { orderId: 'o-1' } }, shipment: { notDone: true } } }
 */
export const resumeBody = z
  .strictObject({
    reason,
    done: z.unknown().optional(),
    notDone: z.literal(true).optional(),
    newKey: z.boolean().optional(),
    steps: z.record(z.string(), statement).optional(),
  })
  .refine(
    ({ done, notDone, newKey, steps }) =>
      [done !== undefined, notDone, newKey, steps !== undefined].filter(Boolean).length <= 1,
    'Say one of done, notDone, newKey and steps',
  );
/** As the engine takes it. */
export interface ResumeBody {
  readonly reason?: string | undefined;
  readonly done?: unknown;
  readonly notDone?: true | undefined;
  readonly newKey?: boolean | undefined;
  readonly steps?: Readonly<Record<string, Statement>> | undefined;
}
