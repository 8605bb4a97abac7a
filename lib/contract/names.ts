/**
 * Every name that code, table, API, metrics and infrastructure share. One spelling everywhere: import it from here.
 * Imports nothing, so that the smallest function can afford it.
 */

/** The stages that have settings. */
export const STAGE_NAMES = ['dev', 'staging', 'prod'] as const;
export type SettledStage = (typeof STAGE_NAMES)[number];

/** The stage that `npm run probe` makes beside them and removes again. */
export const PROBE_STAGE = 'probe';
export type StageName = SettledStage | typeof PROBE_STAGE;

/** Status of a workflow, as stored and as shown. */
export const WORKFLOW_STATUSES = [
  'processing',
  'completed',
  'failed',
  'cancelled',
  'compensating',
  'compensated',
  'compensation_failed',
] as const;
export type WorkflowStatus = (typeof WORKFLOW_STATUSES)[number];

/** Statuses that change only by an operator. */
export const TERMINAL_STATUSES = [
  'completed',
  'failed',
  'cancelled',
  'compensated',
  'compensation_failed',
] as const satisfies readonly WorkflowStatus[];

/** Whether `status` is one that only an operator changes. */
export const isTerminal = (status: WorkflowStatus): boolean =>
  (TERMINAL_STATUSES as readonly WorkflowStatus[]).includes(status);

/** Status of a step. A step that has no item in the table is `pending`. */
export const STEP_STATUSES = [
  'pending',
  'running',
  'retrying',
  'completed',
  'skipped',
  'failed',
  'cancelled',
] as const;
export type StepStatus = (typeof STEP_STATUSES)[number];

/**
 * Why an attempt, and with it perhaps a step, failed.
 * `TARGET_UNAVAILABLE`: 408, 409, 425, 429 or 5xx. `REFUSED`: any other 4xx. `WORKER_DIED`: the function of every
 * attempt ended before it saved an outcome. `NOT_TAKEN`: the step's function could not take the message at all. `EXPIRED`: the
 * step was not done when the workflow's last day began.
 * `KEY_EXPIRED`: the call may have acted, and its target may have forgotten the idempotency key.
 * `REQUEST_CHANGED`: the call may have acted, and the step would send another request under the same idempotency key now.
 * `SECRET_UNAVAILABLE`: the target's secret could not be read for now; nothing was sent.
 * `PAST_PIVOT`: the pivot acted, or may have, while the workflow was to be taken back: there is only forward.
 * `LOOKUP_UNKNOWN`: the call may have acted, and its target could not be asked, or cannot tell: it is not taken back before a person says what became of it.
 */
export const STEP_ERROR_CODES = [
  'CONNECTION_FAILED',
  'CONNECTION_BROKEN',
  'DEADLINE_EXCEEDED',
  'TARGET_UNAVAILABLE',
  'REFUSED',
  'REDIRECTED',
  'REPLY_INVALID',
  'REPLY_TOO_LARGE',
  'RESULT_TOO_LARGE',
  'REQUEST_INVALID',
  'TARGET_MISSING',
  'SECRET_UNAVAILABLE',
  'RUN_FAILED',
  'WORKER_DIED',
  'NOT_TAKEN',
  'EXPIRED',
  'KEY_EXPIRED',
  'REQUEST_CHANGED',
  'PAST_PIVOT',
  'LOOKUP_UNKNOWN',
] as const;
export type StepErrorCode = (typeof STEP_ERROR_CODES)[number];

/** What a message asks of a step, and what its call does: act, or take back what it did. META decides which of them is done. */
export const ACTIONS = ['do', 'undo'] as const;
export type Action = (typeof ACTIONS)[number];

/** What an item of a step records: its calls, those of its undo, or those by which a lookup asks what became of them. */
export const CALL_KINDS = [...ACTIONS, 'lookup'] as const;
export type CallKind = (typeof CALL_KINDS)[number];

