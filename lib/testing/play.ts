import type { ChainDefinition, StepDefinition } from '../chain/definition.ts';
import { findStep } from '../chain/graph.ts';
import { isTerminal, type WorkflowStatus } from '../contract/names.ts';
import type { Statement, WorkflowAnswer } from '../contract/wire.ts';
import { messageOf } from '../engine/errors.ts';
import { ProblemError } from '../engine/problems.ts';
import { meaningOf } from '../engine/reply/meaning.ts';
import { recordsOf, type StepRecord } from '../engine/state.ts';
import { type EffectsOfRun, effectOf } from './effects.ts';
import { textOf } from './fakes/answer.ts';
import type { Targets } from './fakes/fakes.ts';
import { describePlan, type Planned, type Point, planProblems } from './faults/planned.ts';
import { withFields } from './input.ts';
import { MOST_EVENTS, openSession, type Session } from './session.ts';

/** What is played, with one fault or none. */
export interface Subject {
  readonly chain: ChainDefinition;
  readonly targets: Targets;
  readonly secrets?: Readonly<Record<string, string>> | undefined;
  readonly payload: unknown;
  readonly headers: Readonly<Record<string, string>>;
}

/** How one run went. */
export interface Played {
  readonly plan: readonly Planned[];
  readonly points: readonly Point[];
  /** The workflow at the end, with its timeline; undefined if none was begun. */
  readonly workflow: WorkflowAnswer | undefined;
  readonly effects: EffectsOfRun;
  readonly resumes: number;
  readonly cancelled: boolean;
  /** Why it could not go on. */
  readonly problem: string | undefined;
  readonly trace: readonly string[];
}

const SECOND = 1_000;
/** A call that a fault holds back arrives ten minutes late: only then do the books of a target say what it did. */
const BOOKS_MS = 3_600 * SECOND;
const MOST_RESUMES = 3;
const MOST_TRIES = 20;

/**
 * Runs one workflow in which nothing goes wrong but what is planned, as careful people would: a start that was not answered is sent again under its
 * key, and a workflow that failed is resumed; where its target may have forgotten the key, or a lookup found nothing out, with what the books of the
 * target say.
 * Errors: those of fakes, of calls that none answers, and of a start that is refused.
 */
export async function play(subject: Subject, plan: readonly Planned[]): Promise<Played> {
  const { chain, targets, secrets } = subject;
  const trace: string[] = [];
  let cancelNow = (): void => undefined;
  const session = await openSession({
    ...{ chain, targets, secrets, plan, cancelNow: () => cancelNow() },
    trace: (line) => trace.push(line),
  });
  const people = peopleOf(session, subject);
  cancelNow = people.cancel;
  const atRest = await session.time.run(MOST_EVENTS, () => (isEnded(session) ? -Infinity : Infinity));
  const failure = session.time.failure();
  if (failure !== undefined) throw failure;
  const { effects, points, watch } = session;
  const workflowId = watch.state?.meta.workflowId;
  const workflow = workflowId === undefined ? undefined : await session.view(workflowId, true);
  const [wrong] = planProblems(plan, points);
  const problems = [
    ...(people.refusal === undefined ? [] : [people.refusal]),
    ...(atRest ? [] : [`it does not come to rest: more than ${MOST_EVENTS} things happened`]),
    ...(wrong === undefined
      ? []
      : [`the fault did not come, as the run is not the same each time: ${wrong}`]),
  ];
  const resumes = watch.state?.meta.epoch ?? 0;
  return {
    plan,
    points,
    workflow,
    effects,
    resumes,
    cancelled: people.cancelled,
    problem: problems[0],
    trace,
  };
}

/** Whoever starts the workflow, resumes it where it fails, and cancels it where that is the fault. */
interface People {
  cancel(): void;
  readonly cancelled: boolean;
  /** What a resume was refused with for good. */
  readonly refusal: string | undefined;
}

function peopleOf(session: Session, { payload, headers }: Subject): People {
  const { api, time, watch } = session;
  let cancelled = false;
  let refusal: string | undefined;
  let before: WorkflowStatus = 'processing';
  watch.onMeta(() => {
    const { status = 'processing', epoch = 0, workflowId = '' } = watch.state?.meta ?? {};
    const hasFailed = isResumed(status) && status !== before;
    before = status;
    if (!hasFailed || epoch >= MOST_RESUMES) return;
    void resumed(session, workflowId).catch((error: unknown) => {
      refusal ??= messageOf(error);
    });
  });
  // What it throws ends the run.
  void repeated(session, () => api.start(payload, headers)).catch((error: unknown) => {
    time.after(0, () => {
      throw withFields(error);
    });
  });
  return {
    get cancelled() {
      return cancelled;
    },
    get refusal() {
      return refusal;
    },
    cancel: () => {
      const id = watch.state?.meta.workflowId;
      cancelled = id !== undefined;
      // Too late, perhaps: then nothing is cancelled.
      if (id !== undefined) void api.cancel(id).catch(() => undefined);
    },
  };
}

const isResumed = (status: WorkflowStatus): boolean =>
  status === 'failed' || status === 'compensation_failed';

/** It has come to an end, and nothing is under way that may still act: what is left is to erase what is sensitive. */
function isEnded({ watch, time }: Session): boolean {
  const { state } = watch;
  if (state === undefined || !isTerminal(state.meta.status)) return false;
  const { status, epoch, updatedAt } = state.meta;
  if (isResumed(status) && epoch < MOST_RESUMES) return false;
  return time.now() > updatedAt + BOOKS_MS;
}

