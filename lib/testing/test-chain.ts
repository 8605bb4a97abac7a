import type { ChainDefinition } from '../chain/definition.ts';
import { didYouMean } from '../chain/suggest.ts';
import {
  isTerminal,
  STEP_STATUSES,
  type StepStatus,
  WORKFLOW_STATUSES,
  type WorkflowStatus,
} from '../contract/names.ts';
import {
  type CancelBody,
  cancelBody,
  type ResumeBody,
  resumeBody,
  type UndoBody,
  type UndoPlan,
  undoBody,
  type WorkflowAnswer,
} from '../contract/wire.ts';
import { fieldErrors, ProblemError } from '../engine/problems.ts';
import { allRecords } from '../engine/state.ts';
import { describe } from '../engine/view.ts';
import type { Targets } from './fakes/fakes.ts';
import { inputFor, withFields } from './input.ts';
import { MOST_EVENTS, openSession, type Session, START, settled } from './session.ts';
import type { TestCall } from './targets.ts';
import { duration, inWords } from './words.ts';

export interface TestOptions {
  /** The targets of the chain, faked. A call that none answers fails the test, and the error has the line to write. */
  readonly targets: Targets;
  /** Values of the secrets that code reads, by their names. One that is left out is `test-<name>`. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** The body of the start; checked as that of a request is. One that the chain's input takes is made up where it is left out. */
  readonly input?: unknown;
  /** Headers of the start, by their names in lower case: for a chain with a `startKey`. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Some time: what is given is added up. */
export interface Duration {
  readonly days?: number;
  readonly hours?: number;
  readonly minutes?: number;
  readonly seconds?: number;
}

/** One workflow in virtual time, which stands still but in `until`, `advance`, `finished`, `cancel`, `resume` and `undo`. */
export interface TestRun {
  /** The answer of `GET /api/workflows/{id}` now. */
  readonly workflow: WorkflowAnswer;
  /** The answer of `GET /api/workflows/{id}/timeline` now: every attempt, and what the targets answered. */
  readonly timeline: WorkflowAnswer;
  /** Every call that was made of a target, the first one first. */
  readonly calls: readonly TestCall[];
  /** The virtual time. */
  readonly now: Date;
  /**
   * Lets time run until the workflow, or a step of it, is in that state, or until `reached` says so of it; at once where it is so already.
   * Errors: an `Error` when it can no longer come to that; it says how all stands, and why.
   * @example await run.until('shipment', 'retrying');
   * @example await run.until('completed');
   * @example await run.until(() => run.calls.length === 3);
   */
  until(status: WorkflowStatus): Promise<WorkflowAnswer>;
  until(step: string, status: StepStatus): Promise<WorkflowAnswer>;
  until(reached: (workflow: WorkflowAnswer) => boolean): Promise<WorkflowAnswer>;
  /** Lets time run until the workflow has ended, or only an operator can go on with it. */
  finished(): Promise<WorkflowAnswer>;
  /** Lets so much time go by. @example await run.advance({ days: 2 }) */
  advance(time: Duration): Promise<WorkflowAnswer>;
  /**
   * `POST /api/workflows/{id}/cancel`, with a reason or a whole body. Errors: `ProblemError` with the code of the answer.
   * @example await run.cancel('the customer has left')
   * @example await run.cancel({ undo: true, reason: 'the customer has left' })
   */
  cancel(given?: string | CancelBody): Promise<WorkflowAnswer>;
  /**
   * `POST /api/workflows/{id}/resume`. Errors: `ProblemError` with the code of the answer.
   * @example await run.resume({ steps: { payment: { done: { orderId: 'o-1' } } } })
   */
  resume(body?: ResumeBody): Promise<WorkflowAnswer>;
  /** `POST /api/workflows/{id}/undo`. Errors: `ProblemError` with the code of the answer. */
  undo(body?: UndoBody): Promise<WorkflowAnswer>;
  /** `GET /api/workflows/{id}/undo`: what an undo would do now. It calls nobody, and no time goes by. */
  undoPlan(): Promise<UndoPlan>;
}

/**
 * Starts a workflow of a chain on the real engine: in virtual time, in memory, without a port, with fake targets. `run` steps run really: virtual time
 * stands still while their code does, for as many real seconds as the step's timeout says.
 * Errors: `ProblemError` for an input that a start would refuse; `TypeError` for fakes that cannot be; and whatever a fake throws.
 * @example
 * const run = await testChain(orderProcessing, {
 *   input: { card: '4242', amount: 5, address: 'Main St 1', email: 'a@example.com' },
 *   targets: {
 *     payments: { 'POST /charges': ({ fields }) => answer(200, { orderId: `o-${fields.amount}`, receiptUrl: 'https://r.example/1' }) },
 *     shipping: { 'POST /shipments': ({ attempt }) => (attempt === 1 ? answer(503) : { trackingId: 't-1', estimatedDelivery: '2030-01-01' }) },
 *     mail: { 'POST /messages': { messageId: 'm-1' } },
 *   },
 * });
 * await run.until('shipment', 'retrying');
 * await run.until('completed');
 */
export async function testChain(
  chain: ChainDefinition,
  { targets, secrets, input, headers = {} }: TestOptions,
): Promise<TestRun> {
  const session = await openSession({ chain, targets, secrets });
  const payload = await inputFor(chain, input);
  const started = await settled(session, session.api.start(payload, headers)).catch((error: unknown) => {
    throw withFields(error);
  });
  return await runOf(session, answered(started).workflowId);
}

/** Nothing dies where no fault is planned. */
function answered<Answer>(answer: Answer | undefined): Answer {
  if (answer === undefined) throw new Error('the API did not answer');
  return answer;
}

async function runOf(session: Session, workflowId: string): Promise<TestRun> {
  const { api, targets, time } = session;
  const look = async () => ({
    workflow: await session.view(workflowId, false),
    timeline: await session.view(workflowId, true),
  });
  let shown = await look();
  const looked = async (): Promise<WorkflowAnswer> => {
    shown = await look();
    return shown.workflow;
  };
  const until = async (what: string, reached: (workflow: WorkflowAnswer) => boolean) => {
    const isReached = (): boolean => reached(viewNow(session));
    await runUntil(session, () => isReached() || isOver(session));
    await looked();
    if (isReached()) return shown.workflow;
    throw new Error(
      `${what}: after ${duration(time.now() - START)} ${inWords(shown.timeline)} Calls: ${callsInWords(targets.calls)}.`,
    );
  };
  return {
    get workflow() {
      return shown.workflow;
    },
    get timeline() {
      return shown.timeline;
    },
    calls: targets.calls,
    get now() {
      return new Date(time.now());
    },
    until: async (first, status?: StepStatus) => {
      if (typeof first === 'function') return await until('what is waited for does not come', first);
      if (status === undefined)
        return await until(`the workflow does not become ${first}`, ofWorkflow(first));
      return await until(`step "${first}" does not become ${status}`, ofStep(session, first, status));
    },
    finished: () => until('the workflow does not end', ({ status }) => isTerminal(status)),
    advance: async (given) => {
      const end = time.now() + millisecondsIn(given);
      time.after(end - time.now(), () => undefined);
      await runUntil(session, () => false, end);
      return await looked();
    },
    cancel: async (given = {}) => {
      const body = checked('cancel', cancelBody, typeof given === 'string' ? { reason: given } : given);
      await settled(session, api.cancel(workflowId, body)).then(answered);
      return await looked();
    },
    resume: async (given = {}) => {
      const body = checked('resume', resumeBody, given);
      await settled(session, api.resume(workflowId, body)).then(answered);
      return await looked();
    },
    undo: async (given = {}) => {
      const body = checked('undo', undoBody, given);
      await settled(session, api.undo(workflowId, body)).then(answered);
      return await looked();
    },
    undoPlan: () => session.undoPlan(workflowId),
  };
}

/** A workflow as it stands at a moment of virtual time, which goes on. */
function viewNow({ chain, time, watch }: Session): WorkflowAnswer {
  if (watch.state === undefined) throw new Error('the workflow is not in the table');
  return describe(chain, watch.state, time.now(), false).answer;
}

/** Nothing changes any more by itself: it has ended, and no call is under way. */
function isOver({ watch }: Session): boolean {
  const { state } = watch;
  if (state === undefined || !isTerminal(state.meta.status)) return false;
  return allRecords(state).every(({ status }) => status !== 'running');
}

/** Errors: what ended the run. @param end milliseconds since 1970 */
async function runUntil({ time }: Session, isReached: () => boolean, end = Infinity): Promise<void> {
  const atRest = await time.run(MOST_EVENTS, () => (isReached() ? -Infinity : end));
  const failure = time.failure();
  if (failure !== undefined) throw failure;
  if (!atRest)
    throw new Error(`the workflow does not come to rest: more than ${MOST_EVENTS} things happened`);
}

function ofWorkflow(status: string): (workflow: WorkflowAnswer) => boolean {
  refuseUnknown('a workflow is never', status, WORKFLOW_STATUSES);
  return (workflow) => workflow.status === status;
}

function ofStep({ chain }: Session, step: string, status: StepStatus): (workflow: WorkflowAnswer) => boolean {
  const names = chain.steps.map(({ name }) => name);
  refuseUnknown(`${chain.name} has no step`, step, names);
  refuseUnknown('a step is never', status, STEP_STATUSES);
  return ({ steps }) => steps[step] === status;
}

function refuseUnknown(problem: string, word: string, known: readonly string[]): void {
  if (known.includes(word)) return;
  throw new TypeError(`${problem} "${word}". ${didYouMean(word, known)}There are ${known.join(', ')}.`);
}

const UNITS = { days: 86_400_000, hours: 3_600_000, minutes: 60_000, seconds: 1_000 } as const;

function millisecondsIn({ days = 0, hours = 0, minutes = 0, seconds = 0 }: Duration): number {
  const ms =
    days * UNITS.days + hours * UNITS.hours + minutes * UNITS.minutes + Math.round(seconds * UNITS.seconds);
  if (Number.isFinite(ms) && ms > 0) return ms;
  throw new TypeError(
    'advance needs some time: write advance({ days, hours, minutes, seconds }) with one of them',
  );
}

/** A schema of zod, as far as it is used here. */
interface Schema<Body> {
  safeParse(
    value: unknown,
  ):
    | { readonly success: true; readonly data: Body }
    | { readonly success: false; readonly error: Parameters<typeof fieldErrors>[0] };
}

/** As the API does. Errors: `ProblemError`. */
function checked<Body>(operation: 'cancel' | 'resume' | 'undo', schema: Schema<Body>, body: unknown): Body {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw withFields(
    new ProblemError(
      'INVALID_REQUEST',
      `the body of ${operation === 'undo' ? 'an' : 'a'} ${operation} is not valid; see errors`,
      fieldErrors(parsed.error),
    ),
  );
}

const callsInWords = (calls: readonly TestCall[]): string =>
  calls.length === 0 ? 'none' : calls.map(callInWords).join(', ');

const callInWords = ({ step, action, attempt, method, path }: TestCall): string =>
  `${method} ${path} (${action === undefined ? '' : `${action} of `}${step}, ${attempt}.)`;