/** What a lookup answers: the call that was made took effect, surely did not, or nobody can tell. */
export const LOOKUP_ANSWERS = ['done', 'notDone', 'unknown'] as const;
export type LookupAnswer = (typeof LOOKUP_ANSWERS)[number];

/**
 * The idempotency key of a step's calls: the same at every attempt of a round.
 * @example idempotencyKey({ workflowId: 'wf_…', step: 'payment', action: 'do', round: 0 }) // 'wf_…:payment:do:0'
 */
export const idempotencyKey = (of: {
  readonly workflowId: string;
  readonly step: string;
  readonly action: string;
  readonly round: number | string;
}): string => `${of.workflowId}:${of.step}:${of.action}:${of.round}`;

/** Headers sent with every call to a target, beside `content-type` and the target's own. */
export const CALL_HEADERS = {
  idempotencyKey: 'idempotency-key',
  traceparent: 'traceparent',
  workflowId: 'stepline-workflow-id',
  /** The key as it is, also where the target wants it elsewhere, written otherwise, or not at all: by it logs can be searched. */
  callId: 'stepline-call-id',
} as const;

/** Headers of a target's reply that say when to come back. */
export const WAIT_HEADERS = [
  'retry-after',
  'ratelimit',
  'x-ratelimit-remaining',
  'x-ratelimit-reset',
] as const;

/** Headers by which a target, or what stands before it, names a request in its logs; what says the most stands first. */
export const REQUEST_ID_HEADERS = [
  ...['request-id', 'x-request-id', 'x-requestid', 'x-correlation-id', 'correlation-id', 'x-trace-id'],
  ...['x-amzn-requestid', 'x-amz-request-id', 'apigw-requestid', 'x-amzn-trace-id', 'x-amz-cf-id'],
  ...['x-github-request-id', 'x-ms-request-id', 'paypal-debug-id', 'twilio-request-id', 'cf-ray'],
] as const;

/** Headers of a target's reply that the engine itself reads: when to come back, and what an error tells operators. */
export const REPLY_HEADERS: readonly [
  ...typeof WAIT_HEADERS,
  'location',
  'www-authenticate',
  ...typeof REQUEST_ID_HEADERS,
] = [...WAIT_HEADERS, 'location', 'www-authenticate', ...REQUEST_ID_HEADERS];

/** Those of them that a reply has, as they were sent. */
export type WaitHeaders = { readonly [Name in (typeof WAIT_HEADERS)[number]]?: string };
export type ReplyHeaders = { readonly [Name in (typeof REPLY_HEADERS)[number]]?: string };

/** The request header that makes a start safe to repeat. */
export const START_IDEMPOTENCY_HEADER = 'idempotency-key';

/** The request header that names what a client has seen of a workflow already (RFC 9110, 13.1.2). */
export const SEEN_HEADER = 'if-none-match';

/** The request header in which a browser says which site a request comes from (Fetch Metadata). */
export const SITE_HEADER = 'sec-fetch-site';

/** What a page of an allowed origin may use of the API: methods and headers of its requests, headers of the answers. */
export const BROWSER_USE = {
  methods: ['GET', 'POST'],
  requestHeaders: ['content-type', START_IDEMPOTENCY_HEADER, SEEN_HEADER],
  answerHeaders: ['etag', 'location', 'retry-after'],
} as const;

/** The tenant of all requests on a stage without tenants. */
export const DEFAULT_TENANT = 'default';