const pause = ({ time }: Session, ms: number): Promise<void> =>
  new Promise((resolve) => {
    time.after(ms, resolve);
  });

/** Asks again where nobody answered, or the table did not. Errors: `ProblemError`. */
async function repeated<Answer>(
  session: Session,
  ask: () => Promise<Answer | undefined>,
): Promise<Answer | undefined> {
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const answer = await ask().catch((error: unknown) => {
      if (error instanceof ProblemError) throw error;
      return undefined;
    });
    if (answer !== undefined) return answer;
    await pause(session, SECOND);
  }
  return undefined;
}

/** Codes of refusals that ask the operator what became of calls. */
const ASKING: readonly string[] = ['KEY_EXPIRED', 'SEVERAL_OPEN'];

async function resumed(session: Session, workflowId: string): Promise<void> {
  await pause(session, SECOND);
  const saying = async (): Promise<unknown> => {
    await pause(session, BOOKS_MS);
    const steps = statementsOf(session);
    return await repeated(session, () => session.api.resume(workflowId, { steps }));
  };
  try {
    if (isAskedInVain(session)) await saying();
    else await repeated(session, () => session.api.resume(workflowId, {}));
  } catch (error) {
    if (!(error instanceof ProblemError) || isSettledElsewhere(session)) return;
    if (!ASKING.includes(error.code)) throw error;
    await saying();
  }
}

/** A lookup found nothing out since the last resume: a person has to look. */
function isAskedInVain({ watch: { state } }: Session): boolean {
  const lookups = state === undefined ? [] : [...recordsOf(state, 'lookup').values()];
  return lookups.some(
    ({ epoch, status, answer }) =>
      epoch === state?.meta.epoch && (status === 'failed' || answer === 'unknown'),
  );
}

/** A resume whose answer was lost has resumed, and an operator may have cancelled meanwhile. */
const isSettledElsewhere = ({ watch }: Session): boolean =>
  !isResumed(watch.state?.meta.status ?? 'processing');

/** What the targets' books say of every call that may have acted: of the steps, or of their undos. */
function statementsOf(session: Session): Readonly<Record<string, Statement>> {
  const { state } = session.watch;
  if (state === undefined) return {};
  const inDoubt = [...state.steps.values()].filter(isOpen);
  const deeds = inDoubt.map(({ step }): [string, Statement] => [
    step,
    doneBy(session, findStep(session.chain, step)) ?? { notDone: true },
  ]);
  if (state.meta.status === 'failed') return Object.fromEntries(deeds);
  const undos = recordsOf(state, 'undo');
  return Object.fromEntries([
    // Of a step whose undo was called nobody says any more what it did itself.
    ...deeds.filter(([step]) => !undos.has(step) && isLookedUp(session, step)),
    ...[...undos.values()]
      .filter(isOpen)
      .map(({ step }): [string, Statement] => [
        step,
        isUndone(session, step) ? { undone: true } : { newKey: true },
      ]),
  ]);
}

const isOpen = ({ status, open }: StepRecord): boolean =>
  open > 0 && status !== 'completed' && status !== 'running';

const isLookedUp = ({ chain }: Session, step: string): boolean => findStep(chain, step)?.lookup !== undefined;

function isUndone({ targets, returned }: Session, step: string): boolean {
  const undo = { step, action: 'undo' } as const;
  return targets.answered(undo) !== undefined || returned.has(effectOf(undo));
}

/** The result of a step that was done; undefined where it was not. */
function doneBy(
  { targets, returned }: Session,
  step: StepDefinition | undefined,
): { readonly done: unknown } | undefined {
  if (step === undefined) return undefined;
  if (step.run !== undefined) {
    const value = effectOf({ step: step.name });
    return returned.has(value) ? { done: returned.get(value) ?? null } : undefined;
  }
  const answer = targets.answered({ step: step.name });
  if (answer === undefined) return undefined;
  if (step.response === undefined) return { done: null };
  const { status, headers } = answer;
  const body = textOf(answer);
  const meaning = meaningOf(step, { kind: 'reply', status, headers, body });
  if (meaning.is === 'value') return { done: meaning.value ?? null };
  return { done: body === '' ? null : step.read === 'text' ? body : JSON.parse(body) };
}

/** The fault of a run, in words. */
export function faultOf({ plan, points }: Pick<Played, 'plan' | 'points'>): string {
  if (plan.length === 0) return 'without any fault';
  const words = plan.flatMap(({ at, fault }) => {
    const point = points[at];
    return point === undefined ? [] : [`${namedPoint(point)} ${fault} (moment ${at})`];
  });
  return words.length < plan.length ? `with ${describePlan(plan)}` : `where ${words.join(', and ')}`;
}

const PORTS: Readonly<Record<string, string>> = {
  create: 'the write of the new workflow',
  load: 'a read of the workflow',
  writeMeta: 'a write of the workflow’s status',
  writeStep: 'a write of a step’s state',
  listDue: 'the reconciler’s look at what is due',
  loadPace: 'a read of the pace of mails to on-call',
  writePace: 'a write of the pace of mails to on-call',
  send: 'a send to a queue',
  setVisibility: 'the hiding of a message',
  receive: 'a receive of dead letters',
  acknowledge: 'the deletion of a dead letter',
  notify: 'the telling of on-call',
  resolve: 'the read of a target’s settings',
};

function namedPoint({ kind, what }: Point): string {
  if (kind === 'target') return `the target "${what}"`;
  if (kind === 'lookup') return `the target "${what}", asked by a lookup,`;
  return kind === 'code' ? `the code of step "${what}"` : (PORTS[what] ?? what);
}
