import type { EngineEvent } from '../../lib/engine/events.ts';

type EventNamed<Name extends EngineEvent['event']> = Extract<EngineEvent, { readonly event: Name }>;

const OF_WORKFLOW = {
  tenant: 'acme',
  workflowId: `wf_${'0a'.repeat(16)}`,
  chain: 'order-processing',
} as const;
const OF_STEP = { ...OF_WORKFLOW, step: 'payment' } as const;
const ATTEMPT = { epoch: 1, attempt: 2 } as const;
const ERROR = {
  code: 'TARGET_UNAVAILABLE',
  message: 'busy',
  detail: 'no',
  httpStatus: 503,
  effect: 'unknown',
} as const;

/** One event of each kind; a new kind does not compile until it is here. */
export const EVENTS: { readonly [Name in EngineEvent['event']]: EventNamed<Name> } = {
  workflow_started: { event: 'workflow_started', ...OF_WORKFLOW },
  workflow_completed: { event: 'workflow_completed', ...OF_WORKFLOW, durationMs: 1_234 },
  workflow_failed: {
    event: 'workflow_failed',
    ...OF_WORKFLOW,
    error: { ...ERROR, step: 'payment', attempts: 2 },
  },
  workflow_erased: { event: 'workflow_erased', ...OF_WORKFLOW },
  workflow_cancelled: { event: 'workflow_cancelled', ...OF_WORKFLOW },
  workflow_resumed: { event: 'workflow_resumed', ...OF_WORKFLOW, epoch: 1, newKey: true },
  workflow_compensating: {
    event: 'workflow_compensating',
    ...OF_WORKFLOW,
    error: { ...ERROR, step: 'payment', attempts: 2 },
  },
  workflow_compensated: { event: 'workflow_compensated', ...OF_WORKFLOW, durationMs: 5_678 },
  compensation_failed: {
    event: 'compensation_failed',
    ...OF_WORKFLOW,
    error: { ...ERROR, step: 'payment', attempts: 6 },
  },
  attempt_started: { event: 'attempt_started', ...OF_STEP, ...ATTEMPT, idempotencyKey: 'wf_0a:payment:do:0' },
  step_completed: { event: 'step_completed', ...OF_STEP, ...ATTEMPT, durationMs: 80 },
  lookup_answered: {
    event: 'lookup_answered',
    ...OF_STEP,
    action: 'lookup',
    ...ATTEMPT,
    answer: 'done',
    durationMs: 70,
  },
  step_skipped: { event: 'step_skipped', ...OF_STEP, epoch: 0 },
  step_retrying: {
    event: 'step_retrying',
    ...OF_STEP,
    action: 'undo',
    ...ATTEMPT,
    durationMs: 90,
    nextAttemptAt: 1_790_000_000_000,
    error: ERROR,
  },
  step_failed: { event: 'step_failed', ...OF_STEP, ...ATTEMPT, durationMs: 100, error: ERROR },
  output_failed: { event: 'output_failed', ...OF_WORKFLOW, version: 1, message: 'it threw: no such field' },
  claim_put_back: { event: 'claim_put_back', ...OF_STEP, ...ATTEMPT },
  message_dead_lettered: { event: 'message_dead_lettered', ...OF_STEP, because: 'no such version' },
  message_ignored: { event: 'message_ignored', ...OF_STEP, because: 'the workflow is completed' },
  dead_letter: { event: 'dead_letter', ...OF_STEP, trip: 1, did: 'queueAgain' },
  repaired: { event: 'repaired', ...OF_STEP, repair: 'the lease is over' },
  digest_published: {
    event: 'digest_published',
    notification: `wf_${'0a'.repeat(16)}:0:failed`,
    chain: 'order-processing',
    step: 'payment',
    code: 'REFUSED',
    count: 512,
  },
  message_parked: { event: 'message_parked', queue: 'order-processing_payment', reason: 'not JSON' },
  overdue: { event: 'overdue', ...OF_STEP, ageMs: 1_557_000, boundMs: 1_038_000 },
  most_overdue: { event: 'most_overdue', ratio: 1.5 },
  oldest_unclaimed: { event: 'oldest_unclaimed', ageMs: 950_000 },
  unexpected_error: { event: 'unexpected_error', ...OF_STEP, where: 'send', message: 'queue is gone' },
};

export const ALL_EVENTS: readonly EngineEvent[] = Object.values(EVENTS);