/** Fixed routes; each chain adds `POST <its start path>`. `startNamed`: the same start, by the chain's name in the query. */
export const ROUTES = {
  startNamed: { method: 'POST', path: '/api/workflows' },
  list: { method: 'GET', path: '/api/workflows' },
  get: { method: 'GET', path: '/api/workflows/{id}' },
  timeline: { method: 'GET', path: '/api/workflows/{id}/timeline' },
  cancel: { method: 'POST', path: '/api/workflows/{id}/cancel' },
  resume: { method: 'POST', path: '/api/workflows/{id}/resume' },
  undo: { method: 'POST', path: '/api/workflows/{id}/undo' },
  undoPlan: { method: 'GET', path: '/api/workflows/{id}/undo' },
  openapi: { method: 'GET', path: '/api/openapi.json' },
} as const;
export type RouteName = keyof typeof ROUTES;
/** In the order in which they are told and deployed. */
export const ROUTE_NAMES = [
  'list',
  'startNamed',
  'get',
  'timeline',
  'cancel',
  'resume',
  'undo',
  'undoPlan',
  'openapi',
] as const satisfies readonly RouteName[];

/** The path at which a workflow is read. */
export const workflowPath = (workflowId: string): string => ROUTES.get.path.replace('{id}', workflowId);
/** The path at which operators read every attempt of it, and what its targets answered. */
export const timelinePath = (workflowId: string): string => ROUTES.timeline.path.replace('{id}', workflowId);
/** The path at which operators read what an undo of it would do, and at which they ask for one. */
export const undoPath = (workflowId: string): string => ROUTES.undo.path.replace('{id}', workflowId);

/** What operators do to a workflow. */
export const OPERATIONS = ['cancel', 'resume', 'undo'] as const;
/** What operators say of a step when they resume. */
export const STATEMENTS = ['done', 'notDone', 'newKey', 'undone'] as const;
export type StatementName = (typeof STATEMENTS)[number];
export type OperationName = (typeof OPERATIONS)[number];

/** Top-level fields of a workflow's JSON; an output may not use them. */
export const RESERVED_OUTPUT_NAMES = [
  'workflowId',
  'chain',
  'status',
  'steps',
  'error',
  'retrying',
  'undo',
  'undoError',
  'lookup',
  'inDoubt',
  'undeployed',
  'createdAt',
  'updatedAt',
  'timeline',
  'operations',
] as const;
export type ReservedOutputName = (typeof RESERVED_OUTPUT_NAMES)[number];

/** Queues of the whole stage by what is in them: the part of a queue's physical name after `stepline_<stage>_`. */
const STAGE_QUEUES = { stepFailed: 'step-failed', parking: 'parking' } as const;

/**
 * The two queues of a step, and those of the stage: of dead letters for the step-failed function, and of what nothing can take, which
 * nobody consumes.
 */
export type QueueName =
  | { chain: string; step: string; kind: 'step' | 'deadLetter' }
  | { kind: keyof typeof STAGE_QUEUES };

/** The queue of a step, and the one to which SQS moves what was received from it too often. */
export const stepQueue = ({ chain, step }: { chain: string; step: string }): QueueName => ({
  chain,
  step,
  kind: 'step',
});
export const deadLetterQueue = ({ chain, step }: { chain: string; step: string }): QueueName => ({
  chain,
  step,
  kind: 'deadLetter',
});
export const STEP_FAILED = { kind: 'stepFailed' } as const satisfies QueueName;
export const PARKING = { kind: 'parking' } as const satisfies QueueName;

/**
 * The part of a queue's physical name after `stepline_<stage>_`. Chain and step names hold no underscore, so two
 * different queues never share a name.
 * @example queueSuffix({ chain: 'order-processing', step: 'payment', kind: 'deadLetter' }) // 'order-processing_payment_dlq'
 */
export const queueSuffix = (queue: QueueName): string => {
  if (!('chain' in queue)) return STAGE_QUEUES[queue.kind];
  return `${queue.chain}_${queue.step}${queue.kind === 'deadLetter' ? '_dlq' : ''}`;
};

/** The queue that `queueSuffix` gave this name; undefined if it gives no such name. */
export function parseQueueSuffix(suffix: string): QueueName | undefined {
  const ofStage = [STEP_FAILED, PARKING].find((queue) => queueSuffix(queue) === suffix);
  if (ofStage !== undefined) return ofStage;
  const [chain = '', step = '', end, ...rest] = suffix.split('_');
  if (chain === '' || step === '' || rest.length > 0 || (end !== undefined && end !== 'dlq'))
    return undefined;
  return { chain, step, kind: end === undefined ? 'step' : 'deadLetter' };
}

/** Topics of a stage by what is told there: the part of a topic's physical name after `stepline_<stage>_`. */
export const TOPICS = { alarms: 'on-call', failures: 'failures' } as const;
export type Topic = keyof typeof TOPICS;

/**
 * What `npm run deploy` exits with where the stage was deployed, and somebody who is to be told is not, or nobody knows. A command that
 * is wrong is 2; the CDK's own failures are 1.
 */
export const EXIT_NOT_HEARD = 3;

/** Environment variables that the Lambda functions read. */
export const ENV = {
  tableName: 'STEPLINE_TABLE_NAME',
  queueUrlPrefix: 'STEPLINE_QUEUE_URL_PREFIX',
  targets: 'STEPLINE_TARGETS',
  secrets: 'STEPLINE_SECRETS',
  failuresTopicArn: 'STEPLINE_FAILURES_TOPIC_ARN',
  runbookUrl: 'STEPLINE_RUNBOOK_URL',
  stage: 'STEPLINE_STAGE',
  chain: 'STEPLINE_CHAIN',
  step: 'STEPLINE_STEP',
  tenantClaim: 'STEPLINE_TENANT_CLAIM',
  logLevel: 'STEPLINE_LOG_LEVEL',
  monitoring: 'STEPLINE_MONITORING',
  backoffScale: 'STEPLINE_BACKOFF_SCALE',
  waitPlaces: 'STEPLINE_WAIT_PLACES',
} as const;

/**
 * How closely a stage is watched. `full`: alarms and custom metrics of each step, and a dashboard. `lean`: of each chain, and no dashboard;
 * the step is a field of the log line.
 */
export const MONITORING = ['full', 'lean'] as const;
export type Monitoring = (typeof MONITORING)[number];

/** Levels of log events, the least important first. */
export const EVENT_LEVEL_NAMES = ['debug', 'info', 'warn', 'error'] as const;
export type EventLevel = (typeof EVENT_LEVEL_NAMES)[number];

/** What a log can be set to: it has the events of that level and above. `silent`: none. */
export const LOG_LEVELS = [...EVENT_LEVEL_NAMES, 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** CloudWatch metrics. Dimensions: stage, chain and, for what is about a step where the monitoring is full, step. */
export const METRIC_NAMESPACE = 'Stepline';
export const METRICS = {
  workflowsStarted: 'WorkflowsStarted',
  workflowsCompleted: 'WorkflowsCompleted',
  workflowsFailed: 'WorkflowsFailed',
  workflowsCancelled: 'WorkflowsCancelled',
  workflowsResumed: 'WorkflowsResumed',
  workflowsCompensating: 'WorkflowsCompensating',
  workflowsCompensated: 'WorkflowsCompensated',
  compensationsFailed: 'CompensationsFailed',
  attempts: 'Attempts',
  attemptsFailed: 'AttemptsFailed',
  attemptDuration: 'AttemptDuration',
  stepsFailed: 'StepsFailed',
  deadLetters: 'DeadLetters',
  parked: 'MessagesParked',
  repairs: 'Repairs',
  overdue: 'Overdue',
  oldestUnclaimed: 'OldestUnclaimedStep',
  unexpectedErrors: 'UnexpectedErrors',
} as const;

/** Headings of docs/runbook.md, by what on-call is told: the mail and the alarm of the same name lead to it. */
export const RUNBOOK = {
  failed: 'workflow-failed',
  compensation_failed: 'compensation-failed',
} as const;
/** What on-call can be told of a workflow. */
export type TellingKind = keyof typeof RUNBOOK;
